#include "broker/formation.hpp"

#include <algorithm>

#include "protocol/cluster/cluster_messages.hpp"

namespace trellis {
namespace {

constexpr std::string_view kWhatToDo =
    "Start it with its own folder; where that is lost, start it with --join: then it is taken in anew, once every "
    "partition that it voted in has enough replicas without it";

/// A map is as large as its cluster: it is not offered or asked for with every heartbeat.
constexpr std::chrono::milliseconds kMapInterval{300};
constexpr std::size_t kCandidatesMax = 64;
constexpr std::size_t kLoggedMax = 1024;

bool may_send(WorkerRecord& worker, MessageType type, TimePoint now) {
  if (worker.slot == nullptr) return false;
  auto& sent = worker.control_sent.at(static_cast<std::size_t>(type));
  if (sent && now - *sent < kMapInterval) return false;
  sent = now;
  return true;
}

/// Whether `a` replaces `b`, both of one cluster.
bool is_newer(const MapVersion& a, bool formed_a, const MapVersion& b, bool formed_b) {
  return a != b ? a > b : formed_a && !formed_b;
}

std::string addresses_of(const ClusterMap& map) {
  std::string text;
  for (const Member& member : map.members) {
    if (text.size() > 200) return text + " ...";
    text += (text.empty() ? "" : ", ") + member.address;
  }
  return text;
}

/// Says where a server file and the cluster's members differ; empty where they do not, or where there is no file.
std::string difference_of(const std::vector<std::string>& servers, const ClusterMap& map) {
  if (servers.empty()) return "";
  std::string unlisted;
  for (const Member& member : map.members) {
    if (std::find(servers.begin(), servers.end(), member.address) != servers.end()) continue;
    unlisted += (unlisted.empty() ? "" : ", ") + member.address;
  }
  std::string unknown;
  for (const std::string& address : servers) {
    if (map.find_address(address) == nullptr) unknown += (unknown.empty() ? "" : ", ") + address;
  }
  if (unlisted.empty() && unknown.empty()) return "";
  return "the server file of this broker is not what cluster " + map.cluster +
         " is made of:" + (unlisted.empty() ? "" : " it lacks " + unlisted) +
         (unlisted.empty() || unknown.empty() ? "" : " and") +
         (unknown.empty() ? "" : " it lists " + unknown + ", which is no member") +
         "; the cluster stays as it is, and the file changes nothing";
}

}  // namespace

bool Formation::is_listed(std::string_view address) const {
  return std::find(options_.servers.begin(), options_.servers.end(), address) != options_.servers.end();
}

bool Formation::is_eligible(const ClusterMap& map) const {
  if (options_.servers.empty()) return true;
  const auto listed = std::count_if(map.members.begin(), map.members.end(),
                                    [this](const Member& member) { return is_listed(member.address); });
  // One whose members have changed since it was made may have few of those left that a file of that time lists.
  const bool has_changed = map.version > kFormedVersion;
  return has_changed ? listed > 0 : 2 * static_cast<std::size_t>(listed) > map.members.size();
}

std::optional<std::string> Formation::refusal(const Hello& hello) const {
  if (hello.protocol_version != kHelloVersion) {
    return "it speaks version " + std::to_string(hello.protocol_version) + " of the protocol, this broker version " +
           std::to_string(kHelloVersion);
  }
  if (map_ && hello.level < map_->level) {
    return "it knows level " + std::to_string(hello.level) + ", and cluster " + map_->cluster + " has level " +
           std::to_string(map_->level) + ": start it with the version of Trellis that the other workers run";
  }
  if (map_) return refusal_by_map(hello);
  if (hello.cluster.empty() && !hello.joins && !options_.servers.empty() && !is_listed(hello.address)) {
    return "address " + hello.address + " is not in the server file of the cluster that is being made";
  }
  if (const auto candidate = candidates_.find(hello.cluster);
      candidate != candidates_.end() && !is_eligible(candidate->second)) {
    return "its data folder belongs to cluster " + hello.cluster + " (" + addresses_of(candidate->second) +
           "), not to the cluster of this broker's server file: start it with a broker of its own cluster, or start a "
           "worker for this one with a --data folder of its own, and keep this folder";
  }
  return std::nullopt;
}

std::optional<std::string> Formation::refusal_by_map(const Hello& hello) const {
  if (!hello.cluster.empty() && hello.cluster != map_->cluster) {
    return "its data folder belongs to cluster " + hello.cluster + ", this is cluster " + map_->cluster +
           ": start it with the folder that belongs here, or with a broker of its own cluster";
  }
  const Member* const member = map_->find(hello.id);
  if (was_removed(hello)) return "it was removed from cluster " + map_->cluster;
  // It has a newer map, which it will be asked for.
  if (member == nullptr && !hello.cluster.empty()) return std::nullopt;
  // Whether it can be one, the leader of partition 0 says.
  if (hello.joins && hello.cluster.empty() && (map_->formed || member == nullptr)) return std::nullopt;
  if (member != nullptr && member->address != hello.address) {
    return "worker " + to_string(hello.id) + " of cluster " + map_->cluster + " belongs at " + member->address +
           ", not at " + hello.address + ": start it with the -a and -p of its first start";
  }
  if (member == nullptr) {
    const Member* const holder = map_->find_address(hello.address);
    if (holder == nullptr) {
      return "address " + hello.address + " is not a member of cluster " + map_->cluster + " (" + addresses_of(*map_) +
             ")";
    }
    return "address " + hello.address + " of cluster " + map_->cluster + " belongs to worker " + to_string(holder->id) +
           ", and this one is " + to_string(hello.id) +
           ": its data folder was emptied or is another one. It has voted and acknowledged writes in its earlier "
           "incarnation; "
           "taking it in without them could lose what only it and workers that are down hold. " +
           std::string(kWhatToDo);
  }
  if (map_->formed && hello.cluster.empty()) {
    return "worker " + to_string(hello.id) + " belongs to cluster " + map_->cluster +
           ", but its data folder has lost what it held: taking it in could lose acknowledged writes. " +
           std::string(kWhatToDo);
  }
  return std::nullopt;
}

bool Formation::was_removed(const Hello& hello) const {
  return map_ && map_->formed && hello.cluster == map_->cluster && map_->find(hello.id) == nullptr &&
         hello.map_number() <= map_->number();
}

/// It goes on asking, since what stands in the way may go.
void Formation::on_join_refused(const JoinRefused& refused) {
  for (const auto& [id, worker] : registry_.workers()) {
    if (worker->hello.nonce != refused.nonce || worker->slot == nullptr) continue;
    add(outbox_.to(*worker->slot), Refused{refused.reason, refused.nonce, false});
    log_once(LogLevel::kWarning,
             "worker " + to_string(id) + " at " + worker->hello.address + " cannot join yet: " + refused.reason);
  }
}

/// It is to wish by the map as it is, so that this can be told from a wish that is over.
void Formation::ask_to_join(WorkerRecord& worker, TimePoint now) {
  if (worker.hello.map_number() < map_->number()) {
    if (may_send(worker, MessageType::kMapOffer, now)) add_map_offer(outbox_.to(*worker.slot), *map_);
    return;
  }
  WorkerRecord* const leader = router_.leader(PartitionId{0});
  if (!may_send(worker, MessageType::kJoinWanted, now)) return;
  if (leader == nullptr || leader->slot == nullptr) {
    const char* const why = "nobody leads partition 0, which takes members in: start the other workers first";
    return add(outbox_.to(*worker.slot), Refused{why, worker.hello.nonce, false});
  }
  add(outbox_.to(*leader->slot), JoinWanted{worker.hello.id, worker.hello.nonce, worker.hello.address,
                                            worker.hello.zone, worker.hello.map_number()});
}

void Formation::on_hello(WorkerRecord& worker, TimePoint now) {
  const Hello& hello = worker.hello;
  if (hello.joins && formed() && map_->find(hello.id) == nullptr) return ask_to_join(worker, now);
  if (!map_ && hello.cluster.empty()) {
    if (!options_.servers.empty() && hello.address == options_.servers.front()) make_cluster(worker, now);
    return;
  }
  bring_up_to_date(worker, now);
  if (map_ && !map_->formed && !map_->members.empty() && map_->members.front().id == hello.id) {
    tell_all_hold(worker, now);
  }
}

void Formation::make_cluster(WorkerRecord& first, TimePoint now) {
  const auto may_be_ours = [this](const auto& candidate) { return is_eligible(candidate.second); };
  if (std::any_of(candidates_.begin(), candidates_.end(), may_be_ours)) return;
  Form form;
  form.spec.k = options_.k;
  form.spec.partitions = options_.partitions;
  for (const std::string& address : options_.servers) {
    const WorkerRecord* const worker = registry_.find_address(address);
    if (worker == nullptr || worker->slot == nullptr || worker->hello.leaving || !worker->hello.cluster.empty() ||
        registry_.state_of(worker->hello.id, now) != WorkerState::kUp) {
      return;
    }
    form.spec.workers.emplace_back(worker->hello.id, address);
    form.spec.zones.push_back(worker->hello.zone);
  }
  if (!may_send(first, MessageType::kForm, now)) return;
  add(outbox_.to(*first.slot), form);
  log_once(LogLevel::kInfo, "all " + std::to_string(form.spec.workers.size()) +
                                " listed workers are here and empty: " + first.hello.address + " makes the cluster");
}

void Formation::bring_up_to_date(WorkerRecord& worker, TimePoint now) {
  const Hello& hello = worker.hello;
  const ClusterMap* known = map();
  if (known == nullptr) {
    const auto candidate = candidates_.find(hello.cluster);
    if (candidate != candidates_.end()) known = &candidate->second;
  }
  if (known == nullptr ||
      (known->cluster == hello.cluster && is_newer(hello.map_number(), hello.formed, known->number(), known->formed))) {
    if (may_send(worker, MessageType::kMapWanted, now)) add_map_wanted(outbox_.to(*worker.slot));
  } else if (map_ &&
             (hello.cluster.empty() || is_newer(map_->number(), map_->formed, hello.map_number(), hello.formed))) {
    if (may_send(worker, MessageType::kMapOffer, now)) add_map_offer(outbox_.to(*worker.slot), *map_);
  }
}

void Formation::tell_all_hold(WorkerRecord& first, TimePoint now) {
  for (const Member& member : map_->members) {
    const WorkerRecord* const worker = registry_.find(member.id);
    if (worker == nullptr || worker->hello.cluster != map_->cluster || worker->hello.map_number() < map_->number())
      return;
  }
  if (!may_send(first, MessageType::kAllHold, now)) return;
  AllHold all_hold;
  all_hold.cluster = map_->cluster;
  all_hold.map_version = map_->version;
  add(outbox_.to(*first.slot), all_hold);
}

bool Formation::on_map_offer(ClusterMap offered, TimePoint now) {
  if (map_) {
    if (offered.cluster != map_->cluster || !is_newer(offered.number(), offered.formed, map_->number(), map_->formed)) {
      return false;
    }
    adopt(offered);
    return true;
  }
  const auto known = candidates_.find(offered.cluster);
  if (known == candidates_.end()) {
    if (candidates_.size() == kCandidatesMax) return false;
    const ClusterId cluster = offered.cluster;
    candidates_.emplace(cluster, std::move(offered));
  } else if (is_newer(offered.number(), offered.formed, known->second.number(), known->second.formed)) {
    known->second = std::move(offered);
  }
  return adopt_if_clear(now);
}

void Formation::on_later_level(const std::string& why) {
  log_once(LogLevel::kError, why + (map_ ? "; until then it serves by the map that it has" : ""));
}

bool Formation::on_tick(TimePoint now) { return !map_ && adopt_if_clear(now); }

std::size_t Formation::connected_members(const ClusterMap& map, TimePoint now) const {
  return static_cast<std::size_t>(
      std::count_if(map.members.begin(), map.members.end(), [this, &map, now](const Member& member) {
        const WorkerRecord* const worker = registry_.find(member.id);
        if (worker == nullptr || registry_.state_of(member.id, now) == WorkerState::kDown) return false;
        // A cluster that is being made is held by its maker alone at first; its other members come empty.
        return worker->hello.cluster == map.cluster || (!map.formed && worker->hello.cluster.empty());
      }));
}

bool Formation::adopt_if_clear(TimePoint now) {
  const ClusterMap* best = nullptr;
  std::size_t best_members = 0;
  for (const auto& [id, candidate] : candidates_) {
    if (!is_eligible(candidate)) continue;
    const std::size_t members = connected_members(candidate, now);
    const bool is_clear = 2 * members > candidate.members.size();
    if (members == 0 || (!is_clear && !registry_.warmed_up()) || members <= best_members) continue;
    best = &candidate;
    best_members = members;
  }
  if (best == nullptr) return false;
  adopt(ClusterMap(*best));
  candidates_.clear();
  return true;
}

void Formation::adopt(const ClusterMap& map) {
  const bool is_first = !map_;
  map_ = map;
  output_.log(LogLevel::kInfo,
              (is_first ? "serving cluster " : "newer map of cluster ") + map_->cluster + ", version " +
                  std::to_string(map_->version) + (map_->formed ? "" : " (being made)") + ": " +
                  std::to_string(map_->members.size()) + " workers, k=" + std::to_string(map_->k) + ", " +
                  std::to_string(map_->partition_count()) + " partitions",
              {});
  if (!options_.servers.empty() && (map_->k != options_.k || map_->partition_count() != options_.partitions)) {
    log_once(LogLevel::kWarning, "the cluster was made with k=" + std::to_string(map_->k) + " and " +
                                     std::to_string(map_->partition_count()) + " partitions: -k " +
                                     std::to_string(options_.k) + " and --partitions " +
                                     std::to_string(options_.partitions) +
                                     " of this broker change nothing; leave them out, or give what the cluster has");
  }
  if (const std::string difference = difference_of(options_.servers, *map_); !difference.empty()) {
    log_once(LogLevel::kWarning, difference);
  }
}

std::string Formation::obstacle(TimePoint now) const {
  if (map_) {
    std::string missing;
    for (const Member& member : map_->members) {
      if (!map_->formed && registry_.state_of(member.id, now) == WorkerState::kDown) {
        missing += (missing.empty() ? "" : ", ") + member.address;
      }
    }
    return missing.empty() ? "" : "the cluster is being made and waits for " + missing;
  }
  if (options_.servers.empty()) {
    return registry_.workers().empty()
               ? "no worker is connected to this broker"
               : "the workers that are connected belong to no cluster yet; a broker with -s makes one";
  }
  std::string missing;
  for (const std::string& address : options_.servers) {
    const WorkerRecord* const worker = const_cast<Registry&>(registry_).find_address(address);
    if (worker == nullptr || registry_.state_of(worker->hello.id, now) == WorkerState::kDown) {
      missing += (missing.empty() ? "" : ", ") + address;
    }
  }
  return missing.empty() ? "" : "the cluster waits for " + missing + strangers();
}

/// Its own cluster may have moved away from all that its server file lists.
std::string Formation::strangers() const {
  for (const auto& [cluster, candidate] : candidates_) {
    if (is_eligible(candidate)) continue;
    return "; workers of cluster " + cluster + " (" + addresses_of(candidate) +
           ") are here, and this broker's server file is not theirs: where they are meant, put them into it, or start "
           "the broker without -s";
  }
  return "";
}

void Formation::log_once(LogLevel level, const std::string& event) {
  if (logged_.size() > kLoggedMax) logged_.clear();
  if (logged_.insert(event).second) output_.log(level, event, {});
}

}  // namespace trellis

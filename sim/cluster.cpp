#include "sim/cluster.hpp"

#include <xxhash.h>

#include <algorithm>
#include <set>

#include "protocol/cluster/targets.hpp"
#include "sim/state_digest.hpp"

namespace trellis::sim {

Cluster::Cluster(World& world, const ClusterShape& shape, const Mutations& mutations)
    : world_(world),
      shape_(shape),
      mutations_(mutations),
      network_(world),
      answers_(*this),
      expiry_(*this),
      backups_(*this),
      roles_(*this) {
  for (std::size_t i = 0; i < shape.workers + shape.spares; ++i) {
    workers_.push_back(std::make_unique<WorkerProcess>(*this, i));
    by_address_[workers_.back()->address()] = workers_.back().get();
  }
  for (std::size_t i = 0; i < shape.clients; ++i) clients_.push_back(std::make_unique<ClientProcess>(*this, i));
  for (std::size_t i = 0; i < shape.brokers; ++i) brokers_.push_back(std::make_unique<BrokerProcess>(*this, i));
  for (std::size_t i = 0; i < shape.raw_clients; ++i) {
    const auto number = static_cast<ProcessNumber>(kFirstClient + shape.clients + i);
    raw_clients_.push_back(std::make_unique<RawClient>(*this, i, number));
  }
  history_.partitions = shape.partitions;
  history_.clock_drift = shape.clock_drift;
}

void Cluster::start() {
  for (const auto& broker : brokers_) broker->start();
  for (std::size_t i = 0; i < shape_.workers; ++i) workers_[i]->start();
  for (const auto& client : clients_) client->start();
  for (const auto& client : raw_clients_) client->start();
  expiry_.begin();
  if (shape_.makes_backups) backups_.begin();
  if (shape_.has_roles) roles_.begin();
}

std::vector<std::string> Cluster::server_file() const {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < shape_.workers; ++i) lines.push_back(workers_[i]->address());
  const ClusterMap* newest = map_left_ ? &*map_left_ : nullptr;
  for (const auto& worker : workers_) {
    const ClusterMap* const map = worker->shard() == nullptr ? nullptr : worker->shard()->membership().map();
    if (map != nullptr && (newest == nullptr || newest->number() < map->number())) newest = map;
  }
  if (newest == nullptr) return lines;
  const auto stays = [newest](const std::string& address) {
    const Member* const member = newest->find_address(address);
    return member != nullptr && member->state == MemberState::kMember;
  };
  // Founders go one after the other: one that is left may be on its way out before the broker has adopted the cluster.
  if (std::count_if(lines.begin(), lines.end(), stays) > 1) return lines;
  for (const Member& member : newest->members) {
    if (std::find(lines.begin(), lines.end(), member.address) == lines.end()) lines.push_back(member.address);
  }
  return lines;
}

void Cluster::on_map_left(const ClusterMap& map) {
  if (!map_left_ || map_left_->number() < map.number()) map_left_ = map;
}

WorkerProcess* Cluster::map_keeper() {
  const auto at = std::find_if(workers_.begin(), workers_.end(), [](const auto& worker) {
    return worker->shard() != nullptr && worker->shard()->kept_map() != nullptr;
  });
  return at == workers_.end() ? nullptr : at->get();
}

WorkerProcess* Cluster::worker_at(const std::string& address) {
  const auto at = by_address_.find(address);
  return at == by_address_.end() ? nullptr : at->second;
}

void Cluster::on_leader(PartitionId partition, Term term, std::size_t worker) {
  const auto [at, is_new] = leaders_.try_emplace({partition, term}, worker);
  if (is_new) {
    ++counters_.leaders;
    world_.note("leader of partition in term", worker, partition.value, term.value);
  }
  if (at->second == worker) return;
  world_.violate("partition " + std::to_string(partition.value) + " has two leaders in term " +
                 std::to_string(term.value) + ": workers " + std::to_string(at->second) + " and " +
                 std::to_string(worker));
}

void Cluster::on_applied(PartitionId partition, LogIndex index, std::string_view command, std::size_t worker) {
  const std::uint64_t hash = XXH3_64bits(command.data(), command.size());
  world_.note("worker applies", worker, static_cast<std::uint64_t>(partition.value) << 48 | index.value, hash);
  ++counters_.applied;
  const auto [at, is_new] = applied_[partition].try_emplace(index.value, hash);
  if (at->second == hash) return;
  world_.violate("partition " + std::to_string(partition.value) + ", entry " + std::to_string(index.value) +
                 ": worker " + std::to_string(worker) + " applies another entry than was applied before");
}

void Cluster::on_sessions(PartitionId partition, const SessionTable& sessions, std::size_t worker) {
  const SessionLimits& limits = shape_.sessions;
  const auto check = [&](std::size_t held, std::size_t allowed, const char* what) {
    if (held <= allowed) return;
    world_.violate("partition " + std::to_string(partition.value) + ": worker " + std::to_string(worker) +
                   " remembers " + std::to_string(held) + what + ", " + std::to_string(allowed) + " are allowed");
  };
  for (const SessionBook* const book : {&sessions.brokers(), &sessions.clients()}) {
    check(book->writes().size(), limits.writes_max, " writes");
    check(book->writes().content_bytes(), limits.content_total_max, " bytes of answers");
    check(book->floors().size(), limits.sessions_max, " sessions with floors");
  }
}

bool Cluster::are_all_up(std::string& why_not) const {
  for (const auto& worker : workers_) {
    if (worker->shard() != nullptr || !worker->is_expected()) continue;
    why_not = worker->name() + " is not up";
    return false;
  }
  return true;
}

bool Cluster::is_level(std::string& why_not) const {
  if (!are_all_up(why_not)) return false;
  if (shape_.changes_members && !has_settled(why_not)) return false;
  for (std::uint32_t i = 0; i < shape_.partitions; ++i) {
    if (!is_level(PartitionId{i}, why_not)) return false;
  }
  return true;
}

/// Nobody is given up before it was silent for as long as the settings say; a moment in which it was hardly up is none.
void Cluster::on_kept_map(const ClusterMap& map) {
  check_members(map);
  static constexpr Duration kHeardWithin = std::chrono::seconds(2);
  std::set<WorkerId> given_up;
  for (const Member& member : map.members) {
    if (member.state != MemberState::kDown) continue;
    given_up.insert(member.id);
    const WorkerProcess* const worker = worker_at(member.address);
    if (given_up_.contains(member.id) || worker == nullptr || shape_.repair_after == Duration(0)) continue;
    ++counters_.members_changed;
    world_.say(worker->name() + " is given up, and made good elsewhere");
    if (worker->id() != member.id) continue;  // Another one stands at its address, and waits for its place.
    const auto down_since = worker->down_since();
    const bool was_soon = down_since
                              ? *down_since + shape_.repair_after > world_.now() + kHeardWithin &&
                                    worker->well_before() >= std::chrono::seconds(5)
                              : world_.now() - worker->well_since().value_or(world_.now()) >= std::chrono::seconds(5);
    if (was_soon) world_.violate(worker->name() + " is given up before it was down for so long");
  }
  given_up_ = std::move(given_up);
}

/// Nobody becomes a member who has been removed, or is lost.  Of those that made the cluster one may be lost before the
/// first of them keeps its map.
void Cluster::check_members(const ClusterMap& map) {
  if (map.number() <= newest_map_) return;
  const bool is_first = newest_map_ == MapVersion{};
  newest_map_ = map.number();
  std::set<WorkerId> members;
  for (const Member& member : map.members) {
    members.insert(member.id);
    const WorkerProcess* const worker = worker_at(member.address);
    if (is_first || worker == nullptr || !worker->has_ended || members_.contains(member.id)) continue;
    world_.violate(worker->name() + " becomes a member, though it has ended for good");
  }
  members_ = std::move(members);
}

/// All know one map, nobody joins or leaves, and replicas are where that map has them, each with its vote.
bool Cluster::has_settled(std::string& why_not) const {
  if (!are_all_up(why_not)) return false;
  const ClusterMap* map = nullptr;
  for (const auto& worker : workers_) {
    if (worker->shard() == nullptr) continue;
    const ClusterMap* const held = worker->shard()->membership().map();
    const auto refuse = [&](const std::string& why) {
      why_not = worker->name() + " " + why;
      return false;
    };
    if (held == nullptr) return refuse("has no map");
    if (map != nullptr && *map != *held) {
      return refuse("has map " + to_string(held->number()) + ", another one has " + to_string(map->number()));
    }
    const bool is_first = map == nullptr;  // The others' maps are the same.
    map = held;
    std::set<WorkerId> lost;
    for (const Member& member : map->members) {
      const WorkerProcess* const process = const_cast<Cluster*>(this)->worker_at(member.address);
      const bool is_lost = process != nullptr && !process->is_up() && !process->is_expected();
      if (is_lost && shape_.repair_after > Duration(0)) {
        const bool is_carrying = std::any_of(map->partitions.begin(), map->partitions.end(),
                                             [&](const Placement& each) { return each.find(member.id) != nullptr; });
        if (is_carrying) return refuse("knows replicas on " + member.address + ", which is lost");
        lost.insert(member.id);
        continue;
      }
      if (member.state != MemberState::kMember) return refuse("knows " + member.address + ", which comes or goes");
    }
    if (is_first && !is_spread(*map, lost)) return refuse("knows replicas of a partition that crowd in a zone");
    const WorkerId self = worker->shard()->membership().self();
    for (std::uint32_t i = 0; i < map->partition_count(); ++i) {
      const auto at = worker->shard()->partitions().find(PartitionId{i});
      const bool has_one = at != worker->shard()->partitions().end();
      const auto name = [i] { return "replica of partition " + std::to_string(i); };
      const bool is_wanted = map->partitions[i].find(self) != nullptr;
      if (has_one != is_wanted) return refuse((has_one ? "has a " : "has no ") + name());
      if (!has_one) continue;
      const auto members = at->second->replica().configuration().members;
      for (const ReplicaMember& member : members) {
        const bool is_meant = map->partitions[i].find(member.place.worker) != nullptr;
        if (!is_meant || member.role != ReplicaRole::kVoter) return refuse("knows another group for its " + name());
      }
      if (members.size() != map->partitions[i].replicas.size()) return refuse("knows too few for its " + name());
    }
  }
  return true;
}

bool Cluster::is_level(PartitionId id, std::string& why_not) const {
  const std::string name = "partition " + std::to_string(id.value) + ": ";
  std::size_t leaders = 0;
  std::optional<std::uint64_t> applied;
  std::vector<const StateMachine*> states;
  for (const auto& worker : workers_) {
    if (worker->shard() == nullptr) continue;
    const auto at = worker->shard()->partitions().find(id);
    if (at == worker->shard()->partitions().end()) continue;
    const Replica& replica = at->second->replica();
    leaders += replica.is_ready() ? 1 : 0;
    if (applied.value_or(replica.applied().value) != replica.applied().value) {
      why_not = name + "replicas have applied up to " + std::to_string(*applied) + " and " +
                std::to_string(replica.applied().value);
      return false;
    }
    applied = replica.applied().value;
    states.push_back(&at->second->state());
  }
  why_not = name + std::to_string(leaders) + " leaders serve";
  if (leaders != 1) return false;
  why_not = name + "replicas that have applied the same hold different documents or sessions";
  return std::all_of(states.begin(), states.end(),
                     [&](const StateMachine* state) { return digest_of(*state) == digest_of(*states.front()); });
}

}  // namespace trellis::sim

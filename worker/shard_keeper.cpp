// The part of a Shard that keeps the cluster map, while it leads partition 0: it changes the map as it is asked to, and
// as follows from what the members tell.
#include "protocol/access/access_changes.hpp"
#include "protocol/arguments.hpp"
#include "protocol/cluster/map_changes.hpp"
#include "protocol/command.hpp"
#include "protocol/reports.hpp"
#include "worker/move_plan.hpp"
#include "worker/move_reports.hpp"
#include "worker/shard.hpp"
#include "worker/state/command_result.hpp"

namespace trellis {
namespace {

/// So many commands about the cluster wait at a time; the next ones are told to come again.
constexpr std::size_t kClusterRequestsMax = 64;

Result<ClusterMap> changed_map(const Request& request, const ClusterMap& map, const std::set<WorkerId>& down) {
  if (request.command == Command::kSettings) {
    const auto settings = read_settings(request.arguments);
    if (!settings) return settings.error();
    const auto changed = with_settings(map, *settings, down);
    return changed && settings->epoch ? with_epoch(*changed, *settings->epoch) : changed;
  }
  const auto name = read_member(request.arguments);
  if (!name) return name.error();
  const Member* const member = find_member(map, *name);
  if (member == nullptr) return Error{Code::kNotFound, "no member " + std::string(*name)};
  if (request.command == Command::kMemberKeep) return with_kept(map, member->id);
  return with_removal(map, member->id, request.options.allow_fewer, down);
}

/// What cannot come to an end is refused at once.  A removal that is taken back needs no place.
Result<void> check_feasible(const Request& request, const ClusterMap& map, const ClusterMap& next,
                            const MapKeeper& keeper, TimePoint now) {
  if (request.command == Command::kMemberKeep) return {};
  const std::string obstacle = obstacle_of(map, next, keeper, now);
  return obstacle.empty() ? Result<void>() : Error{Code::kFailedPrecondition, obstacle};
}

CommandResult result_of(const Request& request, const ClusterMap& map, bool has_changed) {
  if (request.command != Command::kSettings) return CommandResult::of(has_changed);
  const SettingsReport settings{map.k, static_cast<std::uint64_t>(map.repair_after.count()), map.move_limits.moves,
                                map.move_limits.rate};
  return CommandResult::of_packed(Frame(pack_report(settings)));
}

}  // namespace

/// What the leader of partition 0 does.
void Shard::keep_map() {
  Partition* const partition = find_partition(PartitionId{0});
  if (partition == nullptr || !partition->replica().is_ready()) return;
  const Term term = partition->replica().term();
  if (keeper_.term() != term) keeper_.begin(term);
  const auto& map = partition->state().system().map;
  const bool is_checked = now_ >= check_due_ || map != checked_map_;
  if (is_checked) {
    check_due_ = now_ + MapKeeper::kCheckEvery;
    checked_map_ = map;
    keeper_.on_members(*membership_.map(), now_);
    keeper_.on_standing(membership_.self(), standing(), now_);
    for (const Member& member : membership_.map()->members) {
      if (member.id != membership_.self()) {
        to_peer(member.id, PeerMessageType::kCheck, pack(membership_.map()->number()));
      }
    }
  }
  if (!partition->replica().can_propose() || partition->proposes_map()) return;
  if (map == nullptr) return partition->propose_map({}, *membership_.map());
  // A recovery in which partition 0 had its majority: its plan takes the place of what is kept here.
  if (map->recovery < membership_.map()->recovery) return partition->propose_map(map->number(), *membership_.map());
  if (is_recovering()) return;
  if (!is_checked) return;
  if (const auto next = keeper_.next(*map, now_)) partition->propose_map(map->number(), *next);
}

/// Null as well while the map of a recovery has yet to take its place, and until it begins to keep the map: who was
/// heard in an earlier leadership has been silent since then.
const ClusterMap* Shard::kept_map() const {
  const auto at = partitions_.find(PartitionId{0});
  if (at == partitions_.end() || !at->second->replica().is_ready()) return nullptr;
  if (keeper_.term() != at->second->replica().term()) return nullptr;
  const ClusterMap* const map = at->second->state().system().map.get();
  return map != nullptr && map->recovery < membership_.map()->recovery ? nullptr : map;
}

Result<void> Shard::change_map(const MapChange& change) {
  const ClusterMap* const map = kept_map();
  if (map == nullptr) return Error{Code::kUnavailable, "this worker does not lead partition 0"};
  if (is_recovering()) return Error{Code::kUnavailable, "the cluster is being recovered"};
  const auto next = change(*map);
  if (!next) return next.error();
  if (next->number() == map->number()) return {};
  Partition& partition = *partitions_.at(PartitionId{0});
  if (partition.proposes_map() || !partition.replica().can_propose()) {
    return Error{Code::kUnavailable, "something is being changed already"};
  }
  partition.propose_map(map->number(), *next);
  return {};
}

/// As the leader of partition 0: the map gets one member more, or the worker is told why not.  A wish counts by the map
/// as it is alone.  One that has waited somewhere may be of a worker that was a member since, and was removed; when it
/// was said it named an earlier map than that.
void Shard::on_join_wanted(BrokerIndex broker, const JoinWanted& wanted) {
  const ClusterMap* const kept = kept_map();
  if (kept == nullptr) return;
  if (wanted.map != kept->number() && !settings_.replica.omitted.wishes) {
    return add_map_offer(brokers_[broker].out, *kept);  // Then it is asked again by that one, where there is a wish.
  }
  const auto changed = change_map([&](const ClusterMap& map) -> Result<ClusterMap> {
    const Member* const holder = map.find_address(wanted.address);
    if (holder != nullptr && holder->id != wanted.id) {
      const std::string obstacle = keeper_.replacement_obstacle(map, *holder, now_);
      if (!obstacle.empty()) return Error{Code::kFailedPrecondition, obstacle};
    }
    return with_replacement(map, wanted.id, wanted.address, wanted.zone);
  });
  if (changed || changed.error().code == Code::kUnavailable) return;  // Then it is asked again.
  add(brokers_[broker].out, JoinRefused{wanted.nonce, changed.error().message});
}

/// A command about the cluster: asked again at each turn until the map is as it wants it.
void Shard::on_cluster_request(BrokerIndex broker, WorkerRequest request) {
  if (cluster_requests_.size() == kClusterRequestsMax) return answer_cluster(broker, request, Outcome::kBusy, {});
  const TimePoint deadline = now_ + std::chrono::milliseconds(request.timeout_ms);
  cluster_requests_.push_back({broker, std::move(request), deadline, {}, false, {}});
}

void Shard::serve_cluster_requests() {
  std::erase_if(cluster_requests_, [this](ClusterRequest& each) { return serve(each); });
}

/// Whether it was answered.
bool Shard::serve(ClusterRequest& each) {
  const auto answer = [&](Outcome outcome, Frame body = {}) {
    answer_cluster(each.broker, each.request, outcome, std::move(body));
    return true;
  };
  const ClusterMap* const map = kept_map();
  const bool is_obsolete = now_ >= each.deadline || map == nullptr;
  const bool was_proposed = each.proposed != MapVersion{} || each.has_proposed_access;
  if (is_obsolete) return answer(was_proposed ? Outcome::kUnknown : Outcome::kNotLeader);
  const auto read = read_request(each.request.body.bytes());
  const Request* const request = std::get_if<Request>(&read);
  if (request == nullptr) return answer(Outcome::kWrongPartition);
  if (is_about_access(request->command)) return serve_access(each, *request);
  const auto finish = [&](const CommandResult& result) {
    return answer(Outcome::kDone, Frame(pack_reply_frame(request->id, result)));
  };
  const bool is_done = each.proposed != MapVersion{} && map->number() >= each.proposed;
  if (is_done) {
    // So that its broker goes by it when it hands on the answer.
    add_map_offer(brokers_[each.broker].out, *map);
    return finish(result_of(*request, *map, true));
  }
  if (request->command == Command::kMoves) {
    return finish(CommandResult::of_packed(Frame(pack_report(moves_of(*map, keeper_, now_)))));
  }
  if (each.proposed != MapVersion{} || is_recovering()) return false;
  const auto next = changed_map(*request, *map, keeper_.down(*map, now_));
  if (!next) return finish(CommandResult::failed(next.error()));
  if (auto good = check_feasible(*request, *map, *next, keeper_, now_); !good) {
    return finish(CommandResult::failed(good.error()));
  }
  if (request->options.dry_run) {
    return finish(CommandResult::of_packed(Frame(pack_report(plan_of(*map, *next, keeper_, now_)))));
  }
  if (next->number() == map->number()) return finish(result_of(*request, *map, false));
  Partition& partition = *partitions_.at(PartitionId{0});
  if (partition.proposes_map() || !partition.replica().can_propose()) return false;
  each.proposed = next->number();
  partition.propose_map(map->number(), *next);
  return false;
}

void Shard::answer_cluster(BrokerIndex broker, const WorkerRequest& request, Outcome outcome, Frame body) {
  WorkerReply answer;
  answer.tag = request.tag;
  answer.attempt = request.attempt;
  answer.client = request.client;
  answer.partition = request.partition;
  answer.outcome = outcome;
  answer.is_confirmed = true;
  answer.body = std::move(body);
  if (const Partition* const partition = find_partition(request.partition)) {
    answer.term = partition->replica().term();
    const auto leader = partition->replica().leader();
    if (leader && leader->worker != membership_.self()) answer.leader = leader->worker;
  }
  reply(broker, std::move(answer));
}

}  // namespace trellis

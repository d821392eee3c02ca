// The part of a Shard that deals with members that come and go: copies of the cluster map, the replicas that are made
// and deleted here, and what this worker does as the leader of a group.  As that of partition 0: shard_keeper.cpp.
#include <algorithm>

#include "worker/raft/reconcile.hpp"
#include "worker/shard.hpp"

namespace trellis {
namespace {

/// Whoever leaves or is repaired, and was silent for so long and two round trips, is taken for down.
constexpr Duration kLeaverDownAfter = std::chrono::milliseconds(1'500);

}  // namespace

/// Copies: what partition 0 has applied replaces the copy of its replicas at once; they tell the others.
void Shard::look_after_map() {
  const Partition* const keeper = find_partition(PartitionId{0});
  const auto& replicated = keeper == nullptr ? nullptr : keeper->state().system().map;
  if (replicated != nullptr && replicated->number() > membership_.newest_version()) {
    take_map(*replicated);
  }
  if (membership_.removed()) return;
  keep_map();
  close_gone_peers();
  count_moves();
  look_after_access();
  for (auto& [id, partition] : partitions_) {
    if (partition->replica().is_ready()) lead(*partition);
  }
  if (now_ - members_told_at_ < kGreetEvery) return;
  members_told_at_ = now_;
  tell_newcomers();
  ask_for_leaders();
  look_after_greeted();
}

Standing Shard::standing() const {
  Standing standing{membership_.map()->number(), kLevel, static_cast<std::uint32_t>(partitions_.size())};
  standing.memory = output_.resident_bytes();
  standing.is_full = is_full_;
  standing.zone = settings_.zone;
  standing.receiving = receiving();
  for (const auto& [id, partition] : partitions_) {
    const Replica& replica = partition->replica();
    if (!replica.is_ready()) continue;
    const ReplicaConfiguration& configuration = replica.configuration();
    LedGroup& led = standing.led.emplace_back();
    led = {id, replica.term(), partition->state().system().followed, configuration.is_committed, {}};
    for (const ReplicaMember& member : configuration.members) {
      const bool is_level = member.place.worker == membership_.self() || replica.is_level(member.place.id);
      led.members.push_back({member.place, member.role, is_level});
    }
    led.bytes = partition->state().bytes();
    if (const auto wait = moves_.waits.find(id); wait != moves_.waits.end()) led.waits = wait->second;
  }
  return standing;
}

/// What a group's leader does: the group follows the newest map that is known here, and comes to be as it says.
void Shard::lead(Partition& partition) {
  const ClusterMap& map = *membership_.map();
  Replica& replica = partition.replica();
  const MapVersion followed = partition.state().system().followed;
  // No leader follows an older map than its group: where this copy is the older one, it waits for the other.
  if (followed < map.number()) partition.follow(map.number(), map.level);
  if (followed != map.number() || replica.is_changing()) return;
  const GroupTarget target{map.placement(partition.id()).replicas, map.k};
  const GroupView view = view_of(replica);
  const auto step = is_leaving_ || replica.is_transferring() ? std::nullopt : next_step(view, target);
  if (!step) {
    std::string wait = is_settled(partition) ? std::string() : wait_of(partition, view, target);
    if (!wait.empty()) moves_.waits[partition.id()] = std::move(wait);
    return;
  }
  if (step->change == MemberChange::kAdd && ++moves_.sending > map.move_limits.moves) {
    moves_.waits[partition.id()] = membership_.address() +
                                   " sends as many replicas as it may (moves=" + std::to_string(map.move_limits.moves) +
                                   ")";
    return;
  }
  woken_.insert(partition.id());
  if (!step->change) return static_cast<void>(replica.transfer_to(step->replica.id));
  static_cast<void>(replica.change(*step->change, step->replica));
}

GroupView Shard::view_of(const Replica& replica) const {
  const ReplicaConfiguration& configuration = replica.configuration();
  GroupView view{replica.self().id, configuration.index, replica.last_index(), {}};
  for (const ReplicaMember& member : configuration.members) {
    const WorkerId worker = member.place.worker;
    const bool is_self = worker == membership_.self();
    const Member* const known = membership_.map()->find(worker);
    const bool is_to_go =
        known == nullptr || known->state == MemberState::kLeaving || known->state == MemberState::kDown;
    const bool is_silent = peers_.silence_of(worker, now_) >= kLeaverDownAfter + 2 * peers_.round_trip(worker);
    view.members.push_back({member.place, member.role, replica.match_index(member.place.id),
                            is_self || peers_.is_heard(worker, now_), !is_self && is_to_go && is_silent});
  }
  return view;
}

/// Whether the group is as the newest map says: then its leadership may be moved to where it is preferred.
bool Shard::is_settled(const Partition& partition) const {
  const ClusterMap& map = *membership_.map();
  const Placement& placement = map.placement(partition.id());
  const auto& members = partition.replica().configuration().members;
  return partition.state().system().followed == map.number() && members.size() == placement.replicas.size() &&
         std::all_of(members.begin(), members.end(), [&placement](const ReplicaMember& member) {
           return member.role == ReplicaRole::kVoter && placement.find(member.place.worker) != nullptr;
         });
}

/// A newcomer makes its replica when it is told of it.
void Shard::tell_newcomers() {
  for (const auto& [id, partition] : partitions_) {
    if (!partition->replica().is_ready()) continue;
    for (const ReplicaMember& member : partition->replica().configuration().members) {
      if (member.role != ReplicaRole::kVoter) tell_members(*partition, member.place.worker);
    }
  }
}

/// Only a leader whose group follows the map that it has knows what the target is.
void Shard::tell_members(const Partition& partition, WorkerId to) {
  const Replica& replica = partition.replica();
  const ClusterMap& map = *membership_.map();
  if (!replica.is_ready() || partition.state().system().followed != map.number()) return;
  const GroupNotice notice{
      partition.id(),
      {replica.term(), replica.last_index(), replica.configuration(), map.placement(partition.id()).replicas}};
  to_peer(to, PeerMessageType::kMembersNotice, pack(notice));
}

/// A removed replica is told nothing: whoever misses a leader asks those who may know one.
void Shard::ask_for_leaders() {
  for (const auto& [id, partition] : partitions_) {
    const Replica& replica = partition->replica();
    const bool misses = !replica.is_leader() && now_ - partition->leader_heard_at() >= kLeaderMissedAfter + round_trip_;
    if (!misses) continue;
    std::set<WorkerId> asked;
    for (const ReplicaMember& member : replica.configuration().members) asked.insert(member.place.worker);
    for (const ReplicaPlace& place : membership_.map()->placement(id).replicas) asked.insert(place.worker);
    asked.erase(membership_.self());
    for (const WorkerId worker : asked) {
      to_peer(worker, PeerMessageType::kMembersWanted, pack(MembersWanted{id, replica.self().id}));
    }
  }
}

/// With whom a partition is shared, now or soon.
void Shard::look_after_greeted() {
  std::set<WorkerId> shared;
  for (const auto& [id, partition] : partitions_) {
    for (const ReplicaMember& member : partition->replica().configuration().members) shared.insert(member.place.worker);
    for (const ReplicaPlace& place : membership_.map()->placement(id).replicas) shared.insert(place.worker);
  }
  shared.erase(membership_.self());
  std::erase_if(greeted_at_, [&shared](const auto& each) { return !shared.contains(each.first); });
  for (const WorkerId worker : shared) {
    if (membership_.map()->find(worker) != nullptr) greeted_at_.try_emplace(worker);
  }
}

void Shard::on_member_item(WorkerId from, const BundleItem& item) {
  switch (static_cast<PeerMessageType>(item.type)) {
    case PeerMessageType::kCheck:
      if (const auto version = read_map_version(item.header)) {
        to_peer(from, PeerMessageType::kStanding, pack(standing()));
      }
      break;
    case PeerMessageType::kStanding:
      if (const auto told = read_standing(item.header)) {
        keeper_.on_standing(from, *told, now_);
        if (told->map < membership_.map()->number()) {
          to_peer(from, PeerMessageType::kMap, pack(*membership_.map()));
        }
      }
      break;
    case PeerMessageType::kMembersWanted:
      if (const auto wanted = read_members_wanted(item.header)) {
        if (const Partition* const partition = find_partition(wanted->group)) tell_members(*partition, from);
      }
      break;
    case PeerMessageType::kMembersNotice:
      if (const auto notice = read_group_notice(item.header)) on_notice(*notice);
      break;
    case PeerMessageType::kMap:
      if (const auto map = read_cluster_map(item.header)) take_map(*map);
      break;
    default: on_access_item(from, item); break;
  }
}

/// A leader says who belongs to its group: a replica is made here, or the one that is here is deleted.
void Shard::on_notice(const GroupNotice& notice) {
  if (is_recovering()) return;  // It goes by what was here.
  records::LocalReplica& local = local_replicas_[notice.group];
  if (const auto made = replica_to_make(notice.members, membership_.self(), local)) {
    const auto under_way = std::count_if(partitions_.begin(), partitions_.end(),
                                         [this](const auto& each) { return is_receiving(*each.second); });
    if (static_cast<std::size_t>(under_way) + opening_.size() >= move_limits().moves) {
      moves_.turned_away[notice.group] = now_;
      return;
    }
    moves_.turned_away.erase(notice.group);
    report(LogLevel::kInfo, "this worker gets a replica", notice.group);
    ++counts_.replicas_made;
    local = *made;
    Replica::make(store_, notice.group, local);
    opening_[notice.group] = collecting_;
  } else if (const auto gone = replica_to_delete(notice.members, local)) {
    report(LogLevel::kInfo, "the replica here belongs to its group no more, and is deleted", notice.group);
    local = *gone;
    close_partition(notice.group);
    Replica::remove(store_, notice.group, local);
  }
}

/// Replicas whose records are durable take part from now on.
Result<void> Shard::open_made() {
  std::erase_if(deleted_, [this](const auto& each) { return each.second <= durable_; });
  for (auto at = opening_.begin(); at != opening_.end();) {
    if (at->second > durable_) {
      ++at;
      continue;
    }
    if (auto opened = open_partition(at->first, local_replicas_[at->first].held); !opened) return opened;
    if (auto loaded = load_time(at->first); !loaded) return loaded;
    hello_due_ = now_;
    at = opening_.erase(at);
  }
  return {};
}

void Shard::close_partition(PartitionId id) {
  opening_.erase(id);
  if (Partition* const partition = find_partition(id)) partition->close();
  partitions_.erase(id);
  looking_on_.erase(id);
  receiver_.forget(id, *this);
  end_snapshot(id);
  deleted_[id] = collecting_;
  unswept_.insert(id);
  for (auto& [batch, held] : held_) std::erase_if(held, [id](const Held& each) { return each.group == id; });
  hello_due_ = now_;
}

}  // namespace trellis

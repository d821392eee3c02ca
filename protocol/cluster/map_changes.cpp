#include "protocol/cluster/map_changes.hpp"

#include <algorithm>

#include "protocol/cluster/ring.hpp"
#include "protocol/cluster/targets.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

Error refuse(std::string why) { return {Code::kFailedPrecondition, std::move(why)}; }

Error no_member(WorkerId id) { return {Code::kNotFound, "no member " + to_string(id)}; }

Member* find(ClusterMap& map, WorkerId id) {
  const auto at =
      std::find_if(map.members.begin(), map.members.end(), [id](const Member& each) { return each.id == id; });
  return at == map.members.end() ? nullptr : &*at;
}

/// The next version: targets are made from those before.
ClusterMap next(ClusterMap map, const std::set<WorkerId>& down = {}) {
  ++map.version;
  retarget(map, down);
  return map;
}

ClusterMap with_state(ClusterMap map, WorkerId id, MemberState state, const std::set<WorkerId>& down = {}) {
  Member& member = *find(map, id);
  member.state = state;
  member.since = map.version + 1;
  return next(std::move(map), down);
}

Result<ClusterMap> add(ClusterMap map, WorkerId id, std::string_view address, std::string_view zone) {
  if (map.members.size() == kWorkersMax) {
    return refuse("a cluster has at most " + std::to_string(kWorkersMax) + " workers");
  }
  map.members.push_back(
      {id, std::string(address), MemberState::kJoining, map.version + 1, virtual_nodes_of(id), std::string(zone)});
  return next(std::move(map));
}

}  // namespace

Result<ClusterMap> with_member(const ClusterMap& map, WorkerId id, std::string_view address, std::string_view zone) {
  const Member* const known = map.find(id);
  if (known != nullptr && known->address == address) return map;
  if (known != nullptr) return refuse("worker " + to_string(id) + " is a member at " + known->address);
  if (const Member* const holder = map.find_address(address)) {
    return refuse("address " + std::string(address) + " belongs to member " + to_string(holder->id));
  }
  return add(map, id, address, zone);
}

Result<ClusterMap> with_replacement(const ClusterMap& map, WorkerId id, std::string_view address,
                                    std::string_view zone) {
  const Member* const holder = map.find_address(address);
  if (holder == nullptr || holder->id == id) return with_member(map, id, address, zone);
  ClusterMap without = map;
  std::erase_if(without.members, [&](const Member& member) { return member.address == address; });
  return add(std::move(without), id, address, zone);
}

Result<ClusterMap> with_removal(const ClusterMap& map, WorkerId id, bool allow_fewer, const std::set<WorkerId>& down) {
  const Member* const member = map.find(id);
  if (member == nullptr) return no_member(id);
  if (member->state == MemberState::kLeaving) return map;
  const std::size_t left = map.staying() - 1;
  const auto counts = [&] {
    return "k=" + std::to_string(map.k) + ", and " + std::to_string(left) + " workers would be left";
  };
  if (left < map.k) return refuse(counts() + ": add one first (trellis-worker --join), or lower k");
  if (left < 2 * std::size_t{map.k} - 1 && !allow_fewer) {
    return refuse(counts() + ", fewer than the " + std::to_string(2 * map.k - 1) +
                  " replicas of a partition: add one first (trellis-worker --join), or lower k");
  }
  return with_state(map, id, MemberState::kLeaving, down);
}

Result<ClusterMap> with_kept(const ClusterMap& map, WorkerId id) {
  const Member* const member = map.find(id);
  if (member == nullptr) return no_member(id);
  if (member->state != MemberState::kLeaving) return map;
  return with_state(map, id, MemberState::kJoining);
}

Result<ClusterMap> with_settled(const ClusterMap& map, WorkerId id) {
  const Member* const member = map.find(id);
  if (member == nullptr) return no_member(id);
  if (member->state != MemberState::kJoining) return map;
  return with_state(map, id, MemberState::kMember);
}

Result<ClusterMap> with_zone(const ClusterMap& map, WorkerId id, std::string_view zone,
                             const std::set<WorkerId>& down) {
  if (map.find(id) == nullptr) return no_member(id);
  if (map.find(id)->zone == zone) return map;
  ClusterMap changed = map;
  find(changed, id)->zone = zone;
  return next(std::move(changed), down);
}

Result<ClusterMap> with_repair(const ClusterMap& map, WorkerId id, const std::set<WorkerId>& down) {
  if (map.find(id) == nullptr) return no_member(id);
  return with_state(map, id, MemberState::kDown, down);
}

Result<ClusterMap> with_return(const ClusterMap& map, WorkerId id,
                               const std::map<PartitionId, std::set<WorkerId>>& kept, const std::set<WorkerId>& down) {
  if (map.find(id) == nullptr) return no_member(id);
  ClusterMap changed = map;
  for (const auto& [partition, voters] : kept) {
    auto& replicas = changed.partitions.at(partition.value).replicas;
    if (changed.partitions[partition.value].find(id) != nullptr) continue;
    // In place of one that was to come, and has no vote yet.
    const auto comes = std::find_if(replicas.begin(), replicas.end(),
                                    [&](const ReplicaPlace& place) { return !voters.contains(place.worker); });
    if (comes != replicas.end()) *comes = {{changed.next_replica++}, id};
  }
  return with_state(std::move(changed), id, MemberState::kMember, down);
}

ClusterMap with_spread(const ClusterMap& map, const std::set<WorkerId>& down) {
  return is_spread(map, down) ? map : next(map, down);
}

Result<ClusterMap> without_member(const ClusterMap& map, WorkerId id) {
  const Member* const member = map.find(id);
  if (member == nullptr) return map;
  if (member->state != MemberState::kLeaving) return refuse("worker " + to_string(id) + " does not leave");
  ClusterMap without = map;
  std::erase_if(without.members, [id](const Member& each) { return each.id == id; });
  return next(std::move(without));
}

Result<ClusterMap> with_settings(const ClusterMap& map, const SettingsChange& change, const std::set<WorkerId>& down) {
  ClusterMap changed = map;
  changed.k = change.k.value_or(map.k);
  changed.move_limits = {change.moves.value_or(map.move_limits.moves), change.move_rate.value_or(map.move_limits.rate)};
  changed.repair_after = change.repair_after.value_or(map.repair_after);
  if (changed == map) return map;
  // After a recovery k may be above that; then the other settings can be changed all the same.
  if (changed.k != map.k && (changed.k < 1 || changed.k > map.staying())) {
    return refuse("k is from 1 to the number of workers that stay, " + std::to_string(map.staying()));
  }
  if (auto good = check(changed.move_limits); !good) return good.error();
  if (auto good = check_repair_after(changed.repair_after); !good) return good.error();
  if (changed.k != map.k) return next(std::move(changed), down);
  ++changed.version;  // Nothing is to move for how it moves.
  return changed;
}

Result<ClusterMap> with_k(const ClusterMap& map, std::uint32_t k) {
  return with_settings(map, {.k = k, .moves = {}, .move_rate = {}});
}

ClusterMap with_level(const ClusterMap& map, std::uint32_t level) {
  if (level <= map.level) return map;
  ClusterMap changed = map;
  changed.level = level;
  ++changed.version;
  return changed;
}

ClusterMap with_epoch(const ClusterMap& map, std::uint64_t epoch) {
  if (map.epoch >= epoch) return map;
  ClusterMap changed = map;
  changed.epoch = epoch;
  return next(std::move(changed));
}

bool moves_replicas(const ClusterMap& before, const ClusterMap& after) {
  const auto is_same = [](const Placement& a, const Placement& b) { return a.replicas == b.replicas; };
  return !std::equal(before.partitions.begin(), before.partitions.end(), after.partitions.begin(),
                     after.partitions.end(), is_same);
}

const Member* find_member(const ClusterMap& map, std::string_view id_or_address) {
  for (const Member& member : map.members) {
    if (member.address == id_or_address || to_string(member.id) == id_or_address) return &member;
  }
  return nullptr;
}

}  // namespace trellis

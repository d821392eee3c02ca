#include "worker/map_keeper.hpp"

#include <algorithm>
#include <utility>

#include "protocol/cluster/map_changes.hpp"

namespace trellis {
namespace {

const GroupMember* find(const LedGroup& group, WorkerId worker) {
  const auto at = std::find_if(group.members.begin(), group.members.end(),
                               [worker](const GroupMember& each) { return each.place.worker == worker; });
  return at == group.members.end() ? nullptr : &*at;
}

}  // namespace

void MapKeeper::begin(Term term) {
  term_ = term;
  known_since_.clear();
  heard_.clear();
  groups_.clear();
}

void MapKeeper::on_members(const ClusterMap& map, TimePoint now) {
  for (const Member& member : map.members) known_since_.try_emplace(member.id, now);
  std::erase_if(known_since_, [&map](const auto& each) { return map.find(each.first) == nullptr; });
  std::erase_if(heard_, [&map](const auto& each) { return map.find(each.first) == nullptr; });
}

void MapKeeper::on_standing(WorkerId from, const Standing& standing, TimePoint now) {
  Heard& heard = heard_[from];
  const Heard before = std::exchange(
      heard, {now, standing.map, standing.level, standing.held, standing.memory, standing.is_full, {}, standing.zone});
  const double seconds = std::max(std::chrono::duration<double>(now - before.at).count(), 1e-3);
  for (const Receiving& each : standing.receiving) {
    Heard::Arrival& arrival = heard.receiving[each.group];
    arrival.said = each;
    const auto at = before.receiving.find(each.group);
    if (at == before.receiving.end() || at->second.said.received > each.received) continue;
    arrival.rate = static_cast<std::uint64_t>(static_cast<double>(each.received - at->second.said.received) / seconds);
  }
  for (const LedGroup& led : standing.led) {
    LedGroup& known = groups_[led.group];
    if (led.term >= known.term) known = led;
  }
}

const MapKeeper::Heard* MapKeeper::heard(WorkerId worker) const {
  const auto at = heard_.find(worker);
  return at == heard_.end() ? nullptr : &at->second;
}

const LedGroup* MapKeeper::group(PartitionId id) const {
  const auto at = groups_.find(id);
  return at == groups_.end() ? nullptr : &at->second;
}

bool MapKeeper::is_down(WorkerId worker, TimePoint now) const {
  return silence_of(worker, now) >= kDownAfter + kCheckEvery;
}

/// A stranger has no silence.
Duration MapKeeper::silence_of(WorkerId worker, TimePoint now) const {
  const auto known = known_since_.find(worker);
  if (known == known_since_.end()) return Duration(0);
  const Heard* const said = heard(worker);
  return now - (said == nullptr ? known->second : said->at);
}

std::set<WorkerId> MapKeeper::down(const ClusterMap& map, TimePoint now) const {
  std::set<WorkerId> down;
  for (const Member& member : map.members) {
    if (is_down(member.id, now)) down.insert(member.id);
  }
  return down;
}

MapVersion MapKeeper::map_of(WorkerId worker) const {
  const auto at = heard_.find(worker);
  return at == heard_.end() ? MapVersion{} : at->second.map;
}

std::optional<ClusterMap> MapKeeper::next(const ClusterMap& map, TimePoint now) const {
  for (const Member& member : map.members) {
    const bool is_settled = member.state == MemberState::kJoining && has_settled(map, member);
    const bool is_gone = member.state == MemberState::kLeaving && has_left(map, member, now);
    if (!is_settled && !is_gone) continue;
    auto changed = is_settled ? with_settled(map, member.id) : without_member(map, member.id);
    if (changed) return std::move(*changed);
  }
  const std::uint32_t level = level_of_all(map);
  if (level > map.level) return with_level(map, level);
  for (const auto change : {&MapKeeper::returned, &MapKeeper::rezoned, &MapKeeper::repaired, &MapKeeper::spread}) {
    if (auto changed = (this->*change)(map, now)) return changed;
  }
  return std::nullopt;
}

std::optional<ClusterMap> MapKeeper::rezoned(const ClusterMap& map, TimePoint now) const {
  for (const Member& member : map.members) {
    const Heard* const said = heard(member.id);
    if (said == nullptr || said->zone == member.zone) continue;
    if (auto changed = with_zone(map, member.id, said->zone, down(map, now))) return std::move(*changed);
  }
  return std::nullopt;
}

/// Only what was heard in this leadership counts.
std::optional<ClusterMap> MapKeeper::returned(const ClusterMap& map, TimePoint now) const {
  for (const Member& member : map.members) {
    if (member.state != MemberState::kDown || heard(member.id) == nullptr || is_down(member.id, now)) continue;
    std::map<PartitionId, std::set<WorkerId>> kept;
    for (const auto& [id, group] : groups_) {
      const GroupMember* const there = find(group, member.id);
      if (there == nullptr || there->role != ReplicaRole::kVoter) continue;
      for (const GroupMember& each : group.members) {
        if (each.role == ReplicaRole::kVoter) kept[id].insert(each.place.worker);
      }
    }
    if (auto changed = with_return(map, member.id, kept, down(map, now))) return std::move(*changed);
  }
  return std::nullopt;
}

std::optional<ClusterMap> MapKeeper::repaired(const ClusterMap& map, TimePoint now) const {
  if (map.repair_after.count() == 0) return std::nullopt;
  const bool is_repairing = std::any_of(map.members.begin(), map.members.end(), [&](const Member& member) {
    return member.state == MemberState::kDown && !is_made_good(map, member, now);
  });
  if (is_repairing) return std::nullopt;
  for (const Member& member : map.members) {
    if (member.state != MemberState::kMember && member.state != MemberState::kJoining) continue;
    const bool is_due = omitted_.repair_time ? is_down(member.id, now) : silence_of(member.id, now) >= map.repair_after;
    if (!is_due) continue;
    auto changed = with_repair(map, member.id, down(map, now));
    // Where nobody could take over, it stays a member as it is.
    if (changed && moves_replicas(map, *changed)) return std::move(*changed);
  }
  return std::nullopt;
}

/// Only who was heard in this leadership has room.
std::optional<ClusterMap> MapKeeper::spread(const ClusterMap& map, TimePoint now) const {
  std::set<WorkerId> silent = down(map, now);
  for (const Member& member : map.members) {
    if (heard(member.id) == nullptr) silent.insert(member.id);
  }
  ClusterMap changed = with_spread(map, silent);
  return moves_replicas(map, changed) ? std::optional(std::move(changed)) : std::nullopt;
}

/// Whether each group that can has done without it.
bool MapKeeper::is_made_good(const ClusterMap& map, const Member& member, TimePoint now) const {
  for (std::uint32_t i = 0; i < map.partition_count(); ++i) {
    if (map.partitions[i].find(member.id) != nullptr) continue;  // Nobody can take over there.
    const LedGroup* const known = group(PartitionId{i});
    if (known == nullptr) return false;
    if (!has_majority(*known, now)) continue;
    const LedGroup* const group = report_of(i, member.since);
    if (group == nullptr || find(*group, member.id) != nullptr) return false;
  }
  return true;
}

bool MapKeeper::has_majority(const LedGroup& group, TimePoint now) const {
  std::size_t voters = 0;
  std::size_t up = 0;
  for (const GroupMember& member : group.members) {
    if (member.role != ReplicaRole::kVoter) continue;
    ++voters;
    up += !is_down(member.place.worker, now);
  }
  return up > voters / 2;
}

/// 0 where one of them has not said what it knows since this leadership began.
std::uint32_t MapKeeper::level_of_all(const ClusterMap& map) const {
  std::uint32_t level = level_;
  for (const Member& member : map.members) {
    const Heard* const said = heard(member.id);
    level = std::min(level, said == nullptr ? 0 : said->level);
  }
  return level;
}

/// The group's report, where it follows the map of that version or a later one, and nothing of its members is open.
const LedGroup* MapKeeper::report_of(std::uint32_t group, std::uint64_t since) const {
  const auto at = groups_.find(PartitionId{group});
  const bool counts = at != groups_.end() && at->second.is_committed && at->second.followed.version >= since;
  return counts ? &at->second : nullptr;
}

bool MapKeeper::has_settled(const ClusterMap& map, const Member& member) const {
  for (std::uint32_t i = 0; i < map.partition_count(); ++i) {
    if (map.partitions[i].find(member.id) == nullptr) continue;
    const LedGroup* const group = report_of(i, member.since);
    const GroupMember* const there = group == nullptr ? nullptr : find(*group, member.id);
    if (there == nullptr || there->role != ReplicaRole::kVoter) return false;
  }
  return true;
}

bool MapKeeper::has_left(const ClusterMap& map, const Member& member, TimePoint now) const {
  for (std::uint32_t i = 0; i < map.partition_count(); ++i) {
    const LedGroup* const group = report_of(i, member.since);
    if (group == nullptr || find(*group, member.id) != nullptr) return false;
  }
  // It is told to delete what it holds; one that is not there any more is not waited for.
  const auto heard = heard_.find(member.id);
  return is_down(member.id, now) || (heard != heard_.end() && heard->second.held == 0);
}

std::string MapKeeper::replacement_obstacle(const ClusterMap& map, const Member& member, TimePoint now) const {
  if (!is_down(member.id, now)) return "the member at " + member.address + " is alive";
  std::string groups;
  for (std::uint32_t i = 0; i < map.partition_count(); ++i) {
    const auto at = groups_.find(PartitionId{i});
    if (at != groups_.end() && find(at->second, member.id) == nullptr) continue;
    const auto counts = [&](const GroupMember& each) {
      const WorkerId holder = each.place.worker;
      const bool is_there = map.find(holder) != nullptr && !is_down(holder, now);
      return each.role == ReplicaRole::kVoter && each.is_level && holder != member.id && is_there;
    };
    const auto level =
        at == groups_.end() ? 0 : std::count_if(at->second.members.begin(), at->second.members.end(), counts);
    if (level < map.k) groups += (groups.empty() ? "" : ", ") + std::to_string(i);
  }
  if (groups.empty()) return "";
  return "partitions " + groups + " have fewer than k=" + std::to_string(map.k) +
         " level replicas without the member that was at " + member.address +
         ": start it with its old folder if there is one (is its disk mounted?)";
}

}  // namespace trellis

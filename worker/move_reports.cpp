#include "worker/move_reports.hpp"

#include <algorithm>

namespace trellis {
namespace {

class GroupMoves {
 public:
  GroupMoves(const ClusterMap& map, const MapKeeper& keeper, TimePoint now, const LedGroup& group)
      : map_(map), keeper_(keeper), now_(now), group_(group), target_(map.placement(group.group)) {}

  void append_to(std::vector<MoveReport>& moves) const {
    std::vector<WorkerId> coming;
    std::vector<WorkerId> going;
    for (const ReplicaPlace& place : target_.replicas) {
      const GroupMember* const there = member_on(place.worker);
      if (there == nullptr || there->role != ReplicaRole::kVoter) coming.push_back(place.worker);
    }
    for (const GroupMember& member : group_.members) {
      if (target_.find(member.place.worker) == nullptr) going.push_back(member.place.worker);
    }
    for (std::size_t i = 0; i < std::max(coming.size(), going.size()); ++i) {
      MoveReport& move = moves.emplace_back();
      move.partition = group_.group.value;
      if (i < going.size()) move.from = address_of(going[i]);
      if (i < coming.size()) move.to = address_of(coming[i]);
      i < coming.size() ? describe_arrival(coming[i], move) : describe_removal(move);
    }
  }

 private:
  const GroupMember* member_on(WorkerId worker) const {
    const auto at = std::find_if(group_.members.begin(), group_.members.end(),
                                 [worker](const GroupMember& each) { return each.place.worker == worker; });
    return at == group_.members.end() ? nullptr : &*at;
  }

  std::string address_of(WorkerId worker) const {
    const Member* const member = map_.find(worker);
    return member == nullptr ? to_string(worker) : member->address;
  }

  void describe_arrival(WorkerId worker, MoveReport& move) const {
    const GroupMember* const there = member_on(worker);
    move.step = there == nullptr ? "waiting" : there->is_level ? "level" : "sending";
    move.bytes = group_.bytes;
    const MapKeeper::Heard* const heard = keeper_.heard(worker);
    if (heard != nullptr && there != nullptr) {
      if (const auto at = heard->receiving.find(group_.group); at != heard->receiving.end()) {
        const Receiving& said = at->second.said;
        if (said.bytes != 0) move.bytes = said.bytes;
        move.sent = std::min(said.received, move.bytes);
        move.rate = at->second.rate;
        if (move.rate != 0) move.time_left_ms = (move.bytes - move.sent) * 1'000 / move.rate;
        move.note = said.problem;
      }
    }
    if (keeper_.is_down(worker, now_)) {
      move.note = address_of(worker) + " is down: start it, or remove it";
    } else if (move.note.empty()) {
      move.note = wait_of_group();
    }
  }

  void describe_removal(MoveReport& move) const {
    move.step = "removing";
    move.note = wait_of_group();
  }

  std::string wait_of_group() const {
    if (group_.followed >= map_.number()) return group_.waits;
    return "its group follows version " + std::to_string(group_.followed.version) + " of the map yet, of " +
           std::to_string(map_.version);
  }

  const ClusterMap& map_;
  const MapKeeper& keeper_;
  TimePoint now_;
  const LedGroup& group_;
  const Placement& target_;
};

}  // namespace

std::vector<MoveReport> moves_of(const ClusterMap& map, const MapKeeper& keeper, TimePoint now) {
  std::vector<MoveReport> moves;
  for (std::uint32_t i = 0; i < map.partition_count(); ++i) {
    const LedGroup* const group = keeper.group(PartitionId{i});
    if (group != nullptr) GroupMoves(map, keeper, now, *group).append_to(moves);
  }
  return moves;
}

}  // namespace trellis

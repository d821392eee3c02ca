// From the configuration that a group has to the one that it should have: the one change that comes next.
//
// A group's leader asks again whenever its group stands still; each change is one server more or less (Raft
// dissertation, 4.1), and whoever leads next goes on from what it finds.
//
//   newcomer   spare -> standby at once (the library gives up on a spare that is not level within 5 s)
//              -> voter, once it holds the configuration in force and all but the last kLevelForVote entries
//   leaver     is removed once the others are as many as the target; where it is the leader, it hands over first
//   dead one   is removed first, from a group of 2k-1 alone and once a newcomer is level, which then gets the vote
//              before anything else is removed
//
// A worker that is to have a replica of the group, and still has a former one in its configuration, keeps that one: its
// id is another than the target's, and nothing else.  Once it is removed, it is the target's that is added.
//
// So a group never has fewer than 2k-2 voters on the way, nor fewer than its target where that is smaller.
// R12: a change waits until a majority of the new configuration is up and holds the one in force.
// Pure: it is handed what the leader sees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "worker/raft/replica.hpp"

namespace trellis {

/// What a leader sees of one member of its group.
struct MemberView {
  ReplicaPlace place;
  ReplicaRole role = ReplicaRole::kVoter;
  LogIndex match;        ///< The last entry that it is known to hold.
  bool is_up = false;    ///< It was heard lately.
  bool is_down = false;  ///< It was silent for so long that it may be removed first.
};

struct GroupView {
  ReplicaId self;
  LogIndex configuration;  ///< The entry that holds the one in force.
  LogIndex last;           ///< The last entry of the log.
  std::vector<MemberView> members;
};

struct GroupTarget {
  std::vector<ReplicaPlace> replicas;
  std::size_t k = 1;
};

struct GroupStep {
  std::optional<MemberChange> change;  ///< None: leadership is handed over.
  ReplicaPlace replica;                ///< Whom it is about.
  bool operator==(const GroupStep&) const = default;
};

/// Why a group that is not as it should be stands still.
enum class StepObstacle : std::uint8_t {
  kNone,             ///< A step is due, or nothing is left, or a newcomer is being sent what it lacks.
  kNewcomerSilent,   ///< The newcomer was not heard lately.
  kMajorityBehind,   ///< R12
  kNobodyTakesOver,  ///< The leader is to go, and none of those that stay can lead.
};

/// A newcomer gets the vote while it lacks no more entries than these.
constexpr std::uint64_t kLevelForVote = 64;

/// Nothing where the group is as it should be, or has to wait.
std::optional<GroupStep> next_step(const GroupView& group, const GroupTarget& target);
/// Why there is no next step.
StepObstacle obstacle_of(const GroupView& group, const GroupTarget& target);

}  // namespace trellis

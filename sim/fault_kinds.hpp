// The kinds of faults that happen in a simulation, each of them one row of a table.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace trellis::sim {

enum class FaultKind : std::uint8_t {
  kKillWorker,
  kKillWorkerInTurn,
  kPowerCut,
  kPowerCutOfAll,
  kHoldDown,
  kLeave,
  kPauseWorker,
  kPauseBroker,
  kKillBroker,
  kKillBrokerInTurn,
  kCutOff,
  kCutOneWay,
  kCutPair,
  kBadNetwork,
  kDiskFails,
  kDiskIsFull,
  kLogIsDamaged,
  kFlippedBit,
  kWriteGoesAstray,  ///< A batch of a log is lost or lands elsewhere; at one worker at a time.
  kRestartClient,
  kIsolateLeader,
  kKillLeader,
  kSecludeLeader,
  kCutFromBroker,  ///< A worker and a broker; the workers hear each other.
  kHiccup,         ///< The same, for less than a liveness interval.
  kReconnect,      ///< A worker's connection to a broker is a new one, in the same incarnation.
  kLongTurn,       ///< A worker works for longer than a liveness interval, and what it says leaves afterwards.
  kClockStands,    ///< A worker's machine is suspended, its clock with it.
  kSecludeFew,     ///< As kSecludeLeader, with one other replica on the leader's side.
  kSecludeHeard,   ///< As kSecludeLeader, and that broker hears of one other replica.
  kFewLeft,        ///< So many workers are held down that no majority is left, and one of the others starts anew.
  kSecludeEchoed,  ///< As kSecludeLeader, and what the leader heard just before it hears again and again.
  kTwoLives,
  kOlderCopy,
  kJoin,          ///< A worker comes, or comes back with an empty disk.
  kRemoveMember,  ///< A member is to leave.
  kKeepMember,    ///< A member that leaves is to stay.
  kWipeDisk,      ///< A member's disk is lost; an empty worker comes to its address.
  kLoseMember,    ///< A member is lost for good, and is removed.
  kChangeK,
  kKillZone,          ///< All workers of a zone, for some seconds.
  kLoseForGood,       ///< A member is lost, and nobody says so; some come back later.
  kDamageAndHeal,     ///< A bit of a worker's disk is flipped, and it starts with --heal.
  kDisaster,          ///< So many members are lost for good that no majority is left; the cluster is recovered.
  kRollingRestarts,   ///< All workers start anew, one a second.
  kSecludeOutsiders,  ///< As kSecludeLeader, with whoever has a replica and no vote on the leader's side.
  kLateWish,          ///< A broker stands still with a wish to join until its worker was a member and is removed.
  kCount,             ///< How many there are; none itself.
};

/// Those that random runs draw from; the others take a cluster of a certain shape.
const std::vector<FaultKind>& drawn_fault_kinds();

}  // namespace trellis::sim

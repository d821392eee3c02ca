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
  kRestartClient,
  kIsolateLeader,
  kKillLeader,
  kSecludeLeader,
  kTwoLives,
  kOlderCopy,
  kCount,  ///< How many there are; none itself.
};

/// Those that random runs draw from; the others take a cluster of a certain shape.
const std::vector<FaultKind>& drawn_fault_kinds();

}  // namespace trellis::sim

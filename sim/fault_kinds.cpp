#include "sim/fault_kinds.hpp"

#include <array>
#include <cstddef>

namespace trellis::sim {
namespace {

constexpr std::size_t kFaultKindCount = static_cast<std::size_t>(FaultKind::kCount);

struct Row {
  FaultKind kind;
  bool is_drawn;
};

constexpr std::array kRows = std::to_array<Row>({
    {FaultKind::kKillWorker, true},
    {FaultKind::kKillWorkerInTurn, true},
    {FaultKind::kPowerCut, true},
    {FaultKind::kPowerCutOfAll, true},
    {FaultKind::kHoldDown, true},
    {FaultKind::kLeave, true},
    {FaultKind::kPauseWorker, true},
    {FaultKind::kPauseBroker, true},
    {FaultKind::kKillBroker, true},
    {FaultKind::kKillBrokerInTurn, true},
    {FaultKind::kCutOff, true},
    {FaultKind::kCutOneWay, true},
    {FaultKind::kCutPair, true},
    {FaultKind::kBadNetwork, true},
    {FaultKind::kDiskFails, true},
    {FaultKind::kDiskIsFull, true},
    {FaultKind::kLogIsDamaged, true},
    {FaultKind::kFlippedBit, true},
    {FaultKind::kWriteGoesAstray, true},
    {FaultKind::kRestartClient, true},
    {FaultKind::kIsolateLeader, true},
    {FaultKind::kKillLeader, true},
    {FaultKind::kSecludeLeader, true},
    {FaultKind::kCutFromBroker, true},
    {FaultKind::kHiccup, true},
    {FaultKind::kReconnect, true},
    {FaultKind::kLongTurn, true},
    {FaultKind::kClockStands, true},
    {FaultKind::kSecludeFew, true},
    {FaultKind::kSecludeHeard, true},
    {FaultKind::kFewLeft, true},
    {FaultKind::kSecludeEchoed, false},
    {FaultKind::kTwoLives, false},
    {FaultKind::kOlderCopy, false},
    {FaultKind::kJoin, false},
    {FaultKind::kRemoveMember, false},
    {FaultKind::kKeepMember, false},
    {FaultKind::kWipeDisk, false},
    {FaultKind::kLoseMember, false},
    {FaultKind::kChangeK, false},
    {FaultKind::kKillZone, false},
    {FaultKind::kLoseForGood, false},
    {FaultKind::kDamageAndHeal, false},
    {FaultKind::kDisaster, false},
    {FaultKind::kRollingRestarts, false},
    {FaultKind::kSecludeOutsiders, false},
    {FaultKind::kLateWish, false},
});

constexpr bool is_whole() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].kind != static_cast<FaultKind>(i)) return false;
  }
  return kRows.size() == kFaultKindCount;
}
static_assert(is_whole(), "each kind of fault has one row, in the order of the enumeration");

std::vector<FaultKind> find_drawn() {
  std::vector<FaultKind> drawn;
  for (const Row& row : kRows) {
    if (row.is_drawn) drawn.push_back(row.kind);
  }
  return drawn;
}

}  // namespace

const std::vector<FaultKind>& drawn_fault_kinds() {
  static const std::vector<FaultKind> drawn = find_drawn();
  return drawn;
}

}  // namespace trellis::sim

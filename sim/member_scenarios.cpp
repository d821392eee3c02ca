#include "sim/member_scenarios.hpp"

namespace trellis::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

void shape_joins(ClusterShape& shape) {
  busy_clients(shape, 2, milliseconds(40));
  shape.changes_members = true;
  shape.workload.keys = 12;
  shape.brokers = 2;
  // Some grow from one worker on.
  if (shape.workers == 2) shape.workers = 3;
  shape.spares = 3;
}

void shape_moves(ClusterShape& shape) {
  shape_joins(shape);
  shape.workers = shape.k = 3;
  if (shape.partitions > 1) shape.k = 2;
  shape.spares = 4;
}

void shape_outsiders(ClusterShape& shape) {
  shape_moves(shape);
  shape.partitions = 1;
  shape.k = 2;
  busy_clients(shape, 3, milliseconds(40));
  shape.clock_drift = 300'000;  // As in shape_seclusions.
  shape.workload.timeout_min = milliseconds(50);
  shape.workload.timeout_max = milliseconds(400);
}

void shape_late_wishes(ClusterShape& shape) {
  shape_joins(shape);
  shape.workers = 3;
  shape.k = 2;
}

void shape_repair(ClusterShape& shape) {
  shape_joins(shape);
  const bool is_large = shape.workers > 3;
  shape.workers = is_large ? 7 : 5;
  shape.k = is_large ? 3 : 2;
  shape.spares = 1;
  shape.zones = is_large ? 4 : 3;
  shape.clock_drift = 0;
  shape.repair_after = seconds(6);
}

void shape_recover(ClusterShape& shape) {
  shape_joins(shape);
  shape.workers = shape.partitions > 1 ? 5 : 3;
  shape.k = shape.partitions > 1 ? 3 : 2;
  shape.clock_drift = 0;
  shape.recovery_silence = seconds(2);
  shape.limits = {};  // Whoever recovers is not to wait behind requests that nobody serves.
}

void shape_disputes(ClusterShape& shape) {
  shape.partitions = 4;  // So that five are made, of whom two are left: their plans may differ.
  shape_recover(shape);
  shape.has_disputes = true;
}

void focus_joins(Faults& faults, Cluster&) {
  faults.only({FaultKind::kJoin, FaultKind::kJoin, FaultKind::kRemoveMember, FaultKind::kKeepMember,
               FaultKind::kChangeK, FaultKind::kKillWorker, FaultKind::kKillBroker},
              milliseconds(300), milliseconds(2'500), milliseconds(800));
}

void focus_moves(Faults& faults, Cluster&) {
  faults.only(
      {FaultKind::kJoin, FaultKind::kJoin, FaultKind::kRemoveMember, FaultKind::kRemoveMember, FaultKind::kKeepMember,
       FaultKind::kWipeDisk, FaultKind::kLoseMember, FaultKind::kKillWorker, FaultKind::kKillWorkerInTurn,
       FaultKind::kKillWorkerInTurn, FaultKind::kKillLeader, FaultKind::kPowerCut, FaultKind::kPauseWorker,
       FaultKind::kCutOff, FaultKind::kCutPair, FaultKind::kIsolateLeader, FaultKind::kKillBroker},
      milliseconds(50), milliseconds(1'200), milliseconds(800));
}

void focus_outsiders(Faults& faults, Cluster& cluster) {
  cluster.network().conditions.loss = 0;
  faults.only({FaultKind::kJoin, FaultKind::kRemoveMember, FaultKind::kSecludeOutsiders, FaultKind::kSecludeOutsiders},
              milliseconds(100), milliseconds(900), milliseconds(800));
}

void focus_late_wishes(Faults& faults, Cluster&) {
  faults.only({FaultKind::kLateWish, FaultKind::kLateWish, FaultKind::kLateWish, FaultKind::kJoin,
               FaultKind::kRemoveMember, FaultKind::kKillWorker},
              milliseconds(200), milliseconds(2'000), milliseconds(800));
}

void focus_repair(Faults& faults, Cluster&) {
  faults.only({FaultKind::kLoseForGood, FaultKind::kLoseForGood, FaultKind::kLoseForGood, FaultKind::kRollingRestarts,
               FaultKind::kDamageAndHeal, FaultKind::kJoin, FaultKind::kKillBroker},
              milliseconds(200), milliseconds(2'500), milliseconds(800));
}

void focus_recover(Faults& faults, Cluster& cluster) {
  const std::vector<FaultKind> few{FaultKind::kDisaster, FaultKind::kDisaster, FaultKind::kJoin};
  if (cluster.shape().has_disputes) return faults.only(few, milliseconds(50), milliseconds(500), milliseconds(800));
  faults.only({FaultKind::kDisaster, FaultKind::kDisaster, FaultKind::kDisaster, FaultKind::kDisaster, FaultKind::kJoin,
               FaultKind::kJoin, FaultKind::kJoin, FaultKind::kKillWorker, FaultKind::kKillBroker},
              milliseconds(100), milliseconds(1'000), milliseconds(800));
}

}  // namespace trellis::sim

#include <algorithm>

#include "protocol/cluster/bulk.hpp"
#include "sim/faults.hpp"
#include "sim/member_scenarios.hpp"
#include "sim/scenario.hpp"

namespace trellis::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

void one_partition_of_three(ClusterShape& shape) {
  shape.workers = 3;
  shape.k = 2;
  shape.partitions = 1;
  shape.workload.keys = 3;
}

void shape_laggards(ClusterShape& shape) {
  one_partition_of_three(shape);
  shape.snapshot_log_bytes = 3'000;
  shape.tail_bytes = 1;
  shape.workload.think_max = milliseconds(10);
}

void shape_leaders(ClusterShape& shape) {
  one_partition_of_three(shape);
  busy_clients(shape, 4, milliseconds(10));
  shape.workload.keys = 12;
}

void shape_disks(ClusterShape& shape) {
  one_partition_of_three(shape);
  busy_clients(shape, 8, milliseconds(10));
  shape.workload.padding_max = 1'000;
}

void shape_seclusions(ClusterShape& shape) {
  one_partition_of_three(shape);
  busy_clients(shape, 3, milliseconds(40));
  shape.workload.keys = 12;  // So that a wrong answer is soon explained.
  shape.brokers = 2;
  // A leader that is slow to see that it has lost the others leaves them time to elect another one.
  shape.clock_drift = 300'000;
  // Whoever waits for a leader that is gone asks anew soon.
  shape.workload.timeout_min = milliseconds(50);
  shape.workload.timeout_max = milliseconds(400);
}

void shape_together(ClusterShape& shape) {
  shape_seclusions(shape);
  shape.partitions = 4;
  shape.workload.batches = 0.5;
  shape.workload.batches_of_reads = 0.8;
}

void shape_two_lives(ClusterShape& shape) {
  shape_seclusions(shape);
  shape.hand_over_after = milliseconds(200);
}

void shape_fives(ClusterShape& shape) {
  shape_two_lives(shape);
  shape.workers = 5;
  shape.k = 3;
}

void shape_few_left(ClusterShape& shape) {
  one_partition_of_three(shape);
  busy_clients(shape, 2, milliseconds(40));
  shape.workers = 5;
  shape.k = 3;
}

void shape_hiccups(ClusterShape& shape) {
  one_partition_of_three(shape);
  busy_clients(shape, 2, milliseconds(20));
  shape.raw_clients = 3;
  shape.clock_drift = 0;
  shape.is_always_served = true;
  shape.refused_sends = 0;
  shape.workload.timeout_min = milliseconds(4'000);
  shape.workload.timeout_max = milliseconds(6'000);
}

void shape_sessions(ClusterShape& shape) {
  shape_leaders(shape);
  shape.sessions = {.writes_max = 1'500, .sessions_max = 100, .content_size_max = 1'000, .content_total_max = 8'000};
}

void shape_copies(ClusterShape& shape) {
  one_partition_of_three(shape);
  busy_clients(shape, 3, milliseconds(20));
  shape.workload.keys = 12;
}

void shape_slow_links(ClusterShape& shape) {
  one_partition_of_three(shape);
  shape.limits = {};
  shape.refused_sends = 0;
  shape.brokers = 1;
  shape.clients = 3;
  shape.clock_drift = 0;
  shape.workload.keys = 6;
  shape.workload.under_way = 1;
  shape.workload.think_max = milliseconds(100);
  shape.workload.padding_max = 1'000'000;
  shape.workload.timeout_min = milliseconds(5'000);
  shape.workload.timeout_max = milliseconds(10'000);
  shape.snapshot_log_bytes = 4 << 20;
  shape.tail_bytes = 1 << 20;
}

void shape_expiry(ClusterShape& shape) {
  one_partition_of_three(shape);
  busy_clients(shape, 3, milliseconds(20));
  shape.clock_drift = 5'000;  // So that no two clocks are more than a hundredth apart.
  shape.workload.keys = 6;
  shape.workload.expiring = 0.6;
  shape.snapshot_log_bytes = 8'000;
  shape.tail_bytes = 1'000;
}

void shape_broken_links(ClusterShape& shape) {
  shape.limits = {};
  shape.workload.padding_max = 400'000;
  shape.workload.keys = 6;
  shape.snapshot_log_bytes = 4 << 20;
  shape.tail_bytes = 1 << 20;
}

void shape_zones(ClusterShape& shape) {
  shape_hiccups(shape);
  shape.workers = 6;
  shape.k = 2;
  shape.partitions = 4;
  shape.zones = 3;
  shape.workload.keys = 12;
}

void shape_roles(ClusterShape& shape) {
  busy_clients(shape, 2, milliseconds(40));
  shape.has_roles = true;
  shape.raw_clients = 3;
  shape.brokers = 2;
}

void shape_backups(ClusterShape& shape) {
  shape.workers = 3;
  shape.k = 2;
  shape.partitions = 4;
  shape.limits = {};
  shape.refused_sends = 0;
  shape.workload.keys = 6;
  shape.makes_backups = true;
}

void focus_elections(Faults& faults, Cluster& cluster) {
  cluster.network().conditions.delay_max = milliseconds(30);
  faults.only({FaultKind::kKillWorker, FaultKind::kKillWorker, FaultKind::kKillWorkerInTurn, FaultKind::kPowerCut,
               FaultKind::kPauseWorker, FaultKind::kCutPair, FaultKind::kCutOff},
              milliseconds(20), milliseconds(400), milliseconds(400));
}

void focus_laggards(Faults& faults, Cluster& cluster) {
  NetworkConditions& network = cluster.network().conditions;
  network.loss = 0.05;
  network.overtaking = 0.2;
  network.overtaken_by = milliseconds(400);
  faults.only(
      {FaultKind::kCutOff, FaultKind::kCutPair, FaultKind::kCutOneWay, FaultKind::kPauseWorker, FaultKind::kKillWorker},
      milliseconds(100), milliseconds(1'500), milliseconds(800));
}

void focus_leaders(Faults& faults, Cluster& cluster) {
  NetworkConditions& network = cluster.network().conditions;
  network.doubling = 0.1;
  network.overtaking = 0.1;
  network.overtaken_by = milliseconds(1'500);
  for (std::size_t i = 0; i < cluster.workers(); ++i) cluster.worker(i).disk().conditions.sync_max = milliseconds(150);
  faults.only({FaultKind::kIsolateLeader, FaultKind::kIsolateLeader, FaultKind::kKillLeader, FaultKind::kKillWorker,
               FaultKind::kPauseWorker},
              milliseconds(50), milliseconds(900), milliseconds(1'200));
}

void focus_blackouts(Faults& faults, Cluster&) {
  faults.only({FaultKind::kHoldDown, FaultKind::kCutOff, FaultKind::kPauseWorker}, milliseconds(500),
              milliseconds(4'000), milliseconds(4'000));
}

void focus_seclusions(Faults& faults, Cluster& cluster) {
  NetworkConditions& network = cluster.network().conditions;
  network.loss = 0;
  network.overtaking = 0.01;
  network.overtaken_by = seconds(6);
  faults.only({FaultKind::kKillLeader, FaultKind::kSecludeLeader, FaultKind::kSecludeLeader, FaultKind::kSecludeHeard},
              milliseconds(1'000), milliseconds(4'000), milliseconds(300));
}

void focus_two_lives(Faults& faults, Cluster& cluster) {
  NetworkConditions& network = cluster.network().conditions;
  network.doubling = 0;
  network.overtaking = 0;
  faults.only({FaultKind::kTwoLives}, milliseconds(4'000), milliseconds(6'000), milliseconds(300));
}

void focus_echoes(Faults& faults, Cluster& cluster) {
  NetworkConditions& network = cluster.network().conditions;
  network.doubling = 0;
  network.overtaking = 0;
  faults.only({FaultKind::kSecludeEchoed}, milliseconds(3'000), milliseconds(5'000), milliseconds(300));
}

void focus_fives(Faults& faults, Cluster& cluster) {
  NetworkConditions& network = cluster.network().conditions;
  network.loss = 0;
  network.overtaking = 0;
  faults.only({FaultKind::kSecludeFew, FaultKind::kSecludeFew, FaultKind::kSecludeLeader, FaultKind::kKillLeader},
              milliseconds(1'000), milliseconds(4'000), milliseconds(300));
}

void focus_few_left(Faults& faults, Cluster& cluster) {
  cluster.network().conditions = NetworkConditions();
  for (std::size_t i = 0; i < cluster.workers(); ++i) cluster.worker(i).disk().conditions = DiskConditions();
  faults.only({FaultKind::kFewLeft}, milliseconds(3'000), milliseconds(14'000), milliseconds(300));
}

void focus_hiccups(Faults& faults, Cluster& cluster) {
  cluster.network().conditions = NetworkConditions();
  for (std::size_t i = 0; i < cluster.workers(); ++i) cluster.worker(i).disk().conditions = DiskConditions();
  faults.only({FaultKind::kHiccup}, milliseconds(2'500), milliseconds(4'000), milliseconds(300));
}

void focus_sessions(Faults& faults, Cluster& cluster) {
  // Copies come after more writes than are remembered, and are known by the floors of their sessions.
  NetworkConditions& network = cluster.network().conditions;
  network.doubling = 0.02;
  network.overtaking = 0.02;
  network.overtaken_by = seconds(8);
  faults.only({FaultKind::kKillWorker, FaultKind::kPowerCut, FaultKind::kLeave, FaultKind::kCutPair,
               FaultKind::kPauseBroker, FaultKind::kPauseBroker},
              milliseconds(500), milliseconds(4'000), milliseconds(400));
}

void focus_copies(Faults& faults, Cluster&) {
  faults.only({FaultKind::kOlderCopy}, milliseconds(11'000), milliseconds(13'000), milliseconds(300));
}

void focus_expiry(Faults& faults, Cluster& cluster) {
  cluster.network().conditions = NetworkConditions();
  for (std::size_t i = 0; i < cluster.workers(); ++i) cluster.worker(i).disk().conditions = DiskConditions();
  faults.only({FaultKind::kKillLeader, FaultKind::kKillLeader, FaultKind::kPauseWorker, FaultKind::kPauseWorker,
               FaultKind::kLeave, FaultKind::kLongTurn, FaultKind::kPowerCutOfAll, FaultKind::kIsolateLeader},
              milliseconds(1'000), milliseconds(5'000), milliseconds(1'500));
}

void focus_disks(Faults& faults, Cluster& cluster) {
  for (std::size_t i = 0; i < cluster.workers(); ++i) cluster.worker(i).disk().conditions.sync_max = milliseconds(40);
  faults.only({FaultKind::kPowerCut, FaultKind::kPowerCut, FaultKind::kPowerCutOfAll, FaultKind::kKillWorker,
               FaultKind::kLogIsDamaged, FaultKind::kLogIsDamaged, FaultKind::kWriteGoesAstray, FaultKind::kDiskFails,
               FaultKind::kDiskIsFull},
              milliseconds(50), milliseconds(900), milliseconds(900));
}

void focus_slow_links(Faults& faults, Cluster& cluster) {
  NetworkConditions& network = cluster.network().conditions;
  network = NetworkConditions();
  network.rate = bulk::kSlowestLink;
  for (std::size_t i = 0; i < cluster.workers(); ++i) cluster.worker(i).disk().conditions = DiskConditions();
  faults.only({}, milliseconds(1'000), milliseconds(1'000), milliseconds(1'000));
}

void focus_zones(Faults& faults, Cluster& cluster) {
  cluster.network().conditions = NetworkConditions();
  for (std::size_t i = 0; i < cluster.workers(); ++i) cluster.worker(i).disk().conditions = DiskConditions();
  faults.only({FaultKind::kKillZone}, milliseconds(2'000), milliseconds(5'000), milliseconds(300));
}

void focus_backups(Faults& faults, Cluster& cluster) {
  // Writes are quick, and now and then a fence is late: so pairs are written between the first fence and the last.
  NetworkConditions& network = cluster.network().conditions;
  network = NetworkConditions();
  network.overtaking = 0.03;
  network.overtaken_by = milliseconds(400);
  for (std::size_t i = 0; i < cluster.workers(); ++i) cluster.worker(i).disk().conditions = DiskConditions();
  faults.only({FaultKind::kKillLeader, FaultKind::kIsolateLeader, FaultKind::kPauseWorker, FaultKind::kLeave,
               FaultKind::kLongTurn},
              milliseconds(500), milliseconds(4'000), milliseconds(800));
}

constexpr std::array kRows = std::to_array<ScenarioRow>({
    {Scenario::kAny, "any", "any cluster, any faults; half of the time those of another scenario", nullptr, nullptr},
    {Scenario::kElections, "elections", "short incarnations, quick restarts, cuts", one_partition_of_three,
     focus_elections},
    {Scenario::kLaggards, "laggards", "followers fall behind, far beyond what leaders keep of their logs",
     shape_laggards, focus_laggards},
    {Scenario::kLeaders, "leaders", "leaders are cut off or killed while much is written; slow disks, late messages",
     shape_leaders, focus_leaders},
    {Scenario::kBlackouts, "blackouts", "majorities go and come back", one_partition_of_three, focus_blackouts},
    {Scenario::kSeclusions, "seclusions", "leaders that lead no more, and a broker that believes in them",
     shape_seclusions, focus_seclusions},
    {Scenario::kTwoLives, "two-lives",
     "the same, and what was said to the leader's incarnation before is heard in the next", shape_two_lives,
     focus_two_lives},
    {Scenario::kEchoes, "echoes", "leaders that lead no more hear once more what their peers said while they led",
     shape_two_lives, focus_echoes},
    {Scenario::kTogether, "together", "leaders that lead no more, and reads of several partitions at once",
     shape_together, focus_seclusions},
    {Scenario::kFives, "fives", "leaders among five that lead no more, alone or with one other beside them",
     shape_fives, focus_fives},
    {Scenario::kFewLeft, "few-left", "three of five workers are down, and one of the others starts anew",
     shape_few_left, focus_few_left},
    {Scenario::kHiccups, "hiccups", "short cuts between a worker and a broker: every request is served all the same",
     shape_hiccups, focus_hiccups},
    {Scenario::kSessions, "sessions", "much is written, and no more is remembered than a client may still ask about",
     shape_sessions, focus_sessions},
    {Scenario::kCopies, "copies", "workers start on older copies of their folders, where peers know better",
     shape_copies, focus_copies},
    {Scenario::kSlowLinks, "slow-links", "documents of up to a second's length on links of 1 MB/s, and no fault",
     shape_slow_links, focus_slow_links},
    {Scenario::kBrokenLinks, "broken-links", "documents that travel in slices, and any fault", shape_broken_links,
     nullptr},
    {Scenario::kDisks, "disks", "disks lose power while much is written, flip bits, and lose writes", shape_disks,
     focus_disks},
    {Scenario::kExpiry, "expiry",
     "documents that expire, clocks that differ by a hundredth, and leaders that are killed and paused", shape_expiry,
     focus_expiry},
    {Scenario::kJoins, "joins", "workers join and leave while little else happens", shape_joins, focus_joins},
    {Scenario::kMoves, "moves",
     "the same, with kills, cuts and pauses at every step; members lose their disks, and are lost for good",
     shape_moves, focus_moves},
    {Scenario::kOutsiders, "outsiders",
     "the same, and leaders are cut off with those who have a replica and no vote, of whom alone a broker hears",
     shape_outsiders, focus_outsiders},
    {Scenario::kLateWishes, "late-wishes",
     "workers join and are removed while a broker stands still with their wish to join", shape_late_wishes,
     focus_late_wishes},
    {Scenario::kZones, "zones", "six workers in three zones, of which one is lost at a time: every request is served",
     shape_zones, focus_zones},
    {Scenario::kRepair, "repair",
     "members are lost and nobody says so, or come back in the middle; disks are damaged and healed; all start anew",
     shape_repair, focus_repair},
    {Scenario::kRecover, "recover", "members are lost until no majority is left, and two brokers recover the cluster",
     shape_recover, focus_recover},
    {Scenario::kDisputes, "disputes", "the same, and the network falls in two, or lost ones are back in the middle",
     shape_disputes, focus_recover},
    {Scenario::kRoles, "roles", "a user whose rights change, who comes and goes, among members, and any fault",
     shape_roles, nullptr},
    {Scenario::kBackups, "backups", "backups of one moment while pairs of keys are written, and leaders are killed",
     shape_backups, focus_backups},
    {Scenario::kGroup, "group", "the replicas of one partition by themselves, many elections", nullptr, nullptr},
    {Scenario::kMembers, "members", "the same, and members come, go and are lost for good, by one target after another",
     nullptr, nullptr},
});

constexpr bool is_whole() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].scenario != static_cast<Scenario>(i)) return false;
  }
  return kRows.size() == kScenarioCount;
}
static_assert(is_whole(), "each scenario has one row, in the order of the enumeration");

}  // namespace

std::span<const ScenarioRow> all_scenarios() { return kRows; }

const ScenarioRow& row_of(Scenario scenario) { return kRows[static_cast<std::size_t>(scenario)]; }

std::optional<Scenario> scenario_of(std::string_view name) {
  const auto row =
      std::find_if(kRows.begin(), kRows.end(), [name](const ScenarioRow& each) { return each.name == name; });
  return row == kRows.end() ? std::nullopt : std::optional(row->scenario);
}

}  // namespace trellis::sim

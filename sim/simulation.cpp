#include "sim/simulation.hpp"

#include <fstream>
#include <memory>
#include <utility>

#include "sim/checker/checker.hpp"
#include "sim/faults.hpp"
#include "sim/group/group.hpp"

namespace trellis::sim {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kTraceLines = 150;
/// After the faults have ended, all has to be well again within this time.
constexpr Duration kWellWithin = std::chrono::seconds(20);
/// The same where members have to come and go first.
constexpr Duration kSettledWithin = std::chrono::seconds(60);
/// After the faults every partition serves within this.
constexpr std::chrono::seconds kServedWithin{10};
constexpr Duration kStep = milliseconds(100);
/// How far a log may grow beyond what its settings allow.
constexpr std::uint64_t kGrowthSlack = 64 << 10;

/// Bounds that a few clients reach.
void draw_narrow_limits(BrokerLimits& limits, Random& random) {
  if (random.chance(0.5)) limits.requests_per_client = static_cast<std::size_t>(random.between(1, 3));
  if (random.chance(0.5)) limits.requests = static_cast<std::size_t>(random.between(2, 8));
  if (random.chance(0.5)) limits.bytes = 3'000;
  if (random.chance(0.5)) limits.bytes_per_worker = 1'000;
  if (random.chance(0.5)) limits.batch_reply = 300;
}

/// What a run of kAny takes its faults from: a directed scenario, half of the time.
Scenario drawn_scenario(Random& random) {
  static const std::vector<Scenario> directed{Scenario::kElections, Scenario::kLaggards,   Scenario::kLeaders,
                                              Scenario::kBlackouts, Scenario::kSeclusions, Scenario::kSeclusions,
                                              Scenario::kTwoLives,  Scenario::kFives,      Scenario::kFives,
                                              Scenario::kFewLeft,   Scenario::kHiccups,    Scenario::kSessions};
  return random.chance(0.5) ? random.pick(directed) : Scenario::kAny;
}

ClusterShape draw_shape(Random& random) {
  ClusterShape shape;
  const std::uint64_t dice = random.below(10);
  shape.workers = dice < 6 ? 3 : dice < 7 ? 1 : dice < 8 ? 2 : dice < 9 ? 4 : 5;
  shape.k = shape.workers >= 5 && random.chance(0.7) ? 3 : shape.workers == 1 ? 1 : 2;
  shape.brokers = static_cast<std::size_t>(random.between(1, 2));
  shape.clients = static_cast<std::size_t>(random.between(2, 4));
  shape.raw_clients = static_cast<std::size_t>(random.between(0, 2));
  shape.partitions = 1u << random.below(3);
  shape.snapshot_log_bytes = static_cast<std::uint64_t>(4096) << random.below(6);
  shape.tail_bytes = shape.snapshot_log_bytes >> (1 + random.below(3));
  shape.clock_drift = random.chance(0.4) ? 0 : random.between(0, random.chance(0.5) ? 50'000 : 300'000);
  shape.workload.keys = static_cast<std::size_t>(random.between(2, 14));
  shape.workload.under_way = static_cast<std::size_t>(random.between(1, 3));
  shape.workload.think_max = random.between(milliseconds(5), milliseconds(100));
  shape.workload.padding_max = random.chance(0.3) ? 2000 : 100;
  // Half of the clusters have brokers that let go of nearly every share of a listing, and ask for it again.
  if (random.chance(0.5)) shape.limits.page_held = 200;
  // And half have replicas that take in nearly every backlog in pieces, over several turns.
  if (random.chance(0.5)) shape.piece_size = 300;
  // In half of them what is to be sent on leaves nearly at once, not at the end of a turn.
  if (random.chance(0.5)) shape.limits.sent_on_at = shape.replies_sent_at = 100;
  if (random.chance(0.3)) shape.refused_sends = 0.01;
  if (random.chance(0.2)) draw_narrow_limits(shape.limits, random);
  return shape;
}

/// @param is_drawn  the scenario was not asked for: its faults may come in a cluster of another shape
ClusterShape draw_shape(Random& random, const ScenarioRow& row, bool is_drawn) {
  ClusterShape shape = draw_shape(random);
  if (row.shape != nullptr && !(is_drawn && random.chance(0.3))) row.shape(shape);
  return shape;
}

ClusterShape shape_of(const RunSettings& settings, const ScenarioRow& row, Random& random) {
  ClusterShape shape = draw_shape(random, row, settings.scenario == Scenario::kAny);
  if (settings.workers != 0) shape.workers = settings.workers;
  if (settings.partitions != 0) shape.partitions = settings.partitions;
  return shape;
}

void draw_conditions(Cluster& cluster, Random& random) {
  NetworkConditions& network = cluster.network().conditions;
  network.delay_max = random.chance(0.5) ? Duration(500) : random.between(Duration(1'000), Duration(30'000));
  network.loss = random.chance(0.5) ? 0 : 0.01;
  network.doubling = random.chance(0.5) ? 0 : 0.01;
  network.overtaking = random.chance(0.5) ? 0 : 0.02;
  network.overtaken_by = random.chance(0.8) ? milliseconds(200) : milliseconds(5'000);
  for (std::size_t i = 0; i < cluster.workers(); ++i) {
    DiskConditions& disk = cluster.worker(i).disk().conditions;
    disk.sync_max = random.chance(0.5) ? Duration(2'000) : random.between(Duration(2'000), Duration(40'000));
    disk.at_once = random.chance(0.5) ? 0.7 : 0;
    disk.stall = random.chance(0.3) ? 0.02 : 0;
    disk.stall_max = random.chance(0.7) ? milliseconds(200) : milliseconds(2'000);
  }
}

class Run {
 public:
  explicit Run(const RunSettings& settings)
      : settings_(settings),
        world_(settings.seed),
        row_(row_of(settings.scenario == Scenario::kAny ? drawn_scenario(world_.random()) : settings.scenario)),
        cluster_(world_, shape_of(settings, row_, world_.random()), settings_.mutations) {
    if (settings.prints_trace) world_.print_all();
  }

  RunOutcome run() {
    say_shape();
    draw_conditions(cluster_, world_.random());
    Faults faults(cluster_);
    if (row_.focus != nullptr) row_.focus(faults, cluster_);
    const TimePoint start = world_.now();
    const TimePoint end = start + settings_.length;
    cluster_.start();
    if (world_.random().chance(0.7)) world_.run_until(start + std::chrono::seconds(4));
    faults.begin();
    world_.run_until(end);
    faults.end();
    if (settings_.scenario == Scenario::kSlowLinks) check_leaders();
    finish_clients();
    probe();
    await_level();
    if (cluster_.shape().has_roles) cluster_.roles().check_end();
    check_growth();
    return check_all(start);
  }

 private:
  void say_shape() {
    const ClusterShape& shape = cluster_.shape();
    world_.say(std::string(row_.name) + ": " + std::to_string(shape.workers) +
               " workers, k=" + std::to_string(shape.k) + ", " + std::to_string(shape.partitions) + " partitions, " +
               std::to_string(shape.brokers) + " brokers, " + std::to_string(shape.clients) + " clients");
  }

  bool wait_for(const std::function<bool()>& holds, Duration within) {
    const TimePoint until = world_.now() + within;
    while (!world_.violation() && world_.now() < until) {
      if (holds()) return true;
      world_.run_until(world_.now() + kStep);
    }
    return holds();
  }

  void finish_clients() {
    cluster_.backups().finish();
    cluster_.roles().finish();
    for (std::size_t i = 0; i < cluster_.clients(); ++i) cluster_.client(i).finish();
    for (std::size_t i = 0; i < cluster_.raw_clients(); ++i) cluster_.raw_client(i).finish();
    const auto all_have = [this] {
      for (std::size_t i = 0; i < cluster_.clients(); ++i) {
        if (!cluster_.client(i).has_finished()) return false;
      }
      for (std::size_t i = 0; i < cluster_.raw_clients(); ++i) {
        if (!cluster_.raw_client(i).has_finished()) return false;
      }
      return true;
    };
    if (!wait_for(all_have, kWellWithin)) world_.violate("a client waits for an answer for ever");
  }

  /// One of each partition.
  std::vector<std::string> probe_keys() const {
    std::vector<std::string> keys;
    for (std::uint32_t i = 0; i < cluster_.shape().partitions; ++i) {
      for (int n = 0;; ++n) {
        const std::string key = "probe/" + std::to_string(n);
        if (partition_of(key, cluster_.shape().partitions) == PartitionId{i}) {
          keys.push_back(key);
          break;
        }
      }
    }
    return keys;
  }

  /// Every partition serves: a write and a read of it are answered.  Then every key is read once more.
  void probe() {
    const std::vector<std::string> keys = probe_keys();
    std::size_t open = 0;
    std::vector<std::string> refused;
    const auto ask = [&](Command command, const std::string& key) {
      ++open;
      cluster_.client(0).probe(command, key, [&open, &refused, key](bool ok) {
        --open;
        if (!ok) refused.push_back(key);
      });
    };
    // What the brokers know of the workers may be a moment old when the faults end: a refusal is asked again for a
    // while.
    const auto serves_all = [&](Command command) {
      const TimePoint until = world_.now() + kServedWithin;
      for (std::vector<std::string> asked = keys; !world_.violation(); asked = std::exchange(refused, {})) {
        for (const std::string& key : asked) ask(command, key);
        wait_for([&] { return open == 0; }, std::chrono::seconds(25));
        if (refused.empty()) return;
        if (world_.now() >= until) {
          world_.violate("after all faults have ended, " + refused.front() + " is not served");
        }
        world_.run_until(world_.now() + kStep);
      }
    };
    serves_all(Command::kPut);
    serves_all(Command::kGet);
    for (std::size_t i = 0; i < cluster_.shape().workload.keys; ++i) {
      ask(Command::kGet, (i % 2 == 0 ? "a/" : "b/") + std::to_string(i));
    }
    if (!wait_for([&] { return open == 0; }, std::chrono::seconds(25))) {
      world_.violate("a probe waits for an answer for ever");
    }
  }

  void await_level() {
    std::string why_not;
    const Duration within = cluster_.shape().changes_members ? kSettledWithin : kWellWithin;
    if (!wait_for([&] { return cluster_.is_level(why_not); }, within)) {
      world_.violate("after all faults have ended: " + why_not);
    }
    // Requests of clients that have gone, or got their answer from another broker, end with their deadlines.
    const auto nothing_is_under_way = [this] {
      for (std::size_t i = 0; i < cluster_.brokers(); ++i) {
        if (cluster_.broker(i).broker()->requests_under_way() != 0) return false;
      }
      return true;
    };
    if (!wait_for(nothing_is_under_way, kWellWithin)) {
      world_.violate("a broker holds requests that nobody waits for");
    }
  }

  /// Where no process fails, each partition gets its first leader, and the one that is preferred.
  void check_leaders() {
    const std::uint64_t leaders = cluster_.counters().leaders;
    if (leaders <= std::uint64_t{2} * cluster_.shape().partitions) return;
    world_.violate(std::to_string(leaders) + " leaders of " + std::to_string(cluster_.shape().partitions) +
                   " partitions in turn, and no process has failed");
  }

  /// Nothing has grown beyond what its owner's settings allow.  What gathered while a disk stood still, or while a
  /// snapshot could not be written, goes with the next entries: so there are some more where it is too much.
  void check_growth() {
    const TimePoint until = world_.now() + kWellWithin;
    while (!world_.violation()) {  // After one a worker may be gone.
      const std::string what = growth();
      if (what.empty()) return;
      if (world_.now() >= until) return world_.violate(what);
      std::size_t open = 0;
      for (const std::string& key : probe_keys()) {
        ++open;
        cluster_.client(0).probe(Command::kPut, key, [&open](bool) { --open; });
      }
      wait_for([&open] { return open == 0; }, std::chrono::seconds(25));
      world_.run_until(world_.now() + kStep);
    }
  }

  /// What has grown too much, for people; nothing where all is well.
  std::string growth() {
    const ClusterShape& shape = cluster_.shape();
    for (std::size_t i = 0; i < cluster_.workers(); ++i) {
      WorkerProcess& worker = cluster_.worker(i);
      if (!worker.is_expected()) continue;
      if (!worker.is_up()) return worker.name() + " is down in the end";
      std::uint64_t allowed = kGrowthSlack;  // The cluster map, too.
      for (const auto& [id, partition] : worker.shard()->partitions()) {
        // A snapshot is overdue at four times the log that it is due at; more gathers while it is written; its tail.
        allowed += 6 * std::max<std::uint64_t>(shape.snapshot_log_bytes, partition->state().bytes()) +
                   shape.tail_bytes + kGrowthSlack;
      }
      const std::string who = worker.name() + ", in the end: ";
      if (worker.disk().log_bytes() > allowed) {
        return who + std::to_string(worker.disk().log_bytes()) + " bytes of log, " + std::to_string(allowed) +
               " are allowed";
      }
      // The one in use, one that a peer may still fetch, and one being written.
      const std::size_t files = 3 * worker.shard()->partitions().size();
      if (worker.disk().snapshots() > files) {
        return who + std::to_string(worker.disk().snapshots()) + " snapshot files, " + std::to_string(files) +
               " are allowed";
      }
    }
    return {};
  }

  RunOutcome check_all(TimePoint start) {
    RunOutcome outcome;
    History& history = cluster_.history();
    if (!settings_.history_file.empty()) {
      std::ofstream file(settings_.history_file);
      write_history(file, history);
    }
    if (!world_.violation()) {
      const Verdict verdict = check(history);
      if (!verdict.violations.empty()) {
        outcome.details = to_text(verdict, history);
        world_.violate("the history is wrong: " + verdict.violations.front().reason);
      }
    }
    if (world_.violation()) {
      outcome.violation = *world_.violation();
      outcome.details = world_.trace_tail(kTraceLines) + outcome.details;
    }
    outcome.trace_hash = world_.trace_hash();
    outcome.events = world_.events();
    outcome.simulated = world_.now() - start;
    outcome.operations = history.operations.size();
    outcome.messages = cluster_.network().carried();
    outcome.messages_lost = cluster_.network().lost();
    outcome.counters = cluster_.counters();
    return outcome;
  }

  RunSettings settings_;
  World world_;
  const ScenarioRow& row_;  ///< What it concentrates on.
  Cluster cluster_;
};

RunOutcome run_one_group(const RunSettings& settings) {
  GroupSettings group;
  group.seed = settings.seed;
  group.length = settings.length;
  group.changes_members = settings.scenario == Scenario::kMembers;
  group.mutations = settings.mutations;
  group.prints_trace = settings.prints_trace;
  return run_group(group);
}

}  // namespace

RunOutcome run_simulation(const RunSettings& settings) {
  return is_of_group(settings.scenario) ? run_one_group(settings) : std::make_unique<Run>(settings)->run();
}

}  // namespace trellis::sim

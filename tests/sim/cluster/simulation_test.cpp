// The simulator checked: a seed repeats itself, and the cluster is well under any of some seeds.
#include "sim/simulation.hpp"

#include <gtest/gtest.h>

#include "sim/runs.hpp"

namespace trellis::sim {
namespace {

TEST(Simulation, ASeedRepeatsItsTraceByteForByte) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    RunSettings settings;
    settings.seed = seed;
    settings.length = std::chrono::seconds(10);
    const RunOutcome first = run_simulation(settings);
    const RunOutcome second = run_simulation(settings);
    EXPECT_EQ(first.trace_hash, second.trace_hash) << "seed " << seed;
    EXPECT_GT(first.operations, 0u);
  }
}

TEST(Simulation, TheClusterIsWellUnderTheFaultsOfAHundredSeeds) {
  RunsSettings settings;
  settings.run.length = std::chrono::seconds(10);
  settings.count = 100;
  EXPECT_TRUE(run_many(settings).empty());
}

TEST(Simulation, TheClusterIsWellInDirectedScenarios) {
  for (const ScenarioRow& row : all_scenarios()) {
    if (row.scenario == Scenario::kAny || row.scenario == Scenario::kSlowLinks || is_of_group(row.scenario)) continue;
    RunsSettings settings;
    settings.run.length = std::chrono::seconds(10);
    settings.run.scenario = row.scenario;
    settings.count = 10;
    EXPECT_TRUE(run_many(settings).empty()) << "scenario " << row.name;
  }
}

TEST(Simulation, ManyWorkersWithManyPartitionsAreWellWhileMembersComeAndGo) {
  RunsSettings settings;
  settings.run.length = std::chrono::seconds(8);
  settings.run.scenario = Scenario::kJoins;
  settings.run.workers = 12;
  settings.run.partitions = 128;
  settings.count = 1;
  EXPECT_TRUE(run_many(settings).empty());
}

TEST(Simulation, NothingUrgentWaitsBehindDocumentsOnSlowLinks) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    RunSettings settings;
    settings.seed = seed;
    settings.scenario = Scenario::kSlowLinks;
    const RunOutcome outcome = run_simulation(settings);
    EXPECT_EQ(outcome.violation, "") << "seed " << seed;
    EXPECT_GE(outcome.counters.ok, 30u) << "seed " << seed;
  }
}

TEST(Simulation, OlderCopiesOfAFolderAreRefused) {
  RunSettings settings;
  settings.scenario = Scenario::kCopies;
  const RunOutcome outcome = run_simulation(settings);
  EXPECT_EQ(outcome.violation, "");
  EXPECT_GE(outcome.counters.copies_refused, 3u);
}

TEST(Simulation, AGroupOfReplicasIsWellWhetherItsMembersChangeOrNot) {
  for (const Scenario scenario : {Scenario::kGroup, Scenario::kMembers}) {
    RunsSettings settings;
    settings.run.length = std::chrono::seconds(20);
    settings.run.scenario = scenario;
    settings.count = 500;
    EXPECT_TRUE(run_many(settings).empty()) << "scenario " << static_cast<int>(scenario);
  }
}

}  // namespace
}  // namespace trellis::sim

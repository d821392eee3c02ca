// Does it find bugs?  Each of these faults is put into the system on purpose, and has to be found.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "sim/runs.hpp"

namespace trellis::sim {
namespace {

struct Plant {
  const char* name;  ///< Several, with a + between them, where one alone is made good by another guard.
  Scenario scenario;
  std::uint64_t runs_max = 400;
};

void PrintTo(const Plant& plant, std::ostream* out) { *out << plant.name; }

class PlantedFault : public ::testing::TestWithParam<Plant> {};

RunsSettings runs_of(const Plant& plant) {
  RunsSettings settings;
  settings.run.length = std::chrono::seconds(20);
  settings.run.scenario = plant.scenario;
  std::istringstream names(plant.name);
  for (std::string name; std::getline(names, name, '+');) settings.run.plants.names.insert(name);
  settings.count = plant.runs_max;
  settings.is_quiet = true;
  settings.ends_at_first_failure = true;
  return settings;
}

TEST_P(PlantedFault, IsFound) { EXPECT_FALSE(run_many(runs_of(GetParam())).empty()); }

/// A worker leads a term in one life at most: what was said to an earlier one names an earlier term.
TEST(Confirmations, AreGuardedByTermWhereTheNonceIsIgnoredAndByNonceAndRoundWhereTheTermIs) {
  EXPECT_TRUE(run_many(runs_of({"nonce-ignored", Scenario::kTwoLives, 50})).empty());
  EXPECT_TRUE(run_many(runs_of({"term-ignored", Scenario::kTwoLives, 50})).empty());
}

INSTANTIATE_TEST_SUITE_P(
    All, PlantedFault,
    ::testing::Values(Plant{"ack-before-sync", Scenario::kAny}, Plant{"synced-tail-lost", Scenario::kAny},
                      Plant{"torn-batch", Scenario::kAny}, Plant{"vote-forgotten", Scenario::kElections},
                      Plant{"truncate-ignored", Scenario::kGroup, 10'000},
                      Plant{"commit-hint-ahead", Scenario::kElections}, Plant{"snapshot-wrong-index", Scenario::kAny},
                      Plant{"no-sessions-in-snapshot", Scenario::kAny}, Plant{"no-barrier", Scenario::kAny},
                      Plant{"no-trim", Scenario::kLaggards}, Plant{"no-gate", Scenario::kGroup, 10'000},
                      Plant{"no-clamp", Scenario::kGroup}, Plant{"no-configurations", Scenario::kMembers, 2'000},
                      Plant{"earlier-confirmation", Scenario::kTwoLives},
                      Plant{"nonce-ignored+term-ignored", Scenario::kTwoLives, 4'000},
                      Plant{"unconfirmed-read", Scenario::kAny}, Plant{"new-seq-on-retry", Scenario::kAny},
                      Plant{"vouch-for-later", Scenario::kSeclusions, 4'000}, Plant{"wrong-reply", Scenario::kAny},
                      Plant{"mark-dropped", Scenario::kAny}, Plant{"mark-added", Scenario::kAny},
                      Plant{"warning-dropped", Scenario::kAny}, Plant{"logs-grow", Scenario::kLaggards},
                      Plant{"floor-ignored", Scenario::kSessions}, Plant{"sessions-grow", Scenario::kSessions},
                      Plant{"answers-grow", Scenario::kSessions}, Plant{"older-copies-taken", Scenario::kCopies},
                      Plant{"bulk-is-urgent", Scenario::kSlowLinks}, Plant{"page-skips-key", Scenario::kAny},
                      Plant{"page-out-of-order", Scenario::kAny}),
    [](const auto& info) {
      std::string name = info.param.name;
      std::replace(name.begin(), name.end(), '-', '_');
      std::replace(name.begin(), name.end(), '+', '_');
      return name;
    });

}  // namespace
}  // namespace trellis::sim

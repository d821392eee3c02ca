// Does it find bugs?  Each of these faults is put into the system on purpose, and has to be found.
#include <gtest/gtest.h>

#include "sim/runs.hpp"

namespace trellis::sim {
namespace {

struct Plant {
  const char* name;
  Scenario scenario;
  std::uint64_t runs_max = 400;
};

void PrintTo(const Plant& plant, std::ostream* out) { *out << plant.name; }

class PlantedFault : public ::testing::TestWithParam<Plant> {};

TEST_P(PlantedFault, IsFound) {
  RunsSettings settings;
  settings.run.length = std::chrono::seconds(20);
  settings.run.scenario = GetParam().scenario;
  settings.run.plants.names = {GetParam().name};
  settings.count = GetParam().runs_max;
  settings.is_quiet = true;
  settings.ends_at_first_failure = true;
  EXPECT_FALSE(run_many(settings).empty());
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
                      Plant{"unconfirmed-read", Scenario::kAny}, Plant{"new-seq-on-retry", Scenario::kAny},
                      Plant{"vouch-for-later", Scenario::kSeclusions, 4'000},
                      Plant{"wrong-reply", Scenario::kAny}, Plant{"mark-dropped", Scenario::kAny},
                      Plant{"mark-added", Scenario::kAny}, Plant{"warning-dropped", Scenario::kAny},
                      Plant{"logs-grow", Scenario::kLaggards}, Plant{"sessions-grow", Scenario::kSessions},
                      Plant{"answers-grow", Scenario::kSessions}, Plant{"page-skips-key", Scenario::kAny},
                      Plant{"page-out-of-order", Scenario::kAny}),
    [](const auto& info) {
      std::string name = info.param.name;
      for (char& c : name) c = c == '-' ? '_' : c;
      return name;
    });

}  // namespace
}  // namespace trellis::sim

// The simulator's tables: what they name is found by that name, and a slip is met with the nearest one.
#include <gtest/gtest.h>

#include "sim/mutations/mutations.hpp"
#include "sim/nearest_name.hpp"
#include "sim/scenario.hpp"

namespace trellis::sim {
namespace {

TEST(Tables, EveryScenarioAndMutationIsFoundByItsNameAndNoOther) {
  for (const ScenarioRow& row : all_scenarios()) EXPECT_EQ(scenario_of(row.name), row.scenario) << row.name;
  for (const MutationRow& row : all_mutations()) EXPECT_EQ(mutation_of(row.name), row.mutation) << row.name;
  EXPECT_FALSE(scenario_of("seclusion"));
  EXPECT_FALSE(mutation_of("no-barier"));
  EXPECT_FALSE(mutation_of(""));
}

TEST(Tables, ASlipIsMetWithTheNearestName) {
  EXPECT_EQ(nearest_name("no-barier", {"no-gate", "no-barrier", "torn-batch"}), "no-barrier");
  EXPECT_EQ(nearest_name("no-gates", {"no-gate", "no-barrier", "torn-batch"}), "no-gate");
  EXPECT_EQ(unknown_name("mutation", "tornbatch", {"no-gate", "torn-batch"}),
            "there is no mutation tornbatch; the nearest one is torn-batch");
}

}  // namespace
}  // namespace trellis::sim

// Does it find bugs?  Each mutation is put into the system on purpose, and has to be found by the scenario that its row
// names.
#include "sim/mutations/mutations.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/runs.hpp"

namespace trellis::sim {

void PrintTo(const MutationRow& row, std::ostream* out) { *out << row.name; }

namespace {

RunsSettings runs_of(const MutationRow& row, std::uint64_t count) {
  RunsSettings settings;
  settings.run.length = std::chrono::seconds(20);
  settings.run.scenario = row.scenario;
  settings.run.mutations.add(row.mutation);
  settings.count = count;
  settings.is_quiet = true;
  settings.ends_at_first_failure = true;
  return settings;
}

/// What is found in each n-th seed is missed by so many with a probability of e to the -15th.
std::uint64_t seeds_enough(const Found& found) { return 15 * found.of / found.seeds + 1; }

class EachMutation : public ::testing::TestWithParam<MutationRow> {};

TEST_P(EachMutation, IsFound) {
  const MutationRow& row = GetParam();
  RunsSettings settings = runs_of(row, seeds_enough(row.found));
  if (row.with) settings.run.mutations.add(*row.with);
  EXPECT_FALSE(run_many(settings).empty());
}

/// A worker leads a term in one incarnation at most: what was said to an earlier one names an earlier term.
TEST(Confirmations, AreGuardedByTermWhereTheNonceIsIgnoredAndByNonceAndRoundWhereTheTermIs) {
  EXPECT_TRUE(run_many(runs_of(row_of(Mutation::kNonceIgnored), 50)).empty());
  EXPECT_TRUE(run_many(runs_of(row_of(Mutation::kTermIgnored), 50)).empty());
}

/// The mutations that are to be found; where two are found together only, the first stands for both.
std::vector<MutationRow> rows_to_find() {
  std::vector<MutationRow> rows;
  for (const MutationRow& row : all_mutations()) {
    if (row.found.seeds > 0 && (!row.with || row.mutation < *row.with)) rows.push_back(row);
  }
  return rows;
}

INSTANTIATE_TEST_SUITE_P(All, EachMutation, ::testing::ValuesIn(rows_to_find()), [](const auto& info) {
  std::string name(info.param.name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace trellis::sim

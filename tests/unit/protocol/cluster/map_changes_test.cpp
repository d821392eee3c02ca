// Each change makes the next version of the map, or says why it cannot be.
#include "protocol/cluster/map_changes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trellis {
namespace {

using ::testing::HasSubstr;

ClusterMap map_of(std::size_t workers, std::uint32_t k = 2) {
  ClusterSpec spec{k, 4, {}};
  for (std::size_t i = 1; i <= workers; ++i) spec.workers.emplace_back(WorkerId{i}, "w" + std::to_string(i) + ":1");
  ClusterMap map = make_cluster_map(std::string(32, 'a'), spec);
  map.formed = true;
  map.version = kFormedVersion;
  return map;
}

TEST(MapChanges, AMemberComesAsJoiningAndIsOneOnceItHasItsReplicas) {
  const ClusterMap before = map_of(3);
  const auto joining = with_member(before, {9}, "w9:1");
  ASSERT_TRUE(joining);
  EXPECT_EQ(joining->version, before.version + 1);
  EXPECT_EQ(joining->find({9})->state, MemberState::kJoining);
  EXPECT_EQ(joining->find({9})->since, joining->version);
  const auto settled = with_settled(*joining, {9});
  ASSERT_TRUE(settled);
  EXPECT_EQ(settled->find({9})->state, MemberState::kMember);
  EXPECT_EQ(settled->partitions, joining->partitions);
}

TEST(MapChanges, WhatIsSoAlreadyChangesNothing) {
  const ClusterMap map = *with_member(map_of(4), {9}, "w9:1");
  EXPECT_EQ(*with_member(map, {9}, "w9:1"), map);
  EXPECT_EQ(*with_kept(map, {9}), map);
  EXPECT_EQ(*with_settled(map, {1}), map);
  EXPECT_EQ(*with_k(map, 2), map);
  EXPECT_EQ(*without_member(map, {77}), map);
  const ClusterMap leaving = *with_removal(map, {9}, false);
  EXPECT_EQ(*with_removal(leaving, {9}, false), leaving);
}

TEST(MapChanges, AnAddressHasOneMember) {
  const auto taken = with_member(map_of(3), {9}, "w2:1");
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr("w2:1 belongs to member 0000000000000002"));
  const auto moved = with_member(map_of(3), {2}, "elsewhere:1");
  ASSERT_FALSE(moved);
  EXPECT_THAT(moved.error().message, HasSubstr("at w2:1"));
}

TEST(MapChanges, AReplacementTakesTheAddressOfAMemberThatIsOneNoMore) {
  const ClusterMap before = map_of(3);
  const auto after = with_replacement(before, {9}, "w2:1");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->find({2}), nullptr);
  EXPECT_EQ(after->find_address("w2:1")->id, WorkerId{9});
  for (const Placement& placement : after->partitions) EXPECT_NE(placement.find({9}), nullptr);
}

TEST(MapChanges, ARemovalThatLeavesTooFewIsRefusedUnlessItIsAllowed) {
  const auto refused = with_removal(map_of(3), {2}, false);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("add one first (trellis-worker --join), or lower k"));
  const auto allowed = with_removal(map_of(3), {2}, true);
  ASSERT_TRUE(allowed);
  EXPECT_EQ(allowed->replica_count(), 2u);
  EXPECT_TRUE(check(*allowed));
  const auto beyond = with_removal(*allowed, {1}, true);
  ASSERT_FALSE(beyond) << "fewer than k";
  EXPECT_EQ(with_removal(map_of(3), {77}, false).error().code, Code::kNotFound);
}

TEST(MapChanges, WhoLeavesCarriesNothingAndGoesOnceItIsTold) {
  const ClusterMap before = map_of(4);
  const ClusterMap leaving = *with_removal(before, {2}, false);
  for (const Placement& placement : leaving.partitions) EXPECT_EQ(placement.find({2}), nullptr);
  EXPECT_NE(leaving.find({2}), nullptr);
  EXPECT_FALSE(without_member(before, {2})) << "it does not leave";
  const ClusterMap gone = *without_member(leaving, {2});
  EXPECT_EQ(gone.find({2}), nullptr);
  EXPECT_TRUE(check(gone));
  EXPECT_EQ(with_kept(leaving, {2})->find({2})->state, MemberState::kJoining);
}

TEST(MapChanges, KIsAtMostTheNumberOfMembersThatStay) {
  EXPECT_FALSE(with_k(map_of(3), 4));
  EXPECT_FALSE(with_k(map_of(3), 0));
  EXPECT_TRUE(with_k(map_of(3), 3));
  EXPECT_FALSE(with_k(*with_removal(map_of(4), {2}, false), 4));
}

TEST(MapChanges, SettingsChangeTogetherAndNothingMoves) {
  const ClusterMap before = map_of(3);
  const auto after = with_settings(before, {.k = {}, .moves = 4, .move_rate = 1 << 20});
  ASSERT_TRUE(after);
  EXPECT_EQ(after->version, before.version + 1);
  EXPECT_EQ(after->move_limits, (MoveLimits{4, 1 << 20}));
  EXPECT_EQ(after->partitions, before.partitions);
  EXPECT_EQ(*with_settings(*after, {.k = 2, .moves = 4, .move_rate = {}}), *after);
  EXPECT_EQ(with_settings(before, {.k = {}, .moves = kMovesMax + 1, .move_rate = {}}).error().code,
            Code::kInvalidArgument);
}

TEST(MapChanges, TheTimeForRepairIsWithinItsBounds) {
  const ClusterMap before = map_of(3);
  const auto of = [](std::chrono::milliseconds time) {
    return SettingsChange{.k = {}, .moves = {}, .move_rate = {}, .repair_after = time};
  };
  EXPECT_EQ(with_settings(before, of(kRepairAfterMin))->repair_after, kRepairAfterMin);
  EXPECT_EQ(with_settings(before, of({}))->repair_after, std::chrono::milliseconds(0));
  EXPECT_FALSE(with_settings(before, of(kRepairAfterMin - std::chrono::milliseconds(1))));
  EXPECT_FALSE(with_settings(before, of(kRepairAfterMax + std::chrono::milliseconds(1))));
}

TEST(MapChanges, WhatAMemberCarriesThatLeavesDoesNotGoToOneThatIsDown) {
  const ClusterMap before = map_of(6);
  const ClusterMap after = *with_removal(before, {1}, false, {WorkerId{2}, WorkerId{3}});
  for (std::uint32_t i = 0; i < after.partition_count(); ++i) {
    for (const std::uint64_t down : {2, 3}) {
      EXPECT_EQ(after.partitions[i].find({down}) != nullptr, before.partitions[i].find({down}) != nullptr);
    }
  }
}

TEST(MapChanges, AMemberIsNamedByItsIdOrItsAddress) {
  const ClusterMap map = map_of(3);
  EXPECT_EQ(find_member(map, "w2:1")->id, WorkerId{2});
  EXPECT_EQ(find_member(map, "0000000000000003")->id, WorkerId{3});
  EXPECT_EQ(find_member(map, "3"), nullptr);
}

}  // namespace
}  // namespace trellis

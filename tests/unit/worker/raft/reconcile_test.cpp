// From a configuration to a target: which change comes next.
#include "worker/raft/reconcile.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace trellis {
namespace {

constexpr LogIndex kLast{100};

ReplicaPlace place(std::uint64_t id) { return {{id}, {100 + id}}; }

MemberView member(std::uint64_t id, ReplicaRole role = ReplicaRole::kVoter) {
  return {place(id), role, kLast, true, false};
}
MemberView standby(std::uint64_t id) { return member(id, ReplicaRole::kStandby); }
MemberView dead(std::uint64_t id) { return {place(id), ReplicaRole::kVoter, {}, false, true}; }

/// Replica 1 leads.
GroupView group(std::vector<MemberView> members) { return {{1}, {50}, kLast, std::move(members)}; }

GroupTarget target(std::size_t k, std::initializer_list<std::uint64_t> ids) {
  GroupTarget target{{}, k};
  for (const std::uint64_t id : ids) target.replicas.push_back(place(id));
  return target;
}

GroupStep step(MemberChange change, std::uint64_t id) { return {change, place(id)}; }

TEST(Reconcile, AGroupThatIsAsItShouldBeStaysSo) {
  EXPECT_EQ(next_step(group({member(1), member(2), member(3)}), target(2, {3, 2, 1})), std::nullopt);
}

TEST(Reconcile, ANewcomerIsAddedMadeAStandbyAndGivenTheVote) {
  const GroupTarget to = target(2, {1, 2, 4});
  EXPECT_EQ(next_step(group({member(1), member(2), member(3)}), to), step(MemberChange::kAdd, 4));
  EXPECT_EQ(next_step(group({member(1), member(2), member(3), member(4, ReplicaRole::kSpare)}), to),
            step(MemberChange::kMakeStandby, 4));
  EXPECT_EQ(next_step(group({member(1), member(2), member(3), standby(4)}), to), step(MemberChange::kPromote, 4));
}

TEST(Reconcile, WhoLeavesIsRemovedOnceItsNewcomerHasTheVote) {
  const GroupTarget to = target(2, {1, 2, 4});
  GroupView before = group({member(1), member(2), member(3), standby(4)});
  before.members[3].match = {10};
  EXPECT_EQ(next_step(before, to), std::nullopt) << "the newcomer is behind";
  EXPECT_EQ(next_step(group({member(1), member(2), member(3), member(4)}), to), step(MemberChange::kRemove, 3));
}

TEST(Reconcile, ANewcomerIsLevelWithin64EntriesAndHoldsTheConfigurationInForce) {
  GroupView view = group({member(1), standby(2)});
  const GroupTarget to = target(2, {1, 2});
  view.last = {200};
  view.members[1].match = {200 - kLevelForVote};
  EXPECT_EQ(next_step(view, to), step(MemberChange::kPromote, 2));
  view.members[1].match = {200 - kLevelForVote - 1};
  EXPECT_EQ(next_step(view, to), std::nullopt);
  view.members[1].match = {200 - kLevelForVote};
  view.configuration = {200 - kLevelForVote + 1};
  EXPECT_EQ(next_step(view, to), std::nullopt);
}

TEST(Reconcile, ADeadVoterIsRemovedFirstOnceItsNewcomerIsLevel) {
  const GroupTarget to = target(2, {1, 2, 4});
  EXPECT_EQ(next_step(group({member(1), member(2), dead(3)}), to), step(MemberChange::kAdd, 4));
  GroupView view = group({member(1), member(2), dead(3), standby(4)});
  EXPECT_EQ(next_step(view, to), step(MemberChange::kRemove, 3));
  view.members[3].match = {10};
  EXPECT_EQ(next_step(view, to), std::nullopt);
  EXPECT_EQ(next_step(group({member(1), member(2), standby(4)}), to), step(MemberChange::kPromote, 4));
}

TEST(Reconcile, ADeadVoterOfASmallerGroupGoesLast) {
  const GroupTarget to = target(3, {1, 2, 3, 5});
  EXPECT_EQ(next_step(group({member(1), member(2), member(3), dead(4), standby(5)}), to),
            step(MemberChange::kPromote, 5));
  EXPECT_EQ(next_step(group({member(1), member(2), member(3), dead(4), member(5)}), to),
            step(MemberChange::kRemove, 4));
}

TEST(Reconcile, OfSeveralThatLeaveTheDeadOneGoesFirst) {
  EXPECT_EQ(next_step(group({member(1), member(2), dead(3), member(4)}), target(2, {1, 4, 5})),
            step(MemberChange::kRemove, 3));
}

TEST(Reconcile, ALeaderThatLeavesHandsOverAndRemovesNeverItself) {
  GroupView view = group({member(1), member(2), member(3), member(4)});
  view.members[2].match = {99};
  view.members[3].is_up = false;
  EXPECT_EQ(next_step(view, target(2, {2, 3, 4})), (GroupStep{std::nullopt, place(2)}));
  EXPECT_EQ(next_step(group({member(1)}), target(1, {2})), step(MemberChange::kAdd, 2));
}

TEST(Reconcile, OthersAreRemovedBeforeALeaderThatLeaves) {
  EXPECT_EQ(next_step(group({member(1), member(2), member(3), member(4)}), target(1, {4})),
            step(MemberChange::kRemove, 2));
}

TEST(Reconcile, FewerReplicasAreRemovedOneByOne) {
  EXPECT_EQ(next_step(group({member(1), member(2), member(3)}), target(1, {1})), step(MemberChange::kRemove, 2));
  EXPECT_EQ(next_step(group({member(1), member(3)}), target(1, {1})), step(MemberChange::kRemove, 3));
  EXPECT_EQ(next_step(group({member(1)}), target(1, {1})), std::nullopt);
}

TEST(Reconcile, ANewcomerThatIsNotWantedAnyMoreIsRemoved) {
  EXPECT_EQ(next_step(group({member(1), member(2), member(3), standby(4)}), target(2, {1, 2, 3})),
            step(MemberChange::kRemove, 4));
}

TEST(Reconcile, AFormerReplicaOnAWantedWorkerStays) {
  GroupTarget to = target(2, {1, 2, 3});
  to.replicas[2].id = {9};
  EXPECT_EQ(next_step(group({member(1), member(2), member(3)}), to), std::nullopt);
}

TEST(Reconcile, R12NothingChangesUnlessAMajorityOfTheNewConfigurationIsUpAndHoldsTheOneInForce) {
  const GroupTarget to = target(2, {1, 2, 4});
  GroupView view = group({member(1), member(2), member(3), member(4)});
  view.members[1].is_up = false;
  EXPECT_EQ(next_step(view, to), step(MemberChange::kRemove, 3));
  view.members[3].match = {view.configuration.value - 1};
  EXPECT_EQ(next_step(view, to), std::nullopt);
}

TEST(Reconcile, SaysWhyAGroupStandsStill) {
  const GroupTarget to = target(2, {1, 2, 4});
  EXPECT_EQ(obstacle_of(group({member(1), member(2), member(4)}), to), StepObstacle::kNone);
  EXPECT_EQ(obstacle_of(group({member(1), member(2), member(3)}), to), StepObstacle::kNone) << "a step is due";
  GroupView view = group({member(1), member(2), member(3), standby(4)});
  view.members[3].match = {10};
  EXPECT_EQ(obstacle_of(view, to), StepObstacle::kNone) << "it is being sent";
  view.members[3].is_up = false;
  EXPECT_EQ(obstacle_of(view, to), StepObstacle::kNewcomerSilent);
  view = group({member(1), member(2), member(3)});
  view.members[1].match = view.members[2].match = {10};
  EXPECT_EQ(obstacle_of(view, to), StepObstacle::kMajorityBehind);
  view = group({member(1), member(2)});
  view.members[1].is_up = false;
  EXPECT_EQ(obstacle_of(view, target(1, {2})), StepObstacle::kNobodyTakesOver);
}

/// Whatever fails on the way, and whoever is silent, no step takes a group below what it may come to.
TEST(Reconcile, NoGroupComesBelowTwiceItsReplicationLessTwo) {
  for (const std::size_t k : {2u, 3u}) {
    for (std::uint64_t silent = 2; silent < 2 * k; ++silent) {
      GroupView view = group({});
      for (std::uint64_t id = 1; id < 2 * k; ++id) view.members.push_back(id == silent ? dead(id) : member(id));
      GroupTarget to{{place(1)}, k};
      for (std::uint64_t id = 20; to.replicas.size() < 2 * k - 1; ++id) to.replicas.push_back(place(id));
      for (int i = 0; i < 100; ++i) {
        const auto next = next_step(view, to);
        if (!next) break;
        ASSERT_TRUE(next->change);
        const auto at = std::find_if(view.members.begin(), view.members.end(),
                                     [&](const MemberView& each) { return each.place == next->replica; });
        switch (*next->change) {
          case MemberChange::kAdd: view.members.push_back(member(next->replica.id.value, ReplicaRole::kSpare)); break;
          case MemberChange::kMakeStandby: at->role = ReplicaRole::kStandby; break;
          case MemberChange::kPromote: at->role = ReplicaRole::kVoter; break;
          case MemberChange::kRemove: view.members.erase(at); break;
        }
        const auto voters = static_cast<std::size_t>(
            std::count_if(view.members.begin(), view.members.end(),
                          [](const MemberView& each) { return each.role == ReplicaRole::kVoter; }));
        ASSERT_GE(voters, 2 * k - 2);
        ASSERT_LE(voters, 2 * k);
      }
      EXPECT_EQ(view.members.size(), to.replicas.size());
      for (const ReplicaPlace& wanted : to.replicas) {
        EXPECT_TRUE(std::any_of(view.members.begin(), view.members.end(),
                                [&](const MemberView& each) { return each.place == wanted; }));
      }
    }
  }
}

}  // namespace
}  // namespace trellis

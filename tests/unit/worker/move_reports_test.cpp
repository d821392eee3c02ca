// What MOVES and dry runs tell, from what members have told of their groups.
#include "worker/move_reports.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/cluster/map_changes.hpp"
#include "worker/move_plan.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

class Moving : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kBytes = 1'000;

  Moving() {
    ClusterSpec spec{2, 1, {}};
    for (std::uint64_t i = 1; i <= 4; ++i) spec.workers.emplace_back(WorkerId{i}, "w" + std::to_string(i) + ":1");
    before = make_cluster_map(std::string(32, 'a'), spec);
    before.formed = true;
    before.version = kFormedVersion;
    leaver = before.partitions[0].replicas[0].worker;
    map = *with_removal(before, leaver, false);
    for (const ReplicaPlace& place : map.partitions[0].replicas) {
      if (before.partitions[0].find(place.worker) == nullptr) newcomer = place;
    }
    keeper.begin({3});
    keeper.on_members(map, now);
  }

  /// The group as it was before, with the newcomer in the role; by its leader's word.
  LedGroup group(std::optional<ReplicaRole> role, bool is_level = false) const {
    LedGroup group{{0}, {5}, map.number(), true, {}, kBytes, {}};
    for (const ReplicaPlace& place : before.partitions[0].replicas) {
      group.members.push_back({place, ReplicaRole::kVoter, true});
    }
    if (role) group.members.push_back({newcomer, *role, is_level});
    return group;
  }
  void tell(WorkerId worker, Standing standing) {
    standing.map = map.number();
    standing.level = kLevel;
    keeper.on_standing(worker, standing, now);
  }
  void tell_of(LedGroup led) {
    for (const Member& member : map.members) tell(member.id, {});
    Standing standing;
    standing.led.push_back(std::move(led));
    standing.memory = 5'000;
    tell(WorkerId{1}, standing);
  }
  MoveReport only_move() const {
    const auto moves = moves_of(map, keeper, now);
    EXPECT_EQ(moves.size(), 1u);
    return moves.empty() ? MoveReport{} : moves.front();
  }
  static Standing receives(std::uint64_t bytes, std::uint64_t received, std::string problem = {}) {
    Standing standing;
    standing.receiving.push_back({{0}, bytes, received, std::move(problem)});
    return standing;
  }
  std::string address(WorkerId worker) const { return before.find(worker)->address; }

  TimePoint now{seconds(100)};
  ClusterMap before;
  ClusterMap map;
  WorkerId leaver;
  ReplicaPlace newcomer;
  MapKeeper keeper;
};

TEST_F(Moving, GoesFromStepToStep) {
  EXPECT_TRUE(moves_of(map, keeper, now).empty()) << "nobody has told of the group";
  tell_of(group(std::nullopt));
  MoveReport move = only_move();
  EXPECT_EQ(move.step, "waiting");
  EXPECT_EQ(move.from, address(leaver));
  EXPECT_EQ(move.to, address(newcomer.worker));
  EXPECT_EQ(move.bytes, kBytes);
  tell_of(group(ReplicaRole::kStandby));
  EXPECT_EQ(only_move().step, "sending");
  tell_of(group(ReplicaRole::kStandby, true));
  EXPECT_EQ(only_move().step, "level");
  tell_of(group(ReplicaRole::kVoter, true));
  move = only_move();
  EXPECT_EQ(move.step, "removing");
  EXPECT_EQ(move.to, std::nullopt);
  LedGroup done = group(ReplicaRole::kVoter, true);
  std::erase_if(done.members, [this](const GroupMember& each) { return each.place.worker == leaver; });
  tell_of(done);
  EXPECT_TRUE(moves_of(map, keeper, now).empty());
}

TEST_F(Moving, WhatIsReceivedTellsTheRateAndTheTimeLeft) {
  tell_of(group(ReplicaRole::kStandby));
  tell(newcomer.worker, receives(4'000, 1'000));
  now += seconds(1);
  tell(newcomer.worker, receives(4'000, 2'000));
  const MoveReport move = only_move();
  EXPECT_EQ(move.bytes, 4'000u);
  EXPECT_EQ(move.sent, 2'000u);
  EXPECT_EQ(move.rate, 1'000u);
  EXPECT_EQ(move.time_left_ms, 2'000u);
  EXPECT_EQ(move.note, "");
}

TEST_F(Moving, TheNoteSaysWhatItWaitsForOrWhatFailed) {
  LedGroup waiting = group(std::nullopt);
  waiting.waits = "w1:1 sends as many replicas as it may (moves=2)";
  tell_of(waiting);
  EXPECT_EQ(only_move().note, waiting.waits);
  tell_of(group(ReplicaRole::kStandby));
  tell(newcomer.worker, receives(0, 0, "its disk has no room"));
  EXPECT_EQ(only_move().note, "its disk has no room");
  LedGroup behind = group(std::nullopt);
  behind.followed.version -= 1;
  tell_of(behind);
  EXPECT_THAT(only_move().note, HasSubstr("follows version"));
  now += seconds(3);
  EXPECT_THAT(only_move().note, HasSubstr(address(newcomer.worker) + " is down"));
}

TEST_F(Moving, APlanNamesWhatMovesAndWhatMayFail) {
  tell_of(group(std::nullopt));
  const PlanReport plan = plan_of(before, map, keeper, now);
  EXPECT_EQ(plan.replicas, 1u);
  EXPECT_EQ(plan.bytes, kBytes);
  ASSERT_EQ(plan.transfers.size(), 1u);
  EXPECT_EQ(plan.transfers[0].from, address(leaver));
  EXPECT_EQ(plan.transfers[0].to, address(newcomer.worker));
  EXPECT_EQ(plan.tolerates_before, 1u);
  EXPECT_EQ(plan.tolerates_during, 1u) << "nobody goes before the newcomer has the vote";
  EXPECT_EQ(plan.tolerates_after, 1u);
  for (const PlanReport::Worker& worker : plan.workers) {
    if (worker.address == address(leaver)) {
      EXPECT_EQ(worker.bytes_after, 0u);
    } else {
      EXPECT_EQ(worker.bytes_after, kBytes);
    }
    EXPECT_EQ(worker.memory_before.has_value(), worker.address == "w1:1");
  }
  EXPECT_EQ(obstacle_of(before, map, keeper, now), "");
}

TEST_F(Moving, APlanForADeadMemberToleratesNothingUntilItIsDone) {
  tell_of(group(std::nullopt));
  now += seconds(3);
  for (const Member& member : map.members) {
    if (member.id != leaver) tell(member.id, {});
  }
  const PlanReport plan = plan_of(before, map, keeper, now);
  EXPECT_EQ(plan.tolerates_before, 0u);
  EXPECT_EQ(plan.tolerates_during, 0u);
  EXPECT_EQ(plan.tolerates_after, 1u);
  EXPECT_EQ(obstacle_of(before, map, keeper, now), "");
}

TEST_F(Moving, WhatCannotFinishIsSaidWithARemedy) {
  tell_of(group(std::nullopt));
  Standing full;
  full.is_full = true;
  tell(newcomer.worker, full);
  EXPECT_THAT(obstacle_of(before, map, keeper, now), HasSubstr("is full: make room"));
  now += seconds(3);
  for (const Member& member : map.members) {
    if (member.id != newcomer.worker) tell(member.id, {});
  }
  EXPECT_THAT(obstacle_of(before, map, keeper, now), HasSubstr("is down: start it, or remove it first"));
  now += seconds(3);
  tell(newcomer.worker, {});
  EXPECT_THAT(obstacle_of(before, map, keeper, now), HasSubstr("partitions 0 have no majority"));
}

}  // namespace
}  // namespace trellis

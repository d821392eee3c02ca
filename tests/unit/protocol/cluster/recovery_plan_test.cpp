// What becomes of a cluster that has lost members for good, with more replicas than it tolerates.
#include "protocol/cluster/recovery_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/cluster/map_changes.hpp"

namespace trellis {
namespace {

using ::testing::HasSubstr;

class Disaster : public ::testing::Test {
 protected:
  explicit Disaster(std::size_t workers = 3, std::uint32_t k = 2) {
    ClusterSpec spec{k, 4, {}};
    for (std::uint64_t i = 1; i <= workers; ++i) spec.workers.emplace_back(WorkerId{i}, "w" + std::to_string(i) + ":1");
    map = make_cluster_map(std::string(32, 'a'), spec);
    map.formed = true;
    map.version = kFormedVersion;
  }

  /// What the worker holds of each of its groups: a log that ends at (term, index).
  MemberAccount account_of(std::uint64_t worker, std::uint64_t last_term, std::uint64_t last_index) const {
    MemberAccount account{{worker}, map, {}};
    for (std::uint32_t i = 0; i < map.partition_count(); ++i) {
      const ReplicaPlace* const own = map.partitions[i].find({worker});
      if (own == nullptr) continue;
      account.ends.push_back({{i}, own->id, last_term + 3, last_term, last_index, 1, map.partitions[i].replicas});
    }
    return account;
  }

  ClusterMap map;
};

class DisasterOfFive : public Disaster {
 protected:
  DisasterOfFive() : Disaster(5, 3) {}
};

TEST_F(Disaster, TheLastReplicaIsTakenForItsGroupUnderANewIdAndInANewTerm) {
  const auto plan = plan_recovery(map, {account_of(1, 5, 100)}, {{2}, {3}});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->number(), (MapVersion{map.epoch + 1, map.version + 1}));
  EXPECT_EQ(plan->recovery, 1u);
  EXPECT_EQ(plan->members.size(), 1u);
  EXPECT_EQ(plan->k, 2u) << "it is whole again when others have joined";
  ASSERT_EQ(plan->recovered.size(), 4u);
  for (const RecoveredReplica& each : plan->recovered) {
    EXPECT_EQ(each.from, map.partitions[each.partition.value].find({1})->id);
    EXPECT_GE(each.place.id.value, map.next_replica + kRecoveryLeap);
    EXPECT_EQ(each.term, 8 + kRecoveryTermLeap);
    EXPECT_EQ(plan->partitions[each.partition.value].replicas, std::vector{each.place});
  }
  const auto joined = with_member(*plan, {9}, "w9:1");
  ASSERT_TRUE(joined);
  EXPECT_EQ(with_member(*joined, {10}, "w10:1")->replica_count(), 3u);
}

TEST_F(DisasterOfFive, TheFreshestReplicaIsTheOneWithTheHighestLastTermAndThenTheHighestIndex) {
  for (const auto& [fresh, stale] : {std::pair(account_of(1, 5, 100), account_of(2, 4, 900)),
                                     std::pair(account_of(1, 5, 101), account_of(2, 5, 100))}) {
    const auto plan = plan_recovery(map, {stale, fresh}, {{3}, {4}, {5}});
    ASSERT_TRUE(plan) << plan.error().message;
    ASSERT_EQ(plan->recovered.size(), 4u);
    for (const RecoveredReplica& each : plan->recovered) {
      EXPECT_EQ(each.place.worker, WorkerId{1});
      const ReplicaPlace* const other = plan->partitions[each.partition.value].find({2});
      ASSERT_NE(other, nullptr);
      EXPECT_GE(other->id.value, map.next_replica + kRecoveryLeap)
          << "what it holds is no part of the group any more, so its place has another id";
    }
  }
}

TEST_F(DisasterOfFive, AGroupWithAMajorityGoesOnAndDoesWithoutTheLostOnes) {
  const auto plan =
      plan_recovery(map, {account_of(1, 5, 100), account_of(2, 5, 100), account_of(3, 5, 100)}, {{4}, {5}});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->recovered.empty());
  for (std::uint32_t i = 0; i < map.partition_count(); ++i) {
    for (const std::uint64_t left : {1, 2, 3}) {
      EXPECT_EQ(plan->partitions[i].find({left})->id, map.partitions[i].find({left})->id);
    }
    EXPECT_EQ(plan->partitions[i].replicas.size(), 3u);
  }
}

TEST_F(DisasterOfFive, WhoVotesIsToldByTheFreshestLog) {
  MemberAccount one = account_of(1, 5, 100);
  MemberAccount two = account_of(2, 5, 100);
  // By a later change, group 0 consists of these two and one that is lost: they are a majority.
  ReplicaEnd& newest = two.ends.front();
  newest.configuration_index = 70;
  newest.voters = {*map.partitions[0].find({1}), *map.partitions[0].find({2}), *map.partitions[0].find({3})};
  const auto plan = plan_recovery(map, {one, two}, {{3}, {4}, {5}});
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_EQ(plan->recovered.size(), 3u);
  for (const RecoveredReplica& each : plan->recovered) EXPECT_NE(each.partition, PartitionId{0});
}

TEST_F(DisasterOfFive, AVoterThatHasNotGotThatReplicaAnyMoreVotesNoMoreThanALostOne) {
  const MemberAccount one = account_of(1, 5, 100);
  const MemberAccount two = account_of(2, 5, 100);
  MemberAccount three = account_of(3, 5, 100);
  three.ends.erase(three.ends.begin());
  ++three.ends.front().replica.value;
  const auto plan = plan_recovery(map, {one, two, three}, {{4}, {5}});
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_EQ(plan->recovered.size(), 2u) << "the disk of one was emptied, and holds another replica of the second group";
  EXPECT_EQ(plan->recovered[0].partition, PartitionId{0});
  EXPECT_EQ(plan->recovered[1].partition, PartitionId{1});
}

TEST_F(DisasterOfFive, WhoWasToLeaveIsNeededNow) {
  map = *with_removal(map, {1}, true);
  const auto plan = plan_recovery(map, {account_of(1, 5, 100), account_of(2, 5, 90)}, {{3}, {4}, {5}});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->find({1})->state, MemberState::kMember);
}

TEST_F(Disaster, ANewcomerThatHasBeenSentNothingIsNothing) {
  MemberAccount one = account_of(1, 5, 100);
  one.ends[1] = {{1}, {77}, 9, 0, 0, 0, {}};
  const auto plan = plan_recovery(map, {one}, {{2}, {3}});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->recovered[1].from, ReplicaId{});
}

TEST_F(Disaster, IsAnAccountOfThoseAloneThatTheMapKnows) {
  const auto first = plan_recovery(map, {account_of(1, 5, 100)}, {{2}, {3}});
  ASSERT_TRUE(first);
  // Whom an earlier plan has left behind is there again, and has more.
  const auto second = plan_recovery(*first, {account_of(1, 5, 100), account_of(2, 9, 900)}, {{3}});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->members.size(), 1u);
  EXPECT_EQ(second->recovery, 2u);
  for (const RecoveredReplica& each : second->recovered) EXPECT_EQ(each.place.worker, WorkerId{1});
}

TEST_F(Disaster, AGroupOfWhichNothingIsLeftBeginsEmpty) {
  MemberAccount one = account_of(1, 5, 100);
  one.ends.erase(one.ends.begin() + 2);
  const auto plan = plan_recovery(map, {one}, {{2}, {3}});
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_EQ(plan->recovered.size(), 4u);
  EXPECT_EQ(plan->recovered[2].from, ReplicaId{});
  EXPECT_EQ(plan->recovered[2].place.worker, WorkerId{1});
  const RecoveryReport report = report_of(*plan, map, {one});
  EXPECT_EQ(report.lost, (std::vector<std::string>{"w2:1", "w3:1"}));
  EXPECT_THAT(report.partitions[2].note, HasSubstr("nothing is left"));
  EXPECT_THAT(report.partitions[1].note, HasSubstr("behind entry 100 of its log is missing"));
  EXPECT_FALSE(report.done);
}

TEST_F(Disaster, IsRefusedWhereOneIsNeitherNamedNorThere) {
  const auto plan = plan_recovery(map, {account_of(1, 5, 100)}, {{2}});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(plan.error().message, HasSubstr("w3:1 is neither named as lost nor there"));
  EXPECT_FALSE(plan_recovery(map, {}, {{1}, {2}, {3}}));
}

TEST_F(Disaster, ThePlanIsMadeFromTheNewestMapThatAnyMemberHolds) {
  MemberAccount one = account_of(1, 5, 100);
  MemberAccount two = account_of(2, 5, 100);
  two.map = *with_settings(map, {.k = {}, .moves = 7, .move_rate = {}});
  const auto plan = plan_recovery(newest_map({one, two}), {one, two}, {{3}});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->move_limits.moves, 7u);
  EXPECT_EQ(plan->version, map.version + 2);
}

TEST_F(Disaster, ComesBackFromItsPackedForm) {
  const auto plan = plan_recovery(map, {account_of(1, 5, 100)}, {{2}, {3}});
  ASSERT_TRUE(plan);
  const auto read = read_cluster_map(pack(*plan));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, *plan);
}

}  // namespace
}  // namespace trellis

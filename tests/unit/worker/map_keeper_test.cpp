// What the leader of partition 0 concludes from what members tell of their groups.
#include "worker/map_keeper.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/cluster/map_changes.hpp"
#include "protocol/cluster/targets.hpp"

namespace trellis {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class Keeping : public ::testing::Test {
 protected:
  Keeping() {
    ClusterSpec spec{2, 2, {}};
    for (std::uint64_t i = 1; i <= 4; ++i) spec.workers.emplace_back(WorkerId{i}, "w" + std::to_string(i) + ":1");
    map = make_cluster_map(std::string(32, 'a'), spec);
    map.formed = true;
    map.version = kFormedVersion;
    keeper.begin({3});
    keeper.on_members(map, now);
  }

  /// The group as the map wants it, following the map of `version`.
  LedGroup group_of(std::uint32_t partition, std::uint64_t version) const {
    LedGroup group{{partition}, {5}, {1, version}, true, {}};
    for (const ReplicaPlace& place : map.partitions[partition].replicas) {
      group.members.push_back({place, ReplicaRole::kVoter, true});
    }
    return group;
  }
  void tell(std::uint64_t worker, std::vector<LedGroup> led, std::uint32_t held = 1) {
    keeper.on_standing({worker}, {map.number(), kLevel, held, std::move(led)}, now);
  }
  void tell_all_groups(std::uint64_t version) { tell(1, {group_of(0, version), group_of(1, version)}); }

  TimePoint now{seconds(100)};
  ClusterMap map;
  MapKeeper keeper;
};

TEST_F(Keeping, NothingFollowsWhereNobodyComesOrGoes) {
  tell_all_groups(map.version);
  EXPECT_FALSE(keeper.next(map, now));
}

TEST_F(Keeping, AMemberThatJoinsIsOneOnceEachGroupHasItsVote) {
  map = *with_member(map, {9}, "w9:1");
  LedGroup without = group_of(0, map.version);
  std::erase_if(without.members, [](const GroupMember& each) { return each.place.worker == WorkerId{9}; });
  LedGroup as_standby = group_of(1, map.version);
  for (GroupMember& member : as_standby.members) {
    if (member.place.worker == WorkerId{9}) member.role = ReplicaRole::kStandby;
  }
  tell(1, {without, as_standby});
  EXPECT_FALSE(keeper.next(map, now));
  tell_all_groups(map.version);
  const auto next = keeper.next(map, now);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->find({9})->state, MemberState::kMember);
}

TEST_F(Keeping, AMemberIsDroppedOnceNoGroupHasItAndItHoldsNothing) {
  map = *with_removal(map, {2}, false);
  tell_all_groups(map.version);
  tell(2, {}, 1);
  EXPECT_FALSE(keeper.next(map, now)) << "it still holds a replica";
  tell(2, {}, 0);
  const auto next = keeper.next(map, now);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->find({2}), nullptr);
}

TEST_F(Keeping, OneThatIsDownIsNotWaitedFor) {
  map = *with_removal(map, {2}, false);
  tell_all_groups(map.version);
  EXPECT_FALSE(keeper.next(map, now));
  now += seconds(4);
  EXPECT_TRUE(keeper.next(map, now));
}

TEST_F(Keeping, AGroupThatFollowsAnOlderMapSaysNothing) {
  map = *with_removal(map, {2}, false);
  tell(2, {}, 0);
  tell_all_groups(map.version - 1);
  EXPECT_FALSE(keeper.next(map, now)) << "its leader may add the member again";
  LedGroup open = group_of(1, map.version);
  open.is_committed = false;
  tell(1, {group_of(0, map.version), open});
  EXPECT_FALSE(keeper.next(map, now)) << "its configuration may be taken back";
  tell_all_groups(map.version);
  EXPECT_TRUE(keeper.next(map, now));
}

TEST_F(Keeping, AReportOfAnEarlierTermSaysNothing) {
  map = *with_removal(map, {2}, false);
  tell(2, {}, 0);
  LedGroup later = group_of(1, map.version);
  later.term = {6};
  later.members.push_back({{{50}, {2}}, ReplicaRole::kVoter, true});
  tell(3, {later});
  tell_all_groups(map.version);
  EXPECT_FALSE(keeper.next(map, now));
}

TEST_F(Keeping, WhatWasKnownInAnEarlierLeadershipIsForgotten) {
  map = *with_removal(map, {2}, false);
  tell(2, {}, 0);
  tell_all_groups(map.version);
  keeper.begin({4});
  EXPECT_FALSE(keeper.next(map, now));
}

TEST_F(Keeping, AnEmptyWorkerTakesAPlaceOnlyWhereEnoughAreLevelWithoutWhoWasThere) {
  const Member& two = *map.find({2});
  tell_all_groups(map.version);
  tell(2, {});
  EXPECT_THAT(keeper.replacement_obstacle(map, two, now), HasSubstr("is alive"));
  now += seconds(4);
  EXPECT_THAT(keeper.replacement_obstacle(map, two, now), HasSubstr("fewer than k=2")) << "the others are down as well";
  for (const Member& member : map.members) {
    if (member.id != two.id) tell(member.id.value, {});
  }
  EXPECT_EQ(keeper.replacement_obstacle(map, two, now), "");
  LedGroup behind = group_of(0, map.version);
  bool is_in_it = false;
  for (GroupMember& member : behind.members) {
    is_in_it = is_in_it || member.place.worker == two.id;
    if (member.place.worker != two.id) member.is_level = false;
  }
  if (!is_in_it) behind.members.push_back({{{60}, two.id}, ReplicaRole::kVoter, true});
  tell(1, {behind});
  EXPECT_THAT(keeper.replacement_obstacle(map, two, now), HasSubstr("partitions 0 have fewer than k=2 level replicas"));
}

TEST_F(Keeping, WhoHasJustComeIsNotDownForNotHavingBeenHeardBefore) {
  now += seconds(60);
  const ClusterMap joined = *with_member(map, {9}, "w9:1");
  EXPECT_FALSE(keeper.is_down({9}, now)) << "not seen among the members yet";
  keeper.on_members(joined, now);
  EXPECT_FALSE(keeper.is_down({9}, now + seconds(2)));
  EXPECT_TRUE(keeper.is_down({9}, now + seconds(3)));
  EXPECT_TRUE(keeper.is_down({1}, now));
}

TEST_F(Keeping, WhatAFormerMemberSaidIsForgotten) {
  tell(4, {});
  ClusterMap without = map;
  std::erase_if(without.members, [](const Member& each) { return each.id == WorkerId{4}; });
  keeper.on_members(without, now);
  EXPECT_EQ(keeper.heard({4}), nullptr);
  EXPECT_FALSE(keeper.is_down({4}, now + seconds(60)));
}

class Repairing : public Keeping {
 protected:
  Repairing() { have(5); }
  /// A cluster of so many workers, and a keeper that knows them all.
  void have(std::uint64_t workers) {
    ClusterSpec spec{2, 8, {}};
    for (std::uint64_t i = 1; i <= workers; ++i) spec.workers.emplace_back(WorkerId{i}, "w" + std::to_string(i) + ":1");
    map = make_cluster_map(std::string(32, 'b'), spec);
    map.formed = true;
    map.version = kFormedVersion;
    map.repair_after = seconds(10);
    keeper = MapKeeper();
    keeper.begin({3});
    keeper.on_members(map, now);
  }
  void all_but(const std::set<std::uint64_t>& silent) {
    for (const Member& member : map.members) {
      if (!silent.contains(member.id.value)) tell(member.id.value, {});
    }
  }
  void tell_groups(std::uint64_t version) {
    std::vector<LedGroup> led;
    for (std::uint32_t i = 0; i < map.partition_count(); ++i) led.push_back(group_of(i, version));
    tell(1, std::move(led));
  }
};

TEST_F(Repairing, WhoWasSilentForAsLongAsTheSettingsSayIsMadeGoodElsewhere) {
  now += seconds(9);
  all_but({2});
  EXPECT_FALSE(keeper.next(map, now));
  now += seconds(1);
  all_but({2});
  const auto next = keeper.next(map, now);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->find({2})->state, MemberState::kDown);
  for (const Placement& placement : next->partitions) EXPECT_EQ(placement.find({2}), nullptr);
}

TEST_F(Repairing, NobodyIsWhereTheSettingsSayNever) {
  map.repair_after = {};
  now += seconds(1'000);
  all_but({2});
  EXPECT_FALSE(keeper.next(map, now));
}

TEST_F(Repairing, NobodyIsWhereNobodyCouldTakeOver) {
  have(3);
  now += seconds(20);
  all_but({2});
  EXPECT_FALSE(keeper.next(map, now));
}

TEST_F(Repairing, TheNextOneWaitsUntilEachGroupHasDoneWithoutTheFormer) {
  have(6);
  now += seconds(20);
  all_but({2, 3});
  map = *keeper.next(map, now);
  ASSERT_EQ(map.find({2})->state, MemberState::kDown);
  EXPECT_FALSE(keeper.next(map, now)) << "nothing is known of the groups";
  tell_groups(map.version - 1);
  EXPECT_FALSE(keeper.next(map, now)) << "the groups follow the map before";
  tell_groups(map.version);
  const auto second = keeper.next(map, now);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->find({3})->state, MemberState::kDown);
}

TEST_F(Repairing, AGroupThatHasLostItsMajorityKeepsNobodyWaiting) {
  have(6);
  now += seconds(20);
  all_but({2, 3});
  const ClusterMap before = map;
  map = *keeper.next(map, now);
  tell_groups(map.version);
  LedGroup lost = group_of(0, before.version);
  lost.term = {9};
  lost.members = {
      {{{90}, {2}}, ReplicaRole::kVoter}, {{{91}, {3}}, ReplicaRole::kVoter}, {{{92}, {1}}, ReplicaRole::kVoter}};
  keeper.on_standing({4}, {map.number(), kLevel, 1, {lost}}, now);
  EXPECT_TRUE(keeper.next(map, now));
}

TEST_F(Repairing, OneThatIsHeardAgainKeepsWhatIsLeft) {
  now += seconds(20);
  all_but({2});
  std::vector<std::uint32_t> carried;
  std::vector<LedGroup> led;
  for (std::uint32_t i = 0; i < map.partition_count(); ++i) {
    if (map.partitions[i].find({2}) == nullptr) continue;
    carried.push_back(i);
    led.push_back(group_of(i, map.version));
  }
  ASSERT_FALSE(carried.empty());
  tell(1, led);
  map = *keeper.next(map, now);
  EXPECT_FALSE(keeper.next(map, now)) << "it is silent";
  tell(2, {});
  const auto next = keeper.next(map, now);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->find({2})->state, MemberState::kMember);
  for (const std::uint32_t i : carried) EXPECT_NE(next->partitions[i].find({2}), nullptr) << i;
}

TEST_F(Repairing, WhoHasNotBeenHeardInThisLeadershipIsNotBack) {
  map = *with_repair(map, {2}, {{2}});
  keeper.begin({8});
  keeper.on_members(map, now);
  all_but({2});
  EXPECT_FALSE(keeper.next(map, now));
}

TEST_F(Repairing, AMemberThatSaysAnotherZoneStandsThere) {
  keeper.on_standing({2}, {map.number(), kLevel, 1, {}, 0, false, {}, "rack-1"}, now);
  const auto next = keeper.next(map, now);
  ASSERT_TRUE(next);
  EXPECT_EQ(zone_of(*next->find({2})), "rack-1");
  EXPECT_FALSE(keeper.next(*next, now));
}

class Spreading : public Repairing {
 protected:
  /// Four workers in three zones, two of them in one, which were given a k of 2 while the one in the third was down.
  Spreading() {
    have(4);
    map = *with_k(map, 1);
    for (const std::uint64_t id : {1, 2, 3, 4}) map = *with_zone(map, {id}, id == 4 ? "rack-1" : rack_of(id));
    map = *with_settings(map, {.k = 2, .moves = {}, .move_rate = {}}, {{3}});
  }
  static std::string rack_of(std::uint64_t id) { return "rack-" + std::to_string(id); }
  void all_but(const std::set<std::uint64_t>& silent) {
    for (const std::uint64_t id : {1, 2, 3, 4}) {
      if (silent.contains(id)) continue;
      keeper.on_standing({id}, {map.number(), kLevel, 1, {}, 0, false, {}, id == 4 ? "rack-1" : rack_of(id)}, now);
    }
  }
};

TEST_F(Spreading, ReplicasThatCrowdInAZoneMoveOnceOneInAnotherIsHeard) {
  ASSERT_FALSE(is_spread(map));
  all_but({3});
  EXPECT_FALSE(keeper.next(map, now)) << "who was not heard yet has no room";
  all_but({});
  const auto next = keeper.next(map, now);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->version, map.version + 1);
  EXPECT_TRUE(is_spread(*next));
  EXPECT_FALSE(keeper.next(*next, now));
}

TEST_F(Spreading, NothingMovesToOneThatIsDownAgain) {
  all_but({});
  now += MapKeeper::kDownAfter + MapKeeper::kCheckEvery;
  all_but({3});
  EXPECT_FALSE(keeper.next(map, now));
}

class Levels : public Keeping {
 protected:
  void tell_level(std::uint64_t worker, std::uint32_t level) {
    later.on_standing({worker}, {map.number(), level, 1}, now);
  }
  MapKeeper later{kLevel + 1};  ///< A later version of the software.
};

TEST_F(Levels, ALevelIsRaisedOnceEveryMemberHasSaidThatItKnowsIt) {
  for (const std::uint64_t worker : {1, 2, 3}) tell_level(worker, kLevel + 1);
  EXPECT_FALSE(later.next(map, now)) << "the fourth was not heard: it may be down, and know less";
  tell_level(4, kLevel);
  EXPECT_FALSE(later.next(map, now));
  tell_level(4, kLevel + 1);
  const auto next = later.next(map, now);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->level, kLevel + 1);
  EXPECT_EQ(next->version, map.version + 1);
  EXPECT_EQ(next->partitions, map.partitions);
  EXPECT_FALSE(later.next(*next, now));
}

TEST_F(Levels, WhatMembersSaidToAnEarlierLeadershipDoesNotCount) {
  for (const std::uint64_t worker : {1, 2, 3, 4}) tell_level(worker, kLevel + 1);
  later.begin({9});
  EXPECT_FALSE(later.next(map, now));
}

TEST_F(Levels, NobodyRaisesItBeyondWhatItKnowsItselfAndItIsNeverLowered) {
  for (const std::uint64_t worker : {1, 2, 3, 4}) keeper.on_standing({worker}, {map.number(), kLevel + 1, 1}, now);
  EXPECT_FALSE(keeper.next(map, now));
  map.level = kLevel + 2;
  for (const std::uint64_t worker : {1, 2, 3, 4}) tell_level(worker, kLevel + 1);
  EXPECT_FALSE(later.next(map, now));
  EXPECT_EQ(with_level(map, kLevel), map);
}

}  // namespace
}  // namespace trellis

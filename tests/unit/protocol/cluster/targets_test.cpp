// Targets follow from those before: a change moves little more than its share, and loads stay even.
#include "protocol/cluster/targets.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "protocol/cluster/map_changes.hpp"
#include "protocol/cluster/ring.hpp"

namespace trellis {
namespace {

ClusterMap map_of(std::size_t workers, std::uint32_t k, std::uint32_t partitions, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  ClusterSpec spec{k, partitions, {}};
  for (std::size_t i = 0; i < workers; ++i)
    spec.workers.emplace_back(WorkerId{random()}, "w" + std::to_string(i) + ":1");
  ClusterMap map = make_cluster_map(std::string(32, 'a'), spec);
  map.formed = true;
  map.version = kFormedVersion;
  return map;
}

struct Loads {
  std::map<WorkerId, std::uint32_t> carried;
  std::map<WorkerId, std::uint32_t> led;
};

Loads loads_of(const ClusterMap& map) {
  Loads loads;
  for (const Member& member : map.members) {
    if (member.state != MemberState::kLeaving) loads.carried[member.id] = loads.led[member.id] = 0;
  }
  for (const Placement& placement : map.partitions) {
    for (const ReplicaPlace& place : placement.replicas) ++loads.carried[place.worker];
    ++loads.led[placement.preferred_leader];
  }
  return loads;
}

/// Places of `after` that were not there before; each has an id that no place had.
std::size_t moved(const ClusterMap& before, const ClusterMap& after) {
  std::size_t moved = 0;
  for (std::uint32_t i = 0; i < after.partition_count(); ++i) {
    for (const ReplicaPlace& place : after.partitions[i].replicas) {
      const ReplicaPlace* const earlier = before.partitions[i].find(place.worker);
      moved += earlier == nullptr ? 1 : 0;
      EXPECT_TRUE(earlier == nullptr ? place.id.value >= before.next_replica : place.id == earlier->id);
    }
  }
  return moved;
}

void expect_even(const ClusterMap& map) {
  ASSERT_TRUE(check(map)) << check(map).error().message;
  const auto workers = static_cast<std::uint32_t>(map.staying());
  const std::uint32_t total = map.partition_count() * map.replica_count();
  const Loads loads = loads_of(map);
  for (const auto& [id, carried] : loads.carried) EXPECT_LE(carried, load_bound(total, workers));
  for (const auto& [id, led] : loads.led) EXPECT_LE(led, load_bound(map.partition_count(), workers));
}

TEST(Targets, OneMemberMoreTakesItsShareAndLittleElseMoves) {
  for (const std::size_t workers : {3u, 4u, 8u, 15u}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const ClusterMap before = map_of(workers, 2, 64, seed);
      const auto after = with_member(before, {77}, "new:1");
      ASSERT_TRUE(after);
      expect_even(*after);
      const std::size_t share = 64 * 3 / (workers + 1);
      EXPECT_GE(loads_of(*after).carried[{77}], share) << workers << " workers, seed " << seed;
      // Those that the ring gave little take some, too.
      EXPECT_LE(moved(before, *after), 2 * share) << workers << " workers, seed " << seed;
    }
  }
}

TEST(Targets, OfAMemberThatLeavesEverythingMovesAndLittleElse) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const ClusterMap before = map_of(6, 2, 64, seed);
    const WorkerId leaver = before.members[2].id;
    const std::uint32_t carried = loads_of(before).carried[leaver];
    const auto after = with_removal(before, leaver, false);
    ASSERT_TRUE(after);
    expect_even(*after);
    EXPECT_LE(moved(before, *after), carried + carried / 4 + 1) << "seed " << seed;
  }
}

TEST(Targets, WithAnotherKEachPartitionHasAnotherNumberOfReplicas) {
  const ClusterMap before = map_of(5, 2, 16);
  const auto more = with_k(before, 3);
  ASSERT_TRUE(more);
  expect_even(*more);
  EXPECT_EQ(moved(before, *more), 16 * 2u);
  const auto fewer = with_k(*more, 1);
  ASSERT_TRUE(fewer);
  expect_even(*fewer);
  EXPECT_EQ(moved(*more, *fewer), 0u);
  for (std::uint32_t i = 0; i < 16; ++i) {
    EXPECT_EQ(fewer->partitions[i].preferred_leader, more->partitions[i].preferred_leader);
  }
}

TEST(Targets, StayEvenOverAnyHistoryOfChanges) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(seed);
    ClusterMap map = map_of(1, 1, 32, seed);
    std::uint64_t next = 1000;
    for (int step = 0; step < 60; ++step) {
      Result<ClusterMap> changed = map;
      const WorkerId some = map.members[random() % map.members.size()].id;
      switch (random() % 5) {
        case 0:
        case 1: changed = with_member(map, {++next}, "n" + std::to_string(next) + ":1"); break;
        case 2: changed = with_removal(map, some, random() % 2 == 0); break;
        case 3:
          changed = map.find(some)->state == MemberState::kLeaving ? without_member(map, some) : with_kept(map, some);
          break;
        default: changed = with_k(map, static_cast<std::uint32_t>(random() % 3 + 1)); break;
      }
      if (!changed) continue;
      static_cast<void>(moved(map, *changed));
      map = std::move(*changed);
      expect_even(map);
    }
  }
}

/// Workers in zones of these sizes.
ClusterMap map_in_zones(const std::vector<std::size_t>& sizes, std::uint32_t k, std::uint32_t partitions,
                        std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  ClusterSpec spec{k, partitions, {}};
  for (std::size_t zone = 0; zone < sizes.size(); ++zone) {
    for (std::size_t i = 0; i < sizes[zone]; ++i) {
      spec.workers.emplace_back(WorkerId{random()}, "h:" + std::to_string(spec.workers.size() + 1));
      spec.zones.push_back("z" + std::to_string(zone));
    }
  }
  ClusterMap map = make_cluster_map(std::string(32, 'a'), spec);
  map.formed = true;
  map.version = kFormedVersion;
  return map;
}

/// How many replicas of a partition stand in one zone, at most.
std::size_t crowd_of(const ClusterMap& map, const Placement& placement) {
  std::map<std::string_view, std::size_t> in_zone;
  std::size_t most = 0;
  for (const ReplicaPlace& place : placement.replicas)
    most = std::max(most, ++in_zone[zone_of(*map.find(place.worker))]);
  return most;
}

void expect_spread(const ClusterMap& map, std::size_t most) {
  ASSERT_TRUE(check(map)) << check(map).error().message;
  EXPECT_TRUE(is_spread(map));
  for (const Placement& placement : map.partitions) EXPECT_LE(crowd_of(map, placement), most);
}

TEST(Zones, ReplicasStandInAsManyAsThereAreAndLoadsAreEven) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const ClusterMap map = map_in_zones({2, 2, 2}, 2, 64, seed);
    expect_spread(map, 1);
    expect_even(map);
    expect_spread(map_in_zones({4, 4}, 2, 64, seed), 2);
    expect_spread(map_in_zones({3, 3, 3}, 3, 64, seed), 2);
    expect_spread(map_in_zones({8}, 2, 64, seed), 3);
  }
}

TEST(Zones, GoBeforeEvenLoadsWhereTheyAreOfUnequalSize) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const ClusterMap map = map_in_zones({1, 2, 5}, 2, 64, seed);
    expect_spread(map, 1);
    const Loads loads = loads_of(map);
    std::map<std::string_view, std::uint32_t> most;
    for (const Member& member : map.members) {
      std::uint32_t& of_zone = most[zone_of(member)];
      of_zone = std::max(of_zone, loads.carried.at(member.id));
    }
    EXPECT_EQ(most["z0"], 64u) << "its only worker carries a replica of each";
    EXPECT_LE(most["z1"], load_bound(64, 2));
    EXPECT_LE(most["z2"], load_bound(3 * 64, 8));
  }
}

TEST(Zones, OneThatIsAddedLaterIsUsed) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const ClusterMap before = map_in_zones({3, 3}, 2, 64, seed);
    expect_spread(before, 2);
    const auto after = with_member(before, {77}, "new:1", "z9");
    ASSERT_TRUE(after);
    expect_spread(*after, 1);
    EXPECT_EQ(loads_of(*after).carried.at({77}), 64u);
    EXPECT_LE(moved(before, *after), 72u) << "and little else moves";
  }
}

TEST(Zones, AWorkerThatIsMovedIntoAnotherTakesItsReplicasAlongWhereThatIsRight) {
  const ClusterMap before = map_in_zones({2, 2, 2}, 2, 64);
  const auto after = with_zone(before, before.members[0].id, "z1");
  ASSERT_TRUE(after);
  EXPECT_EQ(zone_of(after->members[0]), "z1");
  expect_spread(*after, 1);
  EXPECT_EQ(*with_zone(before, before.members[0].id, "z0"), before);
}

TEST(Zones, AreKeptOverAnyHistoryOfChanges) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(seed);
    ClusterMap map = map_in_zones({2, 1, 2}, 2, 32, seed);
    std::uint64_t next = 1000;
    for (int step = 0; step < 60; ++step) {
      Result<ClusterMap> changed = map;
      const Member& some = map.members[random() % map.members.size()];
      const std::string zone = "z" + std::to_string(random() % 4);
      switch (random() % 6) {
        case 0:
        case 1: changed = with_member(map, {++next}, "n" + std::to_string(next) + ":1", zone); break;
        case 2: changed = with_removal(map, some.id, random() % 2 == 0); break;
        case 3:
          changed = some.state == MemberState::kLeaving ? without_member(map, some.id) : with_kept(map, some.id);
          break;
        case 4: changed = with_zone(map, some.id, zone); break;
        default: changed = with_k(map, static_cast<std::uint32_t>(random() % 3 + 1)); break;
      }
      if (!changed) continue;
      static_cast<void>(moved(map, *changed));
      map = std::move(*changed);
      ASSERT_TRUE(check(map)) << check(map).error().message;
      ASSERT_TRUE(is_spread(map)) << "seed " << seed << ", step " << step;
    }
  }
}

TEST(Repair, WhatALostMemberCarriedGoesToOthersAndNothingElseMoves) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const ClusterMap before = map_of(6, 2, 64, seed);
    const WorkerId lost = before.members[2].id;
    const std::uint32_t carried = loads_of(before).carried[lost];
    const auto after = with_repair(before, lost, {lost});
    ASSERT_TRUE(after);
    ASSERT_TRUE(check(*after));
    EXPECT_EQ(after->find(lost)->state, MemberState::kDown);
    EXPECT_EQ(loads_of(*after).carried[lost], 0u);
    EXPECT_EQ(loads_of(*after).led[lost], 0u);
    EXPECT_EQ(after->replica_count(), before.replica_count());
    EXPECT_LE(moved(before, *after), carried + carried / 4 + 1) << "seed " << seed;
    for (const auto& [worker, load] : loads_of(*after).carried) EXPECT_LE(load, load_bound(64 * 3, 5)) << seed;
  }
}

TEST(Repair, AGroupIsNeverMadeSmallerForWantOfSomebodyToTakeOver) {
  const ClusterMap three = map_of(3, 2, 16);
  const WorkerId lost = three.members[0].id;
  EXPECT_FALSE(moves_replicas(three, *with_repair(three, lost, {lost})));
  const ClusterMap four = map_of(4, 2, 16);
  const auto repaired = with_repair(four, four.members[0].id, {four.members[0].id});
  ASSERT_TRUE(repaired);
  EXPECT_EQ(loads_of(*repaired).carried[four.members[0].id], 0u);
  // The next one has nowhere to go until somebody comes.
  const WorkerId second = four.members[1].id;
  const auto twice = with_repair(*repaired, second, {four.members[0].id, second});
  ASSERT_TRUE(twice);
  EXPECT_FALSE(moves_replicas(*repaired, *twice));
  const auto joined = with_member(*twice, {77}, "new:1");
  ASSERT_TRUE(joined);
  EXPECT_EQ(loads_of(*joined).carried[second], 0u);
  EXPECT_EQ(loads_of(*joined).carried[{77}], 16u);
}

TEST(Repair, OneThatComesBackKeepsWhatIsLeftAndTakesItsShareAgain) {
  const ClusterMap before = map_of(6, 2, 64);
  const WorkerId lost = before.members[2].id;
  const ClusterMap repairing = *with_repair(before, lost, {lost});
  std::map<PartitionId, std::set<WorkerId>> kept;
  for (std::uint32_t i = 0; i < 64; ++i) {
    if (before.partitions[i].find(lost) == nullptr || i % 2 == 0) continue;
    for (const ReplicaPlace& place : before.partitions[i].replicas) kept[{i}].insert(place.worker);
  }
  ASSERT_FALSE(kept.empty());
  const auto back = with_return(repairing, lost, kept, {});
  ASSERT_TRUE(back);
  ASSERT_TRUE(check(*back));
  EXPECT_EQ(back->find(lost)->state, MemberState::kMember);
  for (const auto& [partition, voters] : kept) {
    EXPECT_NE(back->partitions[partition.value].find(lost), nullptr);
    EXPECT_EQ(back->partitions[partition.value].replicas.size(), 3u);
  }
  const ClusterMap anew = *with_return(repairing, lost, {}, {});
  EXPECT_GE(loads_of(anew).carried[lost], 64u * 3 / 6 / 2) << "one that kept nothing is filled as one that joins";
}

}  // namespace
}  // namespace trellis

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

}  // namespace
}  // namespace trellis

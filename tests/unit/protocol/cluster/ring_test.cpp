#include "protocol/cluster/ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace trellis {
namespace {

std::vector<Member> members_of(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Member> members;
  for (std::size_t i = 0; i < count; ++i) {
    const WorkerId id{random() | 1};
    members.push_back({id, "127.0.0.1:" + std::to_string(7410 + i), MemberState::kMember, 0, virtual_nodes_of(id)});
  }
  return members;
}

struct Loads {
  std::map<WorkerId, std::uint32_t> replicas;
  std::map<WorkerId, std::uint32_t> leads;
  std::uint32_t most_replicas = 0;
  std::uint32_t most_leads = 0;
};

Loads loads_of(const std::vector<Placement>& placements) {
  Loads loads;
  for (const Placement& placement : placements) {
    for (const auto& [replica, id] : placement.replicas)
      loads.most_replicas = std::max(loads.most_replicas, ++loads.replicas[id]);
    loads.most_leads = std::max(loads.most_leads, ++loads.leads[placement.preferred_leader]);
  }
  return loads;
}

/// Each partition has so many different replicas, its leader among them, and nobody is above 1.25 of the mean.
void expect_sound(const std::vector<Placement>& placements, std::uint32_t workers, std::uint32_t partitions,
                  std::uint32_t replicas) {
  ASSERT_EQ(placements.size(), partitions);
  for (const Placement& placement : placements) {
    std::set<WorkerId> workers;
    for (const auto& [replica, id] : placement.replicas) workers.insert(id);
    ASSERT_EQ(workers.size(), replicas);
    ASSERT_EQ(placement.replicas.size(), replicas);
    ASSERT_NE(placement.find(placement.preferred_leader), nullptr);
  }
  const Loads loads = loads_of(placements);
  ASSERT_LE(loads.most_replicas, load_bound(partitions * replicas, workers));
  ASSERT_LE(loads.most_leads, load_bound(partitions, workers));
}

TEST(LoadBound, IsOneAndAQuarterOfTheMeanRoundedUp) {
  EXPECT_EQ(load_bound(256, 16), 20u);
  EXPECT_EQ(load_bound(16, 3), 7u);  // 6.67
  EXPECT_EQ(load_bound(4, 5), 1u);
  EXPECT_EQ(load_bound(1, 16), 1u);
  EXPECT_EQ(load_bound(1024 * 256, 256), 1280u);
}

TEST(Ring, BalancesSixteenWorkersOver256Partitions) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ASSERT_NO_FATAL_FAILURE(expect_sound(place(members_of(16, seed), 256, 3), 16, 256, 3));
  }
}

TEST(Ring, BalancesAnyNumberOfWorkersPartitionsAndReplicas) {
  for (std::uint32_t workers = 1; workers <= 16; ++workers) {
    for (std::uint32_t partitions = 1; partitions <= 128; partitions *= 2) {
      for (std::uint32_t k = 1; k <= 4 && k <= workers; ++k) {
        for (std::uint64_t seed = 0; seed < 6; ++seed) {
          SCOPED_TRACE(std::to_string(workers) + " workers, " + std::to_string(partitions) + " partitions, k " +
                       std::to_string(k) + ", seed " + std::to_string(seed));
          const std::uint32_t replicas = std::min(2 * k - 1, workers);
          ASSERT_NO_FATAL_FAILURE(
              expect_sound(place(members_of(workers, seed), partitions, replicas), workers, partitions, replicas));
        }
      }
    }
  }
}

TEST(Ring, HoldsTheLargestClusterToo) {
  ASSERT_NO_FATAL_FAILURE(expect_sound(place(members_of(256, 1), 1024, 5), 256, 1024, 5));
}

TEST(Ring, GivesTheSamePlacementForTheSameMembers) {
  EXPECT_EQ(place(members_of(7, 3), 64, 3), place(members_of(7, 3), 64, 3));
}

TEST(Ring, PrefersTheFirstReplicaMostly) {
  const auto placements = place(members_of(16, 5), 256, 3);
  const auto first = std::count_if(placements.begin(), placements.end(), [](const Placement& placement) {
    return placement.preferred_leader == placement.replicas.front().worker;
  });
  EXPECT_GE(first, 192);
}

/// The share of all replicas that one worker more takes over from others or causes to move between them.
double moved_by_one_more(std::size_t workers, std::uint32_t partitions, std::uint32_t replicas, std::uint64_t seed) {
  auto members = members_of(workers + 1, seed);
  const auto after = place(members, partitions, replicas);
  members.pop_back();
  const auto before = place(members, partitions, replicas);
  std::size_t moved = 0;
  for (std::uint32_t partition = 0; partition < partitions; ++partition) {
    for (const auto& [replica, id] : after[partition].replicas) {
      if (before[partition].find(id) == nullptr) ++moved;
    }
  }
  return static_cast<double>(moved) / (partitions * replicas);
}

TEST(Ring, MovesAtMostTwiceTheShareOfOneWorkerMore) {
  for (const std::size_t workers : {4u, 8u, 15u, 16u, 24u}) {
    constexpr int kSeeds = 60;
    double moved = 0;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) moved += moved_by_one_more(workers, 256, 3, seed) / kSeeds;
    const double share = 1.0 / static_cast<double>(workers + 1);
    EXPECT_LE(moved, 2 * share) << workers << " workers";
    EXPECT_GE(moved, share / 2) << workers << " workers: the new one takes too little";
    RecordProperty("moved_per_share_" + std::to_string(workers), std::to_string(moved / share));
  }
}

TEST(VirtualNodes, AreManyAndAscending) {
  const auto points = virtual_nodes_of({42});
  EXPECT_EQ(points.size(), kVirtualNodesPerWorker);
  EXPECT_TRUE(std::is_sorted(points.begin(), points.end()));
  EXPECT_NE(points, virtual_nodes_of({43}));
}

}  // namespace
}  // namespace trellis

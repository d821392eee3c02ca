#include "protocol/cluster/cluster_map.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/limits.hpp"
#include "protocol/packed.hpp"
#include "tests/unit/protocol/mutations.hpp"

namespace trellis {
namespace {

using ::testing::HasSubstr;

const ClusterId kCluster = "0123456789abcdef0123456789abcdef";

ClusterSpec spec_of(std::size_t workers, std::uint32_t k = 2, std::uint32_t partitions = 16) {
  ClusterSpec spec{k, partitions, {}};
  for (std::size_t i = 0; i < workers; ++i) {
    spec.workers.emplace_back(WorkerId{1000 + i}, "127.0.0.1:" + std::to_string(9001 + i));
  }
  return spec;
}

ClusterMap map_of(std::size_t workers, std::uint32_t k = 2, std::uint32_t partitions = 16) {
  return make_cluster_map(kCluster, spec_of(workers, k, partitions));
}

TEST(PartitionOf, TakesTheTopBitsOfTheHash) {
  // XXH3-64 of "person1" with seed 0, so that programs outside the project can compute it too.
  const std::uint32_t finest = partition_of("person1", 1024).value;
  EXPECT_LT(finest, 1024u);
  for (std::uint32_t bits = 0; bits <= 10; ++bits) {
    EXPECT_EQ(partition_of("person1", 1u << bits).value, finest >> (10 - bits)) << bits;
  }
}

TEST(PartitionOf, DoesNotShiftByAll64BitsWithOnePartition) {
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(partition_of(std::to_string(i), 1).value, 0u);
}

TEST(PartitionOf, SpreadsKeysEvenly) {
  std::vector<int> keys(16);
  for (int i = 0; i < 16'000; ++i) ++keys[partition_of("key" + std::to_string(i), 16).value];
  for (const int count : keys) EXPECT_NEAR(count, 1000, 150);
}

TEST(ClusterMap, IsMadeUnformedWithAllMembersAndPartitions) {
  const ClusterMap map = map_of(5);
  EXPECT_EQ(map.version, 1u);
  EXPECT_FALSE(map.formed);
  EXPECT_EQ(map.members.size(), 5u);
  EXPECT_EQ(map.partition_count(), 16u);
  EXPECT_TRUE(check(map));
  EXPECT_EQ(map.find_address("127.0.0.1:9002"), map.find({1001}));
  EXPECT_EQ(map.find({7}), nullptr);
  EXPECT_EQ(map.find_address("127.0.0.1:1"), nullptr);
}

TEST(ClusterMap, HasTwoKMinusOneReplicasOrAllWorkersWhereThereAreFewer) {
  EXPECT_EQ(map_of(5, 2).replica_count(), 3u);
  EXPECT_EQ(map_of(5, 2).tolerates(), 1u);
  EXPECT_EQ(map_of(5, 1).replica_count(), 1u);
  EXPECT_EQ(map_of(5, 1).tolerates(), 0u);
  EXPECT_EQ(map_of(5, 3).tolerates(), 2u);
  EXPECT_EQ(map_of(2, 2).replica_count(), 2u);
  EXPECT_EQ(map_of(2, 2).tolerates(), 0u);
  EXPECT_EQ(map_of(4, 3).replica_count(), 4u);
  EXPECT_EQ(map_of(4, 3).tolerates(), 1u);
}

TEST(ClusterMap, ComesBackFromItsPackedForm) {
  for (const std::size_t workers : {1u, 3u, 16u}) {
    ClusterMap map = map_of(workers, workers > 1 ? 2 : 1, 64);
    map.formed = workers == 3;
    map.version = UINT64_MAX;
    map.move_limits = {kMovesMax, kMoveRateMin};
    map.repair_after = kRepairAfterMax;
    map.members.front().zone = std::string(kZoneSizeMax, 'z');
    map.members.back().state = MemberState::kDown;
    const auto read = read_cluster_map(pack(map));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, map);
  }
}

/// Without what the format had no word for.
std::string packed_as(std::uint64_t format, const ClusterMap& map) {
  std::string out;
  PackedWriter writer(out);
  writer.array(format == 2   ? 10
               : format == 3 ? 12
                             : 13)
      .natural(format)
      .str(map.cluster)
      .natural(map.epoch)
      .natural(map.version);
  writer.boolean(map.formed).natural(map.level).natural(map.k).natural(map.next_replica);
  if (format > 2) writer.natural(map.move_limits.moves).natural(map.move_limits.rate);
  if (format > 3) writer.natural(static_cast<std::uint64_t>(map.repair_after.count()));
  writer.array(map.members.size());
  for (const Member& member : map.members) {
    writer.array(format > 3 ? 6 : 5).natural(member.id.value).str(member.address);
    writer.natural(static_cast<std::uint64_t>(member.state)).natural(member.since).array(member.virtual_nodes.size());
    for (const std::uint64_t point : member.virtual_nodes) writer.natural(point);
    if (format > 3) writer.str(member.zone);
  }
  writer.array(map.partitions.size());
  for (const Placement& placement : map.partitions) {
    writer.array(2).natural(placement.preferred_leader.value).array(placement.replicas.size());
    for (const auto& [id, worker] : placement.replicas) writer.array(2).natural(id.value).natural(worker.value);
  }
  return out;
}

TEST(ClusterMap, OfAFormerFormatIsReadWithWhatItHadNoWordFor) {
  for (const std::uint64_t format : {2u, 3u, 4u}) {
    const ClusterMap map = map_of(3);
    const auto read = read_cluster_map(packed_as(format, map));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, map);
  }
}

TEST(ClusterMap, AZoneIsTheHostOfItsMemberUnlessItWasNamed) {
  ClusterMap map = map_of(3);
  map.members[0].address = "[::1]:9001";
  map.members[1].zone = "rack-1";
  EXPECT_EQ(zone_of(map.members[0]), "[::1]");
  EXPECT_EQ(zone_of(map.members[1]), "rack-1");
  EXPECT_FALSE(is_zone(""));
  EXPECT_FALSE(is_zone("a zone"));
  EXPECT_FALSE(is_zone(std::string(kZoneSizeMax + 1, 'z')));
  map.members[1].zone = "a zone";
  EXPECT_FALSE(check(map));
}

TEST(ClusterMap, RefusesEveryTruncationAndBytesBehindItsEnd) {
  const std::string packed = pack(map_of(3));
  for_each_truncation(packed, [](const std::string& cut) { EXPECT_FALSE(read_cluster_map(cut)) << cut.size(); });
  EXPECT_FALSE(read_cluster_map(packed + '\0'));
}

TEST(ClusterMap, IsSoundOrRefusedWhateverTheBytes) {
  for_each_mutation(pack(map_of(3)), 20'000, 1, [](const std::string& bytes) {
    const auto map = read_cluster_map(bytes);
    if (map) {
      EXPECT_TRUE(check(*map));
    }
  });
}

TEST(ClusterMap, BelievesAForgedCountOnlyUpToTheLimits) {
  std::string packed;
  PackedWriter head(packed);
  head.array(10).natural(2).str(kCluster).natural(1).natural(1).boolean(true).natural(kLevel).natural(2).natural(99);
  head.array(0xffffffff);
  EXPECT_FALSE(read_cluster_map(packed));
}

TEST(ClusterMap, NamesAFormatVersionThatItDoesNotRead) {
  std::string packed = pack(map_of(3));
  packed[1] = 6;
  const auto map = read_cluster_map(packed);
  ASSERT_FALSE(map);
  EXPECT_THAT(map.error().message, HasSubstr("format version 6"));
}

/// The message with which a map is refused after `change`; empty where it is taken.
template <typename Change>
std::string refused(Change change) {
  ClusterMap map = map_of(5);
  change(map);
  const auto read = read_cluster_map(pack(map));
  return read ? "" : read.error().message;
}

TEST(ClusterMap, IsRefusedWhereItContradictsItself) {
  EXPECT_EQ(refused([](ClusterMap&) {}), "");
  EXPECT_THAT(refused([](ClusterMap& map) { map.cluster = "short"; }), HasSubstr("32 hex digits"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.cluster[3] = 'G'; }), HasSubstr("32 hex digits"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.version = 0; }), HasSubstr("versions"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.k = 0; }), HasSubstr("k must be"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.k = 6; }), HasSubstr("k must be"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.k = 3; }), HasSubstr("3 replicas instead of 5"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.members.clear(); }), HasSubstr("1 to 256 workers"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.members[1].id = map.members[0].id; }), HasSubstr("stands twice"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.members[1].id = {0}; }), HasSubstr("without an id"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.members[1].address = map.members[0].address; }), HasSubstr("twice"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.members[1].address = ""; }), HasSubstr("impossible length"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.members[1].address.assign(261, 'a'); }), HasSubstr("impossible"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.members[1].virtual_nodes.clear(); }), HasSubstr("virtual nodes"));
  EXPECT_THAT(
      refused([](ClusterMap& map) { std::swap(map.members[1].virtual_nodes[0], map.members[1].virtual_nodes[1]); }),
      HasSubstr("ascend"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.partitions.pop_back(); }), HasSubstr("power of two"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.partitions.clear(); }), HasSubstr("power of two"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.partitions[3].replicas.pop_back(); }), HasSubstr("2 replicas"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.partitions[3].replicas[0].worker = {77}; }), HasSubstr("no member"));
  EXPECT_THAT(
      refused([](ClusterMap& map) { map.partitions[3].replicas[0].worker = map.partitions[3].replicas[1].worker; }),
      HasSubstr("two replicas"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.partitions[3].replicas[0].id = map.partitions[5].replicas[1].id; }),
              HasSubstr("stands twice"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.partitions[3].replicas[0].id = {0}; }), HasSubstr("never given"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.partitions[3].replicas[0].id = {map.next_replica}; }),
              HasSubstr("never given"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.epoch = 0; }), HasSubstr("epochs"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.level = 0; }), HasSubstr("level"));
  EXPECT_THAT(refused([](ClusterMap& map) { map.level = kLevel + 1; }),
              HasSubstr("has level " + std::to_string(kLevel + 1) + ", and this program knows level "));
  EXPECT_THAT(refused([](ClusterMap& map) { map.partitions[3].preferred_leader = {77}; }), HasSubstr("no replica"));
}

TEST(ClusterSpec, IsCheckedBeforeAClusterIsMadeOfIt) {
  EXPECT_TRUE(check(spec_of(1, 1, 1)));
  EXPECT_TRUE(check(spec_of(kWorkersMax, 2, kPartitionsMax)));
  EXPECT_FALSE(check(spec_of(kWorkersMax + 1)));
  EXPECT_FALSE(check(spec_of(0)));
  EXPECT_FALSE(check(spec_of(3, 0)));
  EXPECT_FALSE(check(spec_of(3, 4)));
  EXPECT_FALSE(check(spec_of(3, 2, 0)));
  EXPECT_FALSE(check(spec_of(3, 2, 12)));
  EXPECT_FALSE(check(spec_of(3, 2, 2 * kPartitionsMax)));
  ClusterSpec doubled = spec_of(3);
  doubled.workers[2].second = doubled.workers[0].second;
  EXPECT_FALSE(check(doubled));
}

}  // namespace
}  // namespace trellis

// What the cluster keeps in its groups' state: conditional, and checked byte for byte.
#include "worker/state/system_records.hpp"

#include <gtest/gtest.h>

#include "protocol/access/access_changes.hpp"
#include "tests/unit/protocol/mutations.hpp"

namespace trellis {
namespace {

ClusterMap map_of(std::uint64_t version) {
  ClusterMap map = make_cluster_map(std::string(32, 'a'), {2, 4, {{{1}, "a:1"}, {{2}, "b:1"}, {{3}, "c:1"}}});
  map.version = version;
  map.formed = true;
  return map;
}

TEST(SystemRecords, AGroupFollowsNoOlderMapThanBefore) {
  SystemRecords records;
  ASSERT_TRUE(apply_system_entry(follow_entry({1, 5}, 1), records));
  EXPECT_EQ(records.followed, (MapVersion{1, 5}));
  EXPECT_EQ(records.level, 1u);
  ASSERT_TRUE(apply_system_entry(follow_entry({1, 4}, 1), records));
  EXPECT_EQ(records.followed, (MapVersion{1, 5}));
  ASSERT_TRUE(apply_system_entry(follow_entry({2, 1}, 1), records));
  EXPECT_EQ(records.followed, (MapVersion{2, 1})) << "the epoch counts first";
}

TEST(SystemRecords, AMapReplacesOnlyTheOneThatItWasMadeFrom) {
  SystemRecords records;
  ASSERT_TRUE(apply_system_entry(map_entry({}, map_of(2)), records));
  EXPECT_EQ(records.map_version(), (MapVersion{1, 2}));
  ASSERT_TRUE(apply_system_entry(map_entry({}, map_of(3)), records));
  EXPECT_EQ(records.map_version(), (MapVersion{1, 2}));
  ASSERT_TRUE(apply_system_entry(map_entry({1, 2}, map_of(3)), records));
  ASSERT_TRUE(apply_system_entry(map_entry({1, 2}, map_of(4)), records));
  EXPECT_EQ(*records.map, map_of(3));
}

TEST(SystemRecords, UsersReplaceOnlyThoseThatTheyWereMadeFrom) {
  SystemRecords records;
  AccessRecords first = first_access_records(std::string(kPublicKeySize, 'a'));
  ASSERT_TRUE(apply_system_entry(access_entry(0, first), records));
  EXPECT_EQ(records.access_version(), 1u);
  AccessRecords second = first;
  second.version = 2;
  AccessRecords other = first_access_records(std::string(kPublicKeySize, 'b'));
  other.version = 2;
  ASSERT_TRUE(apply_system_entry(access_entry(1, second), records));
  ASSERT_TRUE(apply_system_entry(access_entry(1, other), records)) << "too late: it changes nothing";
  EXPECT_EQ(*records.access, second);
  EXPECT_FALSE(apply_system_entry(access_entry(2, first), records)) << "versions grow";
  for_each_truncation(access_entry(2, second), [](const std::string& cut) {
    SystemRecords untouched;
    EXPECT_FALSE(apply_system_entry(cut, untouched)) << cut.size();
  });
}

TEST(SystemRecords, StandInSnapshotsWithMapAndUsersAndWithoutEither) {
  SystemRecords records;
  for (int what = 0; what < 4; ++what) {
    records.map = (what & 1) != 0 ? std::make_shared<const ClusterMap>(map_of(2)) : nullptr;
    records.access = (what & 2) != 0
                         ? std::make_shared<const AccessRecords>(first_access_records(std::string(kPublicKeySize, 'a')))
                         : nullptr;
    records.followed = {1, 2};
    records.level = 1;
    const auto read = read_system_records(pack(records));
    ASSERT_TRUE(read) << what;
    EXPECT_EQ(read->followed, records.followed);
    EXPECT_EQ(read->map_version(), records.map_version());
    EXPECT_EQ(read->access_version(), records.access_version());
    for_each_mutation(pack(records), 1'000, 7, [](const std::string& bytes) {
      const auto mutated = read_system_records(bytes);
      EXPECT_TRUE(!mutated || mutated->access == nullptr || check(*mutated->access));
    });
  }
}

TEST(SystemRecords, WhatCannotBeIsRefused) {
  SystemRecords records;
  EXPECT_FALSE(apply_system_entry(follow_entry({1, 5}, kLevel + 1), records));
  EXPECT_FALSE(apply_system_entry(map_entry({1, 7}, map_of(7)), records));
  ClusterMap forming = map_of(7);
  forming.formed = false;
  EXPECT_FALSE(apply_system_entry(map_entry({}, forming), records));
  for (const std::string& entry : {follow_entry({1, 5}, 1), map_entry({}, map_of(2))}) {
    EXPECT_TRUE(is_system_entry(entry));
    for_each_truncation(entry, [](const std::string& cut) {
      SystemRecords untouched;
      EXPECT_FALSE(apply_system_entry(cut, untouched)) << cut.size();
      EXPECT_EQ(untouched.map, nullptr);
    });
  }
  EXPECT_FALSE(is_system_entry(""));
  EXPECT_FALSE(is_system_entry("\x01"));
}

TEST(SystemRecords, AreSoundOrRefusedWhateverTheBytes) {
  for_each_mutation(map_entry({}, map_of(2)), 5'000, 1, [](const std::string& bytes) {
    SystemRecords records;
    const bool has_map = apply_system_entry(bytes, records) && records.map != nullptr;
    EXPECT_TRUE(!has_map || check(*records.map));
  });
}

}  // namespace
}  // namespace trellis

// The records that replicas keep in the log store: names do not meet, and damage is told.
#include "worker/raft/log_records.hpp"

#include <gtest/gtest.h>

namespace trellis::records {
namespace {

TEST(LogRecords, NamesSortByGroupAndKindsDoNotMeet) {
  EXPECT_LT(snapshot_name({255}), snapshot_name({256}));
  EXPECT_LT(commit_name({1}), commit_name({2}));
  EXPECT_NE(commit_name({5}), snapshot_name({5}));
}

/// Reads `packed`, and then each beginning of it, which must be refused; and with a byte too many.
template <typename Read>
void expect_whole_or_nothing(const std::string& packed, Read read) {
  EXPECT_TRUE(read(packed));
  for (std::size_t size = 0; size < packed.size(); ++size) EXPECT_FALSE(read(packed.substr(0, size))) << size;
  EXPECT_FALSE(read(packed + '\0'));
}

TEST(LogRecords, ASnapshotsRecordIsReadBack) {
  const SnapshotRecord record{20, 4, 1, {{{{7}, {107}}, 1}, {{{8}, {108}}, 0}}, "the descriptor"};
  const auto read = read_snapshot_record(pack(record));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->index, 20u);
  EXPECT_EQ(read->term, 4u);
  EXPECT_EQ(read->configuration_index, 1u);
  ASSERT_EQ(read->configuration.size(), 2u);
  EXPECT_EQ(read->configuration[1].place, (ReplicaPlace{{8}, {108}}));
  EXPECT_EQ(read->configuration[0].role, 1u);
  EXPECT_EQ(read->descriptor, "the descriptor");
  expect_whole_or_nothing(pack(record), [](const std::string& bytes) { return bool(read_snapshot_record(bytes)); });
}

TEST(LogRecords, AForgedNumberOfMembersIsRefused) {
  std::string packed = pack(SnapshotRecord{20, 4, 1, {{{{7}, {107}}, 1}}, "d"});
  for (std::size_t at = 24; at < 28; ++at) packed[at] = '\xff';
  EXPECT_FALSE(read_snapshot_record(packed));
}

TEST(LogRecords, WhichReplicaIsHeldIsReadBack) {
  const auto read = read_local_replica(pack(LocalReplica{{9}, 4, 20, {7}}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->held, ReplicaId{9});
  EXPECT_EQ(read->term, 4u);
  EXPECT_EQ(read->index, 20u);
  EXPECT_EQ(read->deleted, ReplicaId{7});
  expect_whole_or_nothing(pack(LocalReplica{{9}, 4, 20, {7}}),
                          [](const std::string& bytes) { return bool(read_local_replica(bytes)); });
}

TEST(LogRecords, ANumberIsReadBack) {
  EXPECT_EQ(*read_number(pack_number(1ull << 63)), 1ull << 63);
  expect_whole_or_nothing(pack_number(5), [](const std::string& bytes) { return bool(read_number(bytes)); });
}

}  // namespace
}  // namespace trellis::records

// The keys and values of the log store: they sort as their numbers do, and damage is told.
#include "worker/raft/log_records.hpp"

#include <gtest/gtest.h>

namespace trellis::records {
namespace {

TEST(LogRecords, EntriesSortByGroupAndThenByIndex) {
  EXPECT_LT(entry_key({1}, 255), entry_key({1}, 256));
  EXPECT_LT(entry_key({1}, ~0ull), entry_key({2}, 0));
  EXPECT_LT(entry_key({1}, ~0ull), entries_end({1}));
  EXPECT_LE(entries_end({1}), entry_key({2}, 0));
  EXPECT_LT(entry_key({255}, 0), entry_key({256}, 0));
}

TEST(LogRecords, AKeyTellsItsIndex) {
  for (const std::uint64_t index : {0ull, 1ull, 255ull, 256ull, 1ull << 40, ~0ull}) {
    EXPECT_EQ(index_of(entry_key({77}, index)), index);
  }
}

TEST(LogRecords, KindsOfOneGroupDoNotMeet) {
  const PartitionId group{5};
  EXPECT_NE(hard_state_key(group), snapshot_key(group));
  EXPECT_NE(commit_key(group), snapshot_key(group));
  for (const std::string& key : {hard_state_key(group), snapshot_key(group), commit_key(group)}) {
    EXPECT_TRUE(key < entry_key(group, 0) || key >= entries_end(group));
  }
}

/// Reads `packed`, and then each beginning of it, which must be refused; and with a byte too many.
template <typename Read>
void expect_whole_or_nothing(const std::string& packed, Read read) {
  EXPECT_TRUE(read(packed));
  for (std::size_t size = 0; size < packed.size(); ++size) EXPECT_FALSE(read(packed.substr(0, size))) << size;
  EXPECT_FALSE(read(packed + '\0'));
}

TEST(LogRecords, TermAndVoteAreReadBack) {
  const std::string packed = pack(HardState{7, 9});
  EXPECT_EQ(read_hard_state(packed)->term, 7u);
  EXPECT_EQ(read_hard_state(packed)->vote, 9u);
  expect_whole_or_nothing(packed, [](const std::string& bytes) { return bool(read_hard_state(bytes)); });
  EXPECT_FALSE(read_hard_state(pack(HardState{0, 9}))) << "there is no term 0";
}

TEST(LogRecords, AnEntrysHeadIsReadBack) {
  const std::string packed = pack(EntryHead{7, 2});
  ASSERT_EQ(packed.size(), EntryHead::kSize);
  EXPECT_EQ(read_entry_head(packed + "payload")->term, 7u);
  EXPECT_EQ(read_entry_head(packed)->type, 2u);
  for (std::size_t size = 0; size < packed.size(); ++size) EXPECT_FALSE(read_entry_head(packed.substr(0, size)));
  for (const std::uint8_t type : {0, 4, 255}) EXPECT_FALSE(read_entry_head(pack(EntryHead{7, type})));
  EXPECT_FALSE(read_entry_head(pack(EntryHead{0, 1})));
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

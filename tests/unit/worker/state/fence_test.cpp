// Fences in the replicated state: what they answer, what they freeze, and versions that were raised.
#include <gtest/gtest.h>

#include "protocol/fence.hpp"
#include "tests/unit/worker/memory_snapshot_store.hpp"
#include "tests/unit/worker/requests.hpp"
#include "worker/snapshot/snapshot_file.hpp"
#include "worker/state/fence_page.hpp"
#include "worker/state/state_machine.hpp"

namespace trellis {
namespace {

struct Replica {
  CommandResult apply(Entry entry) { return state.apply(LogIndex{++last}, 0, entry); }
  CommandResult put(std::string_view key, std::string_view document) {
    return apply(entry_of(EntryKind::kPut, key, document));
  }
  CommandResult fence(FenceAction action, FenceName name = {}, Identity identity = {}) {
    const std::string content = pack_fence({0, action, name});
    Entry entry = entry_of(EntryKind::kFence, {}, content, identity);
    entry.time = GroupTime{4, 1'000};
    return apply(entry);
  }
  StateMachine state;
  std::uint64_t last = 0;
};

const std::string kText = packed_text("text");

struct Record {
  std::string key;
  std::optional<std::uint64_t> ttl_ms;
  bool operator==(const Record&) const = default;
};

std::vector<Record> records_in(const CommandResult& page) {
  std::vector<Record> records;
  PackedReader reader(page.packed.bytes());
  for (auto left = reader.read_array().value(); left > 0; --left) {
    EXPECT_EQ(reader.read_array(), 4u);
    Record& record = records.emplace_back();
    record.key = reader.read_bytes().value();
    EXPECT_TRUE(reader.read_value());
    EXPECT_TRUE(reader.read_uint());
    if (!reader.read_nil()) record.ttl_ms = reader.read_uint();
  }
  EXPECT_TRUE(reader.at_end());
  return records;
}

TEST(FenceEntry, IsNamedByItsIndexAndTheTermOfItsLeader) {
  Replica replica;
  replica.put("a", kText);
  const CommandResult result = replica.fence(FenceAction::kBegin);
  const auto fence = read_fence_result(result.packed.bytes());
  ASSERT_TRUE(fence);
  EXPECT_EQ(fence->name, (FenceName{2, 4}));
  EXPECT_EQ(fence->highest, 2u);
  ASSERT_TRUE(replica.state.fenced());
  EXPECT_EQ(replica.state.fenced()->fence, fence->name);
  replica.put("b", kText);
  EXPECT_FALSE(replica.state.fenced());
}

TEST(FenceEntry, ThatIsRepeatedFreezesNothingAndAnswersAsBefore) {
  Replica replica;
  const auto first = read_fence_result(replica.fence(FenceAction::kBegin, {}, {"s", 1}).packed.bytes());
  const auto again = read_fence_result(replica.fence(FenceAction::kBegin, {}, {"s", 1}).packed.bytes());
  ASSERT_TRUE(first && again);
  EXPECT_EQ(first->name, again->name);
  EXPECT_FALSE(replica.state.fenced());
}

TEST(FenceEntry, RaisesVersionsOnceForEachRestore) {
  Replica replica;
  replica.put("a", kText);
  EXPECT_EQ(replica.fence(FenceAction::kRaise, {0, 77}).kind, ResultKind::kTrue) << "it is asked whether it was done";
  EXPECT_EQ(replica.put("b", kText).version, version_of({3}, 0));
  EXPECT_EQ(replica.fence(FenceAction::kRaise, {1'000'000, 77}).kind, ResultKind::kTrue);
  EXPECT_EQ(replica.put("b", kText).version, version_of({1'000'001}, 0));
  EXPECT_EQ(replica.fence(FenceAction::kRaise, {9'000'000, 77}).kind, ResultKind::kFalse) << "it was done";
  EXPECT_EQ(replica.fence(FenceAction::kRaise, {0, 77}).kind, ResultKind::kFalse);
  EXPECT_EQ(replica.put("b", kText).version, version_of({1'000'004}, 0));
  EXPECT_EQ(replica.fence(FenceAction::kRaise, {5, 78}).kind, ResultKind::kTrue) << "of another restore";
  EXPECT_EQ(replica.put("b", kText).version, version_of({1'000'006}, 0)) << "and versions never go back";
  EXPECT_EQ(replica.fence(FenceAction::kRaise, {kRaisedIndexMax + 1, 79}).status, Code::kFailedPrecondition);
  const auto fence = read_fence_result(replica.fence(FenceAction::kBegin).packed.bytes());
  ASSERT_TRUE(fence);
  EXPECT_EQ(fence->highest, fence->name.index + replica.state.system().raised);
}

TEST(FenceEntry, WhatWasRaisedIsInSnapshots) {
  Replica replica;
  replica.fence(FenceAction::kRaise, {1'000'000, 77});
  replica.put("a", kText);
  MemorySnapshotStore store;
  const auto descriptor = write_snapshot(replica.state.freeze(), {0}, replica.state.applied(), {4}, "name", store);
  ASSERT_TRUE(descriptor);
  auto restored = read_snapshot(*descriptor, store);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->system().raised, replica.state.system().raised);
  EXPECT_EQ(restored->system().restore, 77u);
  EXPECT_EQ(restored->apply(LogIndex{3}, 0, entry_of(EntryKind::kPut, "b", kText)).version, version_of({1'000'002}, 0));
}

TEST(FencePage, GivesWhatWasFrozenWithTheTimeThatWasLeftThen) {
  Replica replica;
  for (const char* key : {"a", "b", "c"}) replica.put(key, kText);
  Entry expiring = entry_of(EntryKind::kPut, "d", kText);
  expiring.ttl_ms = 500;
  expiring.time = GroupTime{4, 900};
  replica.apply(expiring);
  replica.fence(FenceAction::kBegin);
  const FrozenTrie frozen = replica.state.freeze_documents();
  replica.put("bb", kText);
  replica.apply(entry_of(EntryKind::kDelete, "a"));
  Read read;
  read.command = Command::kFenceRead;
  const CommandResult all = fence_page(frozen, 1'000, read);
  EXPECT_FALSE(all.more);
  EXPECT_EQ(records_in(all), (std::vector<Record>{{"a", {}}, {"b", {}}, {"c", {}}, {"d", 400}}));
  read.page_size_max = 1;
  read.page.after = "a";
  const CommandResult one = fence_page(frozen, 1'000, read);
  EXPECT_TRUE(one.more);
  EXPECT_EQ(records_in(one), (std::vector<Record>{{"b", {}}})) << "one at least";
  read.page.after = "d";
  EXPECT_TRUE(records_in(fence_page(frozen, 1'000, read)).empty());
}

TEST(FencePage, HoldsAtMostSoManyRecords) {
  Replica replica;
  for (std::size_t i = 0; i <= kPageKeysMax; ++i) replica.put(std::to_string(i), kText);
  Read read;
  read.command = Command::kFenceRead;
  const CommandResult page = fence_page(replica.state.documents(), 0, read);
  EXPECT_TRUE(page.more);
  EXPECT_EQ(records_in(page).size(), kPageKeysMax);
}

TEST(FenceEntry, ReadsBackAndHasNoKey) {
  const std::string content = pack_fence({0, FenceAction::kBegin, {}});
  Entry entry = entry_of(EntryKind::kFence, {}, content, {"s", 1});
  entry.time = GroupTime{4, 1'000};
  std::string bytes(encoded_size(entry), '\0');
  encode(entry, bytes.data());
  const auto read = read_entry(bytes);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, entry);
  entry.key = "k";
  bytes.assign(encoded_size(entry), '\0');
  encode(entry, bytes.data());
  EXPECT_FALSE(read_entry(bytes));
}

}  // namespace
}  // namespace trellis

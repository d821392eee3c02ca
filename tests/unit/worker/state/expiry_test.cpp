// Documents that expire: what sets their time, what keeps it, what takes it away, and that they go by the log alone.
#include <gtest/gtest.h>

#include "tests/unit/worker/memory_snapshot_store.hpp"
#include "tests/unit/worker/requests.hpp"
#include "worker/snapshot/snapshot_file.hpp"
#include "worker/state/state_machine.hpp"

namespace trellis {
namespace {

const std::string kAda = packed_text("Ada");
const std::string kBob = packed_text("Bob");

class Expiry : public ::testing::Test {
 protected:
  CommandResult apply(const Entry& entry) { return state.apply(LogIndex{++last}, 0, entry); }
  static Entry dated(Entry entry, std::uint64_t now, std::optional<std::uint64_t> ttl_ms) {
    entry.ttl_ms = ttl_ms;
    if (needs_time(entry)) entry.time = GroupTime{1, now};
    return entry;
  }
  CommandResult put(std::string_view key, std::uint64_t now, std::optional<std::uint64_t> ttl_ms,
                    Identity identity = {}) {
    return apply(dated(entry_of(EntryKind::kPut, key, kAda, identity), now, ttl_ms));
  }
  CommandResult expire(std::string_view key, std::uint64_t now, std::optional<std::uint64_t> ttl_ms) {
    return apply(dated(entry_of(EntryKind::kExpire, key), now, ttl_ms));
  }
  void remove_due(std::uint64_t now) { apply(removal_of_due({1, now})); }
  std::optional<std::uint64_t> left(std::string_view key, std::uint64_t now) const {
    const CommandResult result = state.read(read_of(Command::kTtl, key), now);
    EXPECT_EQ(result.status, Code::kOk);
    return result.kind == ResultKind::kNumber ? std::optional(result.number) : std::nullopt;
  }
  bool has(std::string_view key) const { return state.read(read_of(Command::kHas, key)).kind == ResultKind::kTrue; }

  StateMachine state;
  std::uint64_t last = 0;
};

TEST_F(Expiry, ADocumentGoesWithTheFirstRemovalAtItsDeadlineAndNotBefore) {
  put("k", 1'000, 50);
  EXPECT_EQ(left("k", 1'000), 50u);
  EXPECT_EQ(left("k", 1'049), 1u);
  EXPECT_EQ(left("k", 9'999), 1u) << "what is overdue is there until the log says that it is gone";
  remove_due(1'049);
  EXPECT_TRUE(has("k"));
  remove_due(1'050);
  EXPECT_FALSE(has("k"));
  EXPECT_EQ(state.read(read_of(Command::kTtl, "k")).status, Code::kNotFound);
  EXPECT_TRUE(state.deadlines().empty());
}

TEST_F(Expiry, GetAndHasTellWhatIsLeftAndOnlyWhereItIsLimited) {
  put("k", 1'000, 500);
  put("good", 1'000, std::nullopt);
  EXPECT_EQ(state.read(read_of(Command::kGet, "k"), 1'200).ttl_ms, 300u);
  EXPECT_EQ(state.read(read_of(Command::kHas, "k"), 1'200).ttl_ms, 300u);
  EXPECT_EQ(state.read(read_of(Command::kGet, "good"), 1'200).ttl_ms, std::nullopt);
  EXPECT_EQ(left("good", 1'200), std::nullopt);
}

TEST_F(Expiry, AWriteWithoutATimeStoresForGoodAndAPatchKeepsWhatWasSet) {
  put("put", 0, 50);
  put("put", 0, std::nullopt);
  put("patched", 0, 50);
  std::string operations;
  PackedWriter(operations).array(1).array(3).str("set").array(0).str("other");
  EXPECT_EQ(apply(entry_of(EntryKind::kPatch, "patched", operations)).status, Code::kOk);
  EXPECT_EQ(left("patched", 10), 40u);
  EXPECT_EQ(apply(dated(entry_of(EntryKind::kPatch, "patched", operations), 20, 1'000)).status, Code::kOk);
  EXPECT_EQ(left("patched", 20), 1'000u) << "though it changed nothing else";
  remove_due(100);
  EXPECT_TRUE(has("put"));
  EXPECT_TRUE(has("patched"));
}

TEST_F(Expiry, ExpireSetsAndTakesAwayATimeAndMakesNoVersion) {
  const auto version = put("k", 0, std::nullopt).version;
  const CommandResult limited = expire("k", 100, 50);
  EXPECT_EQ(limited.kind, ResultKind::kTrue);
  EXPECT_EQ(limited.version, version);
  EXPECT_EQ(left("k", 100), 50u);
  EXPECT_EQ(expire("k", 100, 500).kind, ResultKind::kTrue);
  remove_due(150);
  EXPECT_EQ(left("k", 150), 450u);
  EXPECT_EQ(expire("k", 150, std::nullopt).kind, ResultKind::kTrue);
  remove_due(99'999);
  EXPECT_TRUE(has("k"));
  EXPECT_EQ(state.read(read_of(Command::kGet, "k")).version, version);
  EXPECT_EQ(expire("missing", 0, 50).kind, ResultKind::kFalse);
}

TEST_F(Expiry, ExpireHoldsToTheVersionThatItNames) {
  const auto version = put("lock", 0, 50).version;
  Entry renewal = dated(entry_of(EntryKind::kExpire, "lock"), 10, 50);
  renewal.if_version = *version + 1;
  EXPECT_EQ(apply(renewal).status, Code::kFailedPrecondition);
  EXPECT_EQ(left("lock", 10), 40u);
  renewal.if_version = version;
  EXPECT_EQ(apply(renewal).status, Code::kOk);
  EXPECT_EQ(left("lock", 10), 50u);
  remove_due(60);
  EXPECT_EQ(apply(renewal).status, Code::kFailedPrecondition) << "whoever held it holds it no more";
}

TEST_F(Expiry, WhatWasReplacedRemovedOrTakenIsNotRemovedAgain) {
  for (const EntryKind kind : {EntryKind::kDelete, EntryKind::kPop}) {
    put("k", 0, 50);
    apply(entry_of(kind, "k"));
    EXPECT_TRUE(state.deadlines().empty());
    put("k", 0, std::nullopt);
    remove_due(60);
    EXPECT_TRUE(has("k"));
    apply(entry_of(kind, "k"));
  }
}

TEST_F(Expiry, ARemovalTakesTheFirstThatAreDueAndNoMoreThanItSays) {
  for (int i = 0; i < 10; ++i) put("k" + std::to_string(i), 0, static_cast<std::uint64_t>(100 - i));
  Entry removal = removal_of_due({1, 95});
  removal.seq = 4;
  apply(removal);
  EXPECT_EQ(state.keys(), 6u);
  EXPECT_TRUE(has("k5")) << "due at 95, but the fifth";
  remove_due(95);
  EXPECT_EQ(state.keys(), 5u);
  EXPECT_EQ(state.deadlines().earliest(), 96u);
}

TEST_F(Expiry, ARepeatedWriteGetsItsFirstReplyAndGivesTheDocumentNoNewTime) {
  put("k", 0, 50, {"s", 1});
  EXPECT_EQ(put("k", 40, 50, {"s", 1}).kind, ResultKind::kTrue);
  EXPECT_EQ(left("k", 40), 10u);
}

TEST_F(Expiry, ALoggedTtlIsAnsweredByTheTimeOfItsEntry) {
  put("k", 0, 50);
  put("good", 0, std::nullopt);
  const auto ttl = [&](std::string_view key) { return apply(dated(entry_of(EntryKind::kTtl, key), 20, std::nullopt)); };
  EXPECT_EQ(PackedReader(ttl("k").packed.bytes()).read_uint(), 30u);
  EXPECT_TRUE(PackedReader(ttl("good").packed.bytes()).read_nil());
  EXPECT_EQ(ttl("missing").status, Code::kNotFound);
}

TEST_F(Expiry, TheNewestTimeIsThatOfTheHighestTerm) {
  Entry entry = dated(entry_of(EntryKind::kPut, "k", kAda), 500, 50);
  apply(entry);
  entry.time = GroupTime{2, 100};
  apply(entry);
  entry.time = GroupTime{1, 900};
  apply(entry);
  EXPECT_EQ(state.time(), (GroupTime{2, 100}));
}

TEST_F(Expiry, ASnapshotHoldsDeadlinesAndTime) {
  put("k", 1'000, 50);
  put("good", 1'000, std::nullopt);
  MemorySnapshotStore store;
  const auto descriptor = write_snapshot(state.freeze(), PartitionId{1}, state.applied(), Term{1}, "snapshot", store);
  ASSERT_TRUE(descriptor);
  auto restored = read_snapshot(*descriptor, store);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->time(), (GroupTime{1, 1'000}));
  EXPECT_EQ(restored->deadlines().earliest(), 1'050u);
  EXPECT_EQ(restored->documents().find("k")->deadline, 1'050u);
  EXPECT_EQ(restored->documents().find("good")->deadline, 0u);
  restored->apply(LogIndex{last + 1}, 0, removal_of_due({1, 1'050}));
  EXPECT_EQ(restored->keys(), 1u);
}

}  // namespace
}  // namespace trellis

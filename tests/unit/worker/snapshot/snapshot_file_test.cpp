#include "worker/snapshot/snapshot_file.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/worker/memory_snapshot_store.hpp"
#include "tests/unit/worker/requests.hpp"
#include "tests/unit/worker/sealed_snapshot.hpp"

namespace trellis {
namespace {

constexpr PartitionId kPartition{5};
constexpr Term kTerm{3};
const std::string kName = "some-snapshot";

/// A state with documents of several sizes, clients' and brokers' sessions, and answers of every kind.
StateMachine some_state() {
  StateMachine state;
  LogIndex index;
  const auto apply = [&](const Entry& entry) {
    ++index.value;
    state.apply(index, 0, entry);
  };
  for (std::uint64_t i = 0; i < 40; ++i) {
    const std::string key = "key" + std::to_string(i);
    apply(entry_of(EntryKind::kPut, key, packed_text(std::string(i * i, 'x')), {"client", i}));
    if (i % 5 == 0) apply(entry_of(EntryKind::kPop, key, {}, {"client", 1000 + i, 1}));
    if (i % 3 == 0) apply(entry_of(EntryKind::kDelete, key, {}, {"broker", i, 0, i / 2}));
    if (i % 4 == 0) {
      const std::string session = "floors" + std::to_string(i % 3);
      apply(entry_of(EntryKind::kPut, key, packed_text("a"), {session, i, 0, std::nullopt, i / 2}));
    }
  }
  return state;
}

SnapshotDescriptor write(StateMachine& state, SnapshotStore& store, const std::string& name = kName) {
  const auto descriptor = write_snapshot(state.freeze(), kPartition, state.applied(), kTerm, name, store);
  EXPECT_TRUE(descriptor) << descriptor.error().message;
  return *descriptor;
}

TEST(SnapshotFile, HoldsTheWholeState) {
  MemorySnapshotStore store;
  StateMachine state = some_state();
  const SnapshotDescriptor descriptor = write(state, store);
  EXPECT_EQ(descriptor.size, store.files[kName].size());
  auto restored = read_snapshot(descriptor, store);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->applied(), state.applied());
  EXPECT_EQ(restored->keys(), state.keys());
  EXPECT_EQ(restored->bytes(), state.bytes());
  EXPECT_EQ(restored->remembered_writes(), state.remembered_writes());
  write(*restored, store, "again");
  EXPECT_EQ(store.files["again"], store.files[kName]) << "the same state gives the same bytes";
}

TEST(SnapshotFile, AReplicaRestoredFromItKnowsACopyThatComesTooLate) {
  MemorySnapshotStore store;
  StateMachine state(SessionLimits{.writes_max = 3});
  const std::string document = packed_text("a");
  const auto write_with_floor = [&document](std::uint64_t seq) {
    return entry_of(EntryKind::kPut, "k", document, {"s", seq, 0, std::nullopt, 1});
  };
  for (std::uint64_t seq = 1; seq <= 5; ++seq) state.apply(LogIndex{seq}, 0, write_with_floor(seq));
  const SnapshotDescriptor descriptor = write(state, store);
  auto restored = read_snapshot(descriptor, store, SessionLimits{.writes_max = 3});
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->apply(LogIndex{6}, 0, write_with_floor(2)).exactly_once, ExactlyOnce::kUnknown);
  EXPECT_EQ(restored->apply(LogIndex{7}, 0, write_with_floor(3)).status, Code::kOk);
}

TEST(SnapshotFile, HoldsWhatTheClusterKeepsInTheState) {
  MemorySnapshotStore store;
  StateMachine state = some_state();
  ClusterMap map = make_cluster_map(std::string(32, 'a'), {1, 2, {{{1}, "a:1"}}});
  map.formed = true;
  ASSERT_TRUE(state.apply_system({1'000}, map_entry({}, map)));
  ASSERT_TRUE(state.apply_system({1'001}, follow_entry({1, 7}, kLevel)));
  const auto restored = read_snapshot(write(state, store), store);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(*restored->system().map, map);
  EXPECT_EQ(restored->system().followed, (MapVersion{1, 7}));
  EXPECT_EQ(restored->system().level, kLevel);
}

TEST(SnapshotFile, OneOfAnEarlierFormatIsRefusedWithWhatToDo) {
  MemorySnapshotStore store;
  StateMachine state = some_state();
  const SnapshotDescriptor descriptor = write(state, store);
  store.files[kName][7] = 1;
  const auto restored = read_snapshot(descriptor, store);
  ASSERT_FALSE(restored);
  EXPECT_NE(restored.error().message.find("format version 1, this software reads versions 3 and 4"), std::string::npos);
}

/// The same file as version 3 had it; of a state with one document and no sessions.
std::string as_version_3(const std::string& file) {
  std::string out = file.substr(0, 7) + '\x03';
  for (std::size_t at = 8; at < file.size();) {
    FieldReader fields(std::string_view(file).substr(at));
    const std::uint8_t kind = fields.u8();
    const std::uint32_t size = fields.u32();
    const std::uint32_t dropped = kind == 1 ? 16 : kind == 4 ? 1 : 0;  // The time; that it does not expire.
    FieldWriter(out).u8(kind).u32(size - dropped).u64(0);
    out += file.substr(at + 13, size - dropped);
    at += 13 + size;
  }
  return out;
}

TEST(SnapshotFile, OneOfVersion3IsReadAndNothingInItExpires) {
  MemorySnapshotStore store;
  StateMachine state;
  state.apply(LogIndex{1}, 0, entry_of(EntryKind::kPut, "k", packed_text("a")));
  SnapshotDescriptor descriptor = write(state, store);
  store.files[kName] = as_version_3(store.files[kName]);
  seal_again(store.files[kName], descriptor);
  const auto restored = read_snapshot(descriptor, store);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->keys(), 1u);
  EXPECT_TRUE(restored->deadlines().empty());
  EXPECT_EQ(restored->time(), GroupTime());
}

TEST(SnapshotFile, HoldsTheStateOfTheMomentItWasFrozen) {
  MemorySnapshotStore store;
  StateMachine state = some_state();
  write(state, store);
  const LogIndex at = state.applied();
  const FrozenState frozen = state.freeze();
  for (std::uint64_t i = 0; i < 500; ++i) {
    state.apply(LogIndex{at.value + 1 + i}, 0,
                entry_of(EntryKind::kPut, "key" + std::to_string(i), "\x01", {"later", i}));
  }
  ASSERT_TRUE(write_snapshot(frozen, kPartition, at, kTerm, "later", store));
  EXPECT_EQ(store.files["later"], store.files[kName]);
}

TEST(SnapshotFile, AnEmptyStateHasASnapshotToo) {
  MemorySnapshotStore store;
  StateMachine state;
  auto restored = read_snapshot(write(state, store), store);
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->keys(), 0u);
}

TEST(SnapshotFile, GoesOnOverManyBlocks) {
  MemorySnapshotStore store;
  StateMachine state;
  const std::string document = packed_text(std::string(50'000, 'x'));
  for (std::uint64_t i = 1; i <= 100; ++i) {
    state.apply(LogIndex{i}, 0, entry_of(EntryKind::kPut, "key" + std::to_string(i), document, {"client", i}));
  }
  std::string largest(kDocumentSizeMax - 5, 'x');
  state.apply(LogIndex{101}, 0, entry_of(EntryKind::kPut, std::string(kKeySizeMax, 'k'), packed_text(largest)));
  auto restored = read_snapshot(write(state, store), store);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->keys(), 101u);
  EXPECT_EQ(restored->bytes(), state.bytes());
}

TEST(SnapshotFile, EveryFlippedBitIsFound) {
  MemorySnapshotStore store;
  StateMachine state = some_state();
  const SnapshotDescriptor descriptor = write(state, store);
  std::string& file = store.files[kName];
  for (std::size_t byte = 0; byte < file.size(); byte += byte < 200 ? 1 : 7) {
    const auto bit = static_cast<char>(1 << byte % 8);
    file[byte] = static_cast<char>(file[byte] ^ bit);
    const auto restored = read_snapshot(descriptor, store);
    ASSERT_FALSE(restored) << byte;
    EXPECT_EQ(restored.error().code, Code::kInvalidArgument);
    EXPECT_EQ(restored.error().message.find("snapshot: "), 0u) << restored.error().message;
    file[byte] = static_cast<char>(file[byte] ^ bit);
  }
  EXPECT_TRUE(read_snapshot(descriptor, store));
}

TEST(SnapshotFile, EveryTruncationIsFoundEvenWhereTheDescriptorAgrees) {
  MemorySnapshotStore store;
  StateMachine state = some_state();
  SnapshotDescriptor descriptor = write(state, store);
  const std::string whole = store.files[kName];
  for (std::size_t size = 0; size < whole.size(); size += size < 200 ? 1 : 11) {
    store.files[kName] = whole.substr(0, size);
    ASSERT_FALSE(read_snapshot(descriptor, store)) << size;
    SnapshotDescriptor agreeing = descriptor;
    agreeing.size = size;
    ASSERT_FALSE(read_snapshot(agreeing, store)) << size;
  }
}

TEST(SnapshotFile, DamageUnderRightChecksumsIsRefusedOrGivesAStateThatCanBeWritten) {
  MemorySnapshotStore store;
  StateMachine state = some_state();
  const SnapshotDescriptor descriptor = write(state, store);
  const std::string whole = store.files[kName];
  SnapshotDescriptor untouched = descriptor;
  std::string same = whole;
  seal_again(same, untouched);
  ASSERT_EQ(same, whole) << "the test knows the format";
  ASSERT_EQ(untouched, descriptor);
  std::mt19937_64 random(1);
  int taken = 0;
  for (int round = 0; round < 3000; ++round) {
    SnapshotDescriptor damaged = descriptor;
    std::string& file = store.files[kName] = whole;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      // Mostly in the first part, where the numbers and sessions are dense.
      const std::size_t byte = 8 + random() % (random() % 4 == 0 ? file.size() - 8 : 4000);
      file[byte] = static_cast<char>(random());
    }
    if (random() % 8 == 0) file.resize(8 + random() % file.size());
    seal_again(file, damaged);
    auto restored = read_snapshot(damaged, store);
    if (!restored) continue;
    ++taken;
    write(*restored, store, "again");
  }
  EXPECT_GT(taken, 0) << "bytes of documents may be any";
}

TEST(SnapshotFile, BytesAfterTheEndAreFound) {
  MemorySnapshotStore store;
  StateMachine state = some_state();
  SnapshotDescriptor descriptor = write(state, store);
  store.files[kName] += '\0';
  ++descriptor.size;
  EXPECT_FALSE(read_snapshot(descriptor, store));
}

TEST(SnapshotFile, BlocksInAnotherOrderAreFound) {
  MemorySnapshotStore store;
  StateMachine state;
  const std::string document = packed_text(std::string((1 << 20) - 40, 'x'));
  for (std::uint64_t i = 1; i <= 4; ++i) {
    state.apply(LogIndex{i}, 0, entry_of(EntryKind::kPut, "k" + std::to_string(i), document));
  }
  const SnapshotDescriptor descriptor = write(state, store);
  std::string& file = store.files[kName];
  // Two blocks of documents, equal in size, change places.
  const std::size_t record = 8 + 4 + 2 + 4 + document.size() + 1;
  const std::size_t block = 13 + 2 * record;
  const std::size_t begin = file.size() - 13 - 2 * block;
  file = file.substr(0, begin) + file.substr(begin + block, block) + file.substr(begin, block) +
         file.substr(begin + 2 * block);
  const auto restored = read_snapshot(descriptor, store);
  ASSERT_FALSE(restored);
  EXPECT_NE(restored.error().message.find("checksum of a block"), std::string::npos) << restored.error().message;
}

TEST(SnapshotFile, IsRefusedUnderTheDescriptorOfAnother) {
  MemorySnapshotStore store;
  StateMachine state = some_state();
  const SnapshotDescriptor descriptor = write(state, store);
  SnapshotDescriptor other = descriptor;
  other.partition.value += 1;
  EXPECT_FALSE(read_snapshot(other, store));
  other = descriptor;
  other.term.value += 1;
  EXPECT_FALSE(read_snapshot(other, store));
  other = descriptor;
  other.checksum ^= 1;
  EXPECT_FALSE(read_snapshot(other, store));
  other = descriptor;
  other.name = "missing";
  EXPECT_EQ(read_snapshot(other, store).error().code, Code::kNotFound);
}

TEST(SnapshotFile, AFullDiskIsAnErrorAndLeavesNothing) {
  MemorySnapshotStore store;
  StateMachine state = some_state();
  const std::size_t size = write(state, store).size;
  store.files.clear();
  for (std::size_t space = 0; space < size; space += 100) {
    store.space_left = space;
    const auto written = write_snapshot(state.freeze(), kPartition, state.applied(), kTerm, kName, store);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, Code::kResourceExhausted);
    EXPECT_TRUE(store.files.empty());
  }
}

TEST(SnapshotDescriptor, ReadsBackAsItWasWritten) {
  const SnapshotDescriptor descriptor{
      snapshot_name(kPartition, LogIndex{77}, kTerm, 0xabc), kPartition, LogIndex{77}, kTerm, 123, 456};
  const std::string bytes = encode(descriptor);
  EXPECT_EQ(*read_snapshot_descriptor(bytes), descriptor);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(read_snapshot_descriptor(std::string_view(bytes).substr(0, size))) << size;
  }
  EXPECT_FALSE(read_snapshot_descriptor(bytes + "x/../../etc/passwd"));
  SnapshotDescriptor outside = descriptor;
  outside.name = "../log";
  EXPECT_FALSE(read_snapshot_descriptor(encode(outside)));
}

}  // namespace
}  // namespace trellis

// A snapshot's file on its way: pieces that are lost, doubled, out of order, too long or of somebody else.
#include "worker/snapshot/snapshot_transfer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/worker/memory_snapshot_store.hpp"
#include "tests/unit/worker/raft/replica_surroundings.hpp"
#include "tests/unit/worker/requests.hpp"
#include "worker/raft/log_records.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class SnapshotTransfer : public ::testing::Test, public ReplicaSurroundings<PartitionHost> {
 protected:
  SnapshotTransfer() : ReplicaSurroundings({kSelf, kPeer, kOther}) {
    partition = std::make_unique<Partition>(kGroup, settings, SessionLimits{}, *this);
    EXPECT_TRUE(partition->start());
    StateMachine state;
    for (std::uint64_t i = 1; i <= 40; ++i) {
      const std::string document = packed_text(std::string(100'000, static_cast<char>('a' + i % 26)));
      state.apply({i}, 0, entry_of(EntryKind::kPut, "key" + std::to_string(i), document));
    }
    descriptor = *write_snapshot(state.freeze(), kGroup, {40}, {2}, snapshot_name(kGroup, {40}, {2}, 77), sender_store);
  }
  ~SnapshotTransfer() override { partition.reset(); }

  void install(std::uint64_t term = 2, const ReplicaPlace& from = kPeer) {
    RaftMessage message;
    message.kind = RaftMessageKind::kInstallSnapshot;
    message.group = kGroup;
    message.to = kSelf.id;
    message.from = from;
    message.term = term;
    message.index = descriptor.index.value;
    message.log_term = descriptor.term.value;
    message.other = 1;
    message.body = Frame(records::pack(records::SnapshotRecord{
        descriptor.index.value, descriptor.term.value, 1, {{kSelf, 1}, {kPeer, 1}, {kOther, 1}}, encode(descriptor)}));
    receiver.on_install(*partition, message, *this, time);
  }
  Frame piece(const ChunkWanted& wanted) { return sender.read(wanted, encode(descriptor), time); }
  void give(const ChunkWanted& wanted, const Frame& bytes, WorkerId from = kPeer.worker) {
    receiver.on_chunk(from, {wanted.group, wanted.name, wanted.offset}, bytes, *this, time);
  }
  std::vector<ChunkWanted> take_wanted() { return std::exchange(wanted, {}); }
  void pass(milliseconds duration) {
    time += duration;
    receiver.tick(*this, time);
  }
  /// Answers everything that is asked for.
  void fetch_all() {
    for (int i = 0; i < 100 && !wanted.empty(); ++i) {
      for (const ChunkWanted& each : take_wanted()) give(each, piece(each));
    }
  }
  void finish() {
    run_background();
    sync();
  }

  Replica* find_replica() override { return partition ? &partition->replica() : nullptr; }
  void settle() override { partition->settle(); }
  void tick_replica() override { partition->tick(); }
  void reply(BrokerIndex, WorkerReply) override {}
  SnapshotStore& snapshot_store() override { return own_store; }
  bool begin_snapshot(PartitionId, bool) override { return true; }
  void end_snapshot(PartitionId) override {}
  void want_chunk(WorkerId to, const ChunkWanted& each) override {
    asked = to;
    wanted.push_back(each);
  }
  Partition* find_partition(PartitionId) override { return partition.get(); }
  void go_on(Partition&, WorkPointer) override {}
  void report(LogLevel, std::string event, std::optional<PartitionId>) override { last_event = std::move(event); }
  void on_leadership_change() override {}

  MemorySnapshotStore sender_store;
  MemorySnapshotStore own_store;
  SnapshotSender sender{sender_store};
  SnapshotReceiver receiver;
  SnapshotDescriptor descriptor;
  std::unique_ptr<Partition> partition;
  std::vector<ChunkWanted> wanted;
  WorkerId asked;
  std::string last_event;
};

TEST_F(SnapshotTransfer, FetchesTheFileAndOnlyThenInstallsIt) {
  install();
  EXPECT_EQ(partition->replica().snapshot_index(), 0u);
  fetch_all();
  EXPECT_EQ(partition->replica().snapshot_index(), 0u) << "not read yet";
  finish();
  EXPECT_EQ(partition->replica().applied(), LogIndex{40});
  EXPECT_EQ(partition->state().keys(), 40u);
  EXPECT_EQ(own_store.files, sender_store.files);
}

TEST_F(SnapshotTransfer, AsksForAWindowAndNoMore) {
  install();
  std::uint64_t size = 0;
  for (const ChunkWanted& each : wanted) size += each.size;
  EXPECT_EQ(size, SnapshotReceiver::kWindow);
}

TEST_F(SnapshotTransfer, ALostPieceIsAskedForAgain) {
  install();
  auto first = take_wanted();
  for (std::size_t i = 1; i < first.size(); ++i) give(first[i], piece(first[i]));
  EXPECT_TRUE(wanted.empty()) << "nothing stands in order yet";
  pass(SnapshotReceiver::kAskAgainAfter + milliseconds(1));
  ASSERT_FALSE(wanted.empty());
  EXPECT_EQ(wanted.front().offset, 0u);
  fetch_all();
  finish();
  EXPECT_EQ(partition->state().keys(), 40u);
}

TEST_F(SnapshotTransfer, DoubledPiecesAndPiecesOutOfOrderDoNoHarm) {
  install();
  for (int i = 0; i < 100 && !wanted.empty(); ++i) {
    auto pieces = take_wanted();
    std::reverse(pieces.begin(), pieces.end());
    for (int twice = 0; twice < 2; ++twice) {
      for (const ChunkWanted& each : pieces) give(each, piece(each));
    }
    if (wanted.empty()) pass(SnapshotReceiver::kAskAgainAfter + milliseconds(1));
  }
  finish();
  EXPECT_EQ(partition->state().keys(), 40u);
}

TEST_F(SnapshotTransfer, PiecesOfSomebodyElseAreIgnored) {
  install();
  const auto first = take_wanted();
  give(first[0], Frame("forged"), kOther.worker);
  ChunkWanted other = first[0];
  other.name = "another";
  give(other, Frame("forged"));
  give(first[0], piece(first[0]));
  fetch_all();
  pass(SnapshotReceiver::kAskAgainAfter + milliseconds(1));
  fetch_all();
  finish();
  EXPECT_EQ(partition->state().keys(), 40u);
}

TEST_F(SnapshotTransfer, AFileLongerThanAnnouncedIsGivenUp) {
  install();
  give(wanted[0], Frame(std::string(descriptor.size + 1, 'x')));
  EXPECT_THAT(last_event, HasSubstr("larger than announced"));
  EXPECT_TRUE(own_store.files.empty());
}

TEST_F(SnapshotTransfer, AForgedPieceIsFoundBeforeAnythingIsInstalled) {
  install();
  const auto first = take_wanted();
  give(first[0], Frame(std::string(first[0].size, 'x')));
  for (std::size_t i = 1; i < first.size(); ++i) give(first[i], piece(first[i]));
  fetch_all();
  finish();
  EXPECT_THAT(last_event, HasSubstr("gave up"));
  EXPECT_EQ(partition->replica().snapshot_index(), 0u);
}

TEST_F(SnapshotTransfer, ASenderThatHasTheFileNoMoreEndsIt) {
  install();
  give(wanted[0], Frame());
  EXPECT_THAT(last_event, HasSubstr("has it no more"));
  take_wanted();
  install();  // The leader asks again, and it begins anew.
  fetch_all();
  finish();
  EXPECT_EQ(partition->state().keys(), 40u);
}

TEST_F(SnapshotTransfer, ASenderThatFallsSilentIsGivenUp) {
  install();
  pass(SnapshotReceiver::kSilentAfter + milliseconds(1));
  EXPECT_THAT(last_event, HasSubstr("fell silent"));
}

TEST_F(SnapshotTransfer, ASlowSenderIsWaitedForAsLongAsItSpeaks) {
  const auto pieces_wanted = [this] {
    return std::count_if(wanted.begin(), wanted.end(), [](const ChunkWanted& each) { return each.size > 0; });
  };
  const auto pass_with_words = [this](int tenths) {
    for (int i = 0; i < tenths; ++i) {
      receiver.on_heard(kPeer.worker, time);
      pass(milliseconds(100));
    }
  };
  install();
  pass_with_words(16);
  give(wanted[0], piece(wanted[0]));
  const auto asked_for = pieces_wanted();
  pass_with_words(40);
  EXPECT_EQ(pieces_wanted(), asked_for) << "a piece took 1.6 s: the next one may take four times as long";
  pass_with_words(400);
  EXPECT_THAT(last_event, Not(HasSubstr("gave up")));
  pass_with_words(200);
  EXPECT_THAT(last_event, HasSubstr("speaks, but sends none"));
}

TEST_F(SnapshotTransfer, WhatIsAppliedAlreadyIsNotFetched) {
  install();
  fetch_all();
  finish();
  take(RaftMessageKind::kAppendEntriesResult);
  install();
  settle();
  EXPECT_TRUE(wanted.empty());
  EXPECT_EQ(take(RaftMessageKind::kAppendEntriesResult).size(), 1u) << "the library answers at once";
}

TEST_F(SnapshotTransfer, ADescriptorThatIsNotOfThisPartitionIsDropped) {
  descriptor.partition = {9};
  install();
  EXPECT_TRUE(wanted.empty());
  EXPECT_THAT(last_event, HasSubstr("broken InstallSnapshot"));
}

/// The loop does not wait for the disk: it asks for no more than that takes meanwhile.
TEST_F(SnapshotTransfer, WhatComesQuickerThanTheDiskTakesItIsNotAskedFor) {
  constexpr std::uint64_t kSyncEvery = 512 << 10;
  receiver = SnapshotReceiver(kSyncEvery);
  install();
  fetch_all();
  const std::uint64_t received = receiver.progress(kGroup).received;
  EXPECT_GE(received, 2 * kSyncEvery);
  EXPECT_LE(received, 2 * kSyncEvery + SnapshotReceiver::kWindow);
  for (const TimePoint end = time + 2 * SnapshotReceiver::kGiveUpAfter; time < end;) {
    pass(milliseconds(500));
    for (const ChunkWanted& each : take_wanted()) EXPECT_EQ(each.size, 0u) << "its sender is to keep the file";
  }
  ASSERT_TRUE(receiver.is_fetching(kGroup)) << "however long the disk takes";
  for (int turns = 0; turns < 20 && receiver.progress(kGroup).received < descriptor.size; ++turns) {
    run_background();
    EXPECT_FALSE(wanted.empty());
    fetch_all();
  }
  finish();
  EXPECT_EQ(partition->state().keys(), 40u);
  EXPECT_EQ(own_store.files, sender_store.files);
}

TEST_F(SnapshotTransfer, ASyncThatFailsEndsIt) {
  receiver = SnapshotReceiver(512 << 10);
  own_store.syncs_fail = true;
  install();
  fetch_all();
  run_background();
  EXPECT_FALSE(receiver.is_fetching(kGroup));
  EXPECT_THAT(last_event, HasSubstr("the sync failed"));
  own_store.syncs_fail = false;
  install();
  fetch_all();
  run_background();
  EXPECT_TRUE(receiver.is_fetching(kGroup)) << "it is begun anew";
}

TEST_F(SnapshotTransfer, TheSenderKeepsAFileThatIsBeingFetched) {
  install();
  const ChunkWanted first = wanted[0];
  EXPECT_FALSE(piece(first).empty());
  EXPECT_TRUE(sender.is_busy(time));
  ASSERT_TRUE(sender_store.remove(descriptor.name));
  EXPECT_FALSE(sender.read(first, "another descriptor", time).empty()) << "it was open";
  time += SnapshotSender::kLease + milliseconds(1);
  EXPECT_FALSE(sender.is_busy(time));
  EXPECT_TRUE(sender.read(first, encode(descriptor), time).empty()) << "gone for good";
}

/// Reading a large file takes longer than the sender would keep it, and the log behind it, on its own.
TEST_F(SnapshotTransfer, TheSenderKeepsAFileForAsLongAsItIsRead) {
  install();
  fetch_all();
  for (const TimePoint end = time + 4 * SnapshotSender::kLease; time < end;) {
    pass(milliseconds(100));
    for (const ChunkWanted& each : take_wanted()) {
      EXPECT_EQ(each.size, 0u) << "nothing more of the file is asked for";
      sender.keep(each, time);
    }
    ASSERT_TRUE(sender.is_busy(time));
  }
  finish();
  EXPECT_EQ(partition->state().keys(), 40u);
  pass(SnapshotSender::kLease + milliseconds(1));
  EXPECT_TRUE(wanted.empty());
  EXPECT_FALSE(sender.is_busy(time)) << "once it is installed, nobody needs it";
}

TEST_F(SnapshotTransfer, TheSenderGivesNothingButItsNewestSnapshotInPieces) {
  install();
  ChunkWanted strange = wanted[0];
  strange.name = "../secret";
  EXPECT_TRUE(piece(strange).empty());
  strange = wanted[0];
  strange.group = {9};
  EXPECT_TRUE(piece(strange).empty());
  strange = wanted[0];
  strange.offset = ~0ull;
  EXPECT_TRUE(piece(strange).empty());
  strange = wanted[0];
  strange.size = ~0u;
  EXPECT_LE(piece(strange).size(), SnapshotReceiver::kChunkSize);
}

TEST(RemoveOtherSnapshots, LeavesWhatIsNeededAndOtherPartitionsAlone) {
  MemorySnapshotStore store;
  const auto write = [&store](PartitionId partition, std::uint64_t index) {
    const std::string name = snapshot_name(partition, {index}, {1}, 7);
    return encode(*write_snapshot(StateMachine().freeze(), partition, {index}, {1}, name, store));
  };
  const std::string recorded = write({1}, 10);
  write({1}, 20);
  const std::string held = write({1}, 30);
  write({11}, 10);
  write({2}, 10);
  remove_other_snapshots(store, {1}, {recorded, held});
  EXPECT_THAT(*store.list(),
              ::testing::UnorderedElementsAre(snapshot_name({1}, {10}, {1}, 7), snapshot_name({1}, {30}, {1}, 7),
                                              snapshot_name({11}, {10}, {1}, 7), snapshot_name({2}, {10}, {1}, 7)));
}

TEST_F(SnapshotTransfer, PiecesForAMoveWaitForTheirTimeAndEachWaitsOnce) {
  sender.set_rate(SnapshotReceiver::kChunkSize);  // One a second.
  install();
  const auto pieces = take_wanted();
  ASSERT_GE(pieces.size(), 3u);
  for (int asked_again = 0; asked_again < 2; ++asked_again) {
    for (const ChunkWanted& each : pieces) sender.put_off({kSelf.worker, each}, time);
  }
  const TimePoint begun = time;
  std::vector<ChunkWanted> sent;
  for (; time < begun + milliseconds(2'900); time += milliseconds(15)) {
    while (const auto want = sender.take_due(time)) {
      sent.push_back(want->piece);
      sender.on_sent_for_move(want->piece.size, time);
    }
  }
  EXPECT_EQ(sent, std::vector<ChunkWanted>(pieces.begin(), pieces.begin() + 3)) << "one at once, and one a second";
  EXPECT_GT(*sender.due(), time);
}

}  // namespace
}  // namespace trellis

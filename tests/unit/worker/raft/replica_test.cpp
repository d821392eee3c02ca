// One replica, with the test in the place of its peers: the rules of docs/libraft.md, each by its number.
#include "worker/raft/replica.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "tests/unit/worker/raft/replica_harness.hpp"
#include "worker/raft/log_records.hpp"
#include "worker/raft/raft_io.hpp"

namespace trellis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Harness = ReplicaHarness;

TEST(Replica, AGroupOfOneLeadsAtOnceAndServesAfterItsBarrier) {
  Harness harness({kSelf});
  ASSERT_TRUE(harness.start());
  EXPECT_TRUE(harness.replica->is_leader());
  EXPECT_FALSE(harness.replica->is_ready()) << "R1: its own term has no entry yet";
  harness.sync();
  EXPECT_TRUE(harness.replica->is_ready());
  EXPECT_EQ(harness.replica->propose(commands({"one", "two"})), LogIndex{3});
  EXPECT_THAT(harness.applied, IsEmpty()) << "not durable yet";
  harness.sync();
  EXPECT_THAT(harness.applied, ElementsAre("3:one", "4:two"));
}

TEST(Replica, ServesNothingBeforeABarrierOfItsOwnTermIsCommitted) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.win();
  harness.sync();
  EXPECT_FALSE(harness.replica->is_ready());
  EXPECT_FALSE(harness.replica->can_propose());
  harness.acknowledge(kPeer);
  EXPECT_TRUE(harness.replica->is_ready());
}

TEST(Replica, SaysNothingBeforeItsTermAndVoteAreDurable) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.receive(vote_request(7, 1, 1));
  EXPECT_THAT(harness.sent, IsEmpty());
  harness.sync();
  const auto votes = harness.take(RaftMessageKind::kRequestVoteResult);
  ASSERT_EQ(votes.size(), 1u);
  EXPECT_TRUE(votes[0].granted);
  ASSERT_TRUE(harness.restart());
  EXPECT_EQ(harness.replica->term(), Term{7});
  harness.receive(vote_request(7, 1, 1, kPeer));
  harness.sync();
  EXPECT_FALSE(harness.take(RaftMessageKind::kRequestVoteResult).at(0).granted)
      << "it voted in its earlier incarnation";
}

TEST(Replica, KnowsWhomItVotedForAsLongAsThatIsAMember) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  EXPECT_EQ(harness.replica->voted_for(), WorkerId{}) << "nobody";
  harness.receive(vote_request(7, 1, 1));
  harness.sync();
  EXPECT_EQ(harness.replica->voted_for(), kOther.worker);
  harness.receive(vote_request(8, 1, 1, {{9}, {109}}));
  harness.sync();
  ASSERT_TRUE(harness.take(RaftMessageKind::kRequestVoteResult).back().granted);
  EXPECT_EQ(harness.replica->voted_for(), std::nullopt) << "its log does not name that one yet";
}

TEST(Replica, R2AVoteWaitsUntilTheEntriesAreDurable) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, {2}}));
  harness.receive(vote_request(3, 2, 2));
  EXPECT_EQ(harness.replica->term(), Term{2}) << "held at the gate";
  EXPECT_THAT(harness.take(RaftMessageKind::kAppendEntriesResult), IsEmpty());
  harness.sync();
  EXPECT_EQ(harness.take(RaftMessageKind::kAppendEntriesResult).size(), 1u);
  EXPECT_EQ(harness.replica->term(), Term{3});
}

TEST(Replica, R2MoreEntriesOfTheSameLeaderPassTheGate) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, {2}}));
  harness.receive(append_of(2, {2, 2, {2, 2}}));
  EXPECT_EQ(harness.replica->last_index(), LogIndex{4});
  harness.sync();
  const auto results = harness.take(RaftMessageKind::kAppendEntriesResult);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].index, 2u);
  EXPECT_EQ(results[1].index, 4u);
}

TEST(Replica, R2WhatWaitsAtTheGateKeepsItsOrder) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, {2}}));
  harness.receive(vote_request(3, 2, 2));
  harness.receive(append_of(2, {2, 2, {2}}));  // Would pass, but stands behind the vote.
  EXPECT_EQ(harness.replica->last_index(), LogIndex{2});
  harness.sync();
  harness.sync();
  EXPECT_EQ(harness.replica->last_index(), LogIndex{2}) << "its term was over by then";
}

TEST(Replica, R2NoElectionWhileEntriesAreNotDurable) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, {2}}));
  for (int i = 0; i < 200; ++i) harness.tick();
  EXPECT_EQ(harness.replica->term(), Term{2});
  EXPECT_THAT(harness.take(RaftMessageKind::kRequestVote), IsEmpty());
  harness.sync();
  harness.sync();
  EXPECT_FALSE(harness.take(RaftMessageKind::kRequestVote).empty()) << "the tick that was due comes at once";
}

TEST(Replica, R2TheGatesQueueIsBounded) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, {2}}));
  for (std::size_t i = 0; i < Replica::kInboxMax + 10; ++i) harness.receive(vote_request(3, 0, 0));
  harness.sync();
  harness.sync();
  EXPECT_EQ(harness.take(RaftMessageKind::kRequestVoteResult).size(), Replica::kInboxMax);
}

RaftMessage pre_vote_request(std::uint64_t term, std::uint64_t last, std::uint64_t last_term) {
  RaftMessage message = vote_request(term, last, last_term);
  message.pre_vote = 1;
  message.disrupt_leader = false;
  return message;
}

/// Else the two voters that are left, one with the longer log and one with the higher term, refuse each other for ever
/// (simulator, --scenario members, seed 2298).
TEST(Replica, LearnsTheTermOfWhoAsksForAPreVote) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, {2, 2}}));
  harness.sync();
  for (int i = 0; i < 200; ++i) harness.tick();
  harness.sync();
  ASSERT_EQ(harness.replica->term(), Term{2}) << "nobody has answered its own pre-votes";
  harness.take(RaftMessageKind::kRequestVote);
  harness.receive(pre_vote_request(10, 1, 1));
  harness.sync();
  for (const RaftMessage& answer : harness.take(RaftMessageKind::kRequestVoteResult)) EXPECT_FALSE(answer.granted);
  EXPECT_EQ(harness.replica->term(), Term{9});
  for (int i = 0; i < 200; ++i) harness.tick();
  harness.sync();
  const auto asked = harness.take(RaftMessageKind::kRequestVote);
  ASSERT_FALSE(asked.empty());
  EXPECT_EQ(asked.back().term, 10u);
}

TEST(Replica, AFollowerWithALeaderLearnsNoTermFromAPreVote) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, {2}}));
  harness.sync();
  harness.receive(pre_vote_request(10, 1, 1));
  harness.sync();
  EXPECT_EQ(harness.replica->term(), Term{2});
}

/// Else a peer that fetches a snapshot for ever keeps the log from being cut (simulator, seed 14446).
TEST(Replica, ASnapshotIsOverdueAtFourTimesTheLogThatItIsDueAt) {
  Harness harness;
  harness.settings.snapshot_log_bytes = 1'000;
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, {2, 2, 2, 2, 2}}));
  harness.sync();
  EXPECT_TRUE(harness.replica->is_snapshot_due(0));
  EXPECT_FALSE(harness.replica->is_snapshot_overdue(0));
  harness.receive(append_of(2, {6, 2, std::vector<std::uint64_t>(16, 2)}));
  harness.sync();
  EXPECT_TRUE(harness.replica->is_snapshot_overdue(0));
  EXPECT_FALSE(harness.replica->is_snapshot_due(1 << 20)) << "as large as the state, at least";
}

TEST(Replica, R3AcknowledgesNoTailThatTheMessageDidNotCheck) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, {2, 2, 2}}));
  harness.sync();
  harness.take(RaftMessageKind::kAppendEntriesResult);
  // A later leader, which shares the log up to entry 2 only.
  harness.receive(append_of(3, {2, 2, {}}));
  harness.sync();
  const auto results = harness.take(RaftMessageKind::kAppendEntriesResult);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].index, 2u) << "its own log reaches to 4";
}

TEST(Replica, CommitsNoTailThatTheMessageDidNotCheck) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, {2, 2, 2}}));
  harness.sync();
  // A later leader has committed up to 4, of which 3 and 4 are entries of its own that have yet to come (R7: in
  // pieces).
  harness.receive(append_of(3, {1, 1, {2}, 4}));
  harness.sync();
  EXPECT_THAT(harness.applied, ElementsAre("2:t2"));
  harness.receive(append_of(3, {2, 2, {3, 3}, 4}));
  harness.sync();
  EXPECT_THAT(harness.applied, ElementsAre("2:t2", "3:t3", "4:t3"));
}

/// A follower whose snapshot holds the entries up to 5.
void follow_with_snapshot(Harness& harness) {
  harness.settings.tail_bytes = 0;
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, {2, 2, 2, 2, 2}, 4}));
  harness.sync();
  harness.replica->take_snapshot(true);
  harness.receive(append_of(2, {6, 2, {}, 5}));
  harness.run_background();
  harness.sync();
  ASSERT_EQ(harness.recorded, "state at 5");
  ASSERT_EQ(harness.replica->snapshot_index(), 5u);
  harness.take(RaftMessageKind::kAppendEntriesResult);
}

TEST(Replica, ASnapshotLeavesTheLogsTailForLateFollowersUnlessRoomIsPressing) {
  for (const bool keeps_tail : {true, false}) {
    Harness harness;
    harness.settings.tail_bytes = 1 << 20;
    ASSERT_TRUE(harness.start());
    harness.receive(append_of(2, {1, 1, {2, 2, 2, 2, 2}, 4}));
    harness.sync();
    EXPECT_EQ(harness.replica->is_snapshot_worthwhile(1, keeps_tail), !keeps_tail);
    harness.replica->take_snapshot(keeps_tail);
    harness.receive(append_of(2, {6, 2, {}, 5}));
    harness.run_background();
    harness.sync();
    std::vector<std::uint64_t> left;
    ASSERT_TRUE(harness.store.entries(kGroup, [&](LogIndex index, const EntryHead&, std::string_view) {
      left.push_back(index.value);
      return Result<void>();
    }));
    EXPECT_EQ(left, keeps_tail ? (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6}) : (std::vector<std::uint64_t>{5, 6}));
  }
}

TEST(Replica, R4WhatLiesBelowItsSnapshotIsNotAppendedAgain) {
  Harness harness;
  follow_with_snapshot(harness);
  harness.receive(append_of(2, {1, 1, {2, 2, 2, 2, 2, 2}}));
  harness.sync();
  EXPECT_EQ(harness.replica->last_index(), LogIndex{7});
  EXPECT_EQ(harness.take(RaftMessageKind::kAppendEntriesResult).at(0).index, 7u);
  harness.receive(append_of(2, {1, 1, {2}}));  // All of it below.
  harness.sync();
  EXPECT_EQ(harness.replica->last_index(), LogIndex{7});
  ASSERT_TRUE(harness.restart());
  EXPECT_EQ(harness.replica->last_index(), LogIndex{7});
  EXPECT_EQ(harness.restored, "state at 5");
}

TEST(Replica, R7ABacklogGoesOutInPieces) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.lead();
  harness.acknowledge(kOther, 1);
  harness.take(RaftMessageKind::kAppendEntries);
  std::vector<CommandBuffer> many;
  for (int i = 0; i < 5000; ++i) many.emplace_back(1);
  harness.replica->propose(std::move(many));
  std::uint64_t held = 2;
  for (int pieces = 0; pieces < 10 && held < 5002; ++pieces) {
    std::uint64_t next = held;
    for (const RaftMessage& piece : harness.take(RaftMessageKind::kAppendEntries, kPeer)) {
      EXPECT_LE(piece.entries, RaftIo::kAppendEntriesMax);
      EXPECT_LE(piece.other, piece.index + piece.entries) << "a commit index beyond what it carries";
      if (piece.index == held) next = std::max(next, held + piece.entries);
    }
    ASSERT_GT(next, held) << "it stopped sending";
    held = next;
    harness.sync();
    harness.acknowledge(kPeer, held);
  }
  EXPECT_EQ(held, 5002u);
  EXPECT_EQ(harness.applied.size(), 5000u);
}

TEST(Replica, R7OneLargeEntryStillGoes) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.lead();
  harness.take(RaftMessageKind::kAppendEntries);
  std::vector<CommandBuffer> large;
  for (int i = 0; i < 3; ++i) large.emplace_back(3 << 20);
  for (CommandBuffer& command : large) std::fill(command.data(), command.data() + command.size(), 'x');
  harness.replica->propose(std::move(large));
  for (const RaftMessage& piece : harness.take(RaftMessageKind::kAppendEntries)) EXPECT_LE(piece.entries, 1u);
}

TEST(Replica, R9OneBatchIsUnderWayAtATime) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.lead();
  harness.replica->propose(commands({"one"}));
  EXPECT_FALSE(harness.replica->can_propose());
  harness.sync();
  EXPECT_FALSE(harness.replica->can_propose()) << "durable here alone";
  harness.acknowledge(kPeer);
  EXPECT_THAT(harness.applied, ElementsAre("3:one"));
  EXPECT_TRUE(harness.replica->can_propose());
}

TEST(Replica, ASecondLeaderInItsOwnTermIsNotListenedTo) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.lead();
  const std::uint64_t term = harness.replica->term().value;
  harness.receive(append_of(term, {1, 1, {term}}));
  RaftMessage install;
  install.kind = RaftMessageKind::kInstallSnapshot;
  install.from = kPeer;
  install.term = term;
  install.index = 50;
  install.log_term = term;
  install.other = 1;
  install.body =
      Frame(records::pack(records::SnapshotRecord{50, term, 1, {{kSelf, 1}, {kPeer, 1}, {kOther, 1}}, "state"}));
  harness.receive(install);
  EXPECT_TRUE(harness.replica->is_ready());
  harness.replica->propose(commands({"one"}));
  harness.sync();
  harness.acknowledge(kPeer);
  EXPECT_THAT(harness.applied, ElementsAre("3:one"));
  EXPECT_FALSE(harness.replica->failure());
}

TEST(Replica, AHigherTermEndsItsLeadership) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.lead();
  harness.replica->propose(commands({"one"}));
  harness.sync();
  harness.receive(vote_request(50, 100, 50));
  EXPECT_FALSE(harness.replica->is_leader());
  EXPECT_EQ(harness.step_downs, 1);
  EXPECT_THAT(harness.applied, IsEmpty());
}

TEST(Replica, AppliesWhatItKnewToBeCommittedWhenItStarts) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, {2, 2, 2}, 3}));
  harness.sync();
  EXPECT_THAT(harness.applied, ElementsAre("2:t2", "3:t2"));
  harness.receive(append_of(2, {4, 2, {2}}));  // The hint goes with the next batch.
  harness.sync();
  ASSERT_TRUE(harness.restart());
  EXPECT_THAT(harness.applied, ElementsAre("2:t2", "3:t2")) << "without a word from anybody";
  EXPECT_EQ(harness.replica->last_index(), LogIndex{5});
}

TEST(Replica, AnEntryThatCannotBeAppliedStopsIt) {
  Harness harness({kSelf});
  ASSERT_TRUE(harness.start());
  harness.sync();
  harness.replica->propose(commands({"poison"}));
  harness.sync();
  ASSERT_TRUE(harness.replica->failure());
  EXPECT_THAT(*harness.replica->failure(), HasSubstr("log entry 3: it cannot be applied"));
  harness.tick();
  harness.sync();
}

TEST(Replica, InstallsASnapshotInThePlaceOfItsLog) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, {2, 2}}));
  harness.sync();
  harness.take(RaftMessageKind::kAppendEntriesResult);
  RaftMessage install;
  install.kind = RaftMessageKind::kInstallSnapshot;
  install.from = kPeer;
  install.term = 2;
  install.index = 50;
  install.log_term = 2;
  install.other = 1;
  install.body =
      Frame(records::pack(records::SnapshotRecord{50, 2, 1, {{kSelf, 1}, {kPeer, 1}, {kOther, 1}}, "state at 50"}));
  ASSERT_TRUE(harness.replica->can_install());
  harness.receive(install);
  EXPECT_FALSE(harness.replica->can_install());
  EXPECT_THAT(harness.take(RaftMessageKind::kAppendEntriesResult), IsEmpty()) << "not durable yet";
  harness.sync();
  EXPECT_EQ(harness.restored, "state at 50");
  EXPECT_EQ(harness.take(RaftMessageKind::kAppendEntriesResult).at(0).index, 50u);
  harness.receive(append_of(2, {50, 2, {2}}));
  harness.sync();
  ASSERT_TRUE(harness.restart());
  EXPECT_EQ(harness.replica->applied(), LogIndex{50});
  EXPECT_EQ(harness.replica->last_index(), LogIndex{51});
}

TEST(Replica, EndsInTheMiddleOfEverything) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.lead();
  harness.replica->propose(commands({"one"}));
  harness.sync();
  harness.replica->take_snapshot(true);
  harness.acknowledge(kPeer);
  EXPECT_TRUE(harness.replica->is_snapshotting());
  harness.replica->propose(commands({"two"}));
  harness.acknowledge(kOther, 1);
  EXPECT_TRUE(harness.replica->transfer_to(kPeer.id));
  harness.replica.reset();
  harness.run_background();  // Finds it gone.
}

// Damage of the store is refused with a message, and never handed to the library.

std::string start_after(const std::function<void(MemoryLogStore&)>& damage) {
  Harness harness;
  EXPECT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, {2, 2, 2}}));
  harness.sync();
  harness.replica.reset();
  damage(harness.store);
  harness.sync();
  const auto started = harness.restart();
  return started ? "started" : started.error().message;
}

TEST(ReplicaLoad, AnUndamagedLogStarts) {
  EXPECT_EQ(start_after([](MemoryLogStore&) {}), "started");
}

TEST(ReplicaLoad, AGapInTheLogIsRefused) {
  EXPECT_THAT(start_after([](MemoryLogStore& store) { store.lose_entry(kGroup, {3}); }),
              HasSubstr("gap before entry 4"));
}

TEST(ReplicaLoad, ALostBeginningIsRefused) {
  EXPECT_THAT(start_after([](MemoryLogStore& store) { store.cut(kGroup, {2}); }),
              HasSubstr("does not begin with the configuration"));
}

TEST(ReplicaLoad, TermsThatGoBackAreRefused) {
  EXPECT_THAT(start_after([](MemoryLogStore& store) {
                store.append(kGroup, {4}, {1, kCommand}, "x");
              }),
              HasSubstr("go back at entry 4"));
}

TEST(ReplicaLoad, ATermBeyondTheCurrentOneIsRefused) {
  EXPECT_THAT(start_after([](MemoryLogStore& store) {
                store.append(kGroup, {4}, {9, kCommand}, "x");
              }),
              HasSubstr("entry 4"));
}

TEST(ReplicaLoad, AMissingTermAndVoteAreRefused) {
  EXPECT_THAT(start_after([](MemoryLogStore& store) { store.lose_hard_state(kGroup); }),
              HasSubstr("term and vote are missing"));
}

TEST(ReplicaLoad, ABrokenRecordIsRefused) {
  for (const std::uint8_t type : {0, 4}) {
    EXPECT_THAT(start_after([type](MemoryLogStore& store) {
                  store.append(kGroup, {4}, {2, type}, "x");
                }),
                HasSubstr("no entry is like entry 4"));
  }
  EXPECT_THAT(start_after([](MemoryLogStore& store) {
                store.append(kGroup, {4}, {0, kCommand}, "x");
              }),
              HasSubstr("no entry is like entry 4"));
  EXPECT_THAT(start_after([](MemoryLogStore& store) { store.put(records::snapshot_name(kGroup), "?"); }),
              HasSubstr("broken snapshot"));
  EXPECT_THAT(start_after([](MemoryLogStore& store) { store.put(records::commit_name(kGroup), "?"); }),
              HasSubstr("broken number"));
}

TEST(ReplicaLoad, ALogThatDoesNotMeetItsSnapshotIsRefused) {
  const auto with_snapshot = [](std::uint64_t index, std::uint64_t term) {
    return [=](MemoryLogStore& store) {
      store.put(records::snapshot_name(kGroup), pack(records::SnapshotRecord{index, term, 1, {{1, 1}}, "state"}));
    };
  };
  EXPECT_THAT(start_after(with_snapshot(10, 2)), HasSubstr("ends before its snapshot"));
  EXPECT_THAT(start_after(with_snapshot(3, 1)), HasSubstr("differ at entry 3"));
  EXPECT_THAT(start_after(with_snapshot(3, 9)), HasSubstr("record cannot be"));
  EXPECT_THAT(start_after([&](MemoryLogStore& store) {
                with_snapshot(2, 2)(store);
                store.cut(kGroup, {4});
              }),
              HasSubstr("missing between snapshot and log"));
}

}  // namespace
}  // namespace trellis

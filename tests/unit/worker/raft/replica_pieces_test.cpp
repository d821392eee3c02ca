// A replica that is far behind, and a leader of one.
#include "tests/unit/worker/raft/replica_harness.hpp"

namespace trellis {
namespace {

using Harness = ReplicaHarness;

TEST(ReplicaPieces, R7OfABacklogTwoMessagesAreUnderWayAtATime) {
  Harness harness;
  harness.settings.piece_size = 100;
  ASSERT_TRUE(harness.start());
  harness.lead();
  harness.acknowledge(kPeer, 2);
  harness.take(RaftMessageKind::kAppendEntries);
  std::vector<CommandBuffer> many;
  for (int i = 0; i < 500; ++i) many.emplace_back(100);
  harness.replica->propose(std::move(many));
  const auto take_ends = [&] {
    std::vector<std::uint64_t> ends;
    for (const RaftMessage& message : harness.take(RaftMessageKind::kAppendEntries, kPeer)) {
      if (message.entries > 0) ends.push_back(message.index + message.entries);
    }
    return ends;
  };
  harness.sync();
  for (int i = 0; i < 10; ++i) harness.tick();
  const auto first = take_ends();
  ASSERT_EQ(first.size(), 2u) << "heartbeats carry none of what is behind them";
  harness.acknowledge(kPeer, first[0] - 1);
  EXPECT_TRUE(take_ends().empty()) << "a part of the first is no room";
  harness.acknowledge(kPeer, first[0]);
  EXPECT_EQ(take_ends().size(), 1u);
  // The second got lost: the peer refuses what follows, and is sent it again from where it stands.
  RaftMessage refused;
  refused.kind = RaftMessageKind::kAppendEntriesResult;
  refused.from = kPeer;
  refused.term = harness.replica->term().value;
  refused.other = first[1];
  refused.index = first[0];
  harness.receive(refused);
  for (int i = 0; i < 10; ++i) harness.tick();
  const auto again = take_ends();
  ASSERT_FALSE(again.empty());
  EXPECT_GT(again[0], first[0]);
  for (int messages = 0; messages < 200; ++messages) {
    harness.sync();
    const auto ends = messages == 0 ? again : take_ends();
    if (ends.empty()) break;
    harness.acknowledge(kPeer, ends.back());
  }
  harness.sync();
  EXPECT_EQ(harness.applied.size(), 500u);
}

TEST(ReplicaPieces, R7WhatWasUnderWayInAnEarlierTermHoldsNothingUp) {
  Harness harness;
  harness.settings.piece_size = 100;
  ASSERT_TRUE(harness.start());
  harness.lead();
  harness.acknowledge(kPeer, 2);
  std::vector<CommandBuffer> many;
  for (int i = 0; i < 500; ++i) many.emplace_back(100);
  harness.replica->propose(std::move(many));
  harness.sync();
  for (int i = 0; i < 10; ++i) harness.tick();
  const std::uint64_t term = harness.replica->term().value;
  harness.receive(append_of(term + 1, {2, term, {term + 1}}, kOther));
  harness.sync();
  ASSERT_EQ(harness.replica->last_index(), LogIndex{3}) << "the tail was another leader's to keep, which did not";
  harness.lead();
  harness.take(RaftMessageKind::kAppendEntries);
  harness.replica->propose(commands({"next"}));
  const auto sent = harness.take(RaftMessageKind::kAppendEntries, kPeer);
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent.back().entries, 1u);
}

TEST(ReplicaPieces, WhatIsLargeIsTakenInPieceByPieceAsEachTurnHasRoom) {
  struct Narrow final : Harness {
    bool may_take_in_piece(PartitionId) override { return taken_in++ < 2; }
    bool may_finish_piece(PartitionId) override { return finished++ < 1; }
    void next_turn() {
      taken_in = finished = 0;
      settle();
    }
    int taken_in = 0;
    int finished = 0;
  };
  Narrow harness;
  harness.settings.piece_size = 60;  // Four entries.
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, std::vector<std::uint64_t>(20, 2), 21}));
  EXPECT_EQ(harness.replica->last_index(), LogIndex{9}) << "two pieces";
  harness.next_turn();
  harness.next_turn();
  EXPECT_EQ(harness.replica->last_index(), LogIndex{21});
  harness.sync();
  EXPECT_EQ(harness.applied.size(), 4u) << "one piece";
  EXPECT_TRUE(harness.take(RaftMessageKind::kAppendEntriesResult).empty()) << "the last piece answers for all";
  for (int turns = 0; turns < 4; ++turns) harness.next_turn();
  EXPECT_EQ(harness.applied.size(), 20u);
  const auto answers = harness.take(RaftMessageKind::kAppendEntriesResult);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].index, 21u);
}

TEST(ReplicaPieces, APieceThatIsRefusedIsAnsweredAtOnce) {
  Harness harness;
  harness.settings.piece_size = 60;
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {7, 2, std::vector<std::uint64_t>(20, 2), 27}));
  harness.sync();  // The term.
  const auto answers = harness.take(RaftMessageKind::kAppendEntriesResult);
  ASSERT_FALSE(answers.empty());
  EXPECT_EQ(answers[0].other, 7u) << "what it rejects";
}

}  // namespace
}  // namespace trellis

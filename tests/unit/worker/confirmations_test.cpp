// ReadIndex: what proves that a leader still leads, and what does not.  Raft dissertation, 6.4.
#include "worker/confirmations.hpp"

#include <gtest/gtest.h>

namespace trellis {
namespace {

constexpr Term kTerm{5};

/// Replica 100 + n on worker n.
ReplicaPlace place(std::uint64_t worker) { return {{100 + worker}, {worker}}; }

std::vector<ReplicaPlace> peers(std::size_t count) {
  std::vector<ReplicaPlace> peers;
  for (std::uint64_t id = 1; id <= count; ++id) peers.push_back(place(id));
  return peers;
}

TEST(LeadershipProof, TakesAMajorityOfAllVotersTheLeaderIncluded) {
  for (std::size_t voters = 1; voters <= 7; ++voters) {
    LeadershipProof proof(kTerm, peers(voters - 1));
    proof.ask(1);
    std::size_t answers = 1;  // The leader's own.
    for (std::uint64_t peer = 1; answers < voters / 2 + 1; ++peer, ++answers) {
      EXPECT_EQ(proof.proven(), 0u) << answers << " of " << voters;
      EXPECT_TRUE(proof.is_waiting());
      proof.on_answer(place(peer), 1, kTerm);
    }
    EXPECT_EQ(proof.proven(), 1u) << answers << " of " << voters;
    EXPECT_FALSE(proof.is_waiting());
  }
}

TEST(LeadershipProof, OneVoterTwiceIsOneVoter) {
  LeadershipProof proof(kTerm, peers(4));
  proof.ask(1);
  proof.on_answer(place(1), 1, kTerm);
  proof.on_answer(place(1), 1, kTerm);
  EXPECT_EQ(proof.proven(), 0u);
  proof.on_answer(place(2), 1, kTerm);
  EXPECT_EQ(proof.proven(), 1u);
}

TEST(LeadershipProof, AMemberThatKnowsAHigherTermProvesNothing) {
  LeadershipProof proof(kTerm, peers(2));
  proof.ask(1);
  proof.on_answer(place(1), 1, {kTerm.value + 1});
  EXPECT_EQ(proof.proven(), 0u);
  proof.on_answer(place(2), 1, {kTerm.value - 1});  // It has not heard of this leader yet, nor of a later one.
  EXPECT_EQ(proof.proven(), 1u);
}

TEST(LeadershipProof, AStrangerProvesNothing) {
  LeadershipProof proof(kTerm, peers(2));
  proof.ask(1);
  proof.on_answer(place(9), 1, kTerm);
  EXPECT_EQ(proof.proven(), 0u);
}

TEST(LeadershipProof, AnotherReplicaOnAVotersWorkerProvesNothing) {
  LeadershipProof proof(kTerm, peers(2));
  proof.ask(1);
  proof.on_answer({{55}, {1}}, 1, kTerm);
  EXPECT_EQ(proof.proven(), 0u);
}

TEST(LeadershipProof, ThoseAreCountedThatVoteWhenTheQuestionLeaves) {
  LeadershipProof proof(kTerm, peers(2));
  proof.ask(1);
  proof.on_answer(place(1), 1, kTerm);
  EXPECT_EQ(proof.proven(), 1u);
  proof.set_peers({place(2), place(3), place(4)});
  proof.ask(2);
  EXPECT_EQ(proof.proven(), 0u) << "who votes no more";
  proof.on_answer(place(1), 2, kTerm);
  proof.on_answer(place(2), 2, kTerm);
  EXPECT_EQ(proof.proven(), 0u);
  proof.set_peers({place(2), place(4)});
  EXPECT_EQ(proof.proven(), 2u) << "what those said that stay still counts";
}

TEST(LeadershipProof, AnAnswerToAnEarlierRoundDoesNotProveALaterOne) {
  LeadershipProof proof(kTerm, peers(2));
  proof.ask(1);
  proof.ask(2);
  proof.on_answer(place(1), 1, kTerm);
  EXPECT_EQ(proof.proven(), 1u);
  EXPECT_TRUE(proof.is_waiting());
  proof.on_answer(place(2), 2, kTerm);
  EXPECT_EQ(proof.proven(), 2u);
  proof.on_answer(place(2), 1, kTerm);  // Late: it takes nothing back.
  EXPECT_EQ(proof.proven(), 2u);
}

TEST(LeadershipProof, AnAnswerToALaterRoundProvesTheEarlierOnes) {
  LeadershipProof proof(kTerm, peers(4));
  proof.ask(3);
  proof.on_answer(place(1), 2, kTerm);
  proof.on_answer(place(2), 3, kTerm);
  EXPECT_EQ(proof.proven(), 2u);
}

TEST(LeadershipProof, AnAnswerToARoundNeverAskedIsIgnored) {
  LeadershipProof proof(kTerm, peers(2));
  proof.ask(1);
  proof.on_answer(place(1), 1'000'000, kTerm);
  EXPECT_EQ(proof.proven(), 0u);
  proof.ask(2);
  EXPECT_EQ(proof.proven(), 0u);
}

TEST(ConfirmationMessage, IsReadBack) {
  const ConfirmationMessage message{{77}, 12, {{{3}, {33}, {5}, {6}}, {{4}, {44}, {9}, {9}}}};
  const auto answer = read_answer(pack_answer(message));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->nonce, message.nonce);
  EXPECT_EQ(answer->round, 12u);
  ASSERT_EQ(answer->items.size(), 2u);
  EXPECT_EQ(answer->items[0].group, PartitionId{3});
  EXPECT_EQ(answer->items[0].replica, ReplicaId{33});
  EXPECT_EQ(answer->items[0].member_term, Term{6});
  const auto question = read_question(pack_question(message));
  ASSERT_TRUE(question);
  EXPECT_EQ(question->items[1].term, Term{9});
  EXPECT_EQ(question->items[1].member_term, Term{}) << "a question does not carry it";
}

TEST(ConfirmationMessage, CutOffAnywhereOrTooLongIsRefused) {
  const ConfirmationMessage message{{77}, 12, {{{3}, {33}, {5}, {6}}}};
  const std::string answer = pack_answer(message);
  for (std::size_t size = 0; size < answer.size(); ++size) EXPECT_FALSE(read_answer(answer.substr(0, size))) << size;
  EXPECT_FALSE(read_answer(answer + '\0'));
  EXPECT_FALSE(read_question(answer)) << "an answer is no question";
}

TEST(ConfirmationMessage, AForgedCountIsRefused) {
  std::string question = pack_question({{77}, 12, {{{3}, {33}, {5}, {}}}});
  for (std::size_t at = 16; at < 20; ++at) question[at] = '\xff';
  EXPECT_FALSE(read_question(question));
}

}  // namespace
}  // namespace trellis

// Reads whose leader answers at once, while others confirm for it.
#include "broker/leadership_checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Three replicas of which nobody confirms unasked by the test.
class CheckedRead : public ::testing::Test {
 protected:
  CheckedRead() {
    cluster.make_cluster();
    for (std::size_t i = 0; i < 3; ++i) cluster.worker(i).confirms = false;
    leader = &cluster.leader_of("a");
    // As all partitions of a leader do, its neighbour in the circle of ids.
    other = &cluster.worker(leader->hello.id.value % 3);
    third = &cluster.worker((leader->hello.id.value + 1) % 3);
  }
  /// Asks, and lets the leader answer with 12 as that of this term.
  void get(Term term = Term{3}) {
    cluster.send(Command::kGet, packed_key("a"));
    answer(leader->take(), 12, term);
  }
  void answer(const WorkerRequest& request, std::uint64_t value, Term term) {
    Reply reply;
    reply.id = request.id;
    const std::string packed = packed_uint(value);
    reply.result = packed;
    leader->answer(request, Outcome::kDone, Frame(pack_reply(reply)), {}, term);
  }
  bool is_answered() { return !cluster.replies().empty(); }

  Harness cluster;
  FakeWorker* leader;
  FakeWorker* other;
  FakeWorker* third;
};

TEST_F(CheckedRead, IsAnsweredOnceAnotherReplicaHasConfirmed) {
  get();
  EXPECT_FALSE(is_answered());
  ASSERT_EQ(other->leadership_questions.size(), 1u);
  EXPECT_THAT(other->leadership_questions[0].partitions, ElementsAre(cluster.partition("a")));
  EXPECT_THAT(third->leadership_questions, IsEmpty()) << "one and the leader are two of three";
  other->term = Term{3};
  other->confirm(other->leadership_questions[0]);
  EXPECT_EQ(cluster.reply().result, packed_uint(12));
  EXPECT_EQ(cluster.broker->requests_under_way(), 0u);
}

TEST_F(CheckedRead, AnAnswerMayComeBeforeTheAnswer) {
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_EQ(leader->requests.front().mode, ReadMode::kChecked);
  other->confirm(other->leadership_questions.at(0));
  EXPECT_FALSE(is_answered());
  answer(leader->take(), 12, Term{3});
  EXPECT_EQ(cluster.reply().result, packed_uint(12));
}

TEST_F(CheckedRead, AnAnswerThatWasAskedForBeforeTheReadCameProvesNothing) {
  get();
  const LeadershipQuestion earlier = other->leadership_questions.at(0);
  other->confirm(earlier);
  EXPECT_EQ(cluster.reply().result, packed_uint(12));
  get();
  other->confirm(earlier);
  EXPECT_FALSE(is_answered());
  ASSERT_EQ(other->leadership_questions.size(), 2u);
  EXPECT_GT(other->leadership_questions[1].read_context, earlier.read_context);
  other->confirm(other->leadership_questions[1]);
  EXPECT_TRUE(is_answered());
}

TEST_F(CheckedRead, AnAnswerForALaterReadProvesTheEarlierOne) {
  get();
  cluster.send(Command::kGet, packed_key("a"));
  other->confirm(other->leadership_questions.at(1));
  EXPECT_TRUE(is_answered());
}

TEST_F(CheckedRead, AnswersThatNobodyAskedForProveNothing) {
  get();
  LeadershipQuestion wanted = other->leadership_questions.at(0);
  wanted.broker = {wanted.broker.value + 1};
  other->confirm(wanted);
  EXPECT_FALSE(is_answered()) << "an earlier incarnation of the broker asked for it";
  wanted = other->leadership_questions.at(0);
  wanted.read_context += 1'000;
  other->confirm(wanted);
  EXPECT_FALSE(is_answered()) << "a read_context of the future";
  leader->confirm(other->leadership_questions.at(0));
  EXPECT_FALSE(is_answered()) << "the leader is one of the majority already";
  wanted = other->leadership_questions.at(0);
  wanted.partitions = {{77}};
  other->confirm(wanted);
  EXPECT_FALSE(is_answered());
}

TEST_F(CheckedRead, IsAskedAgainWhereAMemberKnowsAHigherTerm) {
  get(Term{3});
  other->term = Term{4};
  other->confirm(other->leadership_questions.at(0));
  EXPECT_FALSE(is_answered());
  const WorkerRequest again = leader->take();
  EXPECT_EQ(again.mode, ReadMode::kLinearizable) << "now the leader asks itself";
  answer(again, 13, Term{5});
  EXPECT_EQ(cluster.reply().result, packed_uint(13));
}

TEST_F(CheckedRead, WhatIsProvenOfOneTermIsNotProvenOfTheOneBefore) {
  cluster.send(Command::kGet, packed_key("a"));
  cluster.send(Command::kGet, packed_key("a"));
  const WorkerRequest first = leader->take();
  const WorkerRequest second = leader->take();
  other->term = Term{4};
  other->confirm(other->leadership_questions.at(1));
  answer(second, 12, Term{4});
  EXPECT_EQ(cluster.reply().result, packed_uint(12));
  answer(first, 11, Term{3});
  EXPECT_FALSE(is_answered());
  answer(leader->take(), 13, Term{4});
  EXPECT_EQ(cluster.reply().result, packed_uint(13));
}

TEST_F(CheckedRead, IsAskedAgainWhereNobodyConfirms) {
  get();
  cluster.pass(milliseconds(20));
  EXPECT_THAT(leader->requests, IsEmpty());
  cluster.pass(milliseconds(20));
  const WorkerRequest again = leader->take();
  EXPECT_EQ(again.mode, ReadMode::kLinearizable);
  EXPECT_FALSE(is_answered());
  answer(again, 13, Term{3});
  EXPECT_EQ(cluster.reply().result, packed_uint(13));
}

TEST_F(CheckedRead, WhoeverWasTooSlowIsPassedOverForAWhile) {
  get();
  cluster.pass(milliseconds(40));
  answer(leader->take(), 13, Term{3});
  cluster.replies().clear();
  get();
  EXPECT_EQ(other->leadership_questions.size(), 1u);
  ASSERT_EQ(third->leadership_questions.size(), 1u);
  third->confirm(third->leadership_questions[0]);
  EXPECT_EQ(cluster.reply().result, packed_uint(12));
  cluster.pass(LeadershipChecks::kPassedOverMin);
  get();
  EXPECT_EQ(other->leadership_questions.size(), 2u);
}

TEST_F(CheckedRead, WhoeverIsSlowAgainIsPassedOverForTwiceAsLong) {
  for (const milliseconds pause : {milliseconds(500), milliseconds(1'000), milliseconds(2'000)}) {
    other->leadership_questions.clear();
    get();
    EXPECT_EQ(other->leadership_questions.size(), 1u);
    cluster.pass(milliseconds(40));
    leader->requests.clear();
    cluster.pass(pause - milliseconds(50));
    get();
    EXPECT_EQ(other->leadership_questions.size(), 1u) << "not before " << pause.count() << " ms are over";
    cluster.pass(milliseconds(40));
    leader->requests.clear();
  }
}

/// The reads that waited for the one that is slow say nothing of the next one, who has not been asked for long.
TEST_F(CheckedRead, WhoeverIsAskedInItsPlaceIsNotBlamed) {
  get();
  cluster.pass(milliseconds(10));
  get();
  cluster.pass(milliseconds(20));
  leader->requests.clear();
  get();
  ASSERT_EQ(third->leadership_questions.size(), 1u);
  cluster.pass(milliseconds(15));
  leader->requests.clear();
  get();
  EXPECT_EQ(third->leadership_questions.size(), 2u);
}

TEST_F(CheckedRead, WhoeverIsLeavingIsNotAsked) {
  other->hello.leaving = true;
  other->say_hello();
  get();
  EXPECT_THAT(other->leadership_questions, IsEmpty());
  EXPECT_EQ(third->leadership_questions.size(), 1u);
}

TEST_F(CheckedRead, ManyAnswersAtOnceAreTakenTogether) {
  for (int i = 0; i < 5; ++i) {
    get();
    cluster.now += milliseconds(1);
  }
  const ReplicaId own = cluster.map.placement(cluster.partition("a")).find(other->hello.id)->id;
  BundleWriter all;
  for (const LeadershipQuestion& wanted : other->leadership_questions) {
    add(all, LeadershipAnswer{wanted.broker, wanted.read_context, {{cluster.partition("a"), own, Term{3}}}});
  }
  cluster.from_worker(*other, all);
  EXPECT_EQ(cluster.replies().size(), 5u);
}

TEST_F(CheckedRead, AnAnswerThatComesTooLateStillProvesTheFirstAnswer) {
  get();
  cluster.pass(milliseconds(40));
  EXPECT_EQ(leader->take().attempt, 1u);
  other->confirm(other->leadership_questions.at(0));
  EXPECT_EQ(cluster.reply().result, packed_uint(12));
}

TEST_F(CheckedRead, OneAnswerDoesForAllReadsOfAFlush) {
  cluster.send(Command::kCount, packed_array({}));
  std::size_t partitions = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    for (const LeadershipQuestion& wanted : cluster.worker(i).leadership_questions)
      partitions += wanted.partitions.size();
    EXPECT_LE(cluster.worker(i).leadership_questions.size(), 1u);
  }
  EXPECT_EQ(partitions, 4u) << "each of the four partitions once";
}

TEST_F(CheckedRead, WritesAndStaleReadsNeedNone) {
  Options stale;
  stale.stale = true;
  cluster.send(Command::kGet, packed_key("a"), stale);
  cluster.send(Command::kDelete, packed_key("a"));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_THAT(cluster.worker(i).leadership_questions, IsEmpty());
    for (const WorkerRequest& request : cluster.worker(i).requests) EXPECT_NE(request.mode, ReadMode::kChecked);
  }
}

TEST_F(CheckedRead, WithTooFewOthersUpTheLeaderAsksItself) {
  other->alive = false;
  cluster.pass(milliseconds(700));
  get();
  EXPECT_THAT(other->leadership_questions, IsEmpty()) << "it is suspect";
  EXPECT_EQ(third->leadership_questions.size(), 1u);
  third->alive = false;
  cluster.pass(milliseconds(700));
  leader->requests.clear();
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_EQ(leader->take().mode, ReadMode::kLinearizable);
}

TEST(LeadershipChecks, ComeFromAsManyAsAMajorityTakes) {
  Harness cluster({.workers = 5, .k = 3});
  cluster.make_cluster();
  std::vector<FakeWorker*> asked;
  for (std::size_t i = 0; i < 5; ++i) cluster.worker(i).confirms = false;
  cluster.send(Command::kGet, packed_key("a"));
  FakeWorker& leader = cluster.leader_of("a");
  leader.answer_ok(leader.take(), packed_uint(1));
  for (std::size_t i = 0; i < 5; ++i) {
    if (!cluster.worker(i).leadership_questions.empty()) asked.push_back(&cluster.worker(i));
  }
  ASSERT_EQ(asked.size(), 2u);
  asked[0]->confirm(asked[0]->leadership_questions[0]);
  asked[0]->confirm(asked[0]->leadership_questions[0]);
  EXPECT_TRUE(cluster.replies().empty()) << "one voter twice is one voter";
  asked[1]->confirm(asked[1]->leadership_questions[0]);
  EXPECT_EQ(cluster.reply().result, packed_uint(1));
}

TEST(LeadershipChecks, AGroupOfOneNeedsNone) {
  Harness cluster({.workers = 1, .k = 1});
  cluster.make_cluster();
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_EQ(cluster.worker(0).take().mode, ReadMode::kLinearizable);
}

}  // namespace
}  // namespace trellis::test

// Reads whose leader answers at once, while others vouch for it.
#include "broker/vouches.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Three replicas of which nobody vouches unasked by the test.
class VouchedRead : public ::testing::Test {
 protected:
  VouchedRead() {
    cluster.make_cluster();
    for (std::size_t i = 0; i < 3; ++i) cluster.worker(i).vouches = false;
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
    reply.id = std::get<Request>(read_request(request.body.bytes())).id;
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

TEST_F(VouchedRead, IsAnsweredOnceAnotherReplicaHasVouched) {
  get();
  EXPECT_FALSE(is_answered());
  ASSERT_EQ(other->vouches_wanted.size(), 1u);
  EXPECT_THAT(other->vouches_wanted[0].partitions, ElementsAre(cluster.partition("a")));
  EXPECT_THAT(third->vouches_wanted, IsEmpty()) << "one and the leader are two of three";
  other->term = Term{3};
  other->vouch(other->vouches_wanted[0]);
  EXPECT_EQ(cluster.reply().result, packed_uint(12));
  EXPECT_EQ(cluster.broker->requests_under_way(), 0u);
}

TEST_F(VouchedRead, AVouchMayComeBeforeTheAnswer) {
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_EQ(leader->requests.front().mode, ReadMode::kVouched);
  other->vouch(other->vouches_wanted.at(0));
  EXPECT_FALSE(is_answered());
  answer(leader->take(), 12, Term{3});
  EXPECT_EQ(cluster.reply().result, packed_uint(12));
}

TEST_F(VouchedRead, AVouchThatWasAskedForBeforeTheReadCameProvesNothing) {
  get();
  const VouchWanted earlier = other->vouches_wanted.at(0);
  other->vouch(earlier);
  EXPECT_EQ(cluster.reply().result, packed_uint(12));
  get();
  other->vouch(earlier);
  EXPECT_FALSE(is_answered());
  ASSERT_EQ(other->vouches_wanted.size(), 2u);
  EXPECT_GT(other->vouches_wanted[1].ticket, earlier.ticket);
  other->vouch(other->vouches_wanted[1]);
  EXPECT_TRUE(is_answered());
}

TEST_F(VouchedRead, AVouchForALaterReadProvesTheEarlierOne) {
  get();
  cluster.send(Command::kGet, packed_key("a"));
  other->vouch(other->vouches_wanted.at(1));
  EXPECT_TRUE(is_answered());
}

TEST_F(VouchedRead, VouchesThatNobodyAskedForProveNothing) {
  get();
  VouchWanted wanted = other->vouches_wanted.at(0);
  wanted.broker = {wanted.broker.value + 1};
  other->vouch(wanted);
  EXPECT_FALSE(is_answered()) << "an earlier life of the broker asked for it";
  wanted = other->vouches_wanted.at(0);
  wanted.ticket += 1'000;
  other->vouch(wanted);
  EXPECT_FALSE(is_answered()) << "a ticket of the future";
  leader->vouch(other->vouches_wanted.at(0));
  EXPECT_FALSE(is_answered()) << "the leader is one of the majority already";
  wanted = other->vouches_wanted.at(0);
  wanted.partitions = {{77}};
  other->vouch(wanted);
  EXPECT_FALSE(is_answered());
}

TEST_F(VouchedRead, IsAskedAgainWhereAMemberKnowsAHigherTerm) {
  get(Term{3});
  other->term = Term{4};
  other->vouch(other->vouches_wanted.at(0));
  EXPECT_FALSE(is_answered());
  const WorkerRequest again = leader->take();
  EXPECT_EQ(again.mode, ReadMode::kLinearizable) << "now the leader asks itself";
  answer(again, 13, Term{5});
  EXPECT_EQ(cluster.reply().result, packed_uint(13));
}

TEST_F(VouchedRead, IsAskedAgainWhereNobodyVouches) {
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

TEST_F(VouchedRead, WhoeverWasTooSlowIsPassedOverForAWhile) {
  get();
  cluster.pass(milliseconds(40));
  answer(leader->take(), 13, Term{3});
  cluster.replies().clear();
  get();
  EXPECT_EQ(other->vouches_wanted.size(), 1u);
  ASSERT_EQ(third->vouches_wanted.size(), 1u);
  third->vouch(third->vouches_wanted[0]);
  EXPECT_EQ(cluster.reply().result, packed_uint(12));
  cluster.pass(Vouches::kPassedOverMin);
  get();
  EXPECT_EQ(other->vouches_wanted.size(), 2u);
}

TEST_F(VouchedRead, WhoeverIsSlowAgainIsPassedOverForTwiceAsLong) {
  for (const milliseconds pause : {milliseconds(500), milliseconds(1'000), milliseconds(2'000)}) {
    other->vouches_wanted.clear();
    get();
    EXPECT_EQ(other->vouches_wanted.size(), 1u);
    cluster.pass(milliseconds(40));
    leader->requests.clear();
    cluster.pass(pause - milliseconds(50));
    get();
    EXPECT_EQ(other->vouches_wanted.size(), 1u) << "not before " << pause.count() << " ms are over";
    cluster.pass(milliseconds(40));
    leader->requests.clear();
  }
}

/// The reads that waited for the one that is slow say nothing of the next one, who has not been asked for long.
TEST_F(VouchedRead, WhoeverIsAskedInItsPlaceIsNotBlamed) {
  get();
  cluster.pass(milliseconds(10));
  get();
  cluster.pass(milliseconds(20));
  leader->requests.clear();
  get();
  ASSERT_EQ(third->vouches_wanted.size(), 1u);
  cluster.pass(milliseconds(15));
  leader->requests.clear();
  get();
  EXPECT_EQ(third->vouches_wanted.size(), 2u);
}

TEST_F(VouchedRead, WhoeverIsLeavingIsNotAsked) {
  other->hello.leaving = true;
  other->say_hello();
  get();
  EXPECT_THAT(other->vouches_wanted, IsEmpty());
  EXPECT_EQ(third->vouches_wanted.size(), 1u);
}

TEST_F(VouchedRead, ManyVouchesAtOnceAreTakenTogether) {
  for (int i = 0; i < 5; ++i) {
    get();
    cluster.now += milliseconds(1);
  }
  BundleWriter all;
  for (const VouchWanted& wanted : other->vouches_wanted) {
    add(all, Vouch{wanted.broker, wanted.ticket, {{cluster.partition("a"), Term{3}}}});
  }
  cluster.from_worker(*other, all);
  EXPECT_EQ(cluster.replies().size(), 5u);
}

TEST_F(VouchedRead, AVouchThatComesTooLateStillProvesTheFirstAnswer) {
  get();
  cluster.pass(milliseconds(40));
  EXPECT_EQ(leader->take().attempt, 1u);
  other->vouch(other->vouches_wanted.at(0));
  EXPECT_EQ(cluster.reply().result, packed_uint(12));
}

TEST_F(VouchedRead, OneVouchDoesForAllReadsOfAFlush) {
  cluster.send(Command::kCount, packed_array({}));
  std::size_t partitions = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    for (const VouchWanted& wanted : cluster.worker(i).vouches_wanted) partitions += wanted.partitions.size();
    EXPECT_LE(cluster.worker(i).vouches_wanted.size(), 1u);
  }
  EXPECT_EQ(partitions, 4u) << "each of the four partitions once";
}

TEST_F(VouchedRead, WritesAndStaleReadsNeedNone) {
  Options stale;
  stale.stale = true;
  cluster.send(Command::kGet, packed_key("a"), stale);
  cluster.send(Command::kDelete, packed_key("a"));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_THAT(cluster.worker(i).vouches_wanted, IsEmpty());
    for (const WorkerRequest& request : cluster.worker(i).requests) EXPECT_NE(request.mode, ReadMode::kVouched);
  }
}

TEST_F(VouchedRead, WithTooFewOthersUpTheLeaderAsksItself) {
  other->alive = false;
  cluster.pass(milliseconds(700));
  get();
  EXPECT_THAT(other->vouches_wanted, IsEmpty()) << "it is suspect";
  EXPECT_EQ(third->vouches_wanted.size(), 1u);
  third->alive = false;
  cluster.pass(milliseconds(700));
  leader->requests.clear();
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_EQ(leader->take().mode, ReadMode::kLinearizable);
}

TEST(Vouches, ComeFromAsManyAsAMajorityTakes) {
  Harness cluster({.workers = 5, .k = 3});
  cluster.make_cluster();
  std::vector<FakeWorker*> asked;
  for (std::size_t i = 0; i < 5; ++i) cluster.worker(i).vouches = false;
  cluster.send(Command::kGet, packed_key("a"));
  FakeWorker& leader = cluster.leader_of("a");
  leader.answer_ok(leader.take(), packed_uint(1));
  for (std::size_t i = 0; i < 5; ++i) {
    if (!cluster.worker(i).vouches_wanted.empty()) asked.push_back(&cluster.worker(i));
  }
  ASSERT_EQ(asked.size(), 2u);
  asked[0]->vouch(asked[0]->vouches_wanted[0]);
  asked[0]->vouch(asked[0]->vouches_wanted[0]);
  EXPECT_TRUE(cluster.replies().empty()) << "one voter twice is one voter";
  asked[1]->vouch(asked[1]->vouches_wanted[0]);
  EXPECT_EQ(cluster.reply().result, packed_uint(1));
}

TEST(Vouches, AGroupOfOneNeedsNone) {
  Harness cluster({.workers = 1, .k = 1});
  cluster.make_cluster();
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_EQ(cluster.worker(0).take().mode, ReadMode::kLinearizable);
}

}  // namespace
}  // namespace trellis::test

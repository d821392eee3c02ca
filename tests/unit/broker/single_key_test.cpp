// Commands on one key: where they go, how they come back, and what becomes of them when workers do not do their part.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::HasSubstr;

std::string put_arguments(std::string_view key) { return packed_array({packed_str(key), packed_uint(12)}); }

Options within(int timeout_ms) {
  Options options;
  options.timeout = milliseconds(timeout_ms);
  return options;
}

TEST(SingleKey, GoesToTheLeaderOfItsPartitionAndComesBackAsItCame) {
  Harness cluster;
  cluster.make_cluster();
  const auto id = cluster.send(Command::kGet, packed_key("person1"));
  FakeWorker& leader = cluster.leader_of("person1");
  const WorkerRequest request = leader.take();
  EXPECT_EQ(request.partition, cluster.partition("person1"));
  EXPECT_EQ(request.mode, ReadMode::kChecked);
  EXPECT_TRUE(request.session.empty());
  leader.answer_ok(request, packed_uint(12));
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.id, id);
  EXPECT_EQ(reply.status, Code::kOk);
  EXPECT_EQ(reply.result, packed_uint(12));
  EXPECT_TRUE(reply.info.guaranteed);
  EXPECT_TRUE(reply.info.warnings.empty());
  EXPECT_EQ(cluster.broker->requests_under_way(), 0u);
}

TEST(SingleKey, AWriteWithoutSessionGetsOneOfTheBrokers) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kPut, put_arguments("a"));
  cluster.send(Command::kPut, put_arguments("a"));
  FakeWorker& leader = cluster.leader_of("a");
  const WorkerRequest first = leader.take();
  const WorkerRequest second = leader.take();
  EXPECT_TRUE(first.broker_session);
  EXPECT_EQ(first.session.size(), 16u);
  EXPECT_EQ(first.session, second.session);
  EXPECT_EQ(first.seq + 1, second.seq);
  EXPECT_EQ(second.floor, first.seq);
  leader.answer_ok(first, packed_uint(1));
  cluster.send(Command::kPut, put_arguments("a"));
  EXPECT_EQ(leader.take().seq, second.seq + 1);
  leader.answer_ok(second, packed_uint(1));
  cluster.send(Command::kPut, put_arguments("a"));
  EXPECT_EQ(leader.take().floor, second.seq + 1) << "everything below is answered";
}

TEST(SingleKey, AWriteKeepsTheSessionThatItBrings) {
  Harness cluster;
  cluster.make_cluster();
  Options options;
  options.session = "mine";
  options.seq = 7;
  cluster.send(Command::kPut, put_arguments("a"), options);
  const WorkerRequest request = cluster.leader_of("a").take();
  EXPECT_FALSE(request.broker_session);
  EXPECT_EQ(request.session, "mine");
  EXPECT_EQ(request.seq, 7u);
  EXPECT_FALSE(request.has_floor);
}

TEST(SingleKey, AWriteKeepsTheFloorThatItsSessionSays) {
  Harness cluster;
  cluster.make_cluster();
  Options options;
  options.session = "mine";
  options.seq = 7;
  options.floor = 0;
  cluster.send(Command::kPut, put_arguments("a"), options);
  const WorkerRequest request = cluster.leader_of("a").take();
  EXPECT_FALSE(request.broker_session);
  EXPECT_TRUE(request.has_floor);
  EXPECT_EQ(request.floor, 0u);
}

TEST(SingleKey, FollowsAHintToTheNewLeaderWithoutTheClientNoticing) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kPut, put_arguments("a"));
  FakeWorker& old_leader = cluster.leader_of("a");
  FakeWorker& new_leader = cluster.worker(old_leader.hello.id.value % 3);
  const WorkerRequest first = old_leader.take();
  old_leader.answer(first, Outcome::kNotLeader, {}, new_leader.hello.id, Term{2});
  const WorkerRequest second = new_leader.take();
  EXPECT_EQ(second.session, first.session);
  EXPECT_EQ(second.seq, first.seq);
  new_leader.answer_ok(second, packed_uint(1));
  EXPECT_EQ(cluster.reply().status, Code::kOk);
}

/// Else it would be called undone while the second attempt may take effect.
TEST(SingleKey, ARefusalThatArrivesTwiceSpeaksForItsAttemptAlone) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kPut, put_arguments("a"));
  FakeWorker& leader = cluster.leader_of("a");
  const WorkerRequest first = leader.take();
  leader.answer(first, Outcome::kBusy);
  cluster.pass(milliseconds(100));
  const WorkerRequest second = leader.take();
  leader.answer(first, Outcome::kBusy);
  leader.answer(first, Outcome::kNotLeader);
  cluster.pass(milliseconds(100));
  EXPECT_TRUE(leader.requests.empty()) << "the second attempt is still under way";
  leader.answer_ok(second, packed_uint(1));
  EXPECT_EQ(cluster.reply().status, Code::kOk);
}

TEST(SingleKey, TheTermOfAReplicaThatIsCutOffDoesNotHideTheLeader) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kGet, packed_key("a"));
  FakeWorker& cut_off = cluster.leader_of("a");
  FakeWorker& leader = cluster.worker(cut_off.hello.id.value % 3);
  const WorkerRequest first = cut_off.take();
  cut_off.lead_nothing();
  cut_off.answer(first, Outcome::kNotLeader, {}, {}, Term{99});
  leader.lead(cluster.partition("a"), Term{2});
  leader.answer_ok(leader.take(), packed_uint(1));
  EXPECT_EQ(cluster.reply().status, Code::kOk);
}

TEST(SingleKey, ATermThatNobodyClaimsAnyMoreDoesNotHideTheLeaderForGood) {
  Harness cluster;
  cluster.make_cluster();
  const PartitionId partition = cluster.partition("k");
  FakeWorker& leader = cluster.leader_of("k");
  FakeWorker& forger = leader.hello.id == cluster.worker(0).hello.id ? cluster.worker(1) : cluster.worker(0);
  forger.lead(partition, Term{1ull << 47});
  cluster.turn();
  forger.lead_nothing();
  cluster.pass(milliseconds(2'500));
  cluster.send(Command::kGet, packed_key("k"));
  EXPECT_NO_FATAL_FAILURE(leader.take()) << "no replica knows that term";
}

TEST(SingleKey, IsSentAgainTheMomentANewLeaderIsHeardOf) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kPut, put_arguments("a"));
  FakeWorker& old_leader = cluster.leader_of("a");
  FakeWorker& new_leader = cluster.worker(old_leader.hello.id.value % 3);
  const WorkerRequest first = old_leader.take();
  old_leader.alive = false;
  new_leader.lead(cluster.partition("a"), Term{2});
  const WorkerRequest second = new_leader.take();
  EXPECT_EQ(second.seq, first.seq);
  new_leader.answer_ok(second, packed_uint(1));
  old_leader.answer_ok(first, packed_uint(1));
  EXPECT_EQ(cluster.reply().status, Code::kOk) << "answered once";
}

TEST(SingleKey, ABusyWorkerIsAskedAgainAfterAShortWhile) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kGet, packed_key("a"));
  FakeWorker& leader = cluster.leader_of("a");
  leader.answer(leader.take(), Outcome::kBusy);
  EXPECT_TRUE(leader.requests.empty());
  cluster.pass(milliseconds(10));
  leader.answer_ok(leader.take(), packed_uint(1));
  EXPECT_EQ(cluster.reply().status, Code::kOk);
}

TEST(SingleKey, WhatFindsFullDisksIsRefusedAtOnce) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kPut, put_arguments("a"));
  FakeWorker& leader = cluster.leader_of("a");
  leader.answer(leader.take(), Outcome::kDiskFull);
  EXPECT_EQ(cluster.reply().status, Code::kResourceExhausted);
}

TEST(SingleKey, WhatFindsFullDisksAndMayHaveBeenAppliedBeforeIsNotCalledUndone) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kPut, put_arguments("a"));
  FakeWorker& leader = cluster.leader_of("a");
  leader.answer(leader.take(), Outcome::kUnknown);
  cluster.pass(milliseconds(100));
  leader.answer(leader.take(), Outcome::kDiskFull);
  cluster.pass(milliseconds(100));
  leader.answer_ok(leader.take(), packed_uint(1));
  EXPECT_EQ(cluster.reply().status, Code::kOk);
}

TEST(SingleKey, ARequestThatGotLostIsSentAgainAfterASecond) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kPut, put_arguments("a"));
  FakeWorker& leader = cluster.leader_of("a");
  const WorkerRequest first = leader.take();
  cluster.pass(milliseconds(990));
  EXPECT_TRUE(leader.requests.empty());
  cluster.pass(milliseconds(20));
  const WorkerRequest second = leader.take();
  EXPECT_EQ(second.seq, first.seq);
  leader.answer_ok(second, packed_uint(1));
  EXPECT_EQ(cluster.reply().status, Code::kOk);
}

TEST(SingleKey, ANewLifeOfAWorkerIsSentAtOnceWhatTheOldOneHeld) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kPut, put_arguments("a"));
  FakeWorker& leader = cluster.leader_of("a");
  const WorkerRequest first = leader.take();
  leader.restart();
  EXPECT_TRUE(leader.requests.empty()) << "it does not lead yet";
  leader.lead(cluster.partition("a"), Term{2});
  EXPECT_EQ(leader.take().seq, first.seq);
}

TEST(SingleKey, AWriteThatIsNeverAnsweredMayHaveTakenEffect) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kPut, put_arguments("a"), within(300));
  cluster.pass(milliseconds(310));
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kDeadlineExceeded);
  EXPECT_EQ(reply.info.message, "no answer within 300 ms; the write may have taken effect, or may still");
  cluster.leader_of("a").answer_ok(cluster.leader_of("a").take(), packed_uint(1));
  EXPECT_TRUE(cluster.replies().empty()) << "a late answer is not passed on";
}

TEST(SingleKey, AWriteThatNobodyTookSaysSoOfThisBroker) {
  Harness cluster;
  cluster.make_cluster();
  for (std::size_t i = 0; i < 3; ++i) cluster.worker(i).lead_nothing();
  cluster.send(Command::kPut, put_arguments("a"), within(300));
  EXPECT_EQ(cluster.requests_waiting(), 0u);
  cluster.pass(milliseconds(310));
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kDeadlineExceeded);
  EXPECT_THAT(reply.info.message, HasSubstr("has no leader"));
  EXPECT_THAT(reply.info.message, HasSubstr("this broker gave it to no worker")) << "another broker may have";
}

TEST(SingleKey, AGroupWithAMajorityButNoLeaderIsWaitedFor) {
  Harness cluster;
  cluster.make_cluster();
  for (std::size_t i = 0; i < 3; ++i) cluster.worker(i).lead_nothing();
  cluster.send(Command::kGet, packed_key("a"));
  cluster.pass(milliseconds(3'000));
  EXPECT_TRUE(cluster.replies().empty());
  cluster.worker(0).lead(cluster.partition("a"), Term{5});
  cluster.worker(0).answer_ok(cluster.worker(0).take(), packed_uint(1));
  EXPECT_EQ(cluster.reply().status, Code::kOk);
}

TEST(SingleKey, NothingNewGoesToALeaderThatIsLeaving) {
  Harness cluster;
  cluster.make_cluster();
  FakeWorker& leaving = cluster.leader_of("a");
  FakeWorker& next = cluster.worker(leaving.hello.id.value % 3);
  leaving.hello.leaving = true;
  leaving.say_hello();
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_EQ(cluster.requests_waiting(), 0u);
  next.lead(cluster.partition("a"), Term{2});
  next.answer_ok(next.take(), packed_uint(1));
  EXPECT_EQ(cluster.reply().status, Code::kOk);
}

TEST(SingleKey, AWorkerWithTwoConnectionsIsSentEachRequestOnce) {
  Harness cluster;
  cluster.make_cluster();
  FakeWorker& leader = cluster.leader_of("a");
  FakeWorker& other_connection = cluster.add_worker(leader.hello.id, leader.hello.address);
  other_connection.hello = leader.hello;
  other_connection.connection = "second";
  cluster.send(Command::kGet, packed_key("a"));
  cluster.pass(milliseconds(900));
  EXPECT_EQ(leader.requests.size(), 1u);
  EXPECT_EQ(other_connection.requests.size(), 0u);
  leader.alive = false;
  cluster.pass(milliseconds(600));
  EXPECT_EQ(other_connection.requests.size(), 1u) << "it takes over when the first falls silent";
}

TEST(SingleKey, AStaleReadGoesToAllReplicasInTurn) {
  Harness cluster;
  cluster.make_cluster();
  Options stale;
  stale.stale = true;
  for (int i = 0; i < 6; ++i) cluster.send(Command::kGet, packed_key("a"), stale);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(cluster.worker(i).requests.size(), 2u);
    EXPECT_EQ(cluster.worker(i).take().mode, ReadMode::kStale);
  }
}

}  // namespace
}  // namespace trellis::test

// A broker that did not run for a while: what it then reads from clients is not sent on, what workers say counts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/freeze_guard.hpp"
#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kPut = packed_array({packed_str("a"), packed_uint(1)});

/// A cluster whose broker sleeps so long.
void freeze(Harness& cluster, milliseconds time) { cluster.now += time; }

TEST(Freeze, WhatItsClientsSentMeanwhileIsNotSentOn) {
  Harness cluster;
  cluster.make_cluster();
  freeze(cluster, milliseconds(1'001));
  cluster.send(Command::kPut, kPut);
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kUnavailable);
  EXPECT_THAT(reply.info.message, HasSubstr("not sent on"));
  EXPECT_EQ(cluster.requests_waiting(), 0u);
  EXPECT_THAT(cluster.events.back(), HasSubstr("did not run for a while"));
}

TEST(Freeze, WhatReachesItInTheSecondAfterwardsMayHaveLainInASocketToo) {
  Harness cluster;
  cluster.make_cluster();
  freeze(cluster, std::chrono::seconds(3));
  cluster.pass(milliseconds(900));
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_EQ(cluster.reply().status, Code::kUnavailable);
  cluster.pass(milliseconds(110));
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_THAT(cluster.replies(), IsEmpty());
  EXPECT_EQ(cluster.requests_waiting(), 1u);
}

TEST(Freeze, AShortPauseIsNone) {
  Harness cluster;
  cluster.make_cluster();
  freeze(cluster, milliseconds(900));
  cluster.send(Command::kPut, kPut);
  EXPECT_EQ(cluster.requests_waiting(), 1u);
}

TEST(Freeze, TheBrokersOwnWordIsGivenAllTheSame) {
  Harness cluster;
  cluster.make_cluster();
  freeze(cluster, std::chrono::seconds(3));
  cluster.send(Command::kPing, packed_array({}));
  EXPECT_EQ(cluster.reply().status, Code::kOk);
}

TEST(Freeze, WhatWorkersSaidMeanwhileCounts) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kPut, kPut);
  FakeWorker& leader = cluster.leader_of("a");
  const WorkerRequest request = leader.take();
  freeze(cluster, std::chrono::seconds(3));
  leader.answer_ok(request, "\xc3");
  EXPECT_EQ(cluster.reply().status, Code::kOk);
}

TEST(Freeze, NothingIsSentAgainForWhichNobodyWaitsAnyMore) {
  Harness cluster;
  cluster.make_cluster();
  Options options;
  options.timeout = milliseconds(2'000);
  cluster.send(Command::kPut, kPut, options);
  FakeWorker& leader = cluster.leader_of("a");
  leader.take();
  freeze(cluster, std::chrono::seconds(3));
  leader.say_hello();
  cluster.pass(milliseconds(10));
  EXPECT_EQ(cluster.reply().status, Code::kDeadlineExceeded);
  EXPECT_EQ(cluster.requests_waiting(), 0u);
}

TEST(Freeze, NorWhereAnotherLeaderIsLearntOfFirst) {
  Harness cluster;
  cluster.make_cluster();
  Options options;
  options.timeout = milliseconds(2'000);
  cluster.send(Command::kPut, kPut, options);
  FakeWorker& leader = cluster.leader_of("a");
  leader.take();
  freeze(cluster, std::chrono::seconds(3));
  FakeWorker& next = &cluster.worker(0) == &leader ? cluster.worker(1) : cluster.worker(0);
  next.lead(cluster.partition("a"), Term{99});
  cluster.turn();
  EXPECT_EQ(cluster.requests_waiting(), 0u);
  cluster.pass(milliseconds(10));
  EXPECT_EQ(cluster.reply().status, Code::kDeadlineExceeded);
}

}  // namespace
}  // namespace trellis::test

// The guarantee: what is answered, refused, marked and warned of while workers are down.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string put_arguments(std::string_view key) { return packed_array({packed_str(key), packed_uint(12)}); }

/// A cluster of three (k=2) in which all but the first worker have fallen silent.
class WithoutMajority : public ::testing::Test {
 protected:
  WithoutMajority() {
    cluster.make_cluster();
    cluster.worker(1).alive = false;
    cluster.worker(2).alive = false;
    cluster.pass(milliseconds(1'700));
  }
  Harness cluster;
  const std::string warning = "2 of 3 workers are down, replication factor k=2: correct output cannot be guaranteed";
};

TEST_F(WithoutMajority, AWriteIsUnavailableAndSaysHowManyAreUpAndNeeded) {
  cluster.send(Command::kDelete, packed_key("a"));
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kUnavailable);
  EXPECT_THAT(reply.info.message, HasSubstr("1 of 3 replicas"));
  EXPECT_THAT(reply.info.message, HasSubstr("2 are needed"));
  EXPECT_THAT(reply.info.warnings, ElementsAre(warning));
  EXPECT_EQ(cluster.requests_waiting(), 0u);
}

TEST_F(WithoutMajority, AReadIsAnsweredByTheReplicaLeftAndMarked) {
  cluster.send(Command::kGet, packed_key("a"));
  const WorkerRequest request = cluster.worker(0).take();
  EXPECT_EQ(request.mode, ReadMode::kBestEffort);
  cluster.worker(0).answer_ok(request, packed_uint(12), LogIndex{5});
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kOk);
  EXPECT_EQ(reply.result, packed_uint(12));
  EXPECT_FALSE(reply.info.guaranteed);
  EXPECT_THAT(reply.info.warnings, ElementsAre(warning));
}

TEST_F(WithoutMajority, AStaleReadIsWarnedOfButCarriesNoMark) {
  Options stale;
  stale.stale = true;
  cluster.send(Command::kGet, packed_key("a"), stale);
  const WorkerRequest request = cluster.worker(0).take();
  EXPECT_EQ(request.mode, ReadMode::kStale);
  cluster.worker(0).answer_ok(request, packed_uint(12));
  const Received reply = cluster.reply();
  EXPECT_TRUE(reply.info.guaranteed);
  EXPECT_THAT(reply.info.warnings, ElementsAre(warning));
}

TEST_F(WithoutMajority, WithNoReplicaLeftReadsAreUnavailable) {
  cluster.worker(0).alive = false;
  cluster.pass(milliseconds(1'700));
  for (const bool is_stale : {false, true}) {
    Options options;
    options.stale = is_stale;
    cluster.send(Command::kGet, packed_key("a"), options);
    const Received reply = cluster.reply();
    EXPECT_EQ(reply.status, Code::kUnavailable);
    EXPECT_THAT(reply.info.message, HasSubstr("0 of 3 replicas"));
  }
  cluster.send(Command::kCount, packed_array({}));
  EXPECT_EQ(cluster.reply().status, Code::kUnavailable);
}

TEST_F(WithoutMajority, AnAnswerThatCouldNotBeConfirmedIsNoneOnceThereIsAMajorityAgain) {
  cluster.send(Command::kGet, packed_key("a"));
  const WorkerRequest unconfirmed = cluster.worker(0).take();
  ASSERT_EQ(unconfirmed.mode, ReadMode::kBestEffort);
  cluster.worker(1).alive = true;
  cluster.pass(milliseconds(300));
  for (std::uint32_t i = 0; i < 4; ++i) cluster.worker(1).lead(PartitionId{i}, Term{2});
  cluster.pass(milliseconds(1'000));
  const WorkerRequest confirmed = cluster.worker(1).take();
  ASSERT_EQ(confirmed.mode, ReadMode::kLinearizable);
  cluster.worker(0).answer_ok(unconfirmed, packed_uint(1), LogIndex{5});
  EXPECT_TRUE(cluster.replies().empty()) << "it is older than writes that were acknowledged";
  cluster.worker(0).answer_ok(unconfirmed, packed_uint(1), LogIndex{5});
  EXPECT_TRUE(cluster.replies().empty()) << "however often it comes";
  cluster.worker(1).answer_ok(confirmed, packed_uint(2));
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.result, packed_uint(2));
  EXPECT_TRUE(reply.info.guaranteed);
}

TEST_F(WithoutMajority, AllIsWellAgainWhenAWorkerComesBack) {
  cluster.worker(1).alive = true;
  cluster.pass(milliseconds(300));
  for (std::uint32_t i = 0; i < 4; ++i) cluster.worker(1).lead(PartitionId{i}, Term{2});
  cluster.send(Command::kPut, put_arguments("a"));
  cluster.worker(1).answer_ok(cluster.worker(1).take(), "\xc3");
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kOk);
  EXPECT_THAT(reply.info.warnings, IsEmpty()) << "one of three down is tolerated";
}

TEST(Guarantee, WorkersThatComeAfterTheWarmUpAreUp) {
  Harness cluster;
  cluster.worker(1).alive = false;
  cluster.worker(2).alive = false;
  cluster.make_cluster();
  cluster.worker(1).alive = true;
  cluster.worker(2).alive = true;
  cluster.pass(milliseconds(200));
  cluster.replies().clear();
  cluster.send(Command::kStatus, packed_array({}));
  const Received reply = cluster.reply();
  EXPECT_THAT(reply.info.warnings, IsEmpty());
  EXPECT_THAT(reply.result, HasSubstr("workers_up\x03"));
  EXPECT_THAT(reply.result, HasSubstr("partitions_available\x04"));
}

TEST(Guarantee, AtTheEndOfTheWarmUpNothingIsRefusedWithoutTheWarning) {
  Harness cluster;
  cluster.join();
  cluster.worker(1).alive = false;
  cluster.worker(2).alive = false;
  cluster.pass(kBrokerWarmUp - milliseconds(300));
  for (int i = 0; i < 500; ++i) {
    cluster.now += milliseconds(1);
    cluster.send(Command::kDelete, packed_key("a"));
    cluster.turn();
  }
  const auto& replies = cluster.replies();
  EXPECT_FALSE(replies.empty());
  for (const Received& reply : replies) {
    ASSERT_EQ(reply.status, Code::kUnavailable);
    ASSERT_THAT(reply.info.warnings, ElementsAre(HasSubstr("2 of 3 workers are down"))) << "request " << reply.id;
  }
}

TEST(Guarantee, OfSeveralReplicasTheFreshestAnswers) {
  Harness cluster({.workers = 5, .k = 3});
  cluster.make_cluster();
  for (std::size_t i = 2; i < 5; ++i) cluster.worker(i).alive = false;
  cluster.pass(milliseconds(1'700));
  cluster.send(Command::kGet, packed_key("a"));
  cluster.worker(0).answer_ok(cluster.worker(0).take(), packed_uint(1), LogIndex{7});
  EXPECT_TRUE(cluster.replies().empty()) << "the other one is waited for";
  cluster.worker(1).answer_ok(cluster.worker(1).take(), packed_uint(2), LogIndex{9});
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.result, packed_uint(2));
  EXPECT_FALSE(reply.info.guaranteed);
}

TEST(Guarantee, AReplicaThatHoldsItsPeaceIsNotWaitedForLongerThanASecond) {
  Harness cluster({.workers = 5, .k = 3});
  cluster.make_cluster();
  for (std::size_t i = 2; i < 5; ++i) cluster.worker(i).alive = false;
  cluster.pass(milliseconds(1'700));
  cluster.send(Command::kGet, packed_key("a"));
  cluster.worker(0).answer_ok(cluster.worker(0).take(), packed_uint(1), LogIndex{7});
  cluster.pass(milliseconds(1'010));
  EXPECT_EQ(cluster.reply().result, packed_uint(1));
}

TEST(Guarantee, AtTheDeadlineOneAnswerIsEnough) {
  Harness cluster({.workers = 5, .k = 3});
  cluster.make_cluster();
  for (std::size_t i = 2; i < 5; ++i) cluster.worker(i).alive = false;
  cluster.pass(milliseconds(1'700));
  Options options;
  options.timeout = milliseconds(200);
  cluster.send(Command::kGet, packed_key("a"), options);
  cluster.worker(0).answer_ok(cluster.worker(0).take(), packed_uint(1), LogIndex{7});
  cluster.pass(milliseconds(210));
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kOk);
  EXPECT_FALSE(reply.info.guaranteed);
}

TEST(Guarantee, AReadUnderWayWhenTheMajorityGoesIsAnsweredWithAMark) {
  Harness cluster;
  cluster.make_cluster();
  FakeWorker& leader = cluster.leader_of("a");
  cluster.send(Command::kGet, packed_key("a"));
  leader.take();
  for (std::size_t i = 0; i < 3; ++i) cluster.worker(i).alive = &cluster.worker(i) == &leader;
  cluster.pass(milliseconds(1'700));
  while (leader.requests.size() > 1) leader.take();
  const WorkerRequest request = leader.take();
  EXPECT_EQ(request.mode, ReadMode::kBestEffort);
  leader.answer_ok(request, packed_uint(1));
  EXPECT_FALSE(cluster.reply().info.guaranteed);
}

TEST(Guarantee, AWriteUnderWayWhenTheMajorityGoesIsNeverCalledUndone) {
  Harness cluster;
  cluster.make_cluster();
  FakeWorker& leader = cluster.leader_of("a");
  cluster.send(Command::kPut, put_arguments("a"));
  leader.take();
  for (std::size_t i = 0; i < 3; ++i) cluster.worker(i).alive = false;
  cluster.pass(milliseconds(4'900));
  EXPECT_TRUE(cluster.replies().empty());
  cluster.pass(milliseconds(150));
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kDeadlineExceeded);
  EXPECT_THAT(reply.info.message, HasSubstr("may have taken effect"));
}

TEST(Guarantee, ABrokerThatHasJustStartedCallsNothingUnavailableForTwoSeconds) {
  Harness cluster;
  for (std::size_t i = 0; i < 3; ++i) cluster.worker(i).hold(cluster.map);
  cluster.worker(1).say_hello();
  cluster.worker(0).say_hello();
  cluster.worker(0).offer_map();
  cluster.worker(1).alive = false;
  cluster.worker(2).alive = false;
  cluster.send(Command::kPut, put_arguments("a"));
  cluster.pass(milliseconds(1'950));
  EXPECT_TRUE(cluster.replies().empty());
  cluster.pass(milliseconds(100));
  EXPECT_EQ(cluster.reply().status, Code::kUnavailable);
}

TEST(Guarantee, WithOneWorkerDownThereIsNothingToWarnOf) {
  Harness cluster;
  cluster.make_cluster();
  cluster.worker(2).alive = false;
  cluster.pass(milliseconds(1'700));
  for (std::uint32_t i = 0; i < 4; ++i) cluster.worker(0).lead(PartitionId{i}, Term{2});
  cluster.send(Command::kGet, packed_key("a"));
  cluster.worker(0).answer_ok(cluster.worker(0).take(), packed_uint(1));
  EXPECT_THAT(cluster.reply().info.warnings, IsEmpty());
}

TEST(Guarantee, PartitionsWithoutAReplicaAreMissingFromAListing) {
  Harness cluster({.workers = 4, .k = 1, .partitions = 8});
  cluster.make_cluster();
  cluster.worker(3).alive = false;
  cluster.pass(milliseconds(1'700));
  cluster.send(Command::kCount, packed_array({}));
  std::vector<std::uint32_t> missing;
  for (std::uint32_t i = 0; i < 8; ++i) {
    FakeWorker& leader = cluster.worker(cluster.map.partitions[i].preferred_leader);
    if (!leader.alive) {
      missing.push_back(i);
      continue;
    }
    leader.answer_ok(leader.take(), packed_uint(10));
  }
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kOk);
  EXPECT_EQ(reply.result, packed_uint(10 * (8 - missing.size())));
  EXPECT_EQ(reply.info.missing_partitions, missing);
  EXPECT_FALSE(reply.info.guaranteed);
  EXPECT_THAT(reply.info.warnings,
              ElementsAre("1 of 4 workers are down, replication factor k=1: correct output cannot be guaranteed"));
}

TEST(Guarantee, APauseOfTheBrokersOwnIsHeldAgainstNobody) {
  Harness cluster;
  cluster.make_cluster();
  cluster.now += std::chrono::seconds(20);
  cluster.turn();
  // What the frontend reads in the first second may be as old as the pause, and is not sent on.
  cluster.send(Command::kPut, put_arguments("a"));
  EXPECT_EQ(cluster.reply().status, Code::kUnavailable);
  for (int tenth = 0; tenth < 11; ++tenth) {
    cluster.now += std::chrono::milliseconds(100);
    cluster.turn();
  }
  cluster.send(Command::kPut, put_arguments("a"));
  EXPECT_TRUE(cluster.replies().empty());
  EXPECT_EQ(cluster.leader_of("a").requests.size(), 1u);
}

TEST(Guarantee, WorkersAreUpThenSuspectThenDown) {
  Harness cluster;
  cluster.make_cluster();
  cluster.worker(1).alive = false;
  std::uint64_t leads = 0;
  const auto state = [&cluster, &leads] {
    cluster.send(Command::kMembers, packed_array({}), {}, "members");
    const Received reply = cluster.reply("members");
    PackedReader reader(reply.result);
    EXPECT_EQ(reader.read_array(), 3u);
    reader.read_value();
    PackedReader member(*reader.read_value());
    std::string found;
    for (auto left = member.read_map().value_or(0); left > 0; --left) {
      const auto name = member.read_str();
      const auto value = member.read_value();
      if (name == "state") found = *PackedReader(*value).read_str();
      if (name == "leads") leads = *PackedReader(*value).read_uint();
      EXPECT_TRUE(name != "address" || PackedReader(*value).read_str() == "127.0.0.1:9002");
    }
    return found;
  };
  cluster.pass(milliseconds(300));
  EXPECT_EQ(state(), "up");
  cluster.pass(milliseconds(300));
  EXPECT_EQ(state(), "suspect");
  cluster.pass(milliseconds(800));
  EXPECT_EQ(state(), "suspect");
  EXPECT_GT(leads, 0u) << "as it said last";
  cluster.pass(milliseconds(200));
  EXPECT_EQ(state(), "down");
  EXPECT_EQ(leads, 0u);
  cluster.worker(1).say_hello();
  EXPECT_EQ(state(), "up");
}

/// The values of a field of all members, as they are packed.
std::vector<std::string> of_members(const std::string& result, std::string_view field) {
  std::vector<std::string> values;
  PackedReader reader(result);
  for (auto members = reader.read_array().value_or(0); members > 0; --members) {
    for (auto fields = reader.read_map().value_or(0); fields > 0; --fields) {
      const auto name = reader.read_str();
      const auto value = reader.read_value();
      if (name == field) values.emplace_back(value.value_or(""));
    }
  }
  return values;
}

TEST(Members, WhatABrokerHasNotHeardYetIsUnknownToIt) {
  const std::string nil = "\xc0";
  Harness cluster;
  cluster.make_cluster();
  cluster.worker(2).alive = false;
  cluster.broker = std::make_unique<Broker>(BrokerOptions{}, cluster, std::mt19937_64(1), cluster.now);
  cluster.worker(0).say_hello();
  cluster.worker(0).offer_map();
  cluster.pass(milliseconds(400));
  Options options;
  options.load = true;
  cluster.send(Command::kMembers, packed_array({}), options);
  const Received reply = cluster.reply();
  ASSERT_EQ(reply.status, Code::kOk);
  for (const char* field :
       {"last_heartbeat_ms", "partitions", "leads", "keys", "bytes", "memory", "requests", "request_us"}) {
    const auto values = of_members(reply.result, field);
    EXPECT_EQ(std::count(values.begin(), values.end(), nil), 1) << field;
  }
}

}  // namespace
}  // namespace trellis::test

// Large requests: how clients share the broker's turns, and what becomes of those that workers went down with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/limits.hpp"
#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Heavy : public ::testing::Test {
 protected:
  Heavy() { cluster.make_cluster(); }

  std::string batch(std::size_t items, const char* command = "GET") {
    const std::string key = packed_str(cluster.key_in(PartitionId{0}));
    const bool is_put = command == std::string_view("PUT");
    const std::string arguments = packed_array(is_put ? std::vector{key, packed_uint(1)} : std::vector{key});
    return packed_array(
        {packed_array(std::vector<std::string>(items, packed_array({packed_str(command), arguments})))});
  }
  /// The worker is not heard any more, and another one leads what it led, before it is called down.
  void lose(FakeWorker& worker, FakeWorker& next) {
    worker.alive = false;
    cluster.pass(milliseconds(600));
    next.lead(PartitionId{0}, Term{++term_});
    cluster.pass(milliseconds(1'200));
  }
  /// What several clients send is there in one turn.
  void send_together(const std::string& client, Command command, const std::string& arguments, Options options = {}) {
    Frames frames = {Frame(client), Frame(pack_request(++id_, command, arguments, options))};
    cluster.broker->on_client_message(frames, cluster.now);
  }
  FakeWorker& leader() { return cluster.leader_of(cluster.key_in(PartitionId{0})); }
  FakeWorker& other_than(const FakeWorker& one, const FakeWorker& two) {
    for (std::size_t i = 0;; ++i) {
      if (&cluster.worker(i) != &one && &cluster.worker(i) != &two) return cluster.worker(i);
    }
  }

  Harness cluster;

 private:
  std::uint64_t term_ = 100;
  std::uint64_t id_ = 1'000;
};

TEST_F(Heavy, WhatAWorkerWentDownWithIsNotSentToTheNextOneAsItIs) {
  FakeWorker& first = leader();
  FakeWorker& second = other_than(first, first);
  cluster.send(Command::kBatch, batch(10));
  EXPECT_FALSE(first.take().is_suspect);
  lose(first, second);
  EXPECT_TRUE(second.take().is_suspect);
  EXPECT_THAT(cluster.replies(), IsEmpty());
}

TEST_F(Heavy, ReadsThatTwoWorkersWentDownWithAreNotSentToTheThird) {
  FakeWorker& first = leader();
  FakeWorker& second = other_than(first, first);
  FakeWorker& third = other_than(first, second);
  cluster.send(Command::kBatch, batch(10));
  first.take();
  lose(first, second);
  second.take();
  lose(second, third);
  EXPECT_THAT(third.requests, IsEmpty());
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kOk);
  PackedReader items(reply.result);
  ASSERT_EQ(items.read_array(), 10u);
  PackedReader item(*items.read_value());
  item.read_array();
  EXPECT_EQ(item.read_str(), "UNAVAILABLE");
  EXPECT_THAT(std::string(reply.result), HasSubstr("2 workers fell silent while they had this BATCH"));
}

TEST_F(Heavy, WritesThatTwoWorkersWentDownWithMayHaveBeenDone) {
  FakeWorker& first = leader();
  FakeWorker& second = other_than(first, first);
  cluster.send(Command::kBatch, batch(10, "PUT"));
  first.take();
  lose(first, second);
  second.take();
  lose(second, other_than(first, second));
  PackedReader items(cluster.replies().at(0).result);
  ASSERT_EQ(items.read_array(), 10u);
  PackedReader item(*items.read_value());
  item.read_array();
  EXPECT_EQ(item.read_str(), "DEADLINE_EXCEEDED");
}

TEST_F(Heavy, AHandOverIsNoFault) {
  FakeWorker& first = leader();
  FakeWorker& second = other_than(first, first);
  cluster.send(Command::kBatch, batch(10));
  first.take();
  second.lead(PartitionId{0}, Term{100});
  cluster.pass(milliseconds(200));
  EXPECT_FALSE(second.take().is_suspect);
}

TEST_F(Heavy, ASingleCommandIsSentAgainAsItIs) {
  FakeWorker& first = leader();
  FakeWorker& second = other_than(first, first);
  cluster.send(Command::kGet, packed_array({packed_str(cluster.key_in(PartitionId{0}))}));
  first.take();
  lose(first, second);
  EXPECT_FALSE(second.take().is_suspect);
}

TEST_F(Heavy, WorkersAreToldWhoseARequestIs) {
  cluster.send(Command::kGet, packed_array({packed_str(cluster.key_in(PartitionId{0}))}), {}, "one");
  cluster.send(Command::kBatch, batch(10), {}, "one");
  cluster.send(Command::kBatch, batch(10), {}, "two");
  const std::uint32_t one = leader().take().client;
  EXPECT_NE(one, 0u);
  EXPECT_EQ(leader().take().client, one);
  EXPECT_NE(leader().take().client, one);
}

TEST_F(Heavy, OneClientsLargeRequestsDoNotStandBeforeAnothers) {
  const std::string large = batch(10'000);
  for (int i = 0; i < 20; ++i) send_together("large", Command::kBatch, large);
  send_together("other", Command::kBatch, batch(5'000));
  send_together("small", Command::kGet, packed_array({packed_str(cluster.key_in(PartitionId{0}))}));
  cluster.pass(milliseconds(500));
  const std::deque<WorkerRequest>& requests = leader().requests;
  ASSERT_EQ(requests.size(), 22u);
  const auto place_of = [&](std::size_t size_least, std::size_t size_most) {
    return std::find_if(requests.begin(), requests.end(),
                        [&](const WorkerRequest& request) {
                          return request.body.size() >= size_least && request.body.size() <= size_most;
                        }) -
           requests.begin();
  };
  EXPECT_LE(place_of(0, 100), 2) << "the small one";
  EXPECT_LE(place_of(101, requests.back().body.size() * 3 / 4), 4) << "that of the other";
}

TEST_F(Heavy, ARequestWhoseTurnDoesNotComeInTimeIsAnswered) {
  Options options;
  options.timeout = milliseconds(20);
  const std::string large = batch(10'000);
  for (int i = 0; i < 50; ++i) send_together("client", Command::kBatch, large, options);
  cluster.now += milliseconds(30);
  cluster.turn();
  cluster.pass(milliseconds(500));
  ASSERT_EQ(cluster.replies().size(), 50u);
  const auto is_late = [](const Received& reply) { return reply.status == Code::kDeadlineExceeded; };
  const auto late = std::find_if(cluster.replies().begin(), cluster.replies().end(), is_late);
  ASSERT_NE(late, cluster.replies().end());
  EXPECT_THAT(late->info.message, HasSubstr("too much to do"));
}

}  // namespace
}  // namespace trellis::test

// What the broker keeps is bounded, and beyond the bounds it says so at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/pool.hpp"
#include "broker/reply_queue.hpp"
#include "broker/timer_wheel.hpp"
#include "protocol/write_session.hpp"
#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Bounds, AClientMayHaveSoManyRequestsUnderWay) {
  BrokerLimits limits;
  limits.requests_per_client = 3;
  Harness cluster({.limits = limits});
  cluster.make_cluster();
  for (int i = 0; i < 4; ++i) cluster.send(Command::kGet, packed_key("a"));
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.id, 4u);
  EXPECT_EQ(reply.status, Code::kResourceExhausted);
  EXPECT_THAT(reply.info.message, HasSubstr("3 requests under way"));
  cluster.send(Command::kGet, packed_key("a"), {}, "another");
  EXPECT_THAT(cluster.replies("another"), IsEmpty()) << "others are not held back";
  FakeWorker& leader = cluster.leader_of("a");
  leader.answer_ok(leader.take(), packed_uint(1));
  cluster.reply();
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_THAT(cluster.replies(), IsEmpty()) << "there is room again";
  cluster.send(Command::kPing, packed_array({}));
  EXPECT_EQ(cluster.reply().status, Code::kOk);
}

TEST(Bounds, TheContractsNumberIs65536) {
  Harness cluster;
  cluster.make_cluster();
  for (std::size_t i = 0; i < kRequestsUnderWayMax; ++i) cluster.send(Command::kGet, packed_key("a"));
  EXPECT_THAT(cluster.replies(), IsEmpty());
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_EQ(cluster.reply().status, Code::kResourceExhausted);
  cluster.pass(milliseconds(5'010));
  EXPECT_EQ(cluster.replies().size(), kRequestsUnderWayMax) << "each is answered at its deadline";
  EXPECT_EQ(cluster.broker->requests_under_way(), 0u);
}

TEST(Bounds, AllClientsTogetherMayHaveSoManyRequestsAndBytes) {
  BrokerLimits limits;
  limits.requests = 2;
  Harness few({.limits = limits});
  few.make_cluster();
  for (int i = 0; i < 3; ++i) few.send(Command::kGet, packed_key("a"), {}, "client" + std::to_string(i));
  EXPECT_EQ(few.reply("client2").status, Code::kResourceExhausted);

  limits = BrokerLimits();
  limits.bytes = 1'000;
  Harness small({.limits = limits});
  small.make_cluster();
  small.send(Command::kPut, packed_array({packed_str("a"), packed_str(std::string(900, 'x'))}));
  small.send(Command::kPut, packed_array({packed_str("a"), packed_str(std::string(100, 'x'))}), {}, "another");
  EXPECT_EQ(small.reply("another").status, Code::kResourceExhausted);
}

TEST(Bounds, AWorkerThatDoesNotAnswerIsSentSoManyBytes) {
  BrokerLimits limits;
  limits.bytes_per_worker = 1'000;
  Harness cluster({.limits = limits});
  cluster.make_cluster();
  cluster.send(Command::kPut, packed_array({packed_str("a"), packed_str(std::string(900, 'x'))}));
  cluster.send(Command::kPut, packed_array({packed_str("a"), packed_str(std::string(100, 'x'))}));
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.id, 2u);
  EXPECT_EQ(reply.status, Code::kResourceExhausted);
  FakeWorker& leader = cluster.leader_of("a");
  leader.answer_ok(leader.take(), "\xc3");
  cluster.reply();
  cluster.send(Command::kPut, packed_array({packed_str("a"), packed_str(std::string(100, 'x'))}));
  EXPECT_THAT(cluster.replies(), IsEmpty());
}

TEST(Bounds, ABatchForWhichThereIsNoRoomSendsNothingAtAll) {
  BrokerLimits limits;
  limits.requests = 2;
  Harness cluster({.limits = limits});
  cluster.make_cluster();
  const auto batch_over = [&cluster](std::uint32_t partitions) {
    std::vector<std::string> items;
    for (std::uint32_t i = 0; i < partitions; ++i) {
      items.push_back(packed_array(
          {packed_str("PUT"), packed_array({packed_str(cluster.key_in(PartitionId{i})), packed_uint(1)})}));
    }
    return packed_array({packed_array(items)});
  };
  cluster.send(Command::kBatch, batch_over(3));
  ASSERT_EQ(cluster.requests_waiting(), 3u);
  cluster.send(Command::kBatch, batch_over(2), {}, "another");
  EXPECT_EQ(cluster.reply("another").status, Code::kResourceExhausted);
  EXPECT_EQ(cluster.requests_waiting(), 3u) << "it is told that nothing was done";
  cluster.send(Command::kBatch, batch_over(1), {}, "another");
  EXPECT_EQ(cluster.requests_waiting(), 4u) << "this one has room";
}

TEST(Bounds, WhatTheBackendDoesNotTakeIsSentAgainAndWasNotDone) {
  Harness cluster;
  cluster.make_cluster();
  cluster.backend_takes = false;
  Options options;
  options.timeout = milliseconds(300);
  cluster.send(Command::kPut, packed_array({packed_str("a"), packed_uint(1)}), options);
  cluster.pass(milliseconds(100));
  cluster.backend_takes = true;
  cluster.pass(milliseconds(60));
  EXPECT_EQ(cluster.leader_of("a").requests.size(), 1u);
}

TEST(ReplyQueue, DropsWhatIsBeyondItsBounds) {
  ReplyQueue queue({.replies = 3, .bytes = 100});
  const Frames none;
  EXPECT_TRUE(queue.push(none, Frame(std::string(40, 'x'))));
  EXPECT_TRUE(queue.push(none, Frame(std::string(40, 'y'))));
  EXPECT_FALSE(queue.push(none, Frame(std::string(40, 'z')))) << "bytes";
  EXPECT_TRUE(queue.push(none, Frame(std::string(1, 'z'))));
  EXPECT_FALSE(queue.push(none, Frame(std::string(1, 'z')))) << "replies";
  EXPECT_EQ(queue.dropped(), 2u);
  EXPECT_EQ(queue.front().reply.bytes()[0], 'x');
  queue.pop();
  EXPECT_EQ(queue.size(), 41u);
  *queue.lent() += 90;
  EXPECT_FALSE(queue.push(none, Frame(std::string(1, 'z')))) << "what ZeroMQ holds counts";
  EXPECT_FALSE(queue.may_lend(20));
  *queue.lent() -= 90;
  EXPECT_TRUE(queue.may_lend(1'000)) << "one reply of any size";
}

TEST(WriteSession, TheFloorIsTheLowestSeqWithoutAnAnswer) {
  std::uint64_t random = 0x0102030405060708;
  WriteSession session([&random] { return random++; });
  EXPECT_EQ(session.id().size(), 16u);
  EXPECT_EQ(session.floor(), 1u);
  EXPECT_EQ(session.issue(), 1u);
  EXPECT_EQ(session.issue(), 2u);
  EXPECT_EQ(session.issue(), 3u);
  session.on_done(2);
  EXPECT_EQ(session.floor(), 1u);
  session.on_done(1);
  EXPECT_EQ(session.floor(), 3u);
  session.on_done(3);
  EXPECT_EQ(session.floor(), 4u);
  EXPECT_EQ(session.issue(), 4u);
}

struct Pooled {
  Tag tag = 0;
};

TEST(Pool, ATagOfBeforeFindsNothing) {
  Pool<Pooled> pool(0xffffffffffffffff);
  Pooled& first = pool.acquire();
  const Tag tag = first.tag;
  EXPECT_EQ(pool.find(tag), &first);
  pool.release(first);
  EXPECT_EQ(pool.find(tag), nullptr);
  Pooled& second = pool.acquire();
  EXPECT_EQ(&second, &first) << "the place is used again";
  EXPECT_NE(second.tag, tag);
  EXPECT_EQ(pool.find(tag), nullptr);
  EXPECT_EQ(pool.find(0), nullptr);
  EXPECT_EQ(pool.find(~Tag{0}), nullptr);
}

TEST(TimerWheel, FiresWhatIsDueAndNothingEarly) {
  TimePoint now(std::chrono::seconds(100));
  TimerWheel wheel(now);
  const auto at = [now](int ms) { return now + milliseconds(ms); };
  std::vector<std::uint64_t> fired;
  Timer soon;
  Timer late;
  Timer next_turn;
  wheel.set(soon, at(5), 1);
  wheel.set(late, at(700), 2);
  wheel.set(next_turn, at(20'000), 3);
  EXPECT_EQ(wheel.next_due(at(100)), at(5));
  EXPECT_EQ(wheel.next_due(at(2)), at(2));
  wheel.take_due(at(4), fired);
  EXPECT_THAT(fired, IsEmpty());
  wheel.take_due(at(5), fired);
  EXPECT_THAT(fired, ElementsAre(1));
  EXPECT_EQ(wheel.next_due(at(100)), at(100));
  wheel.set(late, at(300), 2);
  wheel.take_due(at(400), fired);
  EXPECT_THAT(fired, ElementsAre(1, 2));
  wheel.take_due(at(19'999), fired);
  EXPECT_THAT(fired, ElementsAre(1, 2));
  wheel.take_due(at(60'000), fired);
  EXPECT_THAT(fired, ElementsAre(1, 2, 3));
  wheel.set(soon, at(1), 1);
  EXPECT_EQ(wheel.next_due(at(70'000)), at(1)) << "due in the past: at once";
  wheel.clear(soon);
  wheel.clear(soon);
  EXPECT_EQ(wheel.next_due(at(70'000)), at(70'000));
}

/// The worker begins while the broker takes in what else has come.
TEST(Bounds, ReadsGoOnBeforeTheTurnEndsOnceThereAreManyBytesOfThem) {
  const std::string arguments = packed_key("a");
  BrokerLimits limits;
  limits.sent_on_at = 3 * (WorkerRequest::kHeaderSize + arguments.size());
  Harness cluster({.limits = limits});
  cluster.make_cluster();
  FakeWorker& leader = cluster.leader_of("a");
  const auto take_in = [&](Command command, const std::string& what) {
    Frames frames = {Frame(std::string("1234")), Frame(pack_request(7, command, what, {}))};
    cluster.broker->on_client_message(frames, cluster.now);
  };
  for (std::size_t sent = 1; sent <= 6; ++sent) {
    take_in(Command::kGet, arguments);
    EXPECT_EQ(leader.requests.size(), sent / 3 * 3) << sent;
  }
  for (int i = 0; i < 10; ++i) take_in(Command::kPut, packed_array({packed_str("a"), packed_uint(1)}));
  EXPECT_EQ(leader.requests.size(), 6u) << "writes wait for more of them";
  cluster.broker->flush(cluster.now);
  EXPECT_EQ(leader.requests.size(), 16u);
}

}  // namespace
}  // namespace trellis::test

// Slow requests: what the broker's log says of where their time went; and what it tells of each worker's load.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/packed.hpp"
#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

std::string put_arguments(std::string_view key) { return packed_array({packed_str(key), packed_uint(12)}); }

HarnessOptions slow_after(int ms) {
  HarnessOptions options;
  options.slow.after = milliseconds(ms);
  return options;
}

TEST(Slow, ARequestThatItsWorkerHeldForLong) {
  Harness cluster(slow_after(200));
  cluster.make_cluster();
  cluster.send(Command::kPut, put_arguments("a"));
  FakeWorker& leader = cluster.leader_of("a");
  const WorkerRequest request = leader.take();
  cluster.pass(milliseconds(300));
  leader.answer_ok(request, packed_uint(1));
  EXPECT_THAT(cluster.events,
              Contains(AllOf(HasSubstr("slow: PUT took 300.0 ms (--slow-ms 200): 0.0 ms waited for a leader, 0.0 ms in "
                                       "earlier attempts (0), 300.0 ms at the worker, 0.0 ms merging"),
                             HasSubstr("the worker's log tells"))));
  EXPECT_EQ(cluster.subjects.back().partition, cluster.partition("a"));
  EXPECT_EQ(cluster.subjects.back().worker, leader.hello.id);
}

TEST(Slow, ARequestOnOneKeyNamesItWhereKeysMayBeNamed) {
  HarnessOptions options = slow_after(200);
  options.slow.names_keys = true;
  Harness cluster(options);
  cluster.make_cluster();
  cluster.send(Command::kPut, put_arguments("user:7"));
  FakeWorker& leader = cluster.leader_of("user:7");
  const WorkerRequest request = leader.take();
  cluster.pass(milliseconds(300));
  leader.answer_ok(request, packed_uint(1));
  EXPECT_THAT(cluster.events, Contains(HasSubstr("slow: PUT \"user:7\" took 300.0 ms")));
}

TEST(Slow, ARequestThatWaitedForALeader) {
  Harness cluster(slow_after(200));
  cluster.make_cluster();
  FakeWorker& leader = cluster.leader_of("a");
  leader.lead_nothing();
  cluster.pass(milliseconds(10));
  cluster.send(Command::kPut, put_arguments("a"));
  cluster.pass(milliseconds(300));
  leader.lead(cluster.partition("a"), Term{5});
  cluster.pass(milliseconds(100));
  leader.answer_ok(leader.take(), packed_uint(1));
  EXPECT_THAT(cluster.events, Contains(AllOf(HasSubstr("slow: PUT took 4"), Not(HasSubstr(": 0.0 ms waited")),
                                             HasSubstr("MEMBERS tells whether a worker is down"))));
}

TEST(Slow, AQuickOneIsNotToldAndWithZeroNoneIs) {
  for (const int threshold : {200, 0}) {
    Harness cluster(slow_after(threshold));
    cluster.make_cluster();
    cluster.send(Command::kPut, put_arguments("a"));
    FakeWorker& leader = cluster.leader_of("a");
    const WorkerRequest request = leader.take();
    cluster.pass(milliseconds(threshold == 0 ? 900 : 100));
    leader.answer_ok(request, packed_uint(1));
    EXPECT_THAT(cluster.events, Not(Contains(HasSubstr("slow:"))));
  }
}

TEST(Slow, ItsDurationIsMeasuredToItsAnswerAndNotToTheTurnBefore) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kPut, put_arguments("a"));
  FakeWorker& leader = cluster.leader_of("a");
  const WorkerRequest request = leader.take();
  cluster.now += milliseconds(7);
  leader.answer_ok(request, packed_uint(1));
  EXPECT_THAT(cluster.broker->metrics(cluster.now),
              HasSubstr("trellis_broker_request_duration_seconds_sum{command=\"PUT\"} 0.007\n"));
}

TEST(Load, IsToldByMembersToWhomAsksForIt) {
  Harness cluster;
  cluster.make_cluster();
  FakeWorker& worker = cluster.worker(0);
  worker.hello.load = {1 << 20, 10, 5'000, {{cluster.worker(1).hello.id, 3, 40}}};
  cluster.worker(2).hello.load.followers = {{cluster.worker(1).hello.id, 4, 20}};
  cluster.pass(milliseconds(100));
  const auto fields_of = [&cluster](bool load, std::size_t member) {
    Options options;
    options.load = load;
    cluster.send(Command::kMembers, packed_array({}), options);
    const Received reply = cluster.reply();
    PackedReader reader(reply.result);
    EXPECT_EQ(reader.read_array(), 3u);
    for (; member > 0; --member) EXPECT_TRUE(reader.read_value());
    std::map<std::string, std::uint64_t> fields;
    for (auto left = reader.read_map().value_or(0); left > 0; --left) {
      const std::string name(reader.read_str().value_or(""));
      const auto value = reader.read_value();
      fields[name] = PackedReader(value.value_or("")).read_uint().value_or(0);
    }
    return fields;
  };
  EXPECT_EQ(fields_of(false, 0).size(), 12u) << "the protocol's fields and no others";
  auto of_first = fields_of(true, 0);
  EXPECT_EQ(of_first.at("memory"), 1u << 20);
  EXPECT_EQ(of_first.at("requests"), 10u);
  EXPECT_EQ(of_first.at("request_us"), 5'000u);
  EXPECT_EQ(of_first.at("lag_entries"), 0u);
  auto of_second = fields_of(true, 1);
  EXPECT_EQ(of_second.at("lag_entries"), 7u) << "behind in partitions of two leaders";
  EXPECT_EQ(of_second.at("lag_ms"), 40u);
}

}  // namespace
}  // namespace trellis::test

// Who is taken for alive, near and far; what is promised while a partition has no leader.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/limits.hpp"
#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A field of a packed map.
std::string_view field_of(std::string_view packed_map, std::string_view wanted) {
  PackedReader reader(packed_map);
  for (std::uint32_t left = reader.read_map().value_or(0); left > 0; --left) {
    const auto name = reader.read_str();
    const auto value = reader.read_value();
    if (!value) break;
    if (name == wanted) return *value;
  }
  return {};
}

class Liveness : public ::testing::Test {
 protected:
  Liveness() { cluster.make_cluster(); }
  bool is_guaranteed() {
    cluster.send(Command::kStatus, packed_array({}), {}, "status");
    return PackedReader(field_of(cluster.reply("status").result, "guaranteed")).read_bool().value_or(false);
  }
  /// As MEMBERS tells it.
  std::string state_of(const FakeWorker& worker) {
    cluster.send(Command::kMembers, packed_array({}), {}, "members");
    const std::string members = cluster.reply("members").result;
    PackedReader reader(members);
    for (std::uint32_t left = reader.read_array().value_or(0); left > 0; --left) {
      const std::string_view member = *reader.read_value();
      if (PackedReader(field_of(member, "id")).read_str() != to_string(worker.hello.id)) continue;
      return std::string(*PackedReader(field_of(member, "state")).read_str());
    }
    return "no member";
  }
  /// The worker has heard what the broker said a round trip ago.
  void place_at(FakeWorker& worker, milliseconds round_trip) {
    worker.hello.stamps = {1, to_stamp(cluster.now - round_trip), 0};
    worker.say_hello();
  }

  /// A part of a large reply.
  void say_slice(const FakeWorker& from, const WorkerRequest& asked, std::size_t offset) {
    WorkerReply reply;
    reply.tag = asked.tag;
    reply.attempt = asked.attempt;
    reply.partition = asked.partition;
    const std::string header = pack_header(reply);
    bulk::Slice slice{77, offset, 100 * kSliceSize, static_cast<std::uint8_t>(MessageType::kReply), {}};
    if (offset == 0) slice.header = header;
    BundleWriter bundle;
    bundle.add(static_cast<std::uint8_t>(bulk::Type::kSlice), bulk::pack(slice), Frame(std::string(kSliceSize, 'x')));
    cluster.from_worker(from, bundle);
  }
  /// What belongs to no reply.
  void say_mark(const FakeWorker& from) {
    BundleWriter bundle;
    bundle.add(static_cast<std::uint8_t>(bulk::Type::kMark), bulk::pack(bulk::Mark{1, 1}));
    cluster.from_worker(from, bundle);
  }
  static constexpr std::size_t kSliceSize = 1000;

  Harness cluster;
};

TEST_F(Liveness, NothingIsGuaranteedWhileAPartitionHasHadNoLeaderForThreeSeconds) {
  FakeWorker& leader = cluster.leader_of("a");
  EXPECT_TRUE(is_guaranteed());
  const auto led = leader.hello.leads;
  leader.lead_nothing();
  cluster.pass(milliseconds(2'900));
  EXPECT_TRUE(is_guaranteed()) << "an election takes its time";
  cluster.pass(milliseconds(300));
  EXPECT_FALSE(is_guaranteed()) << "all workers are up, but nobody leads";
  leader.hello.leads = led;
  leader.say_hello();
  cluster.pass(milliseconds(100));
  EXPECT_TRUE(is_guaranteed());
}

TEST_F(Liveness, ALeaderThatIsDownIsNoLeader) {
  FakeWorker& leader = cluster.leader_of("a");
  leader.alive = false;
  cluster.pass(kDownAfter + milliseconds(3'200));
  EXPECT_FALSE(is_guaranteed()) << "one of three is down, which is tolerated, but nobody took over";
}

TEST_F(Liveness, AWorkerThatIsFarAwayIsGivenTheWayToIt) {
  FakeWorker& far = cluster.worker(0);
  FakeWorker& near = cluster.worker(1);
  place_at(far, milliseconds(1'000));
  place_at(near, milliseconds(0));
  far.alive = near.alive = false;
  cluster.pass(milliseconds(600));
  EXPECT_EQ(state_of(near), "suspect");
  EXPECT_EQ(state_of(far), "up");
  cluster.pass(milliseconds(1'000));
  EXPECT_EQ(state_of(near), "down");
  EXPECT_EQ(state_of(far), "suspect");
  cluster.pass(milliseconds(1'800));
  EXPECT_EQ(state_of(far), "suspect");
  cluster.pass(milliseconds(200));
  EXPECT_EQ(state_of(far), "down");
}

/// Its echo is of another clock's time, and it is dead before this broker can measure the way itself.
TEST_F(Liveness, AWorkerThatHasHeardOnlyTheBrokerBeforeIsDownInTime) {
  FakeWorker& worker = cluster.worker(0);
  worker.hello.stamps = {1, 1, 0};
  worker.say_hello();
  worker.alive = false;
  cluster.pass(kDownAfter + milliseconds(100));
  EXPECT_EQ(state_of(worker), "down");
}

TEST_F(Liveness, AWelcomeGivesBackTheStampOfTheLastHello) {
  FakeWorker& worker = cluster.worker(0);
  worker.hello.stamps.sent = 4711;
  worker.say_hello();
  cluster.pass(milliseconds(200));
  ASSERT_TRUE(worker.welcome);
  EXPECT_EQ(worker.welcome->stamps.echo, 4711u);
  EXPECT_GE(worker.welcome->stamps.held, 90'000u);
  EXPECT_LE(to_stamp(cluster.now) - worker.welcome->stamps.sent, 110'000u);
}

TEST_F(Liveness, ARequestSaysWhichHelloItsBrokerHadHeard) {
  FakeWorker& leader = cluster.leader_of("a");
  leader.hello.stamps.sent = 4711;
  leader.say_hello();
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_EQ(leader.take().heard, 4711u);
}

TEST_F(Liveness, ARequestToAFarWorkerIsNotSentAgainBeforeItsAnswerCanBeThere) {
  FakeWorker& leader = cluster.leader_of("a");
  place_at(leader, milliseconds(1'000));
  cluster.send(Command::kPut, packed_array({packed_str("a"), packed_uint(1)}));
  leader.take();
  cluster.pass(milliseconds(3'900));
  EXPECT_THAT(leader.requests, IsEmpty());
  cluster.pass(milliseconds(200));
  EXPECT_EQ(leader.requests.size(), 1u);
}

TEST_F(Liveness, AReplyThatIsOnItsWayIsAskedForAgainOnceItStopsWhateverElseComes) {
  FakeWorker& leader = cluster.leader_of("a");
  cluster.send(Command::kGet, packed_key("a"));
  const WorkerRequest asked = leader.take();
  for (std::size_t slice = 0; slice < 4; ++slice) {
    say_slice(leader, asked, slice * kSliceSize);
    cluster.pass(milliseconds(500));
  }
  EXPECT_THAT(leader.requests, IsEmpty());
  for (int mark = 0; mark < 7; ++mark) {
    say_mark(leader);
    cluster.pass(milliseconds(300));
  }
  EXPECT_EQ(leader.requests.size(), 1u);
}

TEST_F(Liveness, FarReplicasMayTakeTheirRoundTripToConfirm) {
  for (std::size_t i = 0; i < 3; ++i) {
    cluster.worker(i).confirms = false;
    place_at(cluster.worker(i), milliseconds(800));
  }
  FakeWorker& leader = cluster.leader_of("a");
  cluster.send(Command::kGet, packed_key("a"));
  leader.answer_ok(leader.take(), packed_uint(12));
  cluster.pass(milliseconds(800));
  EXPECT_THAT(leader.requests, IsEmpty());
  cluster.pass(milliseconds(50));
  EXPECT_EQ(leader.requests.size(), 1u) << "now the leader asks itself";
}

TEST_F(Liveness, MetricsTellHowFarTheClusterIsFromWhatItShouldBe) {
  const auto expect = [this](std::string_view line) {
    EXPECT_THAT(cluster.broker->metrics(cluster.now), HasSubstr(std::string(line) + "\n"));
  };
  expect("trellis_broker_members{membership=\"member\"} 3");
  expect("trellis_broker_members{membership=\"given_up\"} 0");
  expect("trellis_broker_under_replicated_partitions 0");
  expect("trellis_broker_moves_left 0");
  expect("trellis_broker_recoveries_total 0");
  ClusterMap next = cluster.map;
  next.formed = true;
  next.version += 10;
  next.members[0].state = MemberState::kDown;
  ASSERT_TRUE(check(next)) << check(next).error().message;
  cluster.worker(1).hold(next);
  cluster.worker(1).offer_map();
  cluster.worker(0).alive = false;
  cluster.pass(milliseconds(3'000));
  expect("trellis_broker_members{membership=\"given_up\"} 1");
  expect("trellis_broker_members{membership=\"member\"} 2");
  expect("trellis_broker_under_replicated_partitions " + std::to_string(cluster.map.partition_count()));
}

}  // namespace
}  // namespace trellis::test

// What a client may send, and what it gets for anything else.  docs/protocol.md, Transport and Request.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::HasSubstr;

std::string ping(std::uint64_t id) { return pack_request(id, Command::kPing, packed_array({}), {}); }

TEST(Transport, AMessageOfOneFrameHasNoEnvelopeNorHasItsReply) {
  Harness broker;
  broker.send_raw({ping(5)});
  const Received reply = broker.reply();
  EXPECT_EQ(reply.id, 5u);
  EXPECT_EQ(reply.status, Code::kOk);
  EXPECT_EQ(reply.result, packed_str("PONG"));
  EXPECT_EQ(reply.envelope_frames, 0u);
}

TEST(Transport, TheEnvelopeComesBackInFrontOfTheReply) {
  Harness broker;
  broker.send_raw({"", ping(1)});
  EXPECT_EQ(broker.reply().envelope_frames, 1u) << "REQ";
  broker.send_raw({"4711", "", ping(1)});
  EXPECT_EQ(broker.reply().envelope_frames, 2u) << "REQ_CORRELATE";
  broker.send_raw({"proxy", "client", "", ping(1)});
  EXPECT_EQ(broker.reply().envelope_frames, 3u) << "REQ behind proxies";
}

TEST(Transport, TheEnvelopeWaitsWithARequestThatGoesToAWorker) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send_raw({"4711", "", pack_request(9, Command::kGet, packed_key("a"), {})});
  FakeWorker& leader = cluster.leader_of("a");
  leader.answer_ok(leader.take(), packed_uint(1));
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.id, 9u);
  EXPECT_EQ(reply.envelope_frames, 2u);
}

TEST(Transport, MessagesOfTheWrongShapeGetOneErrorWithIdZero) {
  struct Case {
    std::vector<std::string> frames;
    std::size_t envelope_frames;
  };
  const std::vector<Case> cases = {
      {{""}, 1},                         // One empty frame: an envelope and nothing behind it.
      {{ping(1), ping(2)}, 0},           // Several frames with no empty one.
      {{"a", "b", "c"}, 0},              //
      {{"", ping(1), ping(2)}, 1},       // More than one frame behind the envelope.
      {{"x", "", ping(1), "", "y"}, 2},  //
      {{"x", ""}, 2},                    // None behind it.
      {{"", ""}, 1},                     // An empty request.
  };
  for (const Case& each : cases) {
    Harness broker;
    broker.send_raw(each.frames);
    const Received reply = broker.reply();
    EXPECT_EQ(reply.status, Code::kInvalidArgument);
    EXPECT_EQ(reply.id, 0u);
    EXPECT_EQ(reply.envelope_frames, each.envelope_frames);
    EXPECT_FALSE(reply.info.message.empty());
  }
}

TEST(Transport, BrokenRequestsAreToldWhatIsWrongWithTheIdTheyHave) {
  const auto reply_to = [](const std::string& frame) {
    Harness broker;
    broker.send_raw({frame});
    return broker.reply();
  };
  EXPECT_EQ(reply_to("\xc1").status, Code::kInvalidArgument);
  EXPECT_EQ(reply_to("hello").id, 0u);
  EXPECT_EQ(reply_to(packed_array({packed_uint(1), packed_uint(7)})).id, 7u);
  EXPECT_EQ(reply_to(packed_array({packed_uint(2), packed_uint(7), packed_str("PING"), packed_array({})})).status,
            Code::kInvalidArgument);
  const Received unknown =
      reply_to(packed_array({packed_uint(1), packed_uint(7), packed_str("FLY"), packed_array({})}));
  EXPECT_EQ(unknown.status, Code::kInvalidArgument);
  EXPECT_EQ(unknown.id, 7u);
  EXPECT_THAT(unknown.info.message, HasSubstr("FLY"));
  EXPECT_EQ(reply_to(ping(7) + "x").status, Code::kInvalidArgument) << "bytes behind the request";
  EXPECT_EQ(reply_to(ping(7).substr(0, 4)).status, Code::kInvalidArgument) << "cut off";
}

TEST(Transport, ArgumentsAreCheckedEvenWhereThereIsNoCluster) {
  const auto status_of = [](Command command, const std::string& packed_arguments) {
    Harness broker;
    broker.send(command, packed_arguments);
    const auto& replies = broker.replies();
    return replies.empty() ? Code::kOk : replies.front().status;
  };
  EXPECT_EQ(status_of(Command::kGet, packed_array({})), Code::kInvalidArgument);
  EXPECT_EQ(status_of(Command::kGet, packed_key("")), Code::kInvalidArgument);
  EXPECT_EQ(status_of(Command::kGet, packed_key(std::string(4097, 'x'))), Code::kInvalidArgument);
  EXPECT_EQ(status_of(Command::kGet, packed_key(std::string(4096, 'x'))), Code::kOk) << "waits for the cluster";
  EXPECT_EQ(status_of(Command::kQuery, packed_array({packed_array({})})), Code::kInvalidArgument);
  EXPECT_EQ(status_of(Command::kKeys, packed_array({packed_str(""), packed_uint(0)})), Code::kInvalidArgument);
  EXPECT_EQ(status_of(Command::kKeys, packed_array({packed_str(""), packed_uint(10'001)})), Code::kInvalidArgument);
  EXPECT_EQ(status_of(Command::kCount, packed_array({packed_uint(1)})), Code::kInvalidArgument);
  EXPECT_EQ(status_of(Command::kLocate, packed_array({})), Code::kInvalidArgument);
  EXPECT_EQ(status_of(Command::kBatch, packed_array({})), Code::kInvalidArgument);
  EXPECT_EQ(status_of(Command::kCompute, packed_array({packed_uint(1)})), Code::kInvalidArgument);
  EXPECT_EQ(status_of(Command::kCompute, packed_array({packed_str("1+")})), Code::kInvalidArgument);
  EXPECT_EQ(status_of(Command::kPing, packed_array({packed_uint(1)})), Code::kInvalidArgument);
  EXPECT_EQ(status_of(Command::kStatus, packed_array({packed_uint(1)})), Code::kInvalidArgument);
  EXPECT_EQ(status_of(Command::kMembers, packed_array({packed_uint(1)})), Code::kInvalidArgument);
}

TEST(Transport, ARequestOf64MiBIsAnswered) {
  Harness cluster;
  cluster.make_cluster();
  std::string frame = pack_request(7, Command::kPut,
                                   packed_array({packed_str("a"), packed_str(std::string((64 << 20) - 64, 'x'))}), {});
  ASSERT_LE(frame.size(), std::size_t{64} << 20);
  cluster.send_raw({std::move(frame)});
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.id, 7u);
  EXPECT_EQ(reply.status, Code::kInvalidArgument);
  EXPECT_EQ(cluster.requests_waiting(), 0u) << "no worker was troubled with it";
}

TEST(Transport, ClientsAreToldApartByTheirConnection) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kGet, packed_key("a"), {}, "one");
  cluster.send(Command::kGet, packed_key("a"), {}, "two");
  FakeWorker& leader = cluster.leader_of("a");
  const WorkerRequest first = leader.take();
  leader.answer_ok(leader.take(), packed_uint(2));
  leader.answer_ok(first, packed_uint(1));
  EXPECT_EQ(cluster.reply("one").result, packed_uint(1));
  EXPECT_EQ(cluster.reply("two").result, packed_uint(2));
}

TEST(Transport, BrokenBundlesFromTheBackendAreDropped) {
  Harness cluster;
  cluster.make_cluster();
  const BackendAddress& from = cluster.worker(0).connection;
  for (const std::string& bytes : {std::string(), std::string("\x09"), std::string("\x01\x09", 2),
                                   std::string("\x01\x01\x05\x00\x00\x00\x00\x00\x00\x00hello", 15),
                                   std::string("\x01\x63\x00\x00\x00\x00\x00\x00\x00\x00", 10)}) {
    cluster.broker->on_worker_message(from, {Frame(bytes)}, cluster.now);
  }
  cluster.broker->on_worker_message(from, {}, cluster.now);
  cluster.send(Command::kGet, packed_key("a"));
  FakeWorker& leader = cluster.leader_of("a");
  leader.answer_ok(leader.take(), packed_uint(1));
  EXPECT_EQ(cluster.reply().status, Code::kOk);
}

TEST(Transport, LocateTellsWhereAKeyLives) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kLocate, packed_key("person1"));
  const Received reply = cluster.reply();
  PackedReader reader(reply.result);
  ASSERT_EQ(reader.read_map(), 4u);
  EXPECT_EQ(reader.read_str(), "partition");
  EXPECT_EQ(reader.read_uint(), cluster.partition("person1").value);
  EXPECT_EQ(reader.read_str(), "replicas");
  EXPECT_EQ(reader.read_array(), 3u);
  for (const auto& [replica, id] : cluster.map.placement(cluster.partition("person1")).replicas) {
    EXPECT_EQ(reader.read_str(), to_string(id));
  }
  EXPECT_EQ(reader.read_str(), "leader");
  EXPECT_EQ(reader.read_str(), to_string(cluster.leader_of("person1").hello.id));
  EXPECT_EQ(reader.read_str(), "addresses");
  EXPECT_EQ(reader.read_map(), 3u);
}

}  // namespace
}  // namespace trellis::test

#include "protocol/cluster/cluster_messages.hpp"

#include <gtest/gtest.h>

#include "protocol/cluster/recovery_messages.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"
#include "tests/unit/protocol/mutations.hpp"

namespace trellis {
namespace {

const ClusterId kCluster = "0123456789abcdef0123456789abcdef";

Hello sample_hello() {
  Hello hello;
  hello.id = {0xfedcba9876543210};
  hello.nonce = {77};
  hello.address = "127.0.0.1:9001";
  hello.zone = "rack-1";
  hello.cluster = kCluster;
  hello.map_epoch = 2;
  hello.map_version = 3;
  hello.level = 7;
  hello.formed = true;
  hello.leaving = true;
  hello.load = {1 << 20, 7, 5'000, {{{12}, 3, 40}, {{13}, 1, 2}}};
  hello.keys = 1'000'000;
  hello.bytes = 1ull << 40;
  hello.partitions = 16;
  hello.leads = {{{0}, {5}}, {{1023}, {1ull << 50}}};
  hello.token = UINT64_MAX;
  hello.stamps = {UINT64_MAX, 2, 3};
  return hello;
}

Form sample_form() {
  Form form;
  form.spec.workers = {{{11}, "127.0.0.1:9001"}, {{12}, "127.0.0.1:9002"}, {{13}, "127.0.0.1:9003"}};
  form.spec.zones = {"rack-1", "", "dc/rack:2"};
  return form;
}

WorkerRequest sample_request(std::size_t body_size = 10) {
  WorkerRequest request;
  request.tag = 1ull << 60;
  request.attempt = 3;
  request.partition = {9};
  request.kind = RequestKind::kBatch;
  request.command = Command::kPatch;
  request.id = 1ull << 50;
  request.mode = ReadMode::kBestEffort;
  request.broker_session = true;
  request.session = std::string("\0session\xff", 9);
  request.seq = 12;
  request.floor = 7;
  request.timeout_ms = 4999;
  request.page_bytes = 1 << 20;
  request.heard = 1ull << 40;
  request.body = Frame(std::string(body_size, 'b'));
  return request;
}

WorkerReply sample_reply() {
  WorkerReply reply;
  reply.tag = 5;
  reply.attempt = 4;
  reply.outcome = Outcome::kNotLeader;
  reply.partition = {3};
  reply.leader = {0xabc};
  reply.term = {8};
  reply.applied = {99};
  reply.body = Frame(std::string("reply"));
  return reply;
}

/// A message once through a bundle.
BundleItem carried(BundleWriter& bundle) {
  static Frames frames;  // The item's header points into them.
  frames = bundle.take();
  auto item = BundleReader(frames).next();
  EXPECT_TRUE(item);
  return *item;
}

template <typename Message>
BundleItem carried(const Message& message) {
  BundleWriter bundle;
  add(bundle, message);
  return carried(bundle);
}

/// `read` gives no value for any truncation of the message's header, and survives whatever else becomes of it.
template <typename Message, typename Read>
void expect_broken_ones_refused(const Message& message, Read read) {
  BundleItem item = carried(message);
  const std::string header(item.header);
  const auto with_header = [&](const std::string& bytes) {
    item.header = bytes;
    return static_cast<bool>(read(item));
  };
  EXPECT_TRUE(with_header(header));
  for_each_truncation(header, [&](const std::string& cut) { EXPECT_FALSE(with_header(cut)) << cut.size(); });
  for_each_mutation(header, 5'000, 2, [&](const std::string& bytes) { with_header(bytes); });
  item.header = header;
  ++item.type;
  EXPECT_FALSE(read(item)) << "taken under another type";
}

const JoinWanted kWish{{UINT64_MAX}, {7}, "127.0.0.1:9001", "rack-1", {3, UINT64_MAX}};

TEST(ClusterMessages, ComeBackAsTheyWereSent) {
  const auto hello = read_hello(carried(sample_hello()));
  ASSERT_TRUE(hello);
  EXPECT_EQ(*hello, sample_hello());
  const auto welcome = read_welcome(carried(Welcome{{UINT64_MAX}, {1, UINT64_MAX, 3}}));
  ASSERT_TRUE(welcome);
  EXPECT_EQ(*welcome, (Welcome{{UINT64_MAX}, {1, UINT64_MAX, 3}}));
  const auto refused = read_refused(carried(Refused{"of another cluster", {UINT64_MAX}, true}));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->reason, "of another cluster");
  EXPECT_EQ(refused->nonce.value, UINT64_MAX);
  EXPECT_TRUE(refused->is_final);
  const auto challenge = read_challenge(carried(Challenge{{7}, UINT64_MAX}));
  ASSERT_TRUE(challenge);
  EXPECT_EQ(*challenge, (Challenge{{7}, UINT64_MAX}));
  const auto form = read_form(carried(sample_form()));
  ASSERT_TRUE(form);
  EXPECT_EQ(form->spec, sample_form().spec);
  const auto all_hold = read_all_hold(carried(AllHold{kCluster, 4}));
  ASSERT_TRUE(all_hold);
  EXPECT_EQ(*all_hold, (AllHold{kCluster, 4}));
  const auto wish = read_join_wanted(carried(kWish));
  ASSERT_TRUE(wish);
  EXPECT_EQ(*wish, kWish);
}

TEST(ClusterMessages, CarryTheMapWhole) {
  const ClusterMap map = make_cluster_map(kCluster, sample_form().spec);
  BundleWriter bundle;
  add_map_wanted(bundle);
  add_map_offer(bundle, map);
  const Frames frames = bundle.take();
  BundleReader reader(frames);
  EXPECT_EQ(reader.next()->type, static_cast<std::uint8_t>(MessageType::kMapWanted));
  const auto offered = read_map_offer(*reader.next());
  ASSERT_TRUE(offered);
  EXPECT_EQ(*offered, map);
}

TEST(ClusterMessages, CarryWhoseASessionIsAndWhetherItSaysFloors) {
  for (const auto& [own, floor] : {std::pair(true, false), std::pair(false, true), std::pair(false, false)}) {
    WorkerRequest sent = sample_request();
    sent.broker_session = own;
    sent.has_floor = floor;
    const auto read = read_worker_request(carried(sent));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->broker_session, own);
    EXPECT_EQ(read->has_floor, floor);
  }
}

TEST(ClusterMessages, CarryRequestsWithSmallAndLargeBodies) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, BundleWriter::kInlineMax, std::size_t{1} << 20}) {
    const WorkerRequest sent = sample_request(size);
    const auto read = read_worker_request(carried(sent));
    ASSERT_TRUE(read);
    EXPECT_EQ(std::pair(read->tag, read->attempt), std::pair(sent.tag, sent.attempt));
    EXPECT_EQ(read->partition, sent.partition);
    EXPECT_EQ(read->kind, sent.kind);
    EXPECT_EQ(std::pair(read->command, read->id), std::pair(sent.command, sent.id));
    EXPECT_EQ(read->mode, sent.mode);
    EXPECT_EQ(read->broker_session, sent.broker_session);
    EXPECT_EQ(read->session, sent.session);
    EXPECT_EQ(read->seq, sent.seq);
    EXPECT_EQ(read->floor, sent.floor);
    EXPECT_EQ(read->timeout_ms, sent.timeout_ms);
    EXPECT_EQ(read->page_bytes, sent.page_bytes);
    EXPECT_EQ(read->heard, sent.heard);
    EXPECT_EQ(read->body.bytes(), sent.body.bytes());
  }
}

TEST(ClusterMessages, OfARecoveryComeBackAsTheyWereSent) {
  const RecoveryNumber number{UINT64_MAX, kRecoveryAttemptMax, UINT64_MAX};
  const RecoveryAsk ask{number, kCluster, {{4}, {5}}};
  RecoveryTold told{number, 9, "somebody else", "a map", {1, 2, 3}, "a plan", {}};
  told.ends.push_back({{1023}, {7}, 1, 2, 3, 4, {{{7}, {4}}, {{8}, {5}}}});
  EXPECT_EQ(*read_recovery_ask(carried(ask)), ask);
  EXPECT_EQ(*read_recovery_told(carried(told)), told);
  EXPECT_EQ(*read_recovery_plan(carried(RecoveryPlan{number, "a map"})), (RecoveryPlan{number, "a map"}));
  EXPECT_EQ(*read_recovery_written(carried(RecoveryWritten{number, 4, ""})), (RecoveryWritten{number, 4, ""}));
  EXPECT_EQ(*read_recovery_heard(carried(RecoveryHeard{number, "no"})), (RecoveryHeard{number, "no"}));
  expect_broken_ones_refused(ask, read_recovery_ask);
  expect_broken_ones_refused(told, read_recovery_told);
  expect_broken_ones_refused(RecoveryPlan{number, "a map"}, read_recovery_plan);
  expect_broken_ones_refused(RecoveryWritten{number, 0, "no"}, read_recovery_written);
  expect_broken_ones_refused(RecoveryHeard{number, "no"}, read_recovery_heard);
}

TEST(ClusterMessages, OfARecoveryNameNoAttemptBeyondTheLast) {
  const RecoveryNumber beyond{1, kRecoveryAttemptMax + 1, 3};
  EXPECT_FALSE(read_recovery_ask(carried(RecoveryAsk{beyond, kCluster, {{4}}})));
  EXPECT_FALSE(read_recovery_plan(carried(RecoveryPlan{beyond, "a map"})));
  EXPECT_FALSE(read_recovery_heard(carried(RecoveryHeard{beyond, ""})));
  EXPECT_FALSE(read_recovery_told(carried(RecoveryTold{beyond, 0, "", "a map", {}, "", {}})));
  const RecoveryNumber last{1, kRecoveryAttemptMax, 3};
  EXPECT_FALSE(read_recovery_told(carried(RecoveryTold{last, 0, "", "a map", beyond, "a plan", {}})));
  EXPECT_FALSE(read_recovery_told(carried(RecoveryTold{last, UINT64_MAX, "somebody else", "", {}, "", {}})));
  EXPECT_FALSE(read_recovery_written(carried(RecoveryWritten{last, UINT64_MAX, "somebody else"})));
}

TEST(ClusterMessages, CarryReplies) {
  const WorkerReply sent = sample_reply();
  const auto read = read_worker_reply(carried(sent));
  ASSERT_TRUE(read);
  EXPECT_EQ(std::pair(read->tag, read->attempt), std::pair(sent.tag, sent.attempt));
  EXPECT_EQ(read->outcome, sent.outcome);
  EXPECT_EQ(read->partition, sent.partition);
  EXPECT_EQ(read->leader, sent.leader);
  EXPECT_EQ(read->term, sent.term);
  EXPECT_EQ(read->applied, sent.applied);
  EXPECT_EQ(read->body.bytes(), "reply");
}

TEST(ClusterMessages, AreRefusedWhenBroken) {
  expect_broken_ones_refused(sample_hello(), read_hello);
  expect_broken_ones_refused(Welcome{{UINT64_MAX}}, read_welcome);
  expect_broken_ones_refused(Refused{"of another cluster"}, read_refused);
  expect_broken_ones_refused(Challenge{{7}, 8}, read_challenge);
  expect_broken_ones_refused(sample_form(), read_form);
  expect_broken_ones_refused(AllHold{kCluster, 4}, read_all_hold);
  expect_broken_ones_refused(kWish, read_join_wanted);
  expect_broken_ones_refused(sample_reply(), read_worker_reply);
  WorkerRequest request = sample_request();
  request.session.clear();  // A header cut inside the session is a shorter session; the bundle's sizes tell.
  expect_broken_ones_refused(request, read_worker_request);
}

TEST(ClusterMessages, TellTheVersionOfAHelloThatTheyDoNotUnderstand) {
  std::string header;
  PackedWriter(header).array(2).natural(kHelloVersion + 1).str("whatever that version says");
  BundleItem item;
  item.type = static_cast<std::uint8_t>(MessageType::kHello);
  item.header = header;
  const auto hello = read_hello(item);
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->protocol_version, kHelloVersion + 1);
}

TEST(ClusterMessages, RefuseWhatCannotBe) {
  Hello nameless = sample_hello();
  nameless.id = {0};
  EXPECT_FALSE(read_hello(carried(nameless)));
  Hello homeless = sample_hello();
  homeless.address = "";
  EXPECT_FALSE(read_hello(carried(homeless)));
  Hello odd_cluster = sample_hello();
  odd_cluster.cluster = "x";
  EXPECT_FALSE(read_hello(carried(odd_cluster)));
  Hello empty = sample_hello();
  empty.cluster = "";
  EXPECT_TRUE(read_hello(carried(empty)));
  Hello beyond = sample_hello();
  beyond.leads = {{{kPartitionsMax}, {1}}};
  EXPECT_FALSE(read_hello(carried(beyond)));
  Form impossible = sample_form();
  impossible.spec.k = 4;
  EXPECT_FALSE(read_form(carried(impossible)));
  WorkerRequest far_partition = sample_request();
  far_partition.partition = {kPartitionsMax};
  EXPECT_FALSE(read_worker_request(carried(far_partition)));
  EXPECT_FALSE(read_all_hold(carried(AllHold{"", 1})));
}

TEST(ClusterMessages, HoldNoLongerSessionAndNoUnknownCommand) {
  WorkerRequest request = sample_request();
  request.session.clear();
  EXPECT_EQ(pack_header(request).size(), WorkerRequest::kHeaderSize);
  EXPECT_EQ(pack_header(sample_reply()).size(), WorkerReply::kHeaderSize);
  request.session.assign(kSessionSizeMax, 's');
  std::string header = pack_header(request);
  BundleItem item = carried(request);
  item.header = header;
  EXPECT_TRUE(read_worker_request(item));
  header += 's';
  item.header = header;
  EXPECT_FALSE(read_worker_request(item));
  request.command = static_cast<Command>(kCommandCount);
  EXPECT_FALSE(read_worker_request(carried(request)));
}

TEST(ClusterMessages, CutAReasonThatIsTooLong) {
  const auto refused = read_refused(carried(Refused{std::string(10'000, 'r')}));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->reason.size(), 4096u);
}

}  // namespace
}  // namespace trellis

// The call table under lost, late and doubled replies, and under brokers that come, go and hang.
#include "client/call_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "protocol/packed.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

struct Sent {
  std::size_t broker = 0;
  std::string bytes;
};

class FakeNetwork : public CallOutput {
 public:
  bool send(std::size_t broker, const Frame& request) override {
    if (!takes) return false;
    sent.push_back({broker, std::string(request.bytes())});
    return true;
  }
  void on_answer(std::uint64_t id, Answer answer) override { answers.emplace_back(id, std::move(answer)); }

  bool takes = true;
  std::vector<Sent> sent;
  std::vector<std::pair<std::uint64_t, Answer>> answers;
};

Request read(const std::string& frame) {
  auto request = read_request(frame);
  EXPECT_TRUE(std::holds_alternative<Request>(request));
  return std::get<Request>(request);
}

Frame reply_to(std::uint64_t id, Code status = Code::kOk) {
  Reply reply;
  reply.id = id;
  reply.status = status;
  return Frame(pack_reply(reply));
}

struct ItemReply {
  Code status = Code::kOk;
  bool guaranteed = true;
};

Frame batch_reply_to(std::uint64_t id, std::initializer_list<ItemReply> items) {
  std::string result;
  PackedWriter writer(result);
  writer.array(items.size());
  Reply reply;
  reply.id = id;
  for (const ItemReply& item : items) {
    writer.array(3).str(name_of(item.status)).nil();
    ReplyInfo info;
    info.guaranteed = item.guaranteed;
    reply.info.guaranteed = reply.info.guaranteed && item.guaranteed;
    pack_info(result, info);
  }
  reply.result = result;
  return Frame(pack_reply(reply));
}

std::vector<Code> statuses_of(const Reply& batch) {
  std::vector<Code> statuses;
  PackedReader reader(batch.result);
  for (std::uint32_t left = reader.read_array().value_or(0); left > 0; --left) {
    EXPECT_EQ(reader.read_array(), 3u);
    statuses.push_back(code_of(reader.read_str().value_or("")).value_or(Code::kInternal));
    EXPECT_TRUE(reader.read_value() && reader.read_value());
  }
  return statuses;
}

class CallTableTest : public testing::Test {
 protected:
  CallTableTest() { PackedWriter(get_).array(1).str("person1"), PackedWriter(put_).array(2).str("person1").natural(1); }

  CallTable make(std::size_t brokers) {
    std::vector<std::string> endpoints;
    for (std::size_t i = 0; i < brokers; ++i) endpoints.push_back("tcp://127.0.0.1:74" + std::to_string(i) + "0");
    return CallTable(
        std::move(endpoints), [this] { return seed_ += 0x9e3779b97f4a7c15; }, network_);
  }
  std::uint64_t put(CallTable& table) { return table.begin(now_, Command::kPut, put_, {}); }
  std::uint64_t get(CallTable& table) { return table.begin(now_, Command::kGet, get_, {}); }
  std::uint64_t batch(CallTable& table) { return table.begin(now_, Command::kBatch, put_, {}); }
  /// Lets time pass as the loop does: to each timer that is due, and then to the end.
  void pass(CallTable& table, milliseconds span) {
    const TimePoint end = now_ + span;
    while (const auto due = table.next_due()) {
      if (*due > end) break;
      now_ = std::max(now_, *due);
      table.on_tick(now_);
    }
    now_ = end;
    table.on_tick(now_);
  }

  FakeNetwork network_;
  TimePoint now_{};
  std::uint64_t seed_ = 7;
  std::string get_;
  std::string put_;
};

TEST_F(CallTableTest, AReplyEndsItsCall) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  const std::uint64_t id = get(table);
  ASSERT_EQ(network_.sent.size(), 1u);
  table.on_frame(now_, 0, reply_to(id));
  ASSERT_EQ(network_.answers.size(), 1u);
  EXPECT_EQ(network_.answers[0].first, id);
  EXPECT_EQ(table.under_way(), 0u);
  EXPECT_EQ(table.next_due(), std::nullopt);
}

TEST_F(CallTableTest, CallsEndOnceAllBrokersHaveRefusedForAWhile) {
  CallTable table = make(2);
  put(table);
  table.on_refused(now_, 0);
  table.on_refused(now_, 1);
  EXPECT_TRUE(network_.answers.empty()) << "A broker may be about to start.";
  pass(table, CallTable::kStartGrace);
  table.on_refused(now_, 0);
  ASSERT_EQ(network_.answers.size(), 1u);
  EXPECT_EQ(network_.answers[0].second.reply.status, Code::kUnavailable);
  EXPECT_THAT(network_.answers[0].second.reply.info.message,
              HasSubstr("no broker listens at tcp://127.0.0.1:7400 or "));
  EXPECT_EQ(table.under_way(), 0u);
}

TEST_F(CallTableTest, CallsEndOnceNoBrokerHasLetTheKeyInForAWhile) {
  CallTable table = make(2);
  put(table);
  table.on_key_refused(now_, 0, "zero");
  table.on_key_refused(now_, 1, "one");
  EXPECT_TRUE(network_.answers.empty()) << "who was added a moment ago is not known everywhere yet";
  pass(table, CallTable::kKeyGrace);
  table.on_key_refused(now_, 1, "one");
  ASSERT_EQ(network_.answers.size(), 1u);
  EXPECT_EQ(network_.answers[0].second.reply.status, Code::kUnauthenticated);
  EXPECT_EQ(network_.answers[0].second.reply.info.message, "one");
}

TEST_F(CallTableTest, ABrokerWhoseHandshakeBreaksOffIsThere) {
  CallTable table = make(1);
  get(table);
  table.on_refused(now_, 0);
  pass(table, CallTable::kStartGrace);
  table.on_handshake_broken(0, " ends handshakes");
  table.on_refused(now_, 0);
  EXPECT_TRUE(network_.answers.empty());
}

TEST_F(CallTableTest, ACallThatIsNeverSentSaysThatHandshakesBrokeOff) {
  for (const bool is_let_in : {false, true}) {
    network_.answers.clear();
    CallTable table = make(1);
    get(table);
    table.on_handshake_broken(0, " ends handshakes");
    if (is_let_in) {
      table.on_connected(now_, 0);
      table.on_disconnected(now_, 0);
      get(table);
    }
    pass(table, milliseconds(10'000));
    ASSERT_FALSE(network_.answers.empty());
    const Reply& reply = network_.answers.back().second.reply;
    EXPECT_EQ(reply.status, Code::kUnavailable);
    EXPECT_EQ(reply.info.message.find(" ends handshakes") == std::string::npos, is_let_in) << reply.info.message;
  }
}

TEST_F(CallTableTest, OneBrokerThatLetsTheKeyInIsEnough) {
  CallTable table = make(2);
  table.on_connected(now_, 0);
  get(table);
  table.on_key_refused(now_, 1, "one");
  pass(table, milliseconds(2'000));
  table.on_key_refused(now_, 1, "one");
  EXPECT_TRUE(network_.answers.empty());
}

TEST_F(CallTableTest, AWriteThatWasSentBeforeItsKeyWasRefusedIsOfUnknownOutcome) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  put(table);
  table.on_disconnected(now_, 0);
  table.on_key_refused(now_, 0, "removed");
  pass(table, CallTable::kKeyGrace);
  table.on_key_refused(now_, 0, "removed");
  ASSERT_EQ(network_.answers.size(), 1u);
  EXPECT_EQ(network_.answers[0].second.reply.status, Code::kDeadlineExceeded);
}

TEST_F(CallTableTest, ABrokerThatIsSilentIsAwaitedBesideOneThatRefuses) {
  CallTable table = make(2);
  put(table);
  table.on_refused(now_, 0);
  pass(table, CallTable::kStartGrace * 2);
  table.on_refused(now_, 0);
  EXPECT_TRUE(network_.answers.empty());
}

TEST_F(CallTableTest, ABrokerThatWasThereIsAwaited) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  table.on_disconnected(now_, 0);
  put(table);
  table.on_refused(now_, 0);
  pass(table, CallTable::kStartGrace * 2);
  table.on_refused(now_, 0);
  EXPECT_TRUE(network_.answers.empty());
}

TEST_F(CallTableTest, RepeatedUninvitedAndBrokenRepliesAreIgnored) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  const std::uint64_t id = get(table);
  table.on_frame(now_, 0, reply_to(id + 1));
  table.on_frame(now_, 0, Frame("no reply"));
  EXPECT_TRUE(network_.answers.empty());
  table.on_frame(now_, 0, reply_to(id));
  table.on_frame(now_, 0, reply_to(id));
  EXPECT_EQ(network_.answers.size(), 1u);
}

TEST_F(CallTableTest, WritesCarryOneSessionAndEachItsOwnSeqAndReadsNone) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  put(table), put(table), get(table);
  const Request first = read(network_.sent[0].bytes);
  const Request second = read(network_.sent[1].bytes);
  EXPECT_EQ(first.options.session, table.session());
  EXPECT_EQ(first.options.session->size(), 16u);
  EXPECT_EQ(second.options.session, table.session());
  EXPECT_NE(first.options.seq, second.options.seq);
  EXPECT_EQ(read(network_.sent[2].bytes).options.session, std::nullopt);
}

TEST_F(CallTableTest, AWriteSaysTheLowestSeqThatMayStillBeSentAgain) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  const auto last = [this] { return read(network_.sent.back().bytes).options; };
  const std::uint64_t first = put(table);
  const std::uint64_t lowest = last().seq;
  EXPECT_EQ(last().floor, lowest);
  const std::uint64_t second = put(table);
  EXPECT_EQ(last().floor, lowest);
  table.on_frame(now_, 0, reply_to(second));
  put(table);
  EXPECT_EQ(last().floor, lowest) << "the first is still under way";
  table.on_frame(now_, 0, reply_to(first));
  const std::uint64_t forgotten = put(table);
  EXPECT_EQ(last().floor, lowest + 2);
  pass(table, std::chrono::seconds(6));
  put(table);
  EXPECT_EQ(last().floor, last().seq) << "those that gave up are not sent any more";
  const std::uint64_t open = last().seq;
  const std::uint64_t dropped = put(table);
  table.forget(dropped), table.forget(dropped), table.forget(forgotten);
  put(table);
  EXPECT_EQ(last().floor, open);
}

TEST_F(CallTableTest, ABatchIsOneSeqUntilAllOfItIsDone) {
  CallTable table = make(2);
  table.on_connected(now_, 0), table.on_connected(now_, 1);
  const auto last = [this] { return read(network_.sent.back().bytes).options; };
  const std::uint64_t id = batch(table);
  const std::uint64_t seq = last().seq;
  pass(table, milliseconds(700));
  ASSERT_EQ(network_.sent.size(), 2u) << "it was sent again";
  table.on_frame(now_, 0, batch_reply_to(id, {{Code::kOk}, {Code::kUnavailable}}));
  put(table);
  EXPECT_EQ(last().floor, seq) << "an item of it may still be done";
  table.on_frame(now_, 1, batch_reply_to(id, {{Code::kOk}, {Code::kOk}}));
  put(table);
  EXPECT_EQ(last().floor, seq + 1);
}

TEST_F(CallTableTest, AWriteThatBringsItsOwnSessionIsLeftAlone) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  Options options;
  options.session = "http:key";
  table.begin(now_, Command::kPut, put_, options);
  const Options sent = read(network_.sent.back().bytes).options;
  EXPECT_EQ(sent.session, "http:key");
  EXPECT_EQ(sent.seq, 0u);
  EXPECT_EQ(sent.floor, std::nullopt);
}

TEST_F(CallTableTest, NotSentOnIsTheLastWordWhereNoOtherCopyWasSent) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  const std::uint64_t once = put(table);
  table.on_frame(now_, 0, reply_to(once, Code::kUnavailable));
  ASSERT_EQ(network_.answers.size(), 1u);
  EXPECT_EQ(network_.answers.back().second.reply.status, Code::kUnavailable);
  const std::uint64_t twice = put(table);
  pass(table, milliseconds(700));
  table.on_frame(now_, 0, reply_to(twice, Code::kUnavailable));
  EXPECT_EQ(network_.answers.size(), 1u) << "the other copy may take effect";
  table.on_frame(now_, 0, reply_to(twice));
  ASSERT_EQ(network_.answers.size(), 2u);
  EXPECT_EQ(network_.answers.back().second.reply.status, Code::kOk);
}

TEST_F(CallTableTest, ALostReplyMakesItAskAgainWithTheSameBytes) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  const std::uint64_t id = put(table);
  pass(table, milliseconds(2'000));
  ASSERT_GE(network_.sent.size(), 2u);
  EXPECT_EQ(network_.sent[0].bytes, network_.sent[1].bytes);
  table.on_frame(now_, 0, reply_to(id));
  EXPECT_EQ(network_.answers.size(), 1u);
}

TEST_F(CallTableTest, ASlowBrokerIsAskedAFewTimesOnly) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  put(table);
  pass(table, milliseconds(6'000));
  EXPECT_LE(network_.sent.size(), 5u);
}

TEST_F(CallTableTest, ASilentBrokerIsLeftForTheNext) {
  CallTable table = make(3);
  for (std::size_t broker : {0, 1, 2}) table.on_connected(now_, broker);
  put(table);
  EXPECT_EQ(network_.sent[0].broker, 0u);
  pass(table, milliseconds(1'000));
  ASSERT_EQ(network_.sent.size(), 2u);
  EXPECT_EQ(network_.sent[1].broker, 1u);
  get(table);
  EXPECT_EQ(network_.sent.back().broker, 1u) << "new calls go where the old ones went";
}

TEST_F(CallTableTest, ABrokerThatAnswersOthersIsKept) {
  CallTable table = make(2);
  table.on_connected(now_, 0), table.on_connected(now_, 1);
  put(table);
  now_ += milliseconds(100);
  table.on_frame(now_, 0, reply_to(get(table)));
  pass(table, milliseconds(1'000));
  ASSERT_EQ(network_.sent.size(), 3u);
  EXPECT_EQ(network_.sent[2].broker, 0u);
}

TEST_F(CallTableTest, ALostConnectionMovesItsCallsAtOnce) {
  CallTable table = make(2);
  table.on_connected(now_, 0), table.on_connected(now_, 1);
  put(table), get(table);
  table.on_disconnected(now_, 0);
  ASSERT_EQ(network_.sent.size(), 4u);
  EXPECT_EQ(network_.sent[2].broker, 1u);
  EXPECT_EQ(network_.sent[3].broker, 1u);
}

TEST_F(CallTableTest, CallsWaitForABrokerToComeBack) {
  CallTable table = make(1);
  const std::uint64_t id = put(table);
  EXPECT_TRUE(network_.sent.empty());
  pass(table, milliseconds(4'000));
  table.on_connected(now_, 0);
  ASSERT_EQ(network_.sent.size(), 1u);
  table.on_disconnected(now_, 0);
  table.on_connected(now_, 0);
  ASSERT_EQ(network_.sent.size(), 2u);
  table.on_frame(now_, 0, reply_to(id));
  EXPECT_EQ(network_.answers[0].second.reply.status, Code::kOk);
}

TEST_F(CallTableTest, ASendThatFailsIsTriedAgain) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  network_.takes = false;
  get(table);
  network_.takes = true;
  pass(table, milliseconds(20));
  EXPECT_EQ(network_.sent.size(), 1u);
}

TEST_F(CallTableTest, WithoutABrokerItIsUnavailableAndNamesTheEndpoints) {
  CallTable table = make(2);
  put(table);
  pass(table, milliseconds(4'999));
  EXPECT_TRUE(network_.answers.empty());
  pass(table, milliseconds(1));
  ASSERT_EQ(network_.answers.size(), 1u);
  const Reply& reply = network_.answers[0].second.reply;
  EXPECT_EQ(reply.status, Code::kUnavailable) << "it was never sent";
  EXPECT_THAT(reply.info.message, HasSubstr("tcp://127.0.0.1:7400 or tcp://127.0.0.1:7410"));
}

TEST_F(CallTableTest, AWriteThatWasSentAndNeverAnsweredMayHaveTakenEffect) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  put(table);
  pass(table, milliseconds(5'000) + CallTable::kDeadlineGrace);
  ASSERT_EQ(network_.answers.size(), 1u);
  const Reply& reply = network_.answers[0].second.reply;
  EXPECT_EQ(reply.status, Code::kDeadlineExceeded);
  EXPECT_THAT(reply.info.message, HasSubstr("may have taken effect"));
  EXPECT_THAT(reply.info.message, HasSubstr("is it a broker's frontend (usually port 7400)?"));
  EXPECT_EQ(table.under_way(), 0u);
}

TEST_F(CallTableTest, AnotherBrokerIsAskedWhereOneSeesTooFewWorkers) {
  CallTable table = make(2);
  table.on_connected(now_, 0), table.on_connected(now_, 1);
  const std::uint64_t id = put(table);
  table.on_frame(now_, 0, reply_to(id, Code::kUnavailable));
  ASSERT_EQ(network_.sent.size(), 2u);
  EXPECT_EQ(network_.sent[1].broker, 1u);
  table.on_frame(now_, 1, reply_to(id, Code::kUnavailable));
  ASSERT_EQ(network_.answers.size(), 1u) << "each is asked once";
  EXPECT_EQ(network_.answers[0].second.reply.status, Code::kUnavailable);
}

TEST_F(CallTableTest, ARefusalOfASecondCopyDoesNotSpeakForTheFirst) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  const std::uint64_t id = put(table);
  pass(table, milliseconds(700));
  ASSERT_EQ(network_.sent.size(), 2u) << "the broker was silent";
  table.on_frame(now_, 0, reply_to(id, Code::kUnavailable));
  EXPECT_TRUE(network_.answers.empty()) << "the first copy may take effect";
  table.on_frame(now_, 0, reply_to(id, Code::kOk));
  ASSERT_EQ(network_.answers.size(), 1u);
  EXPECT_EQ(network_.answers[0].second.reply.status, Code::kOk);
}

/// Found by the simulator (seed 30153): the first copy was done in part, and the last one refused as a whole.
TEST_F(CallTableTest, AnItemOfABatchKeepsTheAnswerThatAnyCopyGot) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  const std::uint64_t id = batch(table);
  pass(table, milliseconds(700));
  ASSERT_EQ(network_.sent.size(), 2u);
  table.on_frame(now_, 0, batch_reply_to(id, {{Code::kOk}, {Code::kUnavailable}, {Code::kUnavailable}}));
  EXPECT_TRUE(network_.answers.empty()) << "the other copy may be done where this one was refused";
  table.on_frame(now_, 0,
                 batch_reply_to(id, {{Code::kUnavailable, false}, {Code::kNotFound, true}, {Code::kUnavailable}}));
  ASSERT_EQ(network_.answers.size(), 1u);
  const Reply& reply = network_.answers[0].second.reply;
  EXPECT_EQ(statuses_of(reply), (std::vector{Code::kOk, Code::kNotFound, Code::kUnavailable}));
  EXPECT_TRUE(reply.info.guaranteed) << "the answer that was not guaranteed is not among those kept";
}

/// Found by the simulator (seed 100077): the first copy was refused what it writes, and its reads saw the time before.
TEST_F(CallTableTest, AReadOfABatchThatMissesAWriteOfItsKeyGivesWayToTheCopyThatDidBoth) {
  std::string arguments;
  PackedWriter writer(arguments);
  writer.array(1).array(4);
  for (const auto& [command, key] : {std::pair("POP", "a"), {"GET", "a"}, {"GET", "b"}, {"HAS", "a"}}) {
    writer.array(2).str(command).array(1).str(key);
  }
  CallTable table = make(1);
  table.on_connected(now_, 0);
  const std::uint64_t id = table.begin(now_, Command::kBatch, arguments, {});
  pass(table, milliseconds(2'000));
  ASSERT_EQ(network_.sent.size(), 3u);
  table.on_frame(now_, 0, batch_reply_to(id, {{Code::kUnavailable}, {Code::kOk}, {Code::kOk}, {Code::kOk}}));
  table.on_frame(now_, 0, batch_reply_to(id, {{Code::kOk}, {Code::kNotFound}, {Code::kNotFound}, {Code::kNotFound}}));
  ASSERT_EQ(network_.answers.size(), 1u);
  EXPECT_EQ(statuses_of(network_.answers[0].second.reply),
            (std::vector{Code::kOk, Code::kNotFound, Code::kOk, Code::kNotFound}));
}

/// Found by the simulator (fives 9979825): the first copy had no room for the first read, which the second one answered
/// after the document was gone, while the first copy's later read had seen it there.
TEST_F(CallTableTest, AReadOfABatchBehindOneThatDidNotFitGivesWayToTheCopyThatDidBoth) {
  std::string arguments;
  PackedWriter writer(arguments);
  writer.array(1).array(3);
  for (const auto& [command, key] : {std::pair("GET", "a"), {"HAS", "b"}, {"HAS", "a"}}) {
    writer.array(2).str(command).array(1).str(key);
  }
  CallTable table = make(1);
  table.on_connected(now_, 0);
  const std::uint64_t id = table.begin(now_, Command::kBatch, arguments, {});
  pass(table, milliseconds(2'000));
  table.on_frame(now_, 0, batch_reply_to(id, {{Code::kResourceExhausted}, {Code::kOk}, {Code::kOk}}));
  table.on_frame(now_, 0, batch_reply_to(id, {{Code::kNotFound}, {Code::kNotFound}, {Code::kNotFound}}));
  ASSERT_EQ(network_.answers.size(), 1u);
  EXPECT_EQ(statuses_of(network_.answers[0].second.reply), (std::vector{Code::kNotFound, Code::kOk, Code::kNotFound}));
}

TEST_F(CallTableTest, ABatchIsAnsweredAsSoonAsEveryItemIs) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  const std::uint64_t id = batch(table);
  pass(table, milliseconds(2'000));
  ASSERT_EQ(network_.sent.size(), 3u);
  table.on_frame(now_, 0, batch_reply_to(id, {{Code::kOk, false}, {Code::kUnavailable}}));
  table.on_frame(now_, 0, batch_reply_to(id, {{Code::kUnavailable}, {Code::kOk}}));
  ASSERT_EQ(network_.answers.size(), 1u);
  EXPECT_EQ(statuses_of(network_.answers[0].second.reply), (std::vector{Code::kOk, Code::kOk}));
  EXPECT_FALSE(network_.answers[0].second.reply.info.guaranteed);
}

TEST_F(CallTableTest, AnItemWithoutAnAnswerInTimeIsNotCalledRefused) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  const std::uint64_t id = batch(table);
  pass(table, milliseconds(700));
  ASSERT_EQ(network_.sent.size(), 2u);
  table.on_frame(now_, 0, batch_reply_to(id, {{Code::kOk}, {Code::kDeadlineExceeded}, {Code::kUnavailable}}));
  table.on_frame(now_, 0, batch_reply_to(id, {{Code::kUnavailable}, {Code::kUnavailable}, {Code::kUnavailable}}));
  EXPECT_TRUE(network_.answers.empty()) << "a copy has items of unknown outcome";
  pass(table, milliseconds(5'000));
  ASSERT_EQ(network_.answers.size(), 1u);
  EXPECT_EQ(statuses_of(network_.answers[0].second.reply),
            (std::vector{Code::kOk, Code::kDeadlineExceeded, Code::kDeadlineExceeded}));
}

TEST_F(CallTableTest, ABatchThatIsRefusedAsAWholeKeepsWhatAnEarlierCopyGot) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  const std::uint64_t id = batch(table);
  pass(table, milliseconds(700));
  table.on_frame(now_, 0, batch_reply_to(id, {{Code::kUnavailable}, {Code::kOk}}));
  table.on_frame(now_, 0, reply_to(id, Code::kResourceExhausted));
  ASSERT_EQ(network_.answers.size(), 1u);
  EXPECT_EQ(statuses_of(network_.answers[0].second.reply), (std::vector{Code::kResourceExhausted, Code::kOk}));
}

TEST_F(CallTableTest, RepliesToABatchThatDoNotFitEachOtherHarmNothing) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  const std::uint64_t id = batch(table);
  pass(table, milliseconds(2'000));
  ASSERT_EQ(network_.sent.size(), 3u);
  table.on_frame(now_, 0, batch_reply_to(id, {{Code::kOk}, {Code::kUnavailable}}));
  table.on_frame(now_, 0, batch_reply_to(id, {{Code::kOk}, {Code::kOk}, {Code::kOk}}));
  EXPECT_TRUE(network_.answers.empty());
  table.on_frame(now_, 0, batch_reply_to(id, {{Code::kOk}, {Code::kOk}}));
  EXPECT_EQ(network_.answers.size(), 1u);
}

TEST_F(CallTableTest, ARequestBeyondTheLimitIsRefusedWithoutBeingSent) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  std::string arguments;
  PackedWriter(arguments).array(2).str("k").bin(std::string(kRequestSizeMax, 'x'));
  table.begin(now_, Command::kPut, arguments, {});
  table.on_disconnected(now_, 0), table.on_connected(now_, 0);
  pass(table, milliseconds(1));
  EXPECT_TRUE(network_.sent.empty());
  ASSERT_EQ(network_.answers.size(), 1u);
  EXPECT_EQ(network_.answers[0].second.reply.status, Code::kResourceExhausted);
}

TEST_F(CallTableTest, AForgottenCallIsNeverAnswered) {
  CallTable table = make(1);
  table.on_connected(now_, 0);
  const std::uint64_t id = put(table);
  table.forget(id);
  table.on_frame(now_, 0, reply_to(id));
  pass(table, milliseconds(10'000));
  EXPECT_TRUE(network_.answers.empty());
}

/// Messages are lost, doubled and late, connections break: every call still ends once, and no two writes share a seq.
TEST_F(CallTableTest, UnderAnyHistoryEveryCallEndsExactlyOnce) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    network_ = {};
    std::uint64_t state = seed;
    const auto random = [&state](std::uint64_t below) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      return (state >> 33) % below;
    };
    CallTable table = make(3);
    std::set<std::uint64_t> begun;
    for (int step = 0; step < 400; ++step) {
      const std::size_t broker = random(3);
      switch (random(6)) {
        case 0: table.on_connected(now_, broker); break;
        case 1: table.on_disconnected(now_, broker); break;
        case 2: begun.insert(random(2) == 0 ? put(table) : get(table)); break;
        case 3:
          if (!network_.sent.empty()) {
            const Sent& sent = network_.sent[random(network_.sent.size())];
            const Code code = random(4) == 0 ? Code::kUnavailable : Code::kOk;
            table.on_frame(now_, sent.broker, reply_to(read(sent.bytes).id, code));
          }
          break;
        case 4: network_.takes = random(4) != 0; break;
        default: pass(table, milliseconds(random(300)));
      }
    }
    pass(table, milliseconds(20'000));
    std::set<std::uint64_t> ended;
    for (const auto& [id, answer] : network_.answers) ASSERT_TRUE(ended.insert(id).second) << "seed " << seed;
    ASSERT_EQ(ended, begun) << "seed " << seed;
    std::set<std::pair<std::uint64_t, std::uint64_t>> identities;
    for (const Sent& sent : network_.sent) {
      const Request request = read(sent.bytes);
      if (request.command == Command::kPut) identities.emplace(request.id, request.options.seq);
    }
    std::set<std::uint64_t> seqs;
    for (const auto& [id, seq] : identities) ASSERT_TRUE(seqs.insert(seq).second) << "seed " << seed;
  }
}

}  // namespace
}  // namespace trellis

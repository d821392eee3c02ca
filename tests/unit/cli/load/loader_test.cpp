// The loader's order rule and its patience, with a transport that answers as it is told.
#include "cli/load/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "protocol/command.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

class FakeTransport : public LoadOutput {
 public:
  void send(std::uint64_t batch, const std::string& arguments) override {
    sent.push_back(batch);
    bodies[batch] = arguments;
  }
  void report(const std::string& line) override { reports.push_back(line); }

  std::vector<std::uint64_t> sent;
  std::map<std::uint64_t, std::string> bodies;
  std::vector<std::string> reports;
};

RecordBatch batch_of(const std::vector<std::string>& keys, std::uint64_t first_line = 1) {
  RecordBatch batch;
  for (const std::string& key : keys) batch.add(key, "\x01", first_line++);
  batch.bytes = keys.size();
  batch.seal();
  return batch;
}

/// A BATCH's reply; `frame` keeps its bytes.
struct BatchReply {
  explicit BatchReply(const std::vector<Code>& statuses) {
    PackedWriter writer(result);
    writer.array(statuses.size());
    for (const Code code : statuses) {
      writer.array(3).str(name_of(code)).boolean(true);
      ReplyInfo info;
      if (code != Code::kOk) info.message = "because";
      pack_info(result, info);
    }
    reply.result = result;
  }
  std::string result;
  Reply reply;
};

class LoaderTest : public testing::Test {
 protected:
  void answer(std::uint64_t batch, const std::vector<Code>& statuses) {
    loader_.on_answer(now_, batch, BatchReply(statuses).reply);
  }
  void fail(std::uint64_t batch, Code code) {
    Reply reply;
    reply.status = code;
    reply.info.message = "too few";
    loader_.on_answer(now_, batch, reply);
  }
  void pass(milliseconds span) {
    now_ += span;
    loader_.on_tick(now_);
  }

  FakeTransport transport_;
  TimePoint now_{};
  Loader loader_{"data.txt", milliseconds(60'000), transport_};
};

TEST_F(LoaderTest, BatchesOfDifferentKeysAreUnderWayTogether) {
  loader_.add(now_, batch_of({"a", "b"}));
  loader_.add(now_, batch_of({"c"}));
  EXPECT_THAT(transport_.sent, ElementsAre(1, 2));
  answer(2, {Code::kOk});
  answer(1, {Code::kOk, Code::kOk});
  EXPECT_TRUE(loader_.done());
  EXPECT_EQ(loader_.loaded(), 3u);
  EXPECT_EQ(loader_.bytes(), 3u);
}

TEST_F(LoaderTest, ABatchWaitsForTheEarlierOneWithTheSameKey) {
  loader_.add(now_, batch_of({"a", "b"}));
  loader_.add(now_, batch_of({"b", "c"}));
  loader_.add(now_, batch_of({"c", "d"}));
  loader_.add(now_, batch_of({"e"}));
  EXPECT_THAT(transport_.sent, ElementsAre(1, 4)) << "others overtake";
  answer(1, {Code::kOk, Code::kOk});
  EXPECT_THAT(transport_.sent, ElementsAre(1, 4, 2)) << "and the third waits for the second";
  answer(2, {Code::kOk, Code::kOk});
  EXPECT_THAT(transport_.sent, ElementsAre(1, 4, 2, 3));
}

TEST_F(LoaderTest, ItWaitsForAllThatShareAKey) {
  loader_.add(now_, batch_of({"a"}));
  loader_.add(now_, batch_of({"b"}));
  loader_.add(now_, batch_of({"b", "a", "a", "b"}));
  answer(1, {Code::kOk});
  EXPECT_THAT(transport_.sent, ElementsAre(1, 2));
  answer(2, {Code::kOk});
  EXPECT_THAT(transport_.sent, ElementsAre(1, 2, 3));
}

TEST_F(LoaderTest, TheBodyIsABatchThatTheProtocolReads) {
  loader_.add(now_, batch_of({"a", "b"}));
  const auto items = read_batch(transport_.bodies.at(1));
  ASSERT_TRUE(items);
  ASSERT_EQ(items->size(), 2u);
  EXPECT_EQ((*items)[1].command, Command::kPut);
  EXPECT_EQ(read_put((*items)[1].arguments)->key, "b");
}

TEST_F(LoaderTest, WhatPassesWithTimeIsSentAgainAsTheSameBatch) {
  loader_.add(now_, batch_of({"a", "b"}));
  fail(1, Code::kUnavailable);
  EXPECT_EQ(loader_.next_due(), now_ + Loader::kPauseBeforeResend);
  pass(Loader::kPauseBeforeResend);
  answer(1, {Code::kOk, Code::kDeadlineExceeded});
  pass(Loader::kPauseBeforeResend);
  EXPECT_THAT(transport_.sent, ElementsAre(1, 1, 1));
  answer(1, {Code::kOk, Code::kOk});
  EXPECT_EQ(loader_.loaded(), 2u) << "counted once";
  EXPECT_TRUE(transport_.reports.empty());
}

TEST_F(LoaderTest, ALaterBatchWaitsAlsoWhileTheEarlierIsTriedAgain) {
  loader_.add(now_, batch_of({"a"}));
  loader_.add(now_, batch_of({"a"}));
  fail(1, Code::kDeadlineExceeded);
  pass(Loader::kPauseBeforeResend);
  EXPECT_THAT(transport_.sent, ElementsAre(1, 1));
}

TEST_F(LoaderTest, ARefusedRecordIsReportedWithItsLineAndTheOthersAreLoaded) {
  loader_.add(now_, batch_of({"a", "b"}, 41));
  answer(1, {Code::kOk, Code::kInvalidArgument});
  EXPECT_THAT(transport_.reports, ElementsAre("data.txt:42:1: because"));
  EXPECT_EQ(loader_.loaded(), 1u);
  EXPECT_EQ(loader_.errors(), 1u);
}

TEST_F(LoaderTest, WhenPatienceIsOverItGivesUpAndSaysWhere) {
  loader_.add(now_, batch_of({"a"}, 7));
  now_ += milliseconds(60'000);
  fail(1, Code::kUnavailable);
  ASSERT_TRUE(loader_.failure());
  EXPECT_TRUE(loader_.done());
  EXPECT_FALSE(loader_.has_room());
  EXPECT_THAT(transport_.reports, ElementsAre(HasSubstr("data.txt:7:1:")));
}

TEST_F(LoaderTest, ItHoldsABoundedNumberOfBytes) {
  for (int i = 0; i < 200 && loader_.has_room(); ++i) {
    RecordBatch batch;
    std::string document;
    PackedWriter(document).bin(std::string(16 << 20, 'x'));
    batch.add("k" + std::to_string(i), document, 1);
    batch.seal();
    loader_.add(now_, std::move(batch));
    transport_.bodies.clear();
  }
  EXPECT_FALSE(loader_.has_room());
  EXPECT_EQ(transport_.sent.size(), 8u);
  answer(1, {Code::kOk});
  EXPECT_TRUE(loader_.has_room());
}

TEST_F(LoaderTest, TheFirstErrorsAreToldAndTheOthersCounted) {
  RecordBatch batch;
  for (std::uint64_t i = 0; i < Loader::kReportsMax - 1; ++i) batch.mistakes.push_back("wrong");
  loader_.add(now_, std::move(batch));
  loader_.add(now_, batch_of({"a", "b", "c"}));
  fail(1, Code::kInvalidArgument);
  EXPECT_EQ(transport_.reports.size(), Loader::kReportsMax);
  EXPECT_EQ(loader_.errors(), Loader::kReportsMax + 2);
  EXPECT_EQ(loader_.errors_untold(), 2u);
  loader_.add(now_, batch_of({"d"}));
  now_ += milliseconds(60'000);
  fail(2, Code::kUnavailable);
  EXPECT_EQ(transport_.reports.size(), Loader::kReportsMax + 1) << "that it gives up is told in any case";
  EXPECT_EQ(loader_.errors_untold(), 2u);
}

TEST_F(LoaderTest, MistakesAreReportedAndCounted) {
  RecordBatch batch;
  batch.mistakes.push_back("data.txt:3:9: a ] is missing");
  batch.bytes = 12;
  loader_.add(now_, std::move(batch));
  EXPECT_TRUE(loader_.done());
  EXPECT_EQ(loader_.errors(), 1u);
  EXPECT_EQ(loader_.bytes(), 12u);
}

TEST_F(LoaderTest, UnderAnyOrderOfAnswersTheLastRecordOfAKeyWins) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    FakeTransport transport;
    Loader loader("f", milliseconds(60'000), transport);
    std::uint64_t state = seed;
    const auto random = [&state](std::uint64_t below) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      return (state >> 33) % below;
    };
    std::map<std::string, std::uint64_t> wanted;
    std::map<std::string, std::uint64_t> stored;
    std::map<std::uint64_t, std::vector<std::string>> keys_of;
    std::size_t looked_at = 0;
    std::set<std::uint64_t> under_way;
    std::uint64_t added = 0;
    while (added < 200 || !loader.done()) {
      if (added < 200 && loader.has_room() && random(2) == 0) {
        std::vector<std::string> keys;
        for (std::uint64_t i = random(5) + 1; i > 0; --i) keys.push_back("k" + std::to_string(random(60)));
        ++added;
        for (const std::string& key : keys) wanted[key] = added;
        keys_of[added] = keys;
        loader.add({}, batch_of(keys));
      }
      for (; looked_at < transport.sent.size(); ++looked_at) under_way.insert(transport.sent[looked_at]);
      ASSERT_LE(under_way.size(), Loader::kUnderWayMax);
      if (under_way.empty()) continue;
      const auto at = std::next(under_way.begin(), static_cast<std::ptrdiff_t>(random(under_way.size())));
      const std::uint64_t number = *at;
      under_way.erase(at);
      for (const std::string& key : keys_of[number]) stored[key] = number;
      loader.on_answer({}, number, BatchReply(std::vector<Code>(keys_of[number].size(), Code::kOk)).reply);
    }
    ASSERT_EQ(stored, wanted) << "seed " << seed;
  }
}

}  // namespace
}  // namespace trellis

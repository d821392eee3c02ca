// The load generator with a broker that answers when it is told, on a clock that moves when it is told.
#include "cli/bench/generator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/bench/bench.hpp"
#include "protocol/packed.hpp"
#include "protocol/reply.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

class BenchGeneratorTest : public testing::Test, public BenchOutput {
 protected:
  bool send(std::size_t connection, std::string_view request) override {
    connections_.push_back(connection);
    frames_.emplace_back(request);
    return can_send_;
  }

  void begin(std::string_view workload = "get") {
    plan_.workload = find_workload(workload);
    generator_ = std::make_unique<BenchGenerator>(plan_, keys_, *this);
    generator_->begin(now_);
    generator_->send_due(now_);
  }
  void pass(Duration time) {
    now_ += time;
    generator_->send_due(now_);
  }
  Request request(std::size_t i) const { return std::get<Request>(read_request(frames_.at(i))); }
  void answer(std::size_t i, Code status = Code::kOk, std::string_view result = {}) {
    Reply reply;
    reply.id = request(i).id;
    reply.status = status;
    reply.result = result;
    generator_->on_reply(now_, pack_reply(reply));
    generator_->send_due(now_);
  }
  const BenchFigures& figures() const { return generator_->figures(); }

  BenchPlan plan_ = [] {
    BenchPlan plan;
    plan.under_way = 1;
    plan.duration = seconds(10);
    return plan;
  }();
  KeySpace keys_{100};
  TimePoint now_{seconds(100)};
  bool can_send_ = true;
  std::vector<std::string> frames_;
  std::vector<std::size_t> connections_;
  std::unique_ptr<BenchGenerator> generator_;
};

TEST_F(BenchGeneratorTest, KeepsTheSlotsOfAllConnectionsBusy) {
  plan_.connections = 2;
  plan_.under_way = 3;
  begin();
  EXPECT_EQ(frames_.size(), 6u);
  EXPECT_EQ(std::count(connections_.begin(), connections_.end(), 1u), 3);
  now_ += milliseconds(5);
  answer(4);
  EXPECT_EQ(frames_.size(), 7u);
  EXPECT_EQ(connections_[6], connections_[4]);
  EXPECT_EQ(figures().operations, 1u);
  EXPECT_EQ(figures().all.max(), 5'000u);
}

TEST_F(BenchGeneratorTest, CountsLatencyFromWhenARequestShouldHaveBeenSent) {
  plan_.rate = 100;  // One each 10 ms, while the first answer takes 45.
  begin();
  pass(milliseconds(45));
  EXPECT_EQ(frames_.size(), 1u);
  answer(0);
  ASSERT_EQ(frames_.size(), 2u);
  answer(1);  // Was due at 10 ms, is answered at 45.
  EXPECT_EQ(figures().by_operation[0].count(), 2u);
  EXPECT_EQ(figures().all.max(), 45'000u);
  EXPECT_NEAR(static_cast<double>(figures().all.quantile(0.5)), 35'000, 300);
}

TEST_F(BenchGeneratorTest, SendsNothingBeforeItIsDue) {
  plan_.rate = 1'000;
  plan_.under_way = 10;
  begin();
  EXPECT_EQ(frames_.size(), 1u);
  EXPECT_EQ(generator_->next_due(), now_ + milliseconds(1));
  pass(milliseconds(3));
  EXPECT_EQ(frames_.size(), 4u);
}

TEST_F(BenchGeneratorTest, EndsAfterItsDurationOnceAllIsAnswered) {
  begin();
  pass(seconds(10));
  EXPECT_FALSE(generator_->done());
  answer(0);
  EXPECT_EQ(frames_.size(), 1u);
  EXPECT_TRUE(generator_->done());
  EXPECT_EQ(figures().span, Duration(seconds(10)));
}

TEST_F(BenchGeneratorTest, EndsAfterItsCountToTheOperation) {
  plan_.count = 10;
  plan_.batch = 4;
  begin("put");
  for (std::size_t i = 0; i < 3; ++i) answer(i, Code::kUnavailable);
  EXPECT_TRUE(generator_->done());
  EXPECT_EQ(read_batch(request(2).arguments)->size(), 2u);
  EXPECT_EQ(figures().operations, 10u);
  EXPECT_EQ(figures().errors.at("UNAVAILABLE"), 10u);
}

TEST_F(BenchGeneratorTest, DoesNotMeasureTheWarmUp) {
  plan_.warm_up = seconds(1);
  begin();
  pass(seconds(1));
  answer(0);
  EXPECT_EQ(figures().operations, 0u);
  EXPECT_EQ(generator_->operations_so_far(), 1u);
  answer(1);
  EXPECT_EQ(figures().operations, 1u);
}

TEST_F(BenchGeneratorTest, CountsErrorsByStatus) {
  begin();
  answer(0, Code::kNotFound);
  answer(1, Code::kNotFound);
  answer(2);
  EXPECT_EQ(figures().errors.at("NOT_FOUND"), 2u);
  EXPECT_EQ(figures().failed(), 2u);
  EXPECT_EQ(figures().operations, 3u);
}

TEST_F(BenchGeneratorTest, CountsTheItemsOfABatch) {
  plan_.batch = 2;
  begin();
  std::string result;
  PackedWriter(result).array(2).array(3).str("OK").nil().map(0).array(3).str("NOT_FOUND").nil().map(0);
  answer(0, Code::kOk, result);
  EXPECT_EQ(figures().operations, 2u);
  EXPECT_EQ(figures().errors.at("NOT_FOUND"), 1u);
  EXPECT_EQ(figures().all.count(), 1u);
  answer(1, Code::kOk, "\x90");
  EXPECT_EQ(figures().errors.at("BROKEN_REPLY"), 2u);
}

TEST_F(BenchGeneratorTest, GivesUpAndIgnoresAnswersThatAreLateOrRepeated) {
  begin();
  now_ += kTimeoutDefault + BenchGenerator::kGrace;
  generator_->on_tick(now_);
  EXPECT_EQ(figures().errors.at("NO_ANSWER"), 1u);
  generator_->send_due(now_);
  answer(0);
  EXPECT_EQ(figures().operations, 1u);
  answer(1);
  answer(1);
  EXPECT_EQ(figures().operations, 2u);
  generator_->on_reply(now_, "no reply at all");
}

TEST_F(BenchGeneratorTest, WritesWhatItHasRead) {
  plan_.seed = 1;
  begin("f");
  std::size_t i = 0;
  while (frames_.size() < 200) answer(i++);
  std::size_t writes = 0;
  for (std::size_t at = 1; at < frames_.size(); ++at) {
    if (request(at).command != Command::kPut) continue;
    ++writes;
    ASSERT_EQ(request(at - 1).command, Command::kGet);
    EXPECT_EQ(read_put(request(at).arguments)->key, *read_key(request(at - 1).arguments));
  }
  EXPECT_GT(writes, 30u);
  EXPECT_EQ(figures().operations + writes, i);
}

TEST_F(BenchGeneratorTest, ReadsNewKeysOnceTheyAreStored) {
  begin("d");
  std::size_t i = 0;
  while (frames_.size() < 500) answer(i++);
  EXPECT_GT(keys_.known(), 105u);
}

TEST(BenchOptions, AreRefusedWithWhatWouldBeRight) {
  const auto problem = [](auto change) {
    BenchOptions options;
    change(options);
    const auto good = check(options);
    return good ? std::string() : good.error().message;
  };
  EXPECT_EQ(problem([](BenchOptions&) {}), "");
  EXPECT_THAT(problem([](BenchOptions& o) { o.workload = "z"; }), HasSubstr("a, b, c"));
  EXPECT_THAT(problem([](BenchOptions& o) { o.keys = 0; }), HasSubstr("--keys must be 1"));
  EXPECT_THAT(problem([](BenchOptions& o) { o.value_size = 15; }), HasSubstr("--value-size must be 16"));
  EXPECT_THAT(problem([](BenchOptions& o) { o.threads = 2; }), HasSubstr("--threads must be 1 to 1"));
  EXPECT_THAT(problem([](BenchOptions& o) { o.batch = 10'001; }), HasSubstr("--batch must be 1 to 10000"));
  EXPECT_THAT(problem([](BenchOptions& o) { o.workload = "e", o.batch = 2; }), HasSubstr("cannot stand in a BATCH"));
  EXPECT_THAT(problem([](BenchOptions& o) { o.batch = 10'000, o.value_size = 10'000; }), HasSubstr("67108864"));
  EXPECT_THAT(problem([](BenchOptions& o) { o.rate = -1; }), HasSubstr("--rate"));
  EXPECT_THAT(problem([](BenchOptions& o) { o.duration = 0; }), HasSubstr("--duration"));
  EXPECT_THAT(problem([](BenchOptions& o) { o.count = 0; }), HasSubstr("--count"));
  EXPECT_THAT(problem([](BenchOptions& o) { o.connections = 1'000, o.under_way = 60'000; }), HasSubstr("1000000"));
}

}  // namespace
}  // namespace trellis

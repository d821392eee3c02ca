// The mergers by themselves: handed replies, they ask and answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "broker/merge/batch_merger.hpp"
#include "broker/merge/compute_merger.hpp"
#include "broker/merge/count_merger.hpp"
#include "broker/merge/reply_assembly.hpp"
#include "protocol/cluster/cluster_map.hpp"
#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

LegResult replied(const std::string& packed_result, ReplyInfo info = {}) {
  Reply reply;
  reply.result = packed_result;
  reply.info = std::move(info);
  LegResult result;
  result.body = Frame(pack_reply(reply));
  return result;
}
LegResult failed(Code code, const std::string& message) {
  LegResult result;
  result.error = Error{code, message};
  return result;
}
LegResult no_replica() {
  LegResult result = failed(Code::kUnavailable, "0 of 3 replicas are up");
  result.no_replica = true;
  return result;
}

// --- COUNT

TEST(CountMerger, AddsUpAllPartitions) {
  CountMerger merger(Frame("request"), Request{}, 3);
  const auto start = merger.start();
  ASSERT_EQ(start.subrequests.size(), 3u);
  EXPECT_EQ(start.subrequests[2].partition, PartitionId{2});
  EXPECT_FALSE(merger.on_subrequest(0, replied(packed_uint(5))).answer);
  EXPECT_FALSE(merger.on_subrequest(2, replied(packed_uint(0))).answer);
  const auto end = merger.on_subrequest(1, replied(packed_uint(7)));
  ASSERT_TRUE(end.answer);
  EXPECT_EQ(end.answer->result, packed_uint(12));
  EXPECT_TRUE(end.answer->info.guaranteed);
}

TEST(CountMerger, LeavesOutWhatHasNoReplicaLeftAndSaysSo) {
  CountMerger merger(Frame("request"), Request{}, 3);
  merger.start();
  merger.on_subrequest(2, no_replica());
  merger.on_subrequest(0, no_replica());
  const auto end = merger.on_subrequest(1, replied(packed_uint(7)));
  EXPECT_EQ(end.answer->result, packed_uint(7));
  EXPECT_FALSE(end.answer->info.guaranteed);
  EXPECT_THAT(end.answer->info.missing_partitions, ElementsAre(0, 2));
}

TEST(CountMerger, AsksForTheRestOfWhatAPatternHasNotLookedAt) {
  Request request;
  request.command = Command::kCount;
  const std::string no_arguments(1, '\x90');
  request.arguments = no_arguments;
  request.options.range.match = "*x";
  CountMerger merger(Frame("request"), request, 1);
  merger.start();
  ReplyInfo info;
  info.more = true;
  info.after = "m";
  const auto next = merger.on_subrequest(0, replied(packed_uint(5), info));
  ASSERT_FALSE(next.answer);
  ASSERT_EQ(next.subrequests.size(), 1u);
  const BatchItem rest = read_command_body(next.subrequests[0].command, next.subrequests[0].body.bytes());
  EXPECT_EQ(rest.options.range.at_least, std::string_view("m\0", 2)) << "what follows m";
  EXPECT_EQ(rest.options.range.match, "*x");
  const auto end = merger.on_subrequest(0, replied(packed_uint(7)));
  EXPECT_EQ(end.answer->result, packed_uint(12));
}

TEST(CountMerger, IsUnavailableWhereNothingIsLeft) {
  CountMerger merger(Frame("request"), Request{}, 2);
  merger.start();
  merger.on_subrequest(0, no_replica());
  EXPECT_EQ(merger.on_subrequest(1, no_replica()).answer->status, Code::kUnavailable);
}

TEST(CountMerger, PassesOnTheErrorOfAPartition) {
  CountMerger merger(Frame("request"), Request{}, 2);
  merger.start();
  const auto end = merger.on_subrequest(0, failed(Code::kDeadlineExceeded, "late"));
  EXPECT_EQ(end.answer->status, Code::kDeadlineExceeded);
  EXPECT_EQ(end.answer->info.message, "late");
}

// --- BATCH

std::string item(std::string_view command, const std::string& packed_arguments,
                 const std::string& packed_options = "") {
  std::vector<std::string> elements = {packed_str(command), packed_arguments};
  if (!packed_options.empty()) elements.push_back(packed_options);
  return packed_array(elements);
}

class BatchFixture : public ::testing::Test {
 protected:
  std::unique_ptr<BatchMerger> make(const std::vector<std::string>& items, std::size_t bytes_max = 64 << 20,
                                    std::uint32_t partitions = 4, LeaderOf leader_of = nobody) {
    frame_ = Frame(packed_array({packed_array(items)}));
    auto read = read_batch(frame_.bytes());
    EXPECT_TRUE(read);
    return std::make_unique<BatchMerger>(frame_, *read, partitions, bytes_max, std::move(leader_of));
  }
  static WorkerId nobody(PartitionId) { return {}; }
  /// Two leaders, of two partitions each.
  static WorkerId one_of_two(PartitionId partition) { return {1 + partition.value % 2}; }
  /// Reads of `count` keys, which are spread over all partitions.
  static std::vector<std::string> gets(std::size_t count) {
    std::vector<std::string> items;
    for (std::size_t i = 0; i < count; ++i) items.push_back(item("GET", packed_key("key" + std::to_string(i))));
    return items;
  }
  static LegResult apart(WorkerId silenced = {}) {
    LegResult result;
    result.comes_apart = true;
    result.silenced = silenced;
    return result;
  }
  /// As a worker does: an outcome for each item of a subrequest.
  static LegResult answer(const Subrequest& subrequest, const std::string& packed_result) {
    std::vector<std::string> outcomes;
    PackedReader reader(subrequest.body.bytes());
    for (auto left = reader.read_array().value_or(0); left > 0; --left) {
      PackedReader element(*reader.read_value());
      element.read_array();
      outcomes.push_back(packed_array({packed_uint(*element.read_uint()), packed_str("OK"), packed_result, "\x80"}));
    }
    LegResult result;
    result.body = Frame(packed_array(outcomes));
    return result;
  }
  struct Outcome {
    std::string status;
    std::string result;
    ReplyInfo info;
  };
  static std::vector<Outcome> outcomes_of(const MergedAnswer& answer) {
    std::vector<Outcome> outcomes;
    ReplyAssembly assembly(1, answer);
    EXPECT_TRUE(assembly.go_on(1'000'000 * kEffortMillisecond).is_done);
    const Frame frame = std::move(assembly).take();
    const auto reply = read_reply(frame.bytes());
    PackedReader reader(reply->result);
    for (auto left = reader.read_array().value_or(0); left > 0; --left) {
      EXPECT_EQ(reader.read_array(), 3u);
      Outcome outcome;
      outcome.status = *reader.read_str();
      outcome.result = *reader.read_value();
      outcome.info = *read_info(*reader.read_value());
      outcomes.push_back(std::move(outcome));
    }
    EXPECT_TRUE(reader.at_end());
    return outcomes;
  }
  static std::optional<MergedAnswer> run(BatchMerger& merger, const std::string& packed_result) {
    auto step = merger.start();
    std::deque<Subrequest> subrequests(step.subrequests.begin(), step.subrequests.end());
    while (!step.answer && !subrequests.empty()) {
      const Subrequest subrequest = subrequests.front();
      subrequests.pop_front();
      step = merger.on_subrequest(subrequest.number, answer(subrequest, packed_result));
    }
    return step.answer;
  }

 private:
  Frame frame_;
};

TEST_F(BatchFixture, AnswersInTheOrderAskedAndTellsBadItemsApart) {
  auto merger = make({item("PUT", packed_array({packed_str("a"), packed_uint(1)})), item("FLY", packed_key("a")),
                      item("GET", packed_key("b")), item("GET", packed_key("")), item("KEYS", packed_array({})),
                      item("GET", packed_key("c"))});
  const auto answer = run(*merger, packed_uint(9));
  ASSERT_TRUE(answer);
  const auto outcomes = outcomes_of(*answer);
  ASSERT_EQ(outcomes.size(), 6u);
  EXPECT_EQ(outcomes[0].status, "OK");
  EXPECT_EQ(outcomes[1].status, "INVALID_ARGUMENT");
  EXPECT_THAT(outcomes[1].info.message, HasSubstr("FLY"));
  EXPECT_EQ(outcomes[2].status, "OK");
  EXPECT_EQ(outcomes[3].status, "INVALID_ARGUMENT");
  EXPECT_EQ(outcomes[4].status, "INVALID_ARGUMENT");
  EXPECT_EQ(outcomes[5].result, packed_uint(9));
}

TEST_F(BatchFixture, AsksEachPartitionOnceWithItsItemsInOrder) {
  std::vector<std::string> items;
  for (int i = 0; i < 100; ++i) items.push_back(item("GET", packed_key("key" + std::to_string(i % 10))));
  auto merger = make(items);
  const auto step = merger->start();
  EXPECT_LE(step.subrequests.size(), 4u);
  std::size_t seen = 0;
  for (const Subrequest& subrequest : step.subrequests) {
    EXPECT_EQ(subrequest.kind, RequestKind::kBatch);
    EXPECT_FALSE(subrequest.writes);
    const auto read = read_indexed_batch(subrequest.body.bytes());
    ASSERT_TRUE(read);
    for (std::size_t i = 0; i < read->size(); ++i) {
      const auto key = *read_key((*read)[i].arguments);
      EXPECT_EQ(key, "key" + std::to_string((*read)[i].index % 10));
      EXPECT_EQ(partition_of(key, 4), subrequest.partition);
      EXPECT_TRUE(i == 0 || (*read)[i - 1].index < (*read)[i].index);
      ++seen;
    }
  }
  EXPECT_EQ(seen, 100u);
}

TEST_F(BatchFixture, ReadsOfPartitionsThatOneWorkerLeadsTravelTogether) {
  auto merger = make(gets(100), 64 << 20, 4, one_of_two);
  auto step = merger->start();
  ASSERT_EQ(step.subrequests.size(), 2u);
  std::size_t seen = 0;
  for (const Subrequest& subrequest : step.subrequests) {
    EXPECT_EQ(subrequest.kind, RequestKind::kReads);
    ASSERT_EQ(subrequest.joint.size(), 2u);
    EXPECT_EQ(subrequest.partition, subrequest.joint.front().partition);
    const auto items = *read_indexed_batch(subrequest.body.bytes());
    auto next = items.begin();
    for (const JointPart& part : subrequest.joint) {
      EXPECT_EQ(one_of_two(part.partition), one_of_two(subrequest.partition));
      for (std::uint32_t i = 0; i < part.items; ++i, ++next, ++seen) {
        EXPECT_EQ(partition_of(*read_key(next->arguments), 4), part.partition);
      }
    }
    EXPECT_EQ(next, items.end());
  }
  EXPECT_EQ(seen, 100u);
  step = merger->on_subrequest(0, answer(step.subrequests[0], packed_uint(9)));
  EXPECT_FALSE(step.answer);
}

TEST_F(BatchFixture, AllOfThemAreAnsweredInTheOrderAsked) {
  auto merger = make(gets(100), 64 << 20, 4, one_of_two);
  const auto whole = run(*merger, packed_uint(9));
  ASSERT_TRUE(whole);
  for (const Outcome& outcome : outcomes_of(*whole)) EXPECT_EQ(outcome.result, packed_uint(9));
}

TEST_F(BatchFixture, WhatTravelledTogetherForNothingIsAskedOfEachPartitionByItself) {
  auto merger = make(gets(100), 64 << 20, 4, [](PartitionId) { return WorkerId{1}; });
  const auto together = merger->start();
  ASSERT_EQ(together.subrequests.size(), 1u);
  auto step = merger->on_subrequest(0, apart(WorkerId{1}));
  ASSERT_EQ(step.subrequests.size(), 4u);
  const std::vector<Subrequest> asked = step.subrequests;
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(asked[i].kind, RequestKind::kBatch);
    EXPECT_EQ(asked[i].partition, together.subrequests[0].joint[i].partition);
    EXPECT_EQ(asked[i].silenced, WorkerId{1}) << "it may be what silenced that worker";
    const auto items = *read_indexed_batch(asked[i].body.bytes());
    EXPECT_EQ(items.size(), together.subrequests[0].joint[i].items);
    for (const BatchItem& each : items) EXPECT_EQ(partition_of(*read_key(each.arguments), 4), asked[i].partition);
    step = merger->on_subrequest(asked[i].number, answer(asked[i], packed_uint(9)));
  }
  ASSERT_TRUE(step.answer);
  for (const Outcome& outcome : outcomes_of(*step.answer)) EXPECT_EQ(outcome.result, packed_uint(9));
}

TEST_F(BatchFixture, WhatDidNotFitBesideOtherPartitionsReadsIsAskedAgainByItself) {
  auto merger = make(gets(100), 64 << 20, 4, [](PartitionId) { return WorkerId{1}; });
  auto step = merger->start();
  const auto asked = *read_indexed_batch(step.subrequests[0].body.bytes());
  std::vector<std::string> outcomes;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    outcomes.push_back(packed_array({packed_uint(asked[i].index), packed_str(i < 2 ? "OK" : "RESOURCE_EXHAUSTED"),
                                     i < 2 ? packed_uint(9) : "\xc0", "\x80"}));
  }
  LegResult result;
  result.body = Frame(packed_array(outcomes));
  step = merger->on_subrequest(0, result);
  std::size_t again = 0;
  std::deque<Subrequest> subrequests(step.subrequests.begin(), step.subrequests.end());
  for (; !step.answer && !subrequests.empty(); subrequests.pop_front()) {
    EXPECT_EQ(subrequests.front().kind, RequestKind::kBatch);
    again += read_indexed_batch(subrequests.front().body.bytes())->size();
    step = merger->on_subrequest(subrequests.front().number, answer(subrequests.front(), packed_uint(9)));
  }
  EXPECT_EQ(again, 98u);
  ASSERT_TRUE(step.answer);
  for (const Outcome& outcome : outcomes_of(*step.answer)) EXPECT_EQ(outcome.result, packed_uint(9));
}

TEST_F(BatchFixture, WritesStaleReadsAndWhatIsLargeTravelByPartition) {
  std::string stale;
  PackedWriter(stale).map(1).str("consistency").str("stale");
  const auto kinds = [](const Merger::Step& step) {
    return std::count_if(step.subrequests.begin(), step.subrequests.end(),
                         [](const Subrequest& each) { return each.kind == RequestKind::kReads; });
  };
  std::vector<std::string> items = gets(100);
  for (int i = 0; i < 100; ++i) items.push_back(item("DELETE", packed_key("key" + std::to_string(i))));
  EXPECT_EQ(kinds(make(items, 64 << 20, 4, one_of_two)->start()), 0);
  items.clear();
  for (int i = 0; i < 100; ++i) items.push_back(item("GET", packed_key("key" + std::to_string(i)), stale));
  EXPECT_EQ(kinds(make(items, 64 << 20, 4, one_of_two)->start()), 0);
  EXPECT_EQ(kinds(make(gets(10'000), 64 << 20, 4, one_of_two)->start()), 0) << "it is beyond kJointReadsBytesMax";
}

TEST_F(BatchFixture, AnEmptyBatchHasAnEmptyAnswer) {
  auto merger = make({});
  const auto step = merger->start();
  ASSERT_TRUE(step.answer);
  EXPECT_EQ(step.answer->result, packed_array({}));
}

TEST_F(BatchFixture, StaleReadsTravelByThemselves) {
  std::string stale;
  PackedWriter(stale).map(1).str("consistency").str("stale");
  auto merger = make({item("GET", packed_key("a"), stale), item("GET", packed_key("a"))});
  const auto step = merger->start();
  ASSERT_EQ(step.subrequests.size(), 2u);
  EXPECT_NE(step.subrequests[0].stale, step.subrequests[1].stale);
}

TEST_F(BatchFixture, WithoutAMajorityWritesAreUnavailableAndReadsAreAskedAgain) {
  auto merger = make({item("GET", packed_key("a")), item("DELETE", packed_key("a")), item("GET", packed_key("a"))});
  auto step = merger->start();
  ASSERT_EQ(step.subrequests.size(), 1u);
  EXPECT_TRUE(step.subrequests[0].writes);
  step = merger->on_subrequest(step.subrequests[0].number,
                               failed(Code::kUnavailable, "1 of 3 replicas are up, 2 are needed"));
  ASSERT_EQ(step.subrequests.size(), 1u);
  EXPECT_FALSE(step.subrequests[0].writes);
  LegResult result = answer(step.subrequests[0], packed_uint(3));
  result.guaranteed = false;
  step = merger->on_subrequest(step.subrequests[0].number, result);
  ASSERT_TRUE(step.answer);
  const auto outcomes = outcomes_of(*step.answer);
  EXPECT_EQ(outcomes[0].status, "OK");
  EXPECT_FALSE(outcomes[0].info.guaranteed);
  EXPECT_EQ(outcomes[1].status, "UNAVAILABLE");
  EXPECT_THAT(outcomes[1].info.message, HasSubstr("1 of 3 replicas are up"));
  EXPECT_EQ(outcomes[2].result, packed_uint(3));
  EXPECT_FALSE(step.answer->info.guaranteed);
}

TEST_F(BatchFixture, ReadsBeyondTheBoundAreRefusedButWhatWasPoppedIsDelivered) {
  std::vector<std::string> items;
  for (int i = 0; i < 10; ++i) items.push_back(item("GET", packed_key("a")));
  for (int i = 0; i < 10; ++i) items.push_back(item("POP", packed_key("a")));
  auto merger = make(items, 10'000);
  const auto answer = run(*merger, packed_str(std::string(3'000, 'x')));
  const auto outcomes = outcomes_of(*answer);
  EXPECT_EQ(outcomes[2].status, "OK");
  EXPECT_EQ(outcomes[3].status, "RESOURCE_EXHAUSTED");
  EXPECT_EQ(outcomes[9].status, "RESOURCE_EXHAUSTED");
  for (int i = 10; i < 20; ++i) EXPECT_EQ(outcomes[i].status, "OK");
}

TEST_F(BatchFixture, ReadsThatDoNotFitIntoTheirLegsShareAreAskedAgain) {
  std::vector<std::string> items;
  for (int i = 0; i < 9; ++i) items.push_back(item("GET", packed_key("a")));
  auto merger = make(items);
  auto step = merger->start();
  // Two results a subrequest, as a worker with little room does.
  std::size_t subrequests = 0;
  while (!step.answer) {
    ASSERT_EQ(step.subrequests.size(), 1u);
    ++subrequests;
    std::vector<std::string> outcomes;
    const auto asked = *read_indexed_batch(step.subrequests[0].body.bytes());
    for (std::size_t i = 0; i < asked.size(); ++i) {
      outcomes.push_back(packed_array({packed_uint(asked[i].index), packed_str(i < 2 ? "OK" : "RESOURCE_EXHAUSTED"),
                                       i < 2 ? packed_uint(asked[i].index) : "\xc0", "\x80"}));
    }
    LegResult result;
    result.body = Frame(packed_array(outcomes));
    step = merger->on_subrequest(step.subrequests[0].number, result);
  }
  EXPECT_EQ(subrequests, 5u);
  const auto outcomes = outcomes_of(*step.answer);
  for (std::uint64_t i = 0; i < 9; ++i) EXPECT_EQ(outcomes[i].result, packed_uint(i));
}

TEST_F(BatchFixture, AWorkersBrokenAnswerIsAnErrorOfTheItemsOnly) {
  auto merger = make({item("GET", packed_key("a"))});
  const auto step = merger->start();
  LegResult broken;
  broken.body = Frame(packed_array({packed_array({packed_uint(77), packed_str("OK"), packed_uint(1), "\x80"})}));
  const auto end = merger->on_subrequest(step.subrequests[0].number, broken);
  ASSERT_TRUE(end.answer);
  EXPECT_EQ(outcomes_of(*end.answer)[0].status, "INTERNAL");
}

// --- COMPUTE

class ComputeFixture : public ::testing::Test {
 protected:
  using Variables = std::vector<std::pair<std::string, std::vector<std::string>>>;
  Result<std::unique_ptr<Merger>> make(std::string_view expression, const Variables& variables) {
    std::string arguments;
    PackedWriter writer(arguments);
    writer.array(2).str(expression).map(variables.size());
    for (const auto& [name, path] : variables) writer.str(name).packed(packed_path(path));
    const Frame frame(std::move(arguments));
    auto read = ComputeMerger::read(frame.bytes());
    if (!read) return read.error();
    return std::unique_ptr<Merger>(std::make_unique<ComputeMerger>(frame, std::move(*read), false, 4));
  }
};

TEST_F(ComputeFixture, FetchesItsVariablesAtOnceAndEvaluates) {
  auto merger = make("2*(x+3)", {{"x", {"person2", "address", "number"}}});
  ASSERT_TRUE(merger);
  auto step = (*merger)->start();
  ASSERT_EQ(step.subrequests.size(), 1u);
  EXPECT_EQ(step.subrequests[0].partition, partition_of("person2", 4));
  const BatchItem request = read_command_body(step.subrequests[0].command, step.subrequests[0].body.bytes());
  EXPECT_EQ(request.command, Command::kQuery);
  EXPECT_EQ(read_query(request.arguments)->path.size(), 2u);
  step = (*merger)->on_subrequest(0, replied(packed_uint(12)));
  EXPECT_EQ(step.answer->result, packed_float(30));
}

TEST_F(ComputeFixture, TakesAllKindsOfNumbers) {
  std::string negative;
  PackedWriter(negative).integer(-5);
  std::string single;
  PackedWriter(single).float32(0.5f);
  auto merger = make("a+b+c+d", {{"a", {"k"}}, {"b", {"k"}}, {"c", {"k"}}, {"d", {"k"}}});
  (*merger)->start();
  (*merger)->on_subrequest(0, replied(negative));
  (*merger)->on_subrequest(1, replied(single));
  (*merger)->on_subrequest(2, replied(packed_float(0.25)));
  EXPECT_EQ((*merger)->on_subrequest(3, replied(packed_uint(10))).answer->result, packed_float(5.75));
}

TEST_F(ComputeFixture, NeedsNoVariables) {
  auto merger = make("1+1", {});
  EXPECT_EQ((*merger)->start().answer->result, packed_float(2));
}

TEST_F(ComputeFixture, NamesTheVariableItsPathAndWhatIsThere) {
  auto merger = make("2*x", {{"x", {"person2", "nothing"}}});
  (*merger)->start();
  LegResult not_found;
  not_found.body = Frame(pack_error(0, {Code::kNotFound, "nothing there"}));
  auto end = (*merger)->on_subrequest(0, not_found);
  EXPECT_EQ(end.answer->status, Code::kNotFound);
  EXPECT_EQ(end.answer->info.message, "x: nothing at person2.nothing");

  merger = make("2*x", {{"x", {"person2", "name"}}});
  (*merger)->start();
  end = (*merger)->on_subrequest(0, replied(packed_str("Mary")));
  EXPECT_EQ(end.answer->status, Code::kInvalidArgument);
  EXPECT_EQ(end.answer->info.message, "x: person2.name is a string, not a number");
}

TEST_F(ComputeFixture, OfSeveralErrorsTheFirstInTheOrderAskedIsTold) {
  auto merger = make("x+y", {{"x", {"a"}}, {"y", {"b"}}});
  (*merger)->start();
  EXPECT_FALSE((*merger)->on_subrequest(1, replied(packed_str("no"))).answer);
  EXPECT_EQ((*merger)->on_subrequest(0, replied(packed_str("no"))).answer->info.message,
            "x: a is a string, not a number");
}

TEST_F(ComputeFixture, ABadExpressionIsToldBeforeAnythingIsAsked) {
  EXPECT_EQ(make("2*", {}).error().code, Code::kInvalidArgument);
  EXPECT_THAT(make("x+y", {{"x", {"a"}}}).error().message, HasSubstr("unknown name y"));
}

TEST_F(ComputeFixture, IsMarkedWhereOneVariableIs) {
  auto merger = make("x", {{"x", {"a"}}});
  (*merger)->start();
  LegResult unsure = replied(packed_uint(1));
  unsure.guaranteed = false;
  EXPECT_FALSE((*merger)->on_subrequest(0, unsure).answer->info.guaranteed);
}

}  // namespace
}  // namespace trellis::test

// What requests may take of a turn of the worker's loop, and how clients share it.
#include <gtest/gtest.h>

#include "tests/unit/worker/shard_cluster.hpp"

namespace trellis::test {
namespace {

constexpr std::uint32_t kItems = 10'000;
constexpr std::uint32_t kReplyBytes = 4 << 20;

/// What a turn may take: its budget, what it takes to stop, and the writes that were applied before.
constexpr Effort kTurnMost = Shard::kAtOnceEffort + Shard::kPutOffEffort + 2 * kEffortMillisecond;

/// A map that is large enough to be indexed, with one path of `depth` steps.
std::string document(std::size_t depth) {
  std::string packed;
  PackedWriter writer(packed);
  writer.map(2).str("padding").str(std::string(10'000, 'x')).str("a");
  for (std::size_t i = 1; i < depth; ++i) writer.map(1).str("a");
  writer.natural(1);
  return packed;
}

class Turns : public ::testing::Test {
 protected:
  Turns() {
    cluster.form(1);
    put("key", document(kDepth));
  }

  void put(const std::string& key, const std::string& packed) {
    std::string arguments;
    PackedWriter(arguments).array(2).str(key).packed(packed);
    cluster.call(Command::kPut, key, arguments);
  }
  std::uint64_t send(WorkerRequest request, std::uint32_t client) {
    request.tag = ++tag_;
    request.client = client;
    request.timeout_ms = 60'000;
    last_ = request;
    send_last(0);
    return tag_;
  }
  /// Once more, as a broker does that got no answer.
  void send_last(std::uint32_t attempt) {
    last_.attempt = attempt;
    BundleWriter out;
    add(out, last_);
    cluster.worker(0).from_broker.push_back(out.take());
  }
  std::uint64_t get(std::uint32_t client, const char* key = "small") {
    std::string arguments;
    PackedWriter(arguments).array(1).str(key);
    WorkerRequest request;
    request.mode = ReadMode::kChecked;
    request.id = 77;
    request.command = Command::kGet;
    request.body = Frame(arguments);
    return send(std::move(request), client);
  }
  /// Reads "large0" and so on, as leaders may answer in the moment in which they come, all in one message.  The tag of
  /// the first.
  std::uint64_t get_all(std::size_t count) {
    BundleWriter out;
    for (std::size_t i = 0; i < count; ++i) {
      std::string arguments;
      PackedWriter(arguments).array(1).str("large" + std::to_string(i));
      WorkerRequest request;
      request.tag = ++tag_;
      request.client = 1;
      request.timeout_ms = 60'000;
      request.mode = ReadMode::kChecked;
      request.configuration = shard().partitions().at({0})->replica().configuration_index();
      request.body = Frame(std::move(arguments));
      add(out, request);
    }
    cluster.worker(0).from_broker.push_back(out.take());
    return tag_ - count + 1;
  }
  std::uint64_t queries(std::uint32_t client, bool is_suspect = false) {
    std::string body;
    PackedWriter writer(body);
    writer.array(kItems);
    for (std::uint32_t i = 0; i < kItems; ++i) {
      writer.array(3).natural(i).str("QUERY").array(1).array(1 + kDepth).str("key");
      for (std::size_t step = 0; step < kDepth; ++step) writer.str("a");
    }
    WorkerRequest request;
    request.mode = ReadMode::kChecked;
    request.kind = RequestKind::kBatch;
    request.page_bytes = kReplyBytes;
    request.is_suspect = is_suspect;
    request.body = Frame(std::move(body));
    return send(std::move(request), client);
  }
  /// Writes a document of `size` bytes and reads it again and again, in one batch.
  std::uint64_t write_and_read(std::uint32_t client, std::size_t size) {
    std::string body;
    PackedWriter writer(body);
    writer.array(kItems);
    writer.array(3).natural(0).str("PUT").array(2).str("key").str(std::string(size, 'x'));
    for (std::uint32_t i = 1; i < kItems; ++i) writer.array(3).natural(i).str("GET").array(1).str("key");
    WorkerRequest request;
    request.kind = RequestKind::kBatch;
    request.page_bytes = 32 << 20;
    request.session = "client";
    request.seq = client;
    request.body = Frame(std::move(body));
    return send(std::move(request), client);
  }
  bool is_answered(std::uint64_t tag) { return cluster.replies_.contains(tag); }
  /// How many items of a batch have this status.
  std::size_t count(std::uint64_t tag, Code status) {
    std::size_t count = 0;
    PackedReader reader(cluster.replies_.at(tag).body.bytes());
    for (auto left = reader.read_array().value_or(0); left > 0; --left) {
      PackedReader item(*reader.read_value());
      item.read_array();
      item.read_uint();
      count += item.read_str() == name_of(status) ? 1 : 0;
    }
    return count;
  }
  Shard& shard() { return *cluster.worker(0).shard; }

  static constexpr std::size_t kDepth = 40;
  Cluster cluster{1, 1};

 private:
  std::uint64_t tag_ = 10'000;
  WorkerRequest last_;
};

TEST_F(Turns, NoTurnTakesMoreThanItsBudgetWhateverIsAsked) {
  std::vector<std::uint64_t> batches;
  for (std::uint32_t client = 1; client <= 5; ++client) batches.push_back(queries(client));
  std::size_t turns = 0;
  const auto are_answered = [&] {
    return std::all_of(batches.begin(), batches.end(), [&](std::uint64_t tag) { return is_answered(tag); });
  };
  while (!are_answered() && turns < 10'000) {
    cluster.step();
    ++turns;
    ASSERT_LE(shard().taken_in_turn(), kTurnMost);
  }
  EXPECT_GT(turns, 20u) << "some hundred ms of work are many turns";
  for (const std::uint64_t tag : batches) EXPECT_EQ(count(tag, Code::kOk), kItems);
}

/// Many may come in one message, each a few bytes long.
TEST_F(Turns, SingleReadsOfLargeDocumentsTakeNoMoreOfATurn) {
  constexpr std::size_t kDocuments = 16;
  for (std::size_t i = 0; i < kDocuments; ++i) {
    std::string packed;
    PackedWriter(packed).str(std::string(2 << 20, 'x'));
    put("large" + std::to_string(i), packed);
  }
  const std::uint64_t first = get_all(kDocuments);
  std::size_t turns = 0;
  while (!is_answered(first + kDocuments - 1) && turns < 1'000) {
    cluster.step();
    ++turns;
    ASSERT_LE(shard().taken_in_turn(), kTurnMost);
  }
  EXPECT_GT(turns, 2u) << "16 times 2 MiB are copied in more than 5 ms";
  for (std::uint64_t tag = first; tag < first + kDocuments; ++tag) {
    ASSERT_TRUE(is_answered(tag));
    EXPECT_EQ(cluster.replies_.at(tag).outcome, Outcome::kDone);
  }
}

TEST_F(Turns, HeartbeatsLeaveMeanwhile) {
  for (std::uint32_t client = 1; client <= 5; ++client) queries(client);
  cluster.step();
  EXPECT_LE(shard().next_turn(), cluster.now()) << "what was put off goes on at once";
  cluster.worker(0).hello = {};
  ASSERT_TRUE(cluster.run_until([&] { return cluster.worker(0).hello.id.value != 0; }, milliseconds(150)));
  EXPECT_GT(cluster.worker(0).hello.leads.size(), 0u);
}

TEST_F(Turns, AClientIsServedAtOnceBesideOthersLongRequests) {
  std::vector<std::uint64_t> batches;
  for (std::uint32_t client = 1; client <= 5; ++client) batches.push_back(queries(client));
  cluster.step();
  for (int i = 0; i < 5; ++i) {
    const std::uint64_t small = get(99);
    cluster.step();
    EXPECT_TRUE(is_answered(small));
  }
  for (const std::uint64_t tag : batches) EXPECT_FALSE(is_answered(tag));
}

TEST_F(Turns, ClientsWithLongRequestsGetOnAlike) {
  std::vector<std::uint64_t> hog;
  for (int i = 0; i < 5; ++i) hog.push_back(queries(1));
  const std::uint64_t other = queries(2);
  ASSERT_TRUE(cluster.run_until([&] { return is_answered(other); }));
  EXPECT_LE(std::count_if(hog.begin(), hog.end(), [&](std::uint64_t tag) { return is_answered(tag); }), 1);
}

TEST_F(Turns, WhatAWorkerWentDownWithIsDoneInPartAndTheRestAskedAnew) {
  const std::uint64_t innocent = queries(1);
  const std::uint64_t suspect = queries(2, true);
  ASSERT_TRUE(cluster.run_until([&] { return is_answered(innocent) && is_answered(suspect); }));
  EXPECT_EQ(count(innocent, Code::kOk), kItems);
  EXPECT_GT(count(suspect, Code::kOk), 1'000u);
  EXPECT_EQ(count(suspect, Code::kOk) + count(suspect, Code::kResourceExhausted), kItems);
}

TEST_F(Turns, ReadsAmongWritesGoIntoTheLogInSharesAndOthersBetweenThem) {
  const Replica& replica = shard().partitions().begin()->second->replica();
  const std::uint64_t before = replica.last_index().value;
  const std::uint64_t batch = write_and_read(1, 60'000);
  cluster.step();
  EXPECT_FALSE(is_answered(batch));
  put("small", std::string(1, '\x01'));
  EXPECT_FALSE(is_answered(batch)) << "the other's write stands between its reads";
  ASSERT_TRUE(cluster.run_until([&] { return is_answered(batch); }));
  EXPECT_GT(replica.last_index().value, before + 5);
  EXPECT_GT(count(batch, Code::kOk), 500u) << "32 MiB of them";
  EXPECT_EQ(count(batch, Code::kOk) + count(batch, Code::kResourceExhausted), kItems);
}

TEST_F(Turns, ACopyOfABatchWhoseReplyWaitsForTheLinkIsNotDone) {
  std::string large;
  PackedWriter(large).str(std::string(1'000'000, 'x'));
  put("large", large);
  Worker& worker = cluster.worker(0);
  worker.is_read_by_broker = false;
  get(2, "large");
  cluster.step();
  const std::uint64_t batch = write_and_read(1, 60'000);
  for (int i = 0; i < 300; ++i) cluster.step();
  EXPECT_EQ(shard().partitions().begin()->second->queued_requests(), 0u) << "the reply waits for the link";
  send_last(1);
  for (int i = 0; i < 20; ++i) cluster.step();
  worker.is_read_by_broker = true;
  ASSERT_TRUE(cluster.run_until([&] { return is_answered(batch); }));
  EXPECT_EQ(count(batch, Code::kFailedPrecondition), 0u) << "which is what a repeated read would be";
}

}  // namespace
}  // namespace trellis::test

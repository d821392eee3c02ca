// Reads of several partitions in one request, at the worker that leads them.
#include "worker/joint_work.hpp"

#include <gtest/gtest.h>

#include "tests/unit/worker/shard_cluster.hpp"

namespace trellis::test {
namespace {

constexpr std::uint32_t kPartitions = 4;
constexpr std::uint32_t kKeys = 40;

class JointWorkTest : public ::testing::Test {
 protected:
  JointWorkTest() {
    cluster.form(1);
    for (std::uint32_t i = 0; i < kKeys; ++i) cluster.put(key(i), "value" + std::to_string(i));
  }
  static std::string key(std::uint32_t i) { return "key" + std::to_string(i); }

  struct Request {
    std::vector<JointPart> parts;
    std::string items;
  };
  /// GET of all keys, by partition; or QUERY of this field.
  Request all(std::string_view command = "GET", std::string_view field = {}) {
    Request request;
    PackedWriter writer(request.items);
    writer.array(kKeys);
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
      JointPart& part = request.parts.emplace_back();
      part.partition = {partition};
      part.configuration = replica(partition).configuration_index();
      for (std::uint32_t i = 0; i < kKeys; ++i) {
        if (partition_of(key(i), kPartitions) != part.partition) continue;
        writer.array(3).natural(i).str(command).array(1);
        field.empty() ? writer.str(key(i)) : writer.array(2).str(key(i)).str(field);
        ++part.items;
      }
    }
    return request;
  }
  const Replica& replica(std::uint32_t partition) {
    return cluster.worker(0).shard->partitions().at(PartitionId{partition})->replica();
  }
  WorkerReply ask(const Request& request, std::uint32_t page_bytes = 1 << 20, std::uint32_t client = 1) {
    const std::uint64_t tag = send(pack_joint_reads(request.parts, request.items), page_bytes, client);
    EXPECT_TRUE(cluster.run_until([&] { return cluster.replies_.contains(tag); }));
    return cluster.replies_[tag];
  }
  std::uint64_t send(std::string body, std::uint32_t page_bytes, std::uint32_t client = 1) {
    WorkerRequest request;
    request.tag = ++tag_;
    request.kind = RequestKind::kReads;
    request.mode = ReadMode::kChecked;
    request.timeout_ms = 60'000;
    request.page_bytes = page_bytes;
    request.client = client;
    request.body = Frame(std::move(body));
    BundleWriter out;
    add(out, request);
    cluster.worker(0).from_broker.push_back(out.take());
    return tag_;
  }
  /// Status and result of each item, by its index.
  static std::map<std::uint64_t, std::pair<std::string, std::string>> outcomes_of(const WorkerReply& reply) {
    std::map<std::uint64_t, std::pair<std::string, std::string>> outcomes;
    const auto answers = read_joint_answers(reply.body.bytes());
    EXPECT_TRUE(answers);
    PackedReader reader(answers->outcomes);
    for (auto left = reader.read_array().value_or(0); left > 0; --left) {
      PackedReader item(*reader.read_value());
      EXPECT_EQ(item.read_array(), 4u);
      const std::uint64_t index = *item.read_uint();
      const std::string status(*item.read_str());
      outcomes[index] = {status, std::string(PackedReader(*item.read_value()).read_str().value_or(""))};
    }
    EXPECT_TRUE(reader.at_end());
    return outcomes;
  }

  Cluster cluster{1, kPartitions};

 private:
  std::uint64_t tag_ = 10'000;
};

TEST_F(JointWorkTest, AreAnsweredWithTheTermOfEachPartition) {
  const WorkerReply reply = ask(all());
  ASSERT_EQ(reply.outcome, Outcome::kDone);
  EXPECT_FALSE(reply.is_confirmed);
  const auto answers = read_joint_answers(reply.body.bytes());
  ASSERT_EQ(answers->terms.size(), kPartitions);
  for (std::uint32_t i = 0; i < kPartitions; ++i) {
    EXPECT_EQ(answers->terms[i], (JointTerm{replica(i).term(), replica(i).configuration_index()}));
  }
  const auto outcomes = outcomes_of(reply);
  ASSERT_EQ(outcomes.size(), kKeys);
  for (std::uint32_t i = 0; i < kKeys; ++i) {
    EXPECT_EQ(outcomes.at(i), std::pair(std::string("OK"), "value" + std::to_string(i)));
  }
}

TEST_F(JointWorkTest, AreNotAnsweredWhereTheBrokerKnowsAnotherConfiguration) {
  Request request = all();
  ++request.parts[2].configuration.value;
  EXPECT_EQ(ask(request).outcome, Outcome::kNotLeader);
}

TEST_F(JointWorkTest, AreNotAnsweredWhereAPartitionIsNotHere) {
  Request request = all();
  request.parts[2].partition = {kPartitions};
  EXPECT_EQ(ask(request).outcome, Outcome::kNotLeader);
}

TEST_F(JointWorkTest, WhatIsNoReadOfOneKeyIsRefusedAndNotDone) {
  const auto outcomes = outcomes_of(ask(all("DELETE")));
  for (const auto& [index, outcome] : outcomes) EXPECT_EQ(outcome.first, "INTERNAL");
  EXPECT_EQ(cluster.get(key(0)), "value0");
}

TEST_F(JointWorkTest, WhatTheReplyHasNoRoomForIsSaid) {
  const auto outcomes = outcomes_of(ask(all(), 60));
  ASSERT_EQ(outcomes.size(), kKeys);
  std::size_t fitted = 0;
  for (const auto& [index, outcome] : outcomes) fitted += outcome.first == "OK" ? 1 : 0;
  EXPECT_GE(fitted, 1u) << "one comes through anyway";
  EXPECT_LT(fitted, 5u);
}

TEST_F(JointWorkTest, WhatTakesTooLongTogetherIsLeftToBeAskedForByPartition) {
  std::string document;
  PackedWriter(document).map(2).str("padding").str(std::string(400'000, 'x')).str("a").str("value");
  for (std::uint32_t i = 0; i < kKeys; ++i) {
    std::string arguments;
    PackedWriter(arguments).array(2).str(key(i)).packed(document);
    cluster.call(Command::kPut, key(i), arguments);
  }
  // Each document is indexed.
  const auto outcomes = outcomes_of(ask(all("QUERY", "a")));
  ASSERT_EQ(outcomes.size(), kKeys);
  std::size_t done = 0;
  for (const auto& [index, outcome] : outcomes) done += outcome.first == "OK" ? 1 : 0;
  EXPECT_GE(done, 10u);
  EXPECT_LT(done, kKeys);
}

TEST_F(JointWorkTest, BrokenRequestsAreRefused) {
  Request too_many = all();
  --too_many.parts.back().items;
  EXPECT_EQ(ask(too_many).outcome, Outcome::kWrongPartition) << "an item of no partition";
  Request too_few = all();
  ++too_few.parts.back().items;
  EXPECT_EQ(ask(too_few).outcome, Outcome::kWrongPartition) << "an item is missing";
  Request cut_off = all();
  cut_off.items.pop_back();
  EXPECT_EQ(ask(cut_off).outcome, Outcome::kWrongPartition);
  const std::uint64_t tag = send("\xff\xff\xff\xff", 0);
  EXPECT_TRUE(cluster.run_until([&] { return cluster.replies_.contains(tag); }));
  EXPECT_EQ(cluster.replies_[tag].outcome, Outcome::kWrongPartition);
}

TEST_F(JointWorkTest, TakeNoMoreOfATurnThanOthersMay) {
  // So many that they do not fit into a turn.
  const std::string large(30'000, 'x');
  for (std::uint32_t i = 0; i < kKeys; ++i) cluster.put(key(i), large);
  const Request request = all();
  std::vector<std::uint64_t> tags;
  for (std::uint32_t client = 1; client <= 12; ++client) {
    tags.push_back(send(pack_joint_reads(request.parts, request.items), 64 << 20, client));
  }
  const auto is_answered = [&](std::uint64_t tag) { return cluster.replies_.contains(tag); };
  std::size_t turns = 0;
  ASSERT_TRUE(cluster.run_until([&] {
    ++turns;
    EXPECT_LE(cluster.worker(0).shard->taken_in_turn(),
              Shard::kAtOnceEffort + Shard::kPutOffEffort + 2 * kEffortMillisecond);
    return std::all_of(tags.begin(), tags.end(), is_answered);
  }));
  EXPECT_GT(turns, 3u);
  for (const std::uint64_t tag : tags) EXPECT_EQ(outcomes_of(cluster.replies_[tag]).size(), kKeys);
}

}  // namespace
}  // namespace trellis::test

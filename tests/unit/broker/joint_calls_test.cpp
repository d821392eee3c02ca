// Reads of a BATCH whose partitions one worker leads: one request, and proven for each of the partitions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/cluster/joint_reads.hpp"
#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::HasSubstr;

constexpr std::uint32_t kPartitions = 4;

/// Three workers of which the first leads everything, and nobody confirms unasked by the test.
class JointCallsTest : public ::testing::Test {
 protected:
  JointCallsTest() {
    cluster.make_cluster();
    for (std::size_t i = 0; i < 3; ++i) cluster.worker(i).lead_nothing();
    lead_all(leader, Term{3});
    for (std::size_t i = 0; i < 3; ++i) cluster.worker(i).confirms = false;
  }
  void lead_all(FakeWorker& worker, Term term) {
    for (std::uint32_t i = 0; i < kPartitions; ++i) worker.lead(PartitionId{i}, term);
  }
  /// Reads one key of each partition.
  WorkerRequest get_all() {
    std::vector<std::string> items;
    for (std::uint32_t i = 0; i < kPartitions; ++i) {
      items.push_back(packed_array({packed_str("GET"), packed_key(cluster.key_in(PartitionId{i}))}));
    }
    cluster.send(Command::kBatch, packed_array({packed_array(items)}));
    return leader.take();
  }
  static std::string outcomes_of(std::string_view packed_items) {
    std::vector<std::string> outcomes;
    const std::vector<BatchItem> items = *read_indexed_batch(packed_items);
    for (const BatchItem& item : items) {
      outcomes.push_back(packed_array({packed_uint(item.index), packed_str("OK"), packed_uint(9), "\x80"}));
    }
    return packed_array(outcomes);
  }
  void answer(const WorkerRequest& request, Term term = Term{3}) {
    const auto reads = *read_joint_reads(request.body.bytes());
    const std::string terms = pack_joint_terms(std::vector<JointTerm>(reads.parts.size(), {term, {}}));
    leader.answer(request, Outcome::kDone, Frame(terms + outcomes_of(reads.items)));
  }
  /// Lets whoever was asked confirm for these partitions.
  void confirm(const std::vector<std::uint32_t>& partitions, Term term = Term{3}) {
    for (FakeWorker* const worker : {&cluster.worker(1), &cluster.worker(2)}) {
      if (worker->leadership_questions.empty()) continue;
      worker->term = term;
      LeadershipQuestion asked = worker->leadership_questions.back();
      asked.partitions.clear();
      for (const std::uint32_t partition : partitions) asked.partitions.push_back({partition});
      worker->confirm(asked);
    }
  }
  /// Each partition is asked by itself, of this worker.
  void expect_apart(FakeWorker& worker) {
    ASSERT_EQ(worker.requests.size(), kPartitions);
    for (std::uint32_t i = 0; i < kPartitions; ++i) {
      const WorkerRequest request = worker.take();
      EXPECT_EQ(request.kind, RequestKind::kBatch);
      EXPECT_EQ(request.partition, PartitionId{i});
      EXPECT_TRUE(cluster.replies().empty());
      const std::string outcomes = outcomes_of(request.body.bytes());
      worker.answer(request, Outcome::kDone, Frame(outcomes), {}, worker.hello.leads.front().term);
    }
    if (cluster.replies().empty()) confirm({0, 1, 2, 3}, worker.hello.leads.front().term);
    EXPECT_EQ(cluster.reply().status, Code::kOk);
    EXPECT_EQ(cluster.broker->requests_under_way(), 0u);
  }
  bool is_answered() { return !cluster.replies().empty(); }

  Harness cluster{{.workers = 3, .k = 2, .partitions = kPartitions}};
  FakeWorker& leader = cluster.worker(0);
};

TEST_F(JointCallsTest, AreOneRequestAndAnsweredOnceEachOfThePartitionsIsProven) {
  const WorkerRequest request = get_all();
  EXPECT_EQ(request.kind, RequestKind::kReads);
  EXPECT_EQ(request.mode, ReadMode::kChecked);
  EXPECT_EQ(read_joint_reads(request.body.bytes())->parts.size(), kPartitions);
  EXPECT_TRUE(leader.requests.empty());
  answer(request);
  EXPECT_FALSE(is_answered());
  confirm({0, 2, 3});
  EXPECT_FALSE(is_answered()) << "nobody has confirmed for the second";
  confirm({1});
  // The same confirmation of a replica counts once: those of the first three came under this read context as well.
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kOk);
  EXPECT_TRUE(reply.info.guaranteed);
  EXPECT_EQ(cluster.broker->requests_under_way(), 0u);
  EXPECT_TRUE(leader.requests.empty());
}

TEST_F(JointCallsTest, MayBeProvenBeforeTheyAreAnswered) {
  const WorkerRequest request = get_all();
  confirm({0, 1, 2, 3});
  EXPECT_FALSE(is_answered());
  answer(request);
  EXPECT_EQ(cluster.reply().status, Code::kOk);
  answer(request);
  EXPECT_FALSE(is_answered()) << "it comes twice";
}

TEST_F(JointCallsTest, OfAnotherWorkerAnAnswerIsNone) {
  const WorkerRequest request = get_all();
  confirm({0, 1, 2, 3});
  cluster.worker(1).answer(request, Outcome::kDone, Frame(pack_joint_terms(std::vector<JointTerm>(kPartitions))));
  cluster.worker(1).answer(request, Outcome::kNotLeader);
  EXPECT_FALSE(is_answered());
  EXPECT_TRUE(leader.requests.empty());
  answer(request);
  EXPECT_EQ(cluster.reply().status, Code::kOk);
}

TEST_F(JointCallsTest, ComeApartWhereTheWorkerDoesNotTakeThem) {
  for (const Outcome outcome : {Outcome::kNotLeader, Outcome::kBusy, Outcome::kWrongPartition, Outcome::kUnknown}) {
    const WorkerRequest request = get_all();
    leader.answer(request, outcome);
    expect_apart(leader);
  }
}

TEST_F(JointCallsTest, ComeApartWhereTheAnswerCannotBeRead) {
  leader.answer(get_all(), Outcome::kDone, Frame(std::string("\xff\xff\xff\xff")));
  expect_apart(leader);
  const WorkerRequest request = get_all();
  const std::string too_few = pack_joint_terms(std::vector<JointTerm>(kPartitions - 1));
  leader.answer(request, Outcome::kDone, Frame(too_few + packed_array({})));
  expect_apart(leader);
}

TEST_F(JointCallsTest, ComeApartWhereAMemberKnowsAHigherTermOfOnePartition) {
  const WorkerRequest request = get_all();
  answer(request);
  confirm({0, 1, 3});
  confirm({2}, Term{4});
  for (FakeWorker* const worker : {&cluster.worker(1), &cluster.worker(2)}) worker->term = Term{3};
  ASSERT_EQ(leader.requests.size(), kPartitions);
  EXPECT_FALSE(is_answered());
}

TEST_F(JointCallsTest, ComeApartWhereNobodyConfirmsInTime) {
  answer(get_all());
  cluster.pass(milliseconds(50));
  EXPECT_FALSE(is_answered());
  EXPECT_EQ(leader.requests.size(), kPartitions);
}

TEST_F(JointCallsTest, ComeApartWhereAnotherLeadsOneOfThePartitions) {
  get_all();
  cluster.worker(1).lead(PartitionId{2}, Term{4});
  EXPECT_EQ(leader.requests.size(), kPartitions - 1);
  EXPECT_EQ(cluster.worker(1).requests.size(), 1u);
}

TEST_F(JointCallsTest, ThatAWorkerWentDownWithAreSuspect) {
  get_all();
  leader.alive = false;
  cluster.pass(milliseconds(1'000));
  lead_all(cluster.worker(1), Term{4});
  cluster.pass(milliseconds(1'000));
  ASSERT_EQ(cluster.worker(1).requests.size(), kPartitions);
  for (const WorkerRequest& request : cluster.worker(1).requests) EXPECT_TRUE(request.is_suspect);
  EXPECT_FALSE(is_answered());
}

TEST_F(JointCallsTest, AreAskedAgainWhereTheWorkerSaysNothing) {
  get_all();
  cluster.pass(milliseconds(900));
  EXPECT_TRUE(leader.requests.empty());
  cluster.pass(milliseconds(300));
  ASSERT_EQ(leader.requests.size(), kPartitions);
  for (const WorkerRequest& request : leader.requests) EXPECT_FALSE(request.is_suspect) << "it says hello";
}

TEST_F(JointCallsTest, EndAtTheirDeadline) {
  Options options;
  options.timeout = milliseconds(500);
  std::vector<std::string> items;
  for (std::uint32_t i = 0; i < kPartitions; ++i) {
    items.push_back(packed_array({packed_str("GET"), packed_key(cluster.key_in(PartitionId{i}))}));
  }
  cluster.send(Command::kBatch, packed_array({packed_array(items)}), options);
  const WorkerRequest request = leader.take();
  cluster.pass(milliseconds(600));
  const Received reply = cluster.reply();
  EXPECT_THAT(reply.result, HasSubstr("DEADLINE_EXCEEDED"));
  EXPECT_THAT(reply.result, HasSubstr("no answer within 500 ms"));
  EXPECT_EQ(cluster.broker->requests_under_way(), 0u);
  answer(request);
  EXPECT_FALSE(is_answered());
}

TEST_F(JointCallsTest, AreAnsweredByWhoeverIsLeftWithoutAMajority) {
  get_all();
  cluster.worker(1).alive = false;
  cluster.worker(2).alive = false;
  cluster.pass(milliseconds(2'000));
  std::size_t asked = 0;
  while (!leader.requests.empty()) {
    const WorkerRequest request = leader.take();
    if (request.mode != ReadMode::kBestEffort) continue;  // From before it was known that they are down.
    leader.answer(request, Outcome::kDone, Frame(outcomes_of(request.body.bytes())));
    ++asked;
  }
  EXPECT_EQ(asked, kPartitions);
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kOk);
  EXPECT_FALSE(reply.info.guaranteed);
}

TEST_F(JointCallsTest, AreSentAgainWhereTheBackendTookNothing) {
  cluster.backend_takes = false;
  std::vector<std::string> items;
  for (std::uint32_t i = 0; i < kPartitions; ++i) {
    items.push_back(packed_array({packed_str("GET"), packed_key(cluster.key_in(PartitionId{i}))}));
  }
  cluster.send(Command::kBatch, packed_array({packed_array(items)}));
  EXPECT_TRUE(leader.requests.empty());
  cluster.backend_takes = true;
  cluster.pass(milliseconds(100));
  EXPECT_EQ(leader.requests.size(), kPartitions);
}

TEST_F(JointCallsTest, OfOnePartitionAreABatchOfIt) {
  const std::string key = cluster.key_in(PartitionId{1});
  const std::string get = packed_array({packed_str("GET"), packed_key(key)});
  cluster.send(Command::kBatch, packed_array({packed_array({get, get})}));
  EXPECT_EQ(leader.take().kind, RequestKind::kBatch);
}

}  // namespace
}  // namespace trellis::test

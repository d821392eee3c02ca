// One partition's requests: each is answered exactly once, with how it stands, whatever becomes of the leadership.
#include "worker/partition.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/command.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"
#include "protocol/reply.hpp"
#include "tests/unit/worker/memory_snapshot_store.hpp"
#include "tests/unit/worker/raft/replica_surroundings.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Harness final : public ReplicaSurroundings<PartitionHost> {
 public:
  explicit Harness(const std::vector<ReplicaPlace>& voters = {kSelf, kPeer, kOther}) : ReplicaSurroundings(voters) {
    partition = std::make_unique<Partition>(kGroup, settings, SessionLimits{}, *this);
    const auto started = partition->start();
    EXPECT_TRUE(started);
    if (voters.size() == 1) sync();
  }
  ~Harness() override { partition.reset(); }

  Replica* find_replica() override { return partition ? &partition->replica() : nullptr; }
  void settle() override { partition->settle(); }
  void tick_replica() override { partition->tick(); }

  /// Everything proposed becomes durable here and on a majority, and is answered.
  void commit() {
    settle();
    sync();
    acknowledge(kPeer);
    settle();
  }
  /// Another leader is elected; it may have what was proposed here, or not.
  void step_down() {
    RaftMessage vote;
    vote.kind = RaftMessageKind::kRequestVote;
    vote.from = kOther;
    vote.term = find_replica()->term().value + 1;
    vote.index = 1'000'000;
    vote.log_term = vote.term - 1;
    vote.other = kOther.id.value;
    vote.disrupt_leader = true;
    receive(vote);
    EXPECT_FALSE(find_replica()->is_leader());
  }
  /// Asks the peers in a new round, which kPeer answers.
  void confirm() {
    if (!partition->wants_confirmation()) return;
    partition->ask(++round);
    partition->on_confirmation(kPeer, round, partition->proof().term(), partition->proof().term());
    settle();
  }

  /// Takes in a request and returns its tag.
  std::uint64_t ask(WorkerRequest request) {
    request.tag = ++tag_;
    request.partition = kGroup;
    if (request.timeout_ms == 0) request.timeout_ms = 5000;
    partition->on_request(0, std::move(request));
    return tag_;
  }
  std::uint64_t put(const std::string& key, const std::string& value, std::uint64_t seq = 0,
                    std::uint32_t timeout = 0) {
    std::string arguments;
    PackedWriter(arguments).array(2).str(key).str(value);
    WorkerRequest request = command(Command::kPut, arguments);
    request.session = "session";
    request.seq = seq != 0 ? seq : 1000 + tag_;
    request.timeout_ms = timeout;
    return ask(std::move(request));
  }
  WorkerRequest get_request(const std::string& key, ReadMode mode) {
    std::string arguments;
    PackedWriter(arguments).array(1).str(key);
    WorkerRequest request = command(Command::kGet, arguments);
    request.mode = mode;
    return request;
  }
  std::uint64_t get(const std::string& key, ReadMode mode = ReadMode::kLinearizable, std::uint32_t timeout = 0) {
    WorkerRequest request = get_request(key, mode);
    request.timeout_ms = timeout;
    return ask(std::move(request));
  }
  struct Item {
    std::string command;
    std::string key;
    std::string value = {};
  };
  std::uint64_t batch(const std::vector<Item>& items, std::uint64_t seq = 1) {
    std::string body;
    PackedWriter writer(body);
    writer.array(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      writer.array(3).natural(i).str(items[i].command);
      if (items[i].command == "PUT") {
        writer.array(2).str(items[i].key).str(items[i].value);
      } else {
        writer.array(1).str(items[i].key);
      }
    }
    WorkerRequest request;
    request.kind = RequestKind::kBatch;
    request.session = "session";
    request.seq = seq;
    request.body = Frame(std::move(body));
    return ask(std::move(request));
  }

  std::optional<Outcome> outcome(std::uint64_t tag) const {
    const auto at = replies.find(tag);
    return at == replies.end() ? std::nullopt : std::optional(at->second.outcome);
  }
  /// The str that a command was answered with, or its status.
  std::string text(std::uint64_t tag) const {
    const auto reply = read_reply(replies.at(tag).body.bytes());
    if (reply->status != Code::kOk) return std::string(name_of(reply->status));
    return std::string(PackedReader(reply->result).read_str().value_or("no str"));
  }
  /// Each item of a batch, in the order of its positions: its str, its status, or "done".
  std::vector<std::string> items(std::uint64_t tag) const {
    PackedReader reader(replies.at(tag).body.bytes());
    std::vector<std::string> items(*reader.read_array());
    for (std::size_t i = 0; i < items.size(); ++i) {
      PackedReader item(*reader.read_value());
      item.read_array();
      std::string& into = items.at(*item.read_uint());
      EXPECT_EQ(into, "") << "answered twice";
      into = std::string(*item.read_str());
      PackedReader result(*item.read_value());
      if (into == "OK") into = std::string(result.read_str().value_or("done"));
    }
    return items;
  }

  // PartitionHost
  void go_on(Partition& partition, WorkPointer work) override {
    if (put_off != nullptr) {
      *put_off = std::move(work);
    } else {
      partition.go_on(work, 1'000 * kEffortMillisecond);
    }
  }
  void reply(BrokerIndex, WorkerReply reply) override {
    const std::uint64_t tag = reply.tag;
    reply.body = reply.body.kept();
    EXPECT_TRUE(replies.emplace(tag, std::move(reply)).second) << "answered twice: " << tag;
  }
  SnapshotStore& snapshot_store() override { return snapshots; }
  bool begin_snapshot(PartitionId, bool) override { return true; }
  void end_snapshot(PartitionId) override {}
  void want_chunk(WorkerId, const ChunkWanted&) override {}
  Partition* find_partition(PartitionId) override { return partition.get(); }
  void report(LogLevel, std::string event, std::optional<PartitionId>) override { events.push_back(std::move(event)); }
  void on_leadership_change() override {}
  bool may_grow(const Replica&) const override { return has_room; }
  bool is_any_full(const Replica&) const override { return !has_room; }

  bool has_room = true;

  std::map<std::uint64_t, WorkerReply> replies;
  std::vector<std::string> events;
  Round round = 0;
  WorkPointer* put_off = nullptr;  ///< Set: what would be gone on with is put there.
  std::unique_ptr<Partition> partition;
  MemorySnapshotStore snapshots;

 private:
  static WorkerRequest command(Command command, const std::string& arguments) {
    WorkerRequest request;
    request.id = 77;
    request.command = command;
    request.body = Frame(arguments);
    return request;
  }
  std::uint64_t tag_ = 0;
};

TEST(Partition, AWriteIsAnsweredOnceItIsOnAMajority) {
  Harness harness;
  harness.lead();
  const auto tag = harness.put("k", "v");
  harness.settle();
  EXPECT_FALSE(harness.outcome(tag));
  harness.sync();
  EXPECT_FALSE(harness.outcome(tag)) << "durable here alone";
  harness.acknowledge(kPeer);
  EXPECT_EQ(harness.outcome(tag), Outcome::kDone);
}

TEST(Partition, AFollowerSendsItsRequestsToTheLeader) {
  Harness harness;
  EXPECT_EQ(harness.outcome(harness.put("k", "v")), Outcome::kNotLeader);
  EXPECT_EQ(harness.outcome(harness.get("k")), Outcome::kNotLeader);
}

TEST(Partition, AFollowerAnswersStaleReadsAndNoWrites) {
  Harness harness;
  EXPECT_EQ(harness.text(harness.get("k", ReadMode::kStale)), "NOT_FOUND");
  EXPECT_EQ(harness.text(harness.get("k", ReadMode::kBestEffort)), "NOT_FOUND");
}

TEST(Partition, AReadWaitsForItsRound) {
  Harness harness;
  harness.lead();
  harness.put("k", "v");
  harness.commit();
  const auto tag = harness.get("k");
  harness.settle();
  EXPECT_FALSE(harness.outcome(tag)) << "nobody has confirmed anything";
  ASSERT_TRUE(harness.partition->wants_confirmation());
  harness.partition->ask(1);
  harness.partition->on_confirmation(kPeer, 1, {1}, {1});
  harness.settle();
  EXPECT_FALSE(harness.outcome(tag)) << "an answer to another term";
  const Term term = harness.partition->proof().term();
  harness.partition->on_confirmation(kPeer, 1, term, {term.value + 1});
  harness.settle();
  EXPECT_FALSE(harness.outcome(tag)) << "from a member that knows a higher term";
  harness.partition->on_confirmation(kPeer, 1, term, term);
  harness.settle();
  EXPECT_EQ(harness.text(tag), "v");
}

TEST(Partition, AReadThatComesAfterTheQuestionsWaitsForTheNextRound) {
  Harness harness;
  harness.lead();
  const auto first = harness.get("k");
  harness.settle();
  harness.partition->ask(1);
  const auto second = harness.get("k");
  const Term term = harness.partition->proof().term();
  harness.partition->on_confirmation(kPeer, 1, term, term);
  harness.settle();
  EXPECT_TRUE(harness.outcome(first));
  EXPECT_FALSE(harness.outcome(second));
  EXPECT_TRUE(harness.partition->wants_confirmation());
  harness.round = 1;
  harness.confirm();
  EXPECT_TRUE(harness.outcome(second));
}

TEST(Partition, ALostConfirmationIsAskedForAgain) {
  Harness harness;
  harness.lead();
  harness.get("k");
  harness.settle();
  harness.partition->ask(1);
  EXPECT_FALSE(harness.partition->wants_confirmation());
  harness.time += Partition::kAskAgainAfter;
  EXPECT_TRUE(harness.partition->wants_confirmation());
}

TEST(Partition, ACheckedReadIsAnsweredAtOnceByALeaderThatServes) {
  Harness harness;
  EXPECT_EQ(harness.outcome(harness.get("k", ReadMode::kChecked)), Outcome::kNotLeader);
  harness.lead();
  harness.put("k", "v");
  harness.commit();
  WorkerRequest request = harness.get_request("k", ReadMode::kChecked);
  request.configuration = harness.find_replica()->configuration_index();
  const auto tag = harness.ask(std::move(request));
  EXPECT_EQ(harness.text(tag), "v");
  EXPECT_EQ(harness.replies.at(tag).term, harness.find_replica()->term()) << "which others are asked about";
  EXPECT_FALSE(harness.replies.at(tag).is_confirmed);
  EXPECT_EQ(harness.replies.at(tag).configuration, harness.find_replica()->configuration_index());
  EXPECT_FALSE(harness.partition->wants_confirmation());
}

TEST(Partition, ALeaderOfAnotherConfigurationThanTheBrokerKnowsAsksForItself) {
  Harness harness;
  harness.lead();
  harness.put("k", "v");
  harness.commit();
  WorkerRequest request = harness.get_request("k", ReadMode::kChecked);
  request.configuration = {harness.find_replica()->configuration_index().value + 1};
  const auto tag = harness.ask(std::move(request));
  EXPECT_FALSE(harness.outcome(tag));
  EXPECT_TRUE(harness.partition->wants_confirmation());
}

TEST(Partition, ACheckedReadWaitsForTheBarrierOfItsLeader) {
  Harness harness;
  harness.win();
  const auto tag = harness.get("k", ReadMode::kChecked);
  harness.settle();
  EXPECT_FALSE(harness.outcome(tag)) << "what earlier leaders committed may not be applied yet";
  harness.sync();
  harness.acknowledge(kPeer);
  harness.settle();
  harness.confirm();
  EXPECT_EQ(harness.outcome(tag), Outcome::kDone);
}

TEST(Partition, AGroupOfOneProvesItsLeadershipByAsking) {
  Harness harness({kSelf});
  harness.put("k", "v");
  harness.settle();
  harness.sync();
  const auto tag = harness.get("k");
  ASSERT_TRUE(harness.partition->wants_confirmation());
  harness.partition->ask(1);
  harness.settle();
  EXPECT_EQ(harness.text(tag), "v");
}

TEST(Partition, ReadsAndWritesOnOneKeyOfABatchKeepTheirOrder) {
  Harness harness;
  harness.lead();
  const auto tag =
      harness.batch({{"PUT", "k", "1"}, {"GET", "k"}, {"PUT", "k", "2"}, {"GET", "k"}, {"POP", "k"}, {"GET", "k"}});
  harness.commit();
  EXPECT_THAT(harness.items(tag), ElementsAre("done", "1", "done", "2", "2", "NOT_FOUND"));
}

TEST(Partition, ABatchIsAnsweredWhenItsReadsAndItsWritesAre) {
  Harness harness;
  harness.lead();
  const auto tag = harness.batch({{"PUT", "a", "1"}, {"GET", "b"}});
  harness.commit();
  EXPECT_FALSE(harness.outcome(tag));
  harness.confirm();
  EXPECT_THAT(harness.items(tag), ElementsAre("done", "NOT_FOUND"));
}

TEST(Partition, ABatchOfNothingButMistakesIsAnsweredAtOnce) {
  Harness harness;
  EXPECT_THAT(harness.items(harness.batch({{"NONSENSE", "a"}})), ElementsAre("INVALID_ARGUMENT"));
  WorkerRequest broken;
  broken.kind = RequestKind::kBatch;
  broken.body = Frame("no batch");
  EXPECT_EQ(harness.outcome(harness.ask(std::move(broken))), Outcome::kWrongPartition);
}

TEST(Partition, WhatWasProposedIsUnknownWhenLeadershipIsLost) {
  Harness harness;
  harness.lead();
  const auto proposed = harness.put("a", "1");
  harness.settle();
  const auto waiting = harness.put("b", "2");  // One batch is under way: this one is not proposed yet.
  const auto read = harness.get("a");
  harness.settle();
  harness.sync();
  harness.step_down();
  EXPECT_EQ(harness.outcome(proposed), Outcome::kUnknown);
  EXPECT_EQ(harness.outcome(waiting), Outcome::kNotLeader);
  EXPECT_EQ(harness.outcome(read), Outcome::kNotLeader);
}

TEST(Partition, ABatchThatIsPartlyAppliedIsNeverCalledNotApplied) {
  Harness harness;
  harness.lead();
  const auto tag = harness.batch({{"PUT", "a", "1"}, {"GET", "b"}});
  harness.commit();  // Its write is applied, its read waits for a round.
  ASSERT_EQ(harness.partition->state().keys(), 1u);
  harness.step_down();
  EXPECT_EQ(harness.outcome(tag), Outcome::kUnknown);
}

TEST(Partition, ABatchThatIsPartlyAppliedIsUnknownWhenItExpires) {
  Harness harness;
  harness.lead();
  const auto tag = harness.batch({{"PUT", "a", "1"}, {"GET", "b"}});
  harness.commit();
  harness.partition->ask(1);
  for (int i = 0; i < 400 && !harness.outcome(tag); ++i) {
    harness.time += milliseconds(15);
    harness.acknowledge(kPeer);
    harness.partition->tick();
  }
  EXPECT_EQ(harness.outcome(tag), Outcome::kUnknown);
}

TEST(Partition, EveryWriteIsAnsweredWhenTheNextLeaderCommitsIt) {
  Harness harness;
  harness.lead();
  std::vector<std::uint64_t> tags;
  for (int i = 0; i < 3; ++i) tags.push_back(harness.put("k" + std::to_string(i), "v"));
  harness.settle();
  harness.sync();
  // The next leader has all of it, and says in one message that it leads and that it is committed.
  RaftMessage heartbeat;
  heartbeat.kind = RaftMessageKind::kAppendEntries;
  heartbeat.from = kOther;
  heartbeat.log_term = harness.find_replica()->term().value;
  heartbeat.term = heartbeat.log_term + 1;
  heartbeat.index = heartbeat.other = harness.find_replica()->last_index().value;
  harness.receive(heartbeat);
  EXPECT_EQ(harness.partition->state().keys(), 3u);
  for (const std::uint64_t tag : tags) EXPECT_EQ(harness.outcome(tag), Outcome::kUnknown) << tag;
}

TEST(Partition, AWriteSentAgainToTheNextLifeGetsItsFirstReply) {
  Harness harness;
  harness.lead();
  const auto first = harness.put("k", "one", 5);
  harness.commit();
  const auto second = harness.put("k", "two", 6);
  harness.commit();
  const auto again = harness.put("k", "one", 5);
  harness.commit();
  EXPECT_EQ(harness.replies[first].body.bytes(), harness.replies[again].body.bytes());
  EXPECT_EQ(harness.outcome(second), Outcome::kDone);
  const auto read = harness.get("k");
  harness.confirm();
  EXPECT_EQ(harness.text(read), "two");
}

TEST(Partition, AWriteThatNobodyWaitsForIsNotProposed) {
  Harness harness;
  harness.lead();
  harness.put("a", "1");
  harness.settle();
  const auto late = harness.put("b", "2", 0, 10);
  harness.time += milliseconds(10);
  harness.commit();
  harness.commit();
  EXPECT_TRUE(harness.outcome(late));
  EXPECT_EQ(harness.partition->state().keys(), 1u);
}

TEST(Partition, TheQueueEndsAtItsBound) {
  Harness harness;
  harness.lead();
  harness.put("first", "1");
  harness.settle();  // What follows waits behind it.
  for (std::size_t i = 1; i < Partition::kQueuedRequestsMax; ++i) harness.get("k");
  EXPECT_THAT(harness.replies, IsEmpty());
  const auto beyond = harness.get("k");
  EXPECT_EQ(harness.outcome(beyond), Outcome::kBusy);
  harness.commit();
  EXPECT_FALSE(harness.outcome(harness.get("k"))) << "one was answered: there is room for one";
  harness.confirm();
  EXPECT_EQ(harness.replies.size(), Partition::kQueuedRequestsMax + 2);
}

TEST(Partition, WithFullDisksItTakesWhatMakesDocumentsFewerAndNoMore) {
  Harness harness;
  harness.lead();
  harness.put("a", "1");
  harness.commit();
  harness.has_room = false;
  EXPECT_EQ(harness.outcome(harness.put("b", "2")), Outcome::kDiskFull);
  EXPECT_EQ(harness.outcome(harness.batch({{"DELETE", "a"}, {"PUT", "b", "2"}})), Outcome::kDiskFull)
      << "all of a request or nothing of it";
  const auto popped = harness.batch({{"POP", "a"}}, 2);
  harness.commit();
  EXPECT_THAT(harness.items(popped), ElementsAre("1"));
  EXPECT_EQ(harness.partition->state().keys(), 0u);
}

void pass_seconds(Harness& harness, int seconds) {
  for (int i = 0; i < seconds * 67; ++i) {
    harness.tick();
    harness.commit();
  }
}

TEST(Partition, WithAFullDiskEntriesGoOnSoThatSnapshotsAreTaken) {
  Harness harness;
  harness.lead();
  harness.put("a", "1");
  harness.commit();
  const LogIndex last = harness.find_replica()->last_index();
  pass_seconds(harness, 3);
  EXPECT_EQ(harness.find_replica()->last_index(), last) << "with room an idle group writes nothing";
  harness.has_room = false;
  pass_seconds(harness, 3);
  EXPECT_GE(harness.find_replica()->last_index().value, last.value + 2);
  EXPECT_LE(harness.find_replica()->last_index().value, last.value + 4);
}

TEST(Partition, AtRestALogLargerThanItsStateGivesWayToASnapshot) {
  Harness harness;
  harness.lead();
  for (int i = 0; i < 12; ++i) {
    harness.put("a", std::string(1 << 20, 'x'));
    harness.commit();
  }
  ASSERT_TRUE(harness.find_replica()->is_snapshot_worthwhile(harness.partition->state().bytes(), true));
  pass_seconds(harness, 9);
  EXPECT_EQ(harness.find_replica()->snapshot_index(), 0u);
  for (int i = 0; i < 4; ++i) {
    pass_seconds(harness, 1);
    harness.run_background();
    harness.sync();
  }
  EXPECT_GT(harness.find_replica()->snapshot_index(), 0u);
  const LogIndex last = harness.find_replica()->last_index();
  pass_seconds(harness, 70);
  EXPECT_LE(harness.find_replica()->last_index().value, last.value + 60) << "it comes to an end";
  const LogIndex end = harness.find_replica()->last_index();
  pass_seconds(harness, 30);
  EXPECT_EQ(harness.find_replica()->last_index(), end);
}

TEST(Partition, TheQueuesBytesEndAtTheirBound) {
  Harness harness;
  harness.lead();
  const std::string large(15 << 20, 'x');
  std::size_t taken = 0;
  while (!harness.outcome(harness.put("k" + std::to_string(taken), large))) ++taken;
  EXPECT_LE(taken * large.size(), Partition::kQueuedBytesMax + kRequestSizeMax);
  EXPECT_GT((taken + 1) * (large.size() + 100), Partition::kQueuedBytesMax + kRequestSizeMax);
  EXPECT_EQ(harness.replies.size(), 1u);
  EXPECT_EQ(harness.replies.begin()->second.outcome, Outcome::kBusy);
}

TEST(Partition, ReadsOfABatchStayWithinWhatItsBrokerTakes) {
  Harness harness;
  harness.lead();
  harness.put("k", std::string(1000, 'v'));
  harness.commit();
  WorkerRequest request;
  request.kind = RequestKind::kBatch;
  request.page_bytes = 1500;
  std::string body;
  PackedWriter writer(body);
  writer.array(3);
  for (std::uint64_t i = 0; i < 3; ++i) writer.array(3).natural(i).str("GET").array(1).str("k");
  request.body = Frame(std::move(body));
  const auto tag = harness.ask(std::move(request));
  harness.confirm();
  EXPECT_THAT(harness.items(tag), ElementsAre(std::string(1000, 'v'), "RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED"));
}

TEST(Partition, AResultThatNoMessageCouldCarryIsLeftOutAndSaidToBeApplied) {
  Harness harness;
  harness.lead();
  harness.put("k", std::string(15 << 20, 'x'));
  harness.commit();
  std::vector<Harness::Item> items(8, {"GET", "k"});
  items.push_back({"POP", "k"});
  const auto tag = harness.batch(items);
  while (!harness.outcome(tag)) harness.commit();
  EXPECT_LE(harness.replies[tag].body.size(), Partition::kBatchReplyMax + (1 << 10));
  const auto results = harness.items(tag);
  EXPECT_EQ(results.front().size(), std::size_t{15 << 20});
  EXPECT_EQ(results.back(), "FAILED_PRECONDITION");
  EXPECT_EQ(harness.partition->state().keys(), 0u);
}

TEST(Partition, ACopyOfABatchThatIsUnderWayIsAnsweredWithIt) {
  Harness harness;
  harness.lead();
  harness.put("k", "old");
  harness.commit();
  const auto tag = harness.batch({{"PUT", "k", "new"}, {"GET", "k"}});
  WorkerRequest copy;
  copy.kind = RequestKind::kBatch;
  copy.tag = tag;
  copy.attempt = 1;
  copy.timeout_ms = 5'000;
  copy.session = "session";
  copy.seq = 1;
  harness.partition->on_request(0, WorkerRequest(copy));
  EXPECT_EQ(harness.partition->queued_requests(), 1u);
  harness.commit();
  EXPECT_THAT(harness.items(tag), ElementsAre("done", "new"));
  EXPECT_EQ(harness.replies[tag].attempt, 1u);
}

TEST(Partition, AReadThatWasPutOffIsNotGoneOnWithByWhoLeadsNoMore) {
  Harness harness;
  harness.lead();
  harness.put("k", "v");
  harness.commit();
  WorkPointer put_off;
  harness.put_off = &put_off;
  WorkerRequest request;
  request.kind = RequestKind::kBatch;
  request.mode = ReadMode::kChecked;
  request.configuration = harness.find_replica()->configuration_index();
  std::string body;
  PackedWriter writer(body);
  writer.array(3);
  for (std::uint64_t i = 0; i < 3; ++i) writer.array(3).natural(i).str("GET").array(1).str("k");
  request.body = Frame(std::move(body));
  const auto tag = harness.ask(std::move(request));
  EXPECT_FALSE(harness.partition->go_on(put_off, 4 * kItemEffort).is_done) << "one of its reads is done";
  EXPECT_FALSE(harness.outcome(tag));
  harness.step_down();
  EXPECT_TRUE(harness.partition->resume(put_off, kEffortMillisecond).is_done);
  EXPECT_EQ(harness.outcome(tag), Outcome::kNotLeader);
}

TEST(Partition, EndsWithRequestsOfEveryKindUnderWay) {
  Harness harness;
  harness.lead();
  harness.put("a", "1");
  harness.settle();
  harness.put("b", "2");
  harness.get("a");
  harness.settle();
  harness.partition->ask(1);
  harness.get("b");
  harness.partition.reset();
  EXPECT_THAT(harness.replies, IsEmpty());
}

}  // namespace
}  // namespace trellis

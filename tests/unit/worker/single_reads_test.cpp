// Reads of one key that a leader answers in the turn in which they come, many in one message.
#include <gtest/gtest.h>

#include "tests/unit/worker/shard_cluster.hpp"

namespace trellis::test {
namespace {

class SingleReads : public ::testing::Test {
 protected:
  SingleReads() {
    cluster.form(1);
    for (int i = 0; i < 30; ++i) put("key" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'v'));
    put("large", std::string(3 * BundleWriter::kInlineMax, 'x'));
  }

  void put(const std::string& key, const std::string& value) {
    std::string arguments;
    PackedWriter(arguments).array(2).str(key).str(value);
    cluster.call(Command::kPut, key, arguments);
  }
  const Replica& replica() { return cluster.worker(0).shard->partitions().at({0})->replica(); }

  WorkerRequest request(Command command, const std::string& arguments, ReadMode mode) {
    WorkerRequest request;
    request.tag = ++tag_;
    request.id = 1'000;
    request.command = command;
    request.mode = mode;
    request.timeout_ms = 60'000;
    request.configuration = replica().configuration_index();
    request.body = Frame(arguments);
    return request;
  }
  /// All in one message.  The tag of the first; the others follow.
  std::uint64_t send(const std::vector<std::pair<Command, std::string>>& asked, ReadMode mode) {
    BundleWriter out;
    for (const auto& [command, arguments] : asked) add(out, request(command, arguments, mode));
    cluster.worker(0).from_broker.push_back(out.take());
    return tag_ - asked.size() + 1;
  }
  const WorkerReply& reply(std::uint64_t tag) { return cluster.replies_.at(tag); }
  bool are_answered(std::uint64_t first, std::size_t count) {
    for (std::uint64_t tag = first; tag < first + count; ++tag) {
      if (!cluster.replies_.contains(tag)) return false;
    }
    return true;
  }

  Cluster cluster{1, 1};

 private:
  std::uint64_t tag_ = 10'000;
};

std::string key_arguments(const std::string& key) {
  std::string arguments;
  PackedWriter(arguments).array(1).str(key);
  return arguments;
}

std::vector<std::pair<Command, std::string>> all_kinds() {
  std::vector<std::pair<Command, std::string>> asked;
  for (int i = 0; i < 40; ++i) asked.emplace_back(Command::kGet, key_arguments("key" + std::to_string(i)));
  for (const Command command : {Command::kHas, Command::kTtl}) {
    asked.emplace_back(command, key_arguments("key3"));
    asked.emplace_back(command, key_arguments("none"));
  }
  asked.emplace_back(Command::kGet, key_arguments("large"));
  asked.emplace_back(Command::kQuery, "\x91\x91\xa4key5");
  asked.emplace_back(Command::kQuery, "\x91\x92\xa4key5\xa4name");
  asked.emplace_back(Command::kGet, key_arguments(""));
  asked.emplace_back(Command::kGet, "\x90");
  asked.emplace_back(Command::kGet, "");
  asked.emplace_back(Command::kGet, "\x91\xa1k\x81");
  return asked;
}

TEST_F(SingleReads, SayWhatTheSameReadsSayThatWaitForAConfirmation) {
  const auto asked = all_kinds();
  const std::uint64_t confirmed = send(asked, ReadMode::kLinearizable);
  ASSERT_TRUE(cluster.run_until([&] { return are_answered(confirmed, asked.size()); }));
  const std::uint64_t at_once = send(asked, ReadMode::kChecked);
  cluster.step();
  ASSERT_TRUE(are_answered(at_once, asked.size())) << "in the turn in which they came";
  for (std::size_t i = 0; i < asked.size(); ++i) {
    EXPECT_EQ(reply(at_once + i).body.bytes(), reply(confirmed + i).body.bytes()) << i;
    EXPECT_EQ(reply(at_once + i).term, reply(confirmed + i).term) << i;
    EXPECT_TRUE(reply(confirmed + i).is_confirmed) << i;
    const auto read = read_reply(reply(at_once + i).body.bytes());
    ASSERT_TRUE(read) << i;
    EXPECT_EQ(reply(at_once + i).is_confirmed, read->status == Code::kInvalidArgument) << "others confirm: " << i;
  }
  const auto first = read_reply(reply(at_once).body.bytes());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->id, 1'000u);
}

TEST_F(SingleReads, SeeWhatWasAcknowledgedBefore) {
  for (int i = 0; i < 20; ++i) {
    const std::string value = "value " + std::to_string(i);
    put("key", value);
    const std::uint64_t tag = send({{Command::kGet, key_arguments("key")}}, ReadMode::kChecked);
    cluster.step();
    ASSERT_TRUE(are_answered(tag, 1));
    const auto read = read_reply(reply(tag).body.bytes());
    ASSERT_TRUE(read);
    EXPECT_EQ(PackedReader(read->result).read_str(), value);
  }
}

/// Their broker goes on with them meanwhile.
TEST_F(SingleReads, LeaveWhileOthersAreYetToBeRead) {
  Worker& worker = cluster.worker(0);
  worker.is_read_by_broker = false;
  const std::vector<std::pair<Command, std::string>> asked(9, {Command::kGet, key_arguments("large")});
  send(asked, ReadMode::kChecked);
  cluster.step();
  std::size_t replies = 0;
  for (const Frames& message : worker.unread) {
    BundleReader reader(message);
    std::size_t bytes = 0;
    std::size_t last = 0;
    while (const auto item = reader.next()) {
      if (static_cast<MessageType>(item->type) != MessageType::kReply) continue;
      bytes += last = item->body.size();
      ++replies;
    }
    EXPECT_LE(bytes - last, ShardSettings().replies_sent_at) << "it has left once it was so large";
  }
  EXPECT_EQ(replies, asked.size());
  EXPECT_GE(worker.unread.size(), 3u);
}

TEST_F(SingleReads, WaitForAConfirmationWhereTheBrokerKnowsAnotherConfiguration) {
  WorkerRequest outdated = request(Command::kGet, key_arguments("key3"), ReadMode::kChecked);
  outdated.configuration.value += 1;
  BundleWriter out;
  add(out, outdated);
  cluster.worker(0).from_broker.push_back(out.take());
  ASSERT_TRUE(cluster.run_until([&] { return are_answered(outdated.tag, 1); }));
  EXPECT_TRUE(reply(outdated.tag).is_confirmed);
}

}  // namespace
}  // namespace trellis::test

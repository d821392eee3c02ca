// A listing of what a user may see, against a model: the keys that lie in the intervals, in order.
#include "broker/merge/allowed_listing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "protocol/packed.hpp"

namespace trellis {
namespace {

constexpr std::uint32_t kPartitions = 3;

/// Partitions that answer as workers do, a page at a time.
class Store {
 public:
  std::map<std::string, std::uint32_t> keys;  ///< And the partition of each.

  LegResult answer(const Subrequest& asked) {
    const BatchItem request = read_command_body(asked.command, asked.body.bytes());
    const bool counts = request.command == Command::kCount;
    PageArguments page;
    if (counts) {
      page.prefix = *read_count(request.arguments);
    } else {
      page = *read_page(request.arguments);
    }
    const KeyRange& range = request.options.range;
    std::vector<std::string> found;
    for (const auto& [key, partition] : keys) {
      if (partition == asked.partition.value && key.starts_with(page.prefix) && range.holds(key)) found.push_back(key);
    }
    if (range.reverse) std::reverse(found.begin(), found.end());
    if (page.after) std::erase_if(found, [&](const auto& key) { return !range.is_before(*page.after, key); });
    for (const auto& key : found) shown.push_back(key);
    std::string result;
    Reply reply;
    if (counts) {
      PackedWriter(result).natural(found.size());
    } else {
      reply.info.more = found.size() > page.limit;
      if (reply.info.more) found.resize(page.limit);
      PackedWriter writer(result);
      writer.array(found.size());
      for (const auto& key : found) {
        if (request.command == Command::kScan) writer.array(2);
        writer.key(key);
        if (request.command == Command::kScan) writer.natural(1);
      }
    }
    reply.result = result;
    LegResult answered;
    answered.body = Frame(pack_reply(reply));
    return answered;
  }

  std::vector<std::string> shown;  ///< All that ever left a partition.
};

MergedAnswer run(Merger& merger, Store& store) {
  std::vector<Subrequest> waiting;
  Merger::Step step = merger.start();
  for (;;) {
    for (Subrequest& each : step.subrequests) waiting.push_back(std::move(each));
    if (step.answer) return std::move(*step.answer);
    EXPECT_FALSE(waiting.empty());
    const Subrequest next = std::move(waiting.back());
    waiting.pop_back();
    step = merger.on_subrequest(next.number, store.answer(next));
  }
}

std::vector<std::string> keys_of(Command command, const MergedAnswer& answer) {
  PackedReader reader(answer.result);
  std::vector<std::string> keys;
  for (auto left = reader.read_array().value_or(0); left > 0; --left) {
    const bool is_record = command == Command::kScan;
    EXPECT_TRUE(!is_record || reader.read_array() == 2u);
    keys.emplace_back(reader.read_bytes().value_or(""));
    EXPECT_TRUE(!is_record || reader.read_uint());
  }
  EXPECT_TRUE(reader.at_end());
  return keys;
}

std::string random_key(std::mt19937_64& random) {
  std::string key;
  for (std::size_t i = 1 + random() % 3; i > 0; --i) key.push_back(static_cast<char>('a' + random() % 4));
  return key;
}

TEST(AllowedListing, AgreesWithTheModelPageByPage) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 400; ++round) {
    Store store;
    for (int i = 0; i < 40; ++i) {
      store.keys.emplace(random_key(random), static_cast<std::uint32_t>(random() % kPartitions));
    }
    Role role{"some", {}, ClusterRight::kNone, false};
    for (std::size_t i = 1 + random() % 4; i > 0; --i) role.rules.push_back({random_key(random), true, false});
    const Permissions permissions("ada", &role);
    const std::string prefix = random() % 2 == 0 ? "" : random_key(random).substr(0, 1);
    const Command command = random() % 2 == 0 ? Command::kKeys : Command::kScan;
    const bool reverse = random() % 2 == 0;
    const std::size_t limit = 1 + random() % 6;
    KeyRange range;
    range.reverse = reverse;
    const VisiblePart part = permissions.visible(keys_asked_for(prefix, range));
    if (part.intervals.empty()) continue;
    std::vector<std::string> expected;
    for (const auto& [key, partition] : store.keys) {
      if (key.starts_with(prefix) && permissions.may_read(key)) expected.push_back(key);
    }
    if (reverse) std::reverse(expected.begin(), expected.end());

    std::vector<std::string> listed;
    std::optional<std::string> after;
    for (bool more = true; more;) {
      std::string arguments;
      PackedWriter writer(arguments);
      writer.array(3).key(prefix).natural(limit);
      after ? writer.key(*after) : writer.nil();
      Options options;
      options.range = range;
      Frame frame(pack_request(1, command, arguments, options));
      const auto read = read_request(frame.bytes());
      AllowedListing merger(std::get<Request>(read), frame, part.intervals, kPartitions, {});
      const MergedAnswer answer = run(merger, store);
      ASSERT_EQ(answer.status, Code::kOk);
      EXPECT_TRUE(answer.info.filtered);
      const auto page = keys_of(command, answer);
      listed.insert(listed.end(), page.begin(), page.end());
      more = answer.info.more;
      ASSERT_TRUE(!more || page.size() == limit) << "round " << round;
      ASSERT_LE(listed.size(), expected.size()) << "round " << round;
      if (more) after = page.back();
    }
    EXPECT_EQ(listed, expected) << "round " << round;
    for (const std::string& key : store.shown) ASSERT_TRUE(permissions.may_read(key)) << "round " << round;

    std::string arguments;
    PackedWriter(arguments).array(1).key(prefix);
    Frame frame(pack_request(1, Command::kCount, arguments, {}));
    const auto read = read_request(frame.bytes());
    AllowedListing counter(std::get<Request>(read), frame, part.intervals, kPartitions, {});
    EXPECT_EQ(PackedReader(run(counter, store).result).read_uint(), expected.size()) << "round " << round;
  }
}

}  // namespace
}  // namespace trellis

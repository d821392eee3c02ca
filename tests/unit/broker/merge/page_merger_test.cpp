// KEYS and SCAN merged: handed the shares of partitions that change meanwhile, pages stay in order and miss nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <random>

#include "broker/merge/page_merger.hpp"
#include "protocol/cluster/cluster_map.hpp"
#include "protocol/glob.hpp"
#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::ElementsAre;

LegResult replied(const std::string& packed_result, ReplyInfo info = {}) {
  Reply reply;
  reply.result = packed_result;
  reply.info = std::move(info);
  LegResult result;
  result.body = Frame(pack_reply(reply));
  return result;
}
LegResult no_replica() {
  LegResult result;
  result.error = Error{Code::kUnavailable, "0 of 3 replicas are up"};
  result.no_replica = true;
  return result;
}

/// Partitions full of records, which answer a merger's subrequests as workers do.
class FakePartitions {
 public:
  explicit FakePartitions(std::uint32_t count) : partitions_(count) {}

  void add(std::uint32_t partition, const std::string& key, std::string document = packed_uint(1)) {
    partitions_[partition][key] = std::move(document);
  }

  void remove(std::uint32_t partition, const std::string& key) { partitions_[partition].erase(key); }

  LegResult answer(const Subrequest& subrequest) {
    ++asked;
    if (between) between();
    const BatchItem request = read_command_body(subrequest.command, subrequest.body.bytes());
    const auto page = *read_page(request.arguments);
    const KeyRange& range = request.options.range;
    std::vector<std::string> records;
    std::size_t bytes = 0;
    std::size_t looked_at = 0;
    ReplyInfo info;
    std::string last;
    for (const auto& [key, document] : in_order(subrequest.partition.value, range.reverse)) {
      if (!key.starts_with(page.prefix) || (page.after && !range.is_before(*page.after, key)) || !range.holds(key))
        continue;
      if (records.size() == page.limit || (!records.empty() && bytes >= subrequest.page_bytes) ||
          looked_at == looked_at_max) {
        info.more = true;
        if (range.match) info.after = last;
        break;
      }
      last = key;
      if (range.match && !is_match(*range.match, key)) {
        ++looked_at;
        continue;
      }
      std::string packed_key_value;
      PackedWriter(packed_key_value).key(key);
      records.push_back(request.command == Command::kScan ? packed_array({packed_key_value, document})
                                                          : packed_key_value);
      bytes += records.back().size();
    }
    returned += records.size();
    return replied(packed_array(records), info);
  }

  /// Runs a merger to its answer, with subrequests answered in random order.
  MergedAnswer run(Merger& merger, std::mt19937& random) {
    std::vector<Subrequest> open = merger.start().subrequests;
    for (;;) {
      const std::size_t pick = random() % open.size();
      const Subrequest subrequest = open[pick];
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(pick));
      auto step = merger.on_subrequest(subrequest.number, answer(subrequest));
      if (step.answer) return *step.answer;
      for (Subrequest& next : step.subrequests) open.push_back(std::move(next));
      if (open.empty()) {
        ADD_FAILURE() << "neither an answer nor anything asked";
        return {};
      }
    }
  }

  static bool is_match(std::string_view pattern, std::string_view key) {
    std::uint64_t steps = 0;
    return Glob::parse(pattern)->matches(key, steps);
  }

  std::size_t asked = 0;
  std::size_t returned = 0;
  std::size_t looked_at_max = 3;  ///< Keys that do not match, before a share with a pattern ends.
  std::function<void()> between;  ///< What others do before each answer.

 private:
  std::vector<std::pair<std::string, std::string>> in_order(std::uint32_t partition, bool reverse) const {
    const auto& records = partitions_[partition];
    if (reverse) return {records.rbegin(), records.rend()};
    return {records.begin(), records.end()};
  }

  std::vector<std::map<std::string, std::string>> partitions_;
};

std::vector<std::string> keys_of(const MergedAnswer& answer) {
  std::vector<std::string> keys;
  PackedReader reader(answer.result);
  for (auto left = reader.read_array().value_or(0); left > 0; --left) keys.emplace_back(*reader.read_bytes());
  return keys;
}

PageArguments page_of(std::string_view prefix, std::size_t limit, std::optional<std::string_view> after = {}) {
  PageArguments page;
  page.prefix = prefix;
  page.limit = limit;
  page.after = after;
  return page;
}

Options with_match(std::string_view pattern) {
  Options options;
  options.range.match = pattern;
  return options;
}

TEST(PageMerger, MergesAllPartitionsInByteOrder) {
  FakePartitions partitions(3);
  partitions.add(0, "b");
  partitions.add(0, "e");
  partitions.add(1, "a");
  partitions.add(1, std::string("\xff\x00", 2));
  partitions.add(2, "bb");
  PageMerger merger(Command::kKeys, page_of("", 10), {}, 3);
  std::mt19937 random(1);
  const MergedAnswer answer = partitions.run(merger, random);
  EXPECT_THAT(keys_of(answer), ElementsAre("a", "b", "bb", "e", std::string("\xff\x00", 2)));
  EXPECT_FALSE(answer.info.more);
}

TEST(PageMerger, PagesJoinIntoTheWholeWithoutGapOrRepetition) {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    const std::uint32_t count = 1u << (random() % 6);
    FakePartitions partitions(count);
    std::vector<std::string> expected;
    for (std::uint32_t i = random() % 400; i > 0; --i) {
      std::string key = (random() % 3 == 0 ? "q" : "p") + std::to_string(random() % 100'000);
      if (std::find(expected.begin(), expected.end(), key) != expected.end()) continue;
      partitions.add(random() % 4 == 0 ? 0 : random() % count, key);
      expected.push_back(std::move(key));
    }
    std::erase_if(expected, [](const std::string& key) { return key[0] != 'p'; });
    std::sort(expected.begin(), expected.end());
    const std::size_t limit = 1 + random() % 50;
    std::vector<std::string> got;
    for (bool more = true; more;) {
      const std::string after = got.empty() ? "" : got.back();
      PageMerger merger(Command::kKeys,
                        page_of("p", limit, got.empty() ? std::nullopt : std::optional<std::string_view>(after)), {},
                        count);
      const MergedAnswer answer = partitions.run(merger, random);
      const auto keys = keys_of(answer);
      more = answer.info.more;
      ASSERT_EQ(keys.size(), more ? limit : expected.size() - got.size()) << "seed " << seed;
      got.insert(got.end(), keys.begin(), keys.end());
    }
    ASSERT_EQ(got, expected) << "seed " << seed;
  }
}

/// A filter over all keys is the model.
TEST(PageMerger, RangesDirectionsAndPatternsJoinIntoWhatTheyNameTogether) {
  std::size_t empty_pages = 0;
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const std::uint32_t count = 1u << (random() % 4);
    FakePartitions partitions(count);
    std::vector<std::string> all;
    for (std::uint32_t i = random() % 200; i > 0; --i) {
      std::string key = std::to_string(random() % 1'000);
      if (std::find(all.begin(), all.end(), key) != all.end()) continue;
      partitions.add(random() % count, key);
      all.push_back(std::move(key));
    }
    const std::string low = std::to_string(random() % 1'000);
    const std::string high = std::to_string(random() % 1'000);
    Options options;
    if (random() % 2 == 0) options.range.at_least = low;
    if (random() % 2 == 0) options.range.below = high;
    if (random() % 2 == 0) options.range.match = std::array{"*7*", "?1?", "[13]*", "*9"}[random() % 4];
    options.range.reverse = random() % 2 == 0;
    std::erase_if(all, [&](const std::string& key) {
      return !options.range.holds(key) || (options.range.match && !FakePartitions::is_match(*options.range.match, key));
    });
    std::sort(all.begin(), all.end());
    if (options.range.reverse) std::reverse(all.begin(), all.end());

    std::vector<std::string> got;
    std::optional<std::string> after;
    for (bool more = true; more;) {
      PageMerger merger(Command::kKeys, page_of("", 1 + random() % 20, after), options, count);
      const MergedAnswer answer = partitions.run(merger, random);
      const auto keys = keys_of(answer);
      got.insert(got.end(), keys.begin(), keys.end());
      more = answer.info.more;
      ASSERT_EQ(answer.info.after.has_value(), more && options.range.match) << "seed " << seed;
      empty_pages += more && keys.empty();
      if (more) after = answer.info.after ? *answer.info.after : got.back();
    }
    ASSERT_EQ(got, all) << "seed " << seed;
  }
  EXPECT_GT(empty_pages, 10u) << "patterns that find little were among them";
}

TEST(PageMerger, AShareThatDoesNotGetOnIsRefused) {
  PageMerger merger(Command::kKeys, page_of("", 10, "m"), with_match("*x"), 1);
  merger.start();
  ReplyInfo info;
  info.more = true;
  info.after = "m";
  const auto step = merger.on_subrequest(0, replied(packed_array({}), info));
  ASSERT_TRUE(step.answer);
  EXPECT_EQ(step.answer->status, Code::kInternal) << "its client would ask for the same for ever";
}

TEST(PageMerger, AsksEachPartitionForLittleMoreThanItsShare) {
  FakePartitions partitions(16);
  for (int i = 0; i < 100'000; ++i) {
    const std::string key = "key" + std::to_string(i);
    partitions.add(partition_of(key, 16).value, key);
  }
  PageMerger merger(Command::kKeys, page_of("", 10'000), {}, 16);
  std::mt19937 random(1);
  EXPECT_EQ(keys_of(partitions.run(merger, random)).size(), 10'000u);
  EXPECT_LT(partitions.returned, 15'000u);
  EXPECT_LE(partitions.asked, 20u);
}

TEST(PageMerger, APageEndsAt16MiBAndHoldsOneRecordAtLeast) {
  FakePartitions partitions(2);
  const std::string large = packed_str(std::string(6 << 20, 'x'));
  for (int i = 0; i < 6; ++i) partitions.add(i % 2, "key" + std::to_string(i), large);
  std::mt19937 random(1);
  PageMerger merger(Command::kScan, page_of("", 100), {}, 2);
  const MergedAnswer answer = partitions.run(merger, random);
  EXPECT_EQ(*PackedReader(answer.result).read_array(), 2u);
  EXPECT_TRUE(answer.info.more);
}

TEST(PageMerger, LetsGoOfWhatIsTooMuchAndAsksForItAgain) {
  FakePartitions partitions(8);
  const std::string large = packed_str(std::string(1 << 20, 'x'));
  std::vector<std::string> expected;
  for (int i = 10; i < 26; ++i) {
    expected.push_back("key" + std::to_string(i));
    partitions.add(i % 8, expected.back(), large);
  }
  std::mt19937 random(1);
  PageMerger merger(Command::kScan, page_of("", 12), {}, 8, /*held_max=*/3 << 20);
  const MergedAnswer answer = partitions.run(merger, random);
  EXPECT_EQ(*PackedReader(answer.result).read_array(), 12u);
  EXPECT_TRUE(answer.info.more);
  EXPECT_GT(partitions.asked, 8u);
  PackedReader reader(answer.result);
  reader.read_array();
  for (int i = 0; i < 12; ++i) {
    reader.read_array();
    EXPECT_EQ(*reader.read_bytes(), expected[i]);
    EXPECT_EQ(reader.read_value()->size(), large.size());
  }
}

/// The merger of a SCAN that holds next to nothing, so that it lets go of nearly every share.
PageMerger scan_that_holds_little(const PageArguments& page, std::uint32_t partitions) {
  return PageMerger(Command::kScan, page, {}, partitions, /*held_max=*/1);
}

std::vector<std::string> scanned_keys(const MergedAnswer& answer) {
  std::vector<std::string> keys;
  PackedReader reader(answer.result);
  for (auto left = reader.read_array().value_or(0); left > 0; --left) {
    reader.read_array();
    keys.emplace_back(*reader.read_bytes());
    reader.read_value();
  }
  return keys;
}

TEST(PageMerger, AKeyWrittenBehindThePageBeforeAShareIsAskedForAgainDoesNotComeAfterLargerOnes) {
  FakePartitions partitions(2);
  partitions.add(0, "c");
  partitions.add(0, "d");
  partitions.add(1, "e");
  PageMerger merger = scan_that_holds_little(page_of("", 10), 2);
  std::mt19937 random(1);
  partitions.between = [&partitions] {
    // Once "c" and "d" are on the page the share of the other partition is asked for again.
    if (partitions.asked == 4) partitions.add(1, "b");
  };
  EXPECT_THAT(scanned_keys(partitions.run(merger, random)), ElementsAre("c", "d", "e"));
}

TEST(PageMerger, GoesOnWithTheNextKeyWhereTheOneItAsksAgainForIsGone) {
  FakePartitions partitions(2);
  for (const char* key : {"a", "d"}) partitions.add(0, key);
  for (const char* key : {"b", "c", "e"}) partitions.add(1, key);
  PageMerger merger = scan_that_holds_little(page_of("", 10), 2);
  std::mt19937 random(1);
  partitions.between = [&partitions] {
    if (partitions.asked == 4) partitions.remove(1, "b"), partitions.remove(1, "c");
  };
  EXPECT_THAT(scanned_keys(partitions.run(merger, random)), ElementsAre("a", "d", "e"));
}

/// Keys come and go between any two answers; some stay throughout, and one never is there.
TEST(PageMerger, PagesAscendAndMissNothingThatWasThereThroughoutWhateverIsWrittenMeanwhile) {
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    const std::uint32_t count = 1u << (random() % 4);
    FakePartitions partitions(count);
    const auto place_of = [count](const std::string& key) { return partition_of(key, count).value; };
    const auto key_of = [](std::uint32_t number) { return "k" + std::to_string(1000 + number); };
    std::vector<std::string> lasting;
    for (std::uint32_t number = 0; number < 60; number += 3) {
      lasting.push_back(key_of(number));
      partitions.add(place_of(lasting.back()), lasting.back());
    }
    partitions.between = [&] {
      for (int i = 0; i < 3; ++i) {
        const std::string key = key_of(3 * (random() % 20) + 1);  // Never one that stays, nor ever the next one.
        random() % 2 == 0 ? partitions.add(place_of(key), key) : partitions.remove(place_of(key), key);
      }
    };
    const std::size_t limit = 1 + random() % 12;
    std::vector<std::string> got;
    for (bool more = true; more;) {
      const std::string after = got.empty() ? "" : got.back();
      PageMerger merger = scan_that_holds_little(
          page_of("", limit, got.empty() ? std::nullopt : std::optional<std::string_view>(after)), count);
      const MergedAnswer answer = partitions.run(merger, random);
      ASSERT_EQ(answer.status, Code::kOk) << answer.info.message;
      for (std::string& key : scanned_keys(answer)) {
        ASSERT_TRUE(got.empty() || got.back() < key) << "seed " << seed << ": " << key << " after " << got.back();
        got.push_back(std::move(key));
      }
      more = answer.info.more;
    }
    EXPECT_TRUE(std::includes(got.begin(), got.end(), lasting.begin(), lasting.end())) << "seed " << seed;
  }
}

TEST(PageMerger, ShowsTheOtherPartitionsWhereOneHasNoReplicaLeft) {
  PageMerger merger(Command::kKeys, page_of("", 10), {}, 2);
  merger.start();
  merger.on_subrequest(1, no_replica());
  const auto end = merger.on_subrequest(0, replied(packed_array({packed_str("a")})));
  EXPECT_THAT(keys_of(*end.answer), ElementsAre("a"));
  EXPECT_FALSE(end.answer->info.guaranteed);
  EXPECT_THAT(end.answer->info.missing_partitions, ElementsAre(1));
}

TEST(PageMerger, DoesNotBelieveAWorkerThatGoesInCircles) {
  for (const std::string& page : {packed_array({packed_str("b"), packed_str("a")}), packed_array({}), packed_uint(1),
                                  packed_array({packed_uint(1)}), packed_array({packed_str("")})}) {
    PageMerger merger(Command::kKeys, page_of("", 10), {}, 1);
    merger.start();
    ReplyInfo info;
    info.more = true;
    auto step = merger.on_subrequest(0, replied(page, info));
    ASSERT_TRUE(step.answer);
    EXPECT_EQ(step.answer->status, Code::kInternal);
  }
}

}  // namespace
}  // namespace trellis::test

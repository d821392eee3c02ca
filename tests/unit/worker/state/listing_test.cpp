// A partition's shares of KEYS, SCAN and COUNT: ranges, directions and patterns.
#include "worker/state/listing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/glob.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Listing : public ::testing::Test {
 protected:
  void add(const std::string& key) { trie.insert_or_assign(key, 1, "\x01"); }
  std::vector<std::string> keys() {
    result = list_records(trie, read);
    std::vector<std::string> keys;
    PackedReader reader(result.packed.bytes());
    for (auto left = reader.read_array().value_or(0); left > 0; --left) keys.emplace_back(*reader.read_bytes());
    return keys;
  }
  std::uint64_t count() { return (result = count_records(trie, read)).number; }

  Trie trie;
  Read read{.command = Command::kKeys, .key = {}, .path = {}, .page = {}, .range = {}, .fence = {}};
  CommandResult result;
};

TEST_F(Listing, ARangeTakesItsLowerBoundInAndItsUpperOneNot) {
  for (const char* key : {"a", "b", "bb", "c", "d"}) add(key);
  read.range.at_least = "b";
  read.range.below = "d";
  EXPECT_THAT(keys(), ElementsAre("b", "bb", "c"));
  EXPECT_EQ(count(), 3u);
  read.range.reverse = true;
  EXPECT_THAT(keys(), ElementsAre("c", "bb", "b"));
  EXPECT_EQ(count(), 3u);
  read.page.after = "c";
  EXPECT_THAT(keys(), ElementsAre("bb", "b"));
  read.page.after = "x";  // Beyond the range: it begins where the range does.
  EXPECT_THAT(keys(), ElementsAre("c", "bb", "b"));
  read.range.reverse = false;
  read.page.after = "a";
  EXPECT_THAT(keys(), ElementsAre("b", "bb", "c"));
}

TEST_F(Listing, BoundsThatLeaveNothingAreNoError) {
  for (const char* key : {"a", "b"}) add(key);
  read.range.at_least = "b";
  read.range.below = "a";
  EXPECT_THAT(keys(), IsEmpty());
  EXPECT_EQ(count(), 0u);
  EXPECT_FALSE(result.more);
}

TEST_F(Listing, BoundsPrefixAndPatternIntersect) {
  for (const char* key : {"user:1", "user:2:name", "user:3", "user:3:name", "user:4:name", "v:3:name"}) add(key);
  read.page.prefix = "user:";
  read.range.at_least = "user:3";
  read.range.match = "*:name";
  EXPECT_THAT(keys(), ElementsAre("user:3:name", "user:4:name"));
  EXPECT_EQ(count(), 2u);
  read.range.match = "user:[34]*";
  EXPECT_THAT(keys(), ElementsAre("user:3", "user:3:name", "user:4:name"));
  read.range.match = "v:*";
  EXPECT_THAT(keys(), IsEmpty()) << "the pattern's beginning and the prefix exclude each other";
  EXPECT_EQ(count(), 0u);
}

TEST_F(Listing, AShareWithAPatternEndsAfterSoManyKeysAndSaysWhere) {
  for (int i = 0; i < 25'000; ++i) add("key" + std::to_string(100'000 + i));
  add("last");
  read.range.match = "l*t";
  EXPECT_THAT(keys(), ElementsAre("last")) << "its beginning narrows the walk";
  EXPECT_FALSE(result.more);

  read.range.match = "*t";
  std::size_t shares = 0;
  std::vector<std::string> found;
  std::uint64_t counted = 0;
  std::string after;
  do {
    const auto page = keys();
    found.insert(found.end(), page.begin(), page.end());
    ++shares;
    if (!result.more) break;
    ASSERT_TRUE(result.after);
    EXPECT_LE(result.effort, kListingEffortMax + kEffortMillisecond);
    after = *result.after;
    read.page.after = after;
  } while (shares < 1'000);
  EXPECT_THAT(found, ElementsAre("last"));
  EXPECT_GE(shares, 3u);

  std::string at_least;
  for (shares = 0; shares < 1'000; ++shares) {
    counted += count();
    if (!result.more) break;
    at_least = std::string(*result.after) + '\0';
    read.range.at_least = at_least;
  }
  EXPECT_EQ(counted, 1u);
  EXPECT_GE(shares, 2u);
}

/// Work is looked at between two keys: so one of them is the most that a page takes beyond its bound.
TEST_F(Listing, APatternThatIsHardToMatchCostsNoMoreThanOthers) {
  for (int i = 0; i < 10; ++i) add(std::string(kKeySizeMax - 1, 'a') + std::to_string(i));
  const std::string pattern = "*" + std::string(Glob::kBetweenStarsMax - 1, 'a') + "b*";
  read.range.match = pattern;
  EXPECT_THAT(keys(), IsEmpty());
  EXPECT_TRUE(result.more);
  EXPECT_LE(result.effort, kListingEffortMax + 3 * kEffortMillisecond);
}

TEST_F(Listing, WithoutAPatternAPageSaysNothingOfWhereItEnded) {
  for (const char* key : {"a", "b", "c"}) add(key);
  read.page.limit = 2;
  EXPECT_THAT(keys(), ElementsAre("a", "b"));
  EXPECT_TRUE(result.more);
  EXPECT_FALSE(result.after) << "its last key does";
}

}  // namespace
}  // namespace trellis

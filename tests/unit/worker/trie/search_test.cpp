// Searches that go down side by side, against find().
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "worker/trie/node.hpp"
#include "worker/trie/trie.hpp"

namespace trellis {
namespace {

using Random = std::mt19937_64;

/// A key of few letters, so that many are prefixes of others, or of all bytes, so that nodes of each size come about.
std::string some_key(Random& random, bool is_dense) {
  std::string key(random() % (is_dense ? 6 : 3), '\0');
  for (char& byte : key) byte = static_cast<char>(is_dense ? 'a' + random() % 3 : random());
  return key;
}

void expect_as_found(const TrieView& trie, const TrieSearch& search) {
  const bool is_there = search.at && search.at.is_leaf() && search.at.leaf()->key() == search.key;
  EXPECT_EQ(is_there, trie.contains(search.key)) << testing::PrintToString(search.key);
  EXPECT_TRUE(!search.at || search.at.is_leaf()) << "it has not come to its end";
}

TEST(SearchesTogether, EndWhereFindEndsInTriesOfAllShapes) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    Trie one;
    Trie other;
    for (std::size_t left = random() % 2'000; left > 0; --left) {
      one.insert_or_assign(some_key(random, true), 1, "x");
      other.insert_or_assign(some_key(random, false), 1, "x");
    }
    std::vector<std::string> keys;
    for (std::size_t left = random() % 100; left > 0; --left) keys.push_back(some_key(random, left % 2 == 0));
    std::vector<TrieSearch> searches;
    for (std::size_t i = 0; i < keys.size(); ++i) searches.push_back((i % 3 == 0 ? other : one).search(keys[i]));
    descend_together(searches);
    for (std::size_t i = 0; i < keys.size(); ++i) expect_as_found(i % 3 == 0 ? other : one, searches[i]);
  }
}

TEST(SearchesTogether, EndAtOnceWhereNothingIs) {
  const Trie empty;
  std::vector<TrieSearch> searches{empty.search("a"), empty.search("")};
  descend_together(searches);
  for (const TrieSearch& search : searches) EXPECT_FALSE(search.at);
  descend_together({});
}

TEST(SearchesTogether, GoOnInAFrozenTrieAsItWas) {
  Trie trie;
  for (const char* key : {"rom", "romane", "romanus", "rome"}) trie.insert_or_assign(key, 1, "before");
  const FrozenTrie frozen = trie.freeze();
  trie.erase("rome");
  std::vector<TrieSearch> searches{frozen.search("rome"), trie.search("rome"), frozen.search("rom")};
  descend_together(searches);
  expect_as_found(frozen, searches[0]);
  expect_as_found(trie, searches[1]);
  EXPECT_EQ(searches[2].at.leaf()->document(), "before");
}

}  // namespace
}  // namespace trellis

// The trie, against std::map as its model: whatever is done to both, both say the same.
#include "worker/trie/trie.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "worker/trie/node.hpp"

namespace trellis {
namespace {

using namespace std::string_literals;

struct Value {
  std::uint64_t version;
  std::string document;
  bool operator==(const Value&) const = default;
};
using Model = std::map<std::string, Value>;  // Its order is ours: std::string compares unsigned bytes.

/// Lets a test look inside a trie.
struct Opened : TrieView {
  explicit Opened(const TrieView& view) : TrieView(view) {}
  trie::Ref root() const { return root_; }
  trie::Kind root_kind() const { return root_.node()->kind; }
};

/// Checks the invariants of node.hpp below `root`.
void expect_sound(trie::Ref root) {
  std::vector<trie::Ref> open;
  if (root) open.push_back(root);
  while (!open.empty()) {
    const trie::Ref at = open.back();
    open.pop_back();
    if (at.is_leaf()) continue;
    const trie::Node& node = *at.node();
    ASSERT_GE(node.entries(), 2u);
    ASSERT_FALSE(node.is_sparse() && node.kind != trie::Kind::kNode4);
    std::uint64_t keys = node.value != nullptr ? 1 : 0;
    if (node.value != nullptr) {
      ASSERT_EQ(node.value->key_size, node.depth);
    }
    std::size_t children = 0;
    int edge_before = -1;
    int place = trie::Node::kBeforeFirst;
    while (const trie::Ref child = node.next(place)) {
      const int edge = trie::as_its_kind(node, [&](const auto& as) { return int{as.edge_at(place)}; });
      ASSERT_GT(edge, edge_before);
      ASSERT_EQ(node.place_of(static_cast<std::uint8_t>(edge)), place);
      ASSERT_NE(node.find(static_cast<std::uint8_t>(edge)), nullptr);
      if (child.is_leaf()) {
        ASSERT_GT(child.leaf()->key_size, node.depth);
        ASSERT_EQ(static_cast<std::uint8_t>(child.leaf()->key()[node.depth]), edge);
      } else {
        ASSERT_GT(child.node()->depth, node.depth);
      }
      edge_before = edge;
      ++children;
      keys += child.keys();
      open.push_back(child);
    }
    ASSERT_EQ(node.children, children);
    ASSERT_EQ(node.keys, keys);
  }
}

std::size_t bytes_of(const Model& model) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : model) bytes += key.size() + value.document.size();
  return bytes;
}

/// Every record, in order, found by walking and by lookup.
void expect_same(const TrieView& trie, const Model& model) {
  ASSERT_EQ(trie.size(), model.size());
  ASSERT_EQ(trie.bytes(), bytes_of(model));
  TrieCursor cursor = trie.cursor();
  cursor.seek_first();
  for (const auto& [key, value] : model) {
    ASSERT_TRUE(cursor.valid());
    ASSERT_EQ(cursor.key(), key);
    ASSERT_EQ((Value{cursor.version(), std::string(cursor.document())}), value);
    const auto found = trie.find(key);
    ASSERT_TRUE(found);
    ASSERT_EQ((Value{found->version, std::string(found->document)}), value);
    cursor.next();
  }
  ASSERT_FALSE(cursor.valid());
  cursor.seek_last();
  for (auto record = model.rbegin(); record != model.rend(); ++record) {
    ASSERT_TRUE(cursor.valid());
    ASSERT_EQ(cursor.key(), record->first);
    cursor.previous();
  }
  ASSERT_FALSE(cursor.valid());
}

void expect_at(const TrieCursor& cursor, const Model& model, Model::const_iterator expected) {
  ASSERT_EQ(cursor.valid(), expected != model.end());
  if (cursor.valid()) {
    ASSERT_EQ(cursor.key(), expected->first);
  }
}

/// Seeks, counts and short scans around one key.
void expect_same_around(const TrieView& trie, const Model& model, const std::string& key) {
  TrieCursor cursor = trie.cursor();
  cursor.seek(key);
  auto expected = model.lower_bound(key);
  for (int i = 0; i < 4; ++i) {
    expect_at(cursor, model, expected);
    if (!cursor.valid()) break;
    cursor.next();
    ++expected;
  }
  cursor.seek_after(key);
  expect_at(cursor, model, model.upper_bound(key));

  const std::string prefix = key.substr(0, key.size() / 2);
  std::size_t count = 0;
  TrieCursor inside = trie.cursor(prefix);
  inside.seek_first();
  for (auto at = model.lower_bound(prefix); at != model.end() && at->first.starts_with(prefix); ++at, ++count) {
    if (count < 20) {
      expect_at(inside, model, at);
      inside.next();
    }
  }
  if (count < 20) {
    ASSERT_FALSE(inside.valid());
  }
  ASSERT_EQ(trie.count(prefix), count);
  inside.seek(key);
  const auto from_key = model.lower_bound(key);
  if (from_key != model.end() && from_key->first.starts_with(prefix)) {
    expect_at(inside, model, from_key);
  } else {
    ASSERT_FALSE(inside.valid());
  }
  ASSERT_EQ(trie.contains(key), model.contains(key));
}

/// The same backwards, with turns on the way.
void expect_same_before(const TrieView& trie, const Model& model, const std::string& key) {
  const auto from_key = model.lower_bound(key);
  TrieCursor cursor = trie.cursor();
  cursor.seek_before(key);
  auto expected = from_key;
  for (int i = 0; i < 4; ++i) {
    if (expected == model.begin()) {
      ASSERT_FALSE(cursor.valid());
      break;
    }
    expect_at(cursor, model, --expected);
    cursor.next();
    expect_at(cursor, model, std::next(expected));
    if (!cursor.valid()) break;
    cursor.previous();
    expect_at(cursor, model, expected);
    cursor.previous();
  }
  ASSERT_EQ(trie.count_before(key), static_cast<std::size_t>(std::distance(model.begin(), from_key)));

  const std::string prefix = key.substr(0, key.size() / 2);
  const auto first = model.lower_bound(prefix);
  ASSERT_EQ(trie.count_before(key, prefix), static_cast<std::size_t>(std::distance(first, from_key)));
  TrieCursor inside = trie.cursor(prefix);
  inside.seek_before(key);
  if (from_key == first) {
    ASSERT_FALSE(inside.valid());
  } else {
    expect_at(inside, model, std::prev(from_key));
  }
}

/// What hangs there takes so many bytes.
std::size_t memory_below(trie::Ref root) {
  if (!root) return 0;
  if (root.is_leaf()) return root.leaf()->memory();
  const trie::Node& node = *root.node();
  std::size_t bytes = node.memory() + (node.value == nullptr ? 0 : node.value->memory());
  int place = trie::Node::kBeforeFirst;
  while (const trie::Ref child = node.next(place)) bytes += memory_below(child);
  return bytes;
}

// --- Histories ---

using Random = std::mt19937_64;
std::size_t below(Random& random, std::size_t limit) { return random() % limit; }

std::string random_bytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

/// Where the keys of a history come from.
struct Keys {
  const char* name;
  std::function<std::string(Random&)> draw;
};

const Keys kKeys[] = {
    {"RandomBytes", [](Random& random) { return random_bytes(random, below(random, 4)); }},
    {"DenseBytes", [](Random& random) { return "same"s + random_bytes(random, 1) + (below(random, 8) ? "" : "x"); }},
    {"OneByteAlphabet", [](Random& random) { return std::string(below(random, 300), '\0'); }},
    {"TwoByteAlphabet",
     [](Random& random) {
       std::string key(below(random, 12), 'a');
       for (char& byte : key) byte = below(random, 2) ? 'a' : '\xff';
       return key;
     }},
    {"CommonPrefixes",
     [](Random& random) {
       static const std::string kPrefixes[] = {"https://example.org/a/long/path/", "https://example.org/", "user:", ""};
       return kPrefixes[below(random, 4)] + std::to_string(below(random, 300));
     }},
    {"PrefixesOfEachOther",
     [](Random& random) {
       static const std::string kWhole = [] {
         Random fixed(1);
         return random_bytes(fixed, 200);
       }();
       return kWhole.substr(0, below(random, 200)) + (below(random, 4) ? "" : random_bytes(random, 1));
     }},
    {"LongKeys",
     [](Random& random) {
       std::string key(4096 - below(random, 3), 'k');
       for (int i = 0; i < 2; ++i) key[below(random, key.size())] = static_cast<char>(random());
       return key.substr(0, below(random, 4) ? key.size() : below(random, key.size()));
     }},
};

/// A trie and its model, to which the same is done.
class Pair {
 public:
  void put(const std::string& key, std::string document) {
    const Value value{++version_, std::move(document)};
    ASSERT_EQ(trie.insert_or_assign(key, value.version, value.document), !model.contains(key));
    model[key] = value;
  }
  void erase(const std::string& key) { ASSERT_EQ(trie.erase(key), model.erase(key) == 1); }
  /// Erases the first key that is not less than `key`.
  void erase_near(const std::string& key) {
    const auto near = model.lower_bound(key);
    if (near != model.end()) erase(std::string(near->first));
  }
  void take(const std::string& key) {
    const auto taken = trie.take(key);
    const auto expected = model.find(key);
    ASSERT_EQ(taken.has_value(), expected != model.end());
    if (!taken) return;
    ASSERT_EQ(taken->key(), key);
    ASSERT_EQ((Value{taken->version(), std::string(taken->document())}), expected->second);
    model.erase(expected);
  }

  Trie trie;
  Model model;

 private:
  std::uint64_t version_ = 0;
};

class TrieHistory : public testing::TestWithParam<Keys> {};

TEST_P(TrieHistory, AgreesWithAnOrderedMap) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Pair pair;
    for (int step = 0; step < 4000; ++step) {
      const bool growing = (step / 1000) % 2 == 0;  // The trie fills, empties, and does so again.
      const std::string key = GetParam().draw(random);
      switch (below(random, growing ? 6 : 3)) {
        case 0: pair.erase(key); break;
        case 1: pair.take(key); break;
        default:
          if (growing || below(random, 2)) {
            pair.put(key, random_bytes(random, below(random, 40)));
          } else {
            pair.erase_near(key);
          }
      }
      if (step % 16 == 0) expect_same_around(pair.trie, pair.model, GetParam().draw(random));
      if (step % 64 == 0) expect_same_before(pair.trie, pair.model, GetParam().draw(random));
      if (HasFatalFailure()) FAIL() << "at step " << step;
      if (step % 500 == 0) {
        expect_same(pair.trie, pair.model);
        expect_sound(Opened(pair.trie).root());
        EXPECT_EQ(pair.trie.memory(), memory_below(Opened(pair.trie).root()));
      }
    }
    while (!pair.model.empty()) pair.erase(std::string(pair.model.begin()->first));
    EXPECT_TRUE(pair.trie.empty());
    EXPECT_EQ(pair.trie.bytes(), 0u);
    EXPECT_EQ(pair.trie.memory(), 0u);
  }
}

TEST_P(TrieHistory, FrozenViewsShowTheirMomentWhateverFollows) {
  struct Frozen {
    FrozenTrie view;
    Model model;
  };
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<Frozen> frozen;
    {
      Pair pair;
      for (int step = 0; step < 2000; ++step) {
        const std::string key = GetParam().draw(random);
        const std::size_t choice = below(random, 1000);
        if (choice < 300) {
          pair.erase(key);
        } else if (choice < 400) {
          pair.take(key);
        } else if (choice < 975) {
          pair.put(key, random_bytes(random, below(random, 40)));
        } else if (choice < 985) {
          frozen.push_back({pair.trie.freeze(), pair.model});
        } else if (choice < 998 && !frozen.empty()) {
          const auto any = frozen.begin() + static_cast<long>(below(random, frozen.size()));
          expect_same(any->view, any->model);
          expect_same_around(any->view, any->model, key);
          expect_same_before(any->view, any->model, key);
          expect_sound(Opened(any->view).root());
          if (below(random, 2)) frozen.erase(any);  // In any order.
        } else if (choice == 999) {
          pair.trie.clear();
          pair.model.clear();
        }
        if (HasFatalFailure()) FAIL() << "at step " << step;
      }
      expect_same(pair.trie, pair.model);
      expect_sound(Opened(pair.trie).root());
      EXPECT_EQ(pair.trie.memory(), memory_below(Opened(pair.trie).root()));
    }
    for (const Frozen& each : frozen) expect_same(each.view, each.model);  // The trie itself is gone.
    std::shuffle(frozen.begin(), frozen.end(), random);
    while (!frozen.empty()) frozen.pop_back();
  }
}

TEST_P(TrieHistory, OtherThreadsReadAndDropViewsWhileWritesGoOn) {
  Random random(7);
  Pair pair;
  const auto write = [&] {
    const std::string key = GetParam().draw(random);
    if (pair.model.size() < 1000 && below(random, 2)) {
      pair.put(key, "document " + std::to_string(below(random, 1000)));
    } else {
      pair.erase_near(key);
    }
  };
  for (int i = 0; i < 500; ++i) pair.put(GetParam().draw(random), "first");
  for (int round = 0; round < 10; ++round) {
    std::atomic<int> reading = 0;
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 3; ++reader) {
      ++reading;
      readers.emplace_back([&reading, view = pair.trie.freeze(), model = pair.model]() mutable {
        expect_same(view, model);
        view = FrozenTrie();
        --reading;
      });
      for (int i = 0; i < 20; ++i) write();
    }
    while (reading > 0) write();
    for (std::thread& reader : readers) reader.join();
  }
  expect_same(pair.trie, pair.model);
}

INSTANTIATE_TEST_SUITE_P(Over, TrieHistory, testing::ValuesIn(kKeys), [](const auto& info) { return info.param.name; });

// --- Sentences ---

TEST(Trie, TakesADocumentInPartsAndSomeOfThemFromTheDocumentThatItReplaces) {
  Trie trie;
  const std::string_view first[] = {"one", "", "two"};
  EXPECT_TRUE(trie.insert_or_assign("k", 1, first));
  EXPECT_EQ(trie.find("k")->document, "onetwo");
  const FrozenTrie frozen = trie.freeze();
  for (std::uint64_t version = 2; version < 4; ++version) {  // Shared with a frozen view, and then not.
    const std::string_view document = trie.find("k")->document;
    const std::string_view swapped[] = {document.substr(3), document.substr(0, 3)};
    EXPECT_FALSE(trie.insert_or_assign("k", version, swapped));
    EXPECT_EQ(trie.find("k")->version, version);
  }
  EXPECT_EQ(trie.find("k")->document, "onetwo");
  EXPECT_EQ(frozen.find("k")->document, "onetwo");
  EXPECT_EQ(trie.bytes(), 7u);
}

TEST(Trie, ADocumentInPartsThatStayWhereTheyAreIsChangedInPlace) {
  Trie trie;
  trie.insert_or_assign("k", {1, 50}, "head:1:tail");
  const auto change = [&trie](std::uint64_t version, std::string_view middle) {
    const std::string_view document = trie.find("k")->document;
    const std::string_view parts[] = {document.substr(0, 5), middle, document.substr(6)};
    return trie.insert_or_assign("k", {version, 60}, parts);
  };
  const void* const place = trie.find("k")->document.data();
  EXPECT_FALSE(change(2, "2"));
  EXPECT_EQ(trie.find("k")->document, "head:2:tail");
  EXPECT_EQ(trie.find("k")->document.data(), place);
  EXPECT_EQ(trie.find("k")->version, 2u);
  EXPECT_EQ(trie.find("k")->deadline, 60u);
  const FrozenTrie frozen = trie.freeze();
  EXPECT_FALSE(change(3, "3"));
  EXPECT_EQ(frozen.find("k")->document, "head:2:tail");
  EXPECT_EQ(trie.find("k")->document, "head:3:tail");
  EXPECT_FALSE(change(4, "40"));
  EXPECT_EQ(trie.find("k")->document, "head:40:tail") << "what follows moves: it is copied";
  EXPECT_EQ(trie.bytes(), 13u);
}

TEST(Trie, ADeadlineIsSetInPlaceAndAFrozenViewKeepsItsOwn) {
  Trie trie;
  trie.insert_or_assign("k", {1, 50}, "document");
  trie.insert_or_assign("good", 2, "document");
  EXPECT_EQ(trie.find("k")->deadline, 50u);
  EXPECT_EQ(trie.find("good")->deadline, 0u);
  const void* const place = trie.find("k")->document.data();
  EXPECT_TRUE(trie.set_deadline("k", 60));
  EXPECT_EQ(trie.find("k")->document.data(), place);
  EXPECT_TRUE(trie.set_deadline("good", 70));
  EXPECT_FALSE(trie.set_deadline("missing", 70));
  const FrozenTrie frozen = trie.freeze();
  EXPECT_TRUE(trie.set_deadline("k", 0));
  EXPECT_FALSE(trie.insert_or_assign("good", {3, 80}, "document"));
  EXPECT_EQ(trie.find("k")->deadline, 0u);
  EXPECT_EQ(trie.find("k")->version, 1u);
  EXPECT_EQ(trie.find("good")->deadline, 80u);
  EXPECT_EQ(frozen.find("k")->deadline, 60u);
  EXPECT_EQ(frozen.find("good")->deadline, 70u);
  EXPECT_FALSE(trie.insert_or_assign("good", 4, "document"));
  EXPECT_EQ(trie.find("good")->deadline, 0u) << "a write without one stores for good";
  EXPECT_EQ(trie.bytes(), 5u + 16u) << "deadlines are not counted";
}

TEST(Trie, CountsWhatTheAllocatorTakesAndNotWhatWasAskedFor) {
  const std::vector<std::pair<std::size_t, std::size_t>> classes = {
      {0, 16}, {1, 16}, {16, 16}, {17, 32}, {128, 128}, {129, 160}, {256, 256}, {257, 320}, {4096, 4096}, {4097, 5120}};
  for (const auto& [asked, taken] : classes) EXPECT_EQ(trie::allocated_size(asked), taken) << asked;
}

TEST(Trie, StartsEmpty) {
  Trie trie;
  EXPECT_TRUE(trie.empty());
  EXPECT_EQ(trie.size(), 0u);
  EXPECT_EQ(trie.count(""), 0u);
  EXPECT_FALSE(trie.find("key"));
  EXPECT_FALSE(trie.erase("key"));
  TrieCursor cursor = trie.cursor();
  cursor.seek("");
  EXPECT_FALSE(cursor.valid());
}

TEST(Trie, KeepsAKeyThatIsThePrefixOfAnother) {
  Trie trie;
  EXPECT_TRUE(trie.insert_or_assign("user", 1, "a"));
  EXPECT_TRUE(trie.insert_or_assign("user:7", 2, "b"));
  EXPECT_TRUE(trie.insert_or_assign("", 3, "c"));
  EXPECT_EQ(trie.find("user")->document, "a");
  EXPECT_EQ(trie.find("user:7")->document, "b");
  EXPECT_EQ(trie.find("")->document, "c");
  EXPECT_FALSE(trie.find("user:"));
  EXPECT_TRUE(trie.erase("user"));
  EXPECT_EQ(trie.find("user:7")->version, 2u);
}

TEST(Trie, TellsZeroBytesFromTheEndOfAKey) {
  Trie trie;
  trie.insert_or_assign("a"s, 1, "end");
  trie.insert_or_assign("a\0"s, 2, "zero");
  trie.insert_or_assign("a\0\0"s, 3, "two zeros");
  EXPECT_EQ(trie.find("a\0"s)->document, "zero");
  EXPECT_EQ(trie.count("a\0"s), 2u);
}

TEST(Trie, OrdersKeysByUnsignedBytes) {
  Trie trie;
  for (const std::string& key : {"\x7f"s, "\x80"s, "\xff"s, "\x00"s}) trie.insert_or_assign(key, 1, "");
  std::string order;
  TrieCursor cursor = trie.cursor();
  for (cursor.seek_first(); cursor.valid(); cursor.next()) order += cursor.key();
  EXPECT_EQ(order, "\x00\x7f\x80\xff"s);
}

TEST(Trie, ReplacesADocumentByAShorterAndALongerOne) {
  Trie trie;
  trie.insert_or_assign("key", 1, "document");
  EXPECT_FALSE(trie.insert_or_assign("key", 2, "d"));
  EXPECT_EQ(trie.find("key")->document, "d");
  EXPECT_EQ(trie.bytes(), 4u);
  EXPECT_FALSE(trie.insert_or_assign("key", 3, "a longer document"));
  EXPECT_EQ(trie.find("key")->version, 3u);
  EXPECT_EQ(trie.bytes(), 20u);
  EXPECT_EQ(trie.size(), 1u);
}

TEST(Trie, StoresBytesThatLieInItself) {
  Trie trie;
  trie.insert_or_assign("a", 1, "the document of a");
  trie.insert_or_assign("b", 2, trie.find("a")->document);
  trie.insert_or_assign("a", 3, trie.find("a")->document.substr(4));
  EXPECT_EQ(trie.find("b")->document, "the document of a");
  EXPECT_EQ(trie.find("a")->document, "document of a");
}

TEST(Trie, HandsOverATakenDocumentThatOutlivesIt) {
  std::shared_ptr<const void> owner;
  std::string_view document;
  {
    Trie trie;
    trie.insert_or_assign("key", 9, "document");
    auto taken = trie.take("key");
    EXPECT_EQ(taken->version(), 9u);
    document = taken->document();
    owner = std::move(*taken).into_owner();
    EXPECT_FALSE(trie.take("key"));
  }
  EXPECT_EQ(document, "document");
}

TEST(Trie, MovesWithAllItHolds) {
  Trie trie;
  trie.insert_or_assign("key", 1, "document");
  const FrozenTrie frozen = trie.freeze();
  Trie moved = std::move(trie);
  trie = Trie();
  moved.insert_or_assign("key", 2, "changed");
  EXPECT_EQ(frozen.find("key")->document, "document");
  EXPECT_EQ(moved.find("key")->document, "changed");
  EXPECT_TRUE(trie.empty());
}

TEST(Trie, GrowsAndShrinksThroughEveryKindOfNodeWithoutFlapping) {
  using enum trie::Kind;
  const auto key = [](int edge) { return "common prefix"s + static_cast<char>(edge * 37); };  // In no order.
  Trie trie;
  std::vector<trie::Kind> growing{kNode4}, shrinking;
  for (int edge = 0; edge < 256; ++edge) {
    trie.insert_or_assign(key(edge), 1, "document");
    if (edge >= 1 && Opened(trie).root_kind() != growing.back()) {
      growing.push_back(Opened(trie).root_kind());
      trie.erase(key(edge));
      EXPECT_EQ(Opened(trie).root_kind(), growing.back());  // One fewer does not turn it back.
      trie.insert_or_assign(key(edge), 1, "document");
    }
    expect_sound(Opened(trie).root());
  }
  EXPECT_EQ(growing, (std::vector{kNode4, kNode16, kNode48, kNode256}));
  shrinking.push_back(kNode256);
  for (int edge = 0; edge < 254; ++edge) {
    EXPECT_TRUE(trie.erase(key(edge)));
    if (Opened(trie).root_kind() != shrinking.back()) {
      shrinking.push_back(Opened(trie).root_kind());
      trie.insert_or_assign(key(edge), 1, "document");
      EXPECT_EQ(Opened(trie).root_kind(), shrinking.back());
      EXPECT_TRUE(trie.erase(key(edge)));
    }
    expect_sound(Opened(trie).root());
    for (int left = edge + 1; left < 256; ++left) ASSERT_TRUE(trie.contains(key(left)));
  }
  EXPECT_EQ(shrinking, (std::vector{kNode256, kNode48, kNode16, kNode4}));
  EXPECT_TRUE(trie.erase(key(254)));
  EXPECT_TRUE(Opened(trie).root().is_leaf());  // The path is compressed again.
}

TEST(Trie, GrowsAndShrinksUnderAFrozenViewOfEachSize) {
  Pair pair;
  std::vector<std::pair<FrozenTrie, Model>> frozen;
  const auto step = [&](int edge, bool growing) {
    frozen.emplace_back(pair.trie.freeze(), pair.model);
    const std::string key{'k', static_cast<char>(edge * 91), 'x'};
    growing ? pair.put(key, "document") : pair.erase(key);
  };
  for (int edge = 0; edge < 256; ++edge) step(edge, true);
  for (int edge = 0; edge < 256; ++edge) step(edge, false);
  for (const auto& [view, model] : frozen) {
    expect_same(view, model);
    expect_sound(Opened(view).root());
  }
}

/// Runs `action` on a thread whose stack has no room for a frame a byte of a key.
void run_on_a_small_stack(void* (*action)(void*)) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 64 << 10), 0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, &attributes, action, nullptr), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST(Trie, TakesPathsAsDeepAsKeysAreLongWithoutRecursion) {
  run_on_a_small_stack([](void*) -> void* {
    constexpr std::size_t kDepth = 4096;  // A node at each depth: every key is the prefix of the next.
    Trie trie;
    std::string key;
    for (std::size_t i = 0; i < kDepth; ++i, key += 'x') trie.insert_or_assign(key, 1, "");
    EXPECT_EQ(trie.count(std::string(kDepth / 2, 'x')), kDepth / 2);
    TrieCursor cursor = trie.cursor();
    cursor.seek(std::string(kDepth - 1, 'x') + "y");
    EXPECT_FALSE(cursor.valid());
    cursor.seek(std::string(kDepth - 1, 'w'));
    EXPECT_EQ(cursor.key(), "x");
    const FrozenTrie frozen = trie.freeze();
    trie.insert_or_assign(key, 2, "");
    trie.clear();
    EXPECT_EQ(frozen.size(), kDepth);
    return nullptr;
  });
}

TEST(FrozenTrie, OutlivesItsTrie) {
  FrozenTrie frozen;
  EXPECT_TRUE(frozen.empty());
  {
    Trie trie;
    for (int i = 0; i < 1000; ++i) trie.insert_or_assign("key" + std::to_string(i), 1, "document");
    frozen = trie.freeze();
    trie.insert_or_assign("key7", 2, "changed");
    trie.erase("key8");
  }
  EXPECT_EQ(frozen.size(), 1000u);
  EXPECT_EQ(frozen.find("key7")->document, "document");
  EXPECT_TRUE(frozen.contains("key8"));
}

TEST(FrozenTrie, CopiesTheSameMoment) {
  Trie trie;
  trie.insert_or_assign("key", 1, "then");
  FrozenTrie first = trie.freeze();
  const FrozenTrie second = first;
  trie.insert_or_assign("key", 2, "now");
  first = FrozenTrie();
  trie.insert_or_assign("key", 3, "later");
  EXPECT_EQ(second.find("key")->document, "then");
}

TEST(TrieCursor, NeverLeavesItsPrefix) {
  Trie trie;
  for (const char* key : {"a", "b", "ba", "bab", "bb", "c"}) trie.insert_or_assign(key, 1, "");
  TrieCursor cursor = trie.cursor("ba");
  cursor.seek("a");
  EXPECT_EQ(cursor.key(), "ba");
  cursor.seek_after("ba");
  EXPECT_EQ(cursor.key(), "bab");
  cursor.next();
  EXPECT_FALSE(cursor.valid());
  cursor.seek("c");
  EXPECT_FALSE(cursor.valid());
  EXPECT_EQ(trie.count("b"), 4u);
  EXPECT_EQ(trie.count("ba"), 2u);
  EXPECT_EQ(trie.count("bx"), 0u);
}

}  // namespace
}  // namespace trellis

// The trie against std::map: the input is a history of writes, reads and frozen views, and both have to agree at each
// step.  Keys are the input's own bytes, so that they share prefixes; runs of keys fill nodes of every size.
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "protocol/check.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "worker/trie/trie.hpp"

namespace trellis {
namespace {

constexpr std::size_t kFrozenMax = 3;

struct Held {
  std::uint64_t version;
  std::string document;
};
using Model = std::map<std::string, Held, std::less<>>;

/// The input, taken from its front; behind its end there are zeros.
class Script {
 public:
  explicit Script(std::string_view bytes) : left_(bytes) {}
  bool ended() const { return left_.empty(); }
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return first;
  }
  std::string_view text(std::size_t size) {
    const std::string_view text = left_.substr(0, size);
    left_.remove_prefix(text.size());
    return text;
  }
  /// Mostly short; now and then longer than a node keeps of a prefix.
  std::string_view key() {
    const std::uint8_t size = byte();
    return text(size < 0xf0 ? size % 6 : size - 0xe0);
  }

 private:
  std::string_view left_;
};

bool agree(const TrieCursor& cursor, const Model& model, Model::const_iterator at, std::string_view prefix) {
  if (at == model.end() || !at->first.starts_with(prefix)) return !cursor.valid();
  return cursor.valid() && cursor.key() == at->first && cursor.version() == at->second.version &&
         cursor.document() == at->second.document;
}

/// From where `cursor` stands, up to so many records.
void walk(TrieCursor& cursor, const Model& model, Model::const_iterator at, std::string_view prefix,
          std::size_t steps) {
  for (;; --steps) {
    CHECK(agree(cursor, model, at, prefix));
    if (!cursor.valid() || steps == 0) return;
    cursor.next();
    ++at;
  }
}

void compare_all(const TrieView& view, const Model& model) {
  std::size_t bytes = 0;
  for (const auto& [key, held] : model) bytes += key.size() + held.document.size();
  CHECK(view.size() == model.size() && view.empty() == model.empty() && view.bytes() == bytes);
  TrieCursor cursor = view.cursor();
  cursor.seek_first();
  walk(cursor, model, model.begin(), {}, model.size());
}

void compare_one(const TrieView& view, const Model& model, std::string_view key) {
  const auto found = view.find(key);
  const auto at = model.find(key);
  CHECK(view.contains(key) == (at != model.end()) && found.has_value() == (at != model.end()));
  if (found) CHECK(found->version == at->second.version && found->document == at->second.document);
}

void compare_prefix(const TrieView& view, const Model& model, std::string_view prefix) {
  std::size_t count = 0;
  for (auto at = model.lower_bound(prefix); at != model.end() && at->first.starts_with(prefix); ++at) ++count;
  CHECK(view.count(prefix) == count);
}

/// A page: from a key on, or behind it, among those with a prefix.
void compare_page(const TrieView& view, const Model& model, Script& script) {
  const std::uint8_t way = script.byte();
  const std::string_view prefix = script.key();
  const std::string_view from = script.key();
  TrieCursor cursor = view.cursor(prefix);
  auto at = model.lower_bound(prefix);
  if (way % 3 == 0) {
    cursor.seek_first();
  } else if (way % 3 == 1) {
    cursor.seek(from);
    if (from > prefix) at = model.lower_bound(from);
  } else {
    cursor.seek_after(from);
    if (from >= prefix) at = model.upper_bound(from);
  }
  walk(cursor, model, at, prefix, way / 3);
}

class History {
 public:
  void step(Script& script) {
    switch (script.byte() % 10) {
      case 0:
      case 1: {
        const std::string_view key = script.key();
        const std::size_t size = script.byte() % 8;
        return put(key, script.text(size));
      }
      case 2: return put_run(script);
      case 3: return erase(script.key());
      case 4: return take(script.key());
      case 5: {
        const std::string_view from = script.key();
        return copy(from, script.key());
      }
      case 6: return freeze();
      case 7: {
        const std::string_view key = script.key();
        compare_one(trie_, model_, key);
        return compare_prefix(trie_, model_, key);
      }
      case 8: return compare_page(trie_, model_, script);
      default: return frozen_step(script);
    }
  }
  void end() {
    compare_all(trie_, model_);
    for (const auto& [view, model] : frozen_) compare_all(view, model);
  }

 private:
  void put(std::string_view key, std::string_view document) {
    const bool is_new = trie_.insert_or_assign(key, ++version_, document);
    CHECK(is_new == model_.insert_or_assign(std::string(key), Held{version_, std::string(document)}).second);
  }
  /// Keys that differ in one byte: written or erased.
  void put_run(Script& script) {
    const std::string prefix(script.key());
    const std::uint8_t first = script.byte();
    const std::uint8_t count = script.byte();
    const bool erases = script.byte() % 3 == 0;
    for (int i = 0; i < count; ++i) {
      const std::string key = prefix + static_cast<char>(first + i);
      erases ? erase(key) : put(key, "r");
    }
  }
  void erase(std::string_view key) { CHECK(trie_.erase(key) == (model_.erase(std::string(key)) == 1)); }
  void take(std::string_view key) {
    const auto taken = trie_.take(key);
    const auto at = model_.find(key);
    CHECK(taken.has_value() == (at != model_.end()));
    if (!taken) return;
    CHECK(taken->key() == key && taken->version() == at->second.version && taken->document() == at->second.document);
    model_.erase(at);
  }
  /// What is written may lie in the trie itself.
  void copy(std::string_view from, std::string_view to) {
    const auto found = trie_.find(from);
    if (!found) return;
    const std::string document(found->document);
    trie_.insert_or_assign(to, ++version_, found->document);
    model_.insert_or_assign(std::string(to), Held{version_, document});
  }
  void freeze() {
    frozen_.emplace_back(trie_.freeze(), model_);
    if (frozen_.size() > kFrozenMax) drop(0);
  }
  void drop(std::size_t which) {
    compare_all(frozen_[which].first, frozen_[which].second);
    frozen_.erase(frozen_.begin() + static_cast<std::ptrdiff_t>(which));
  }
  void frozen_step(Script& script) {
    const std::uint8_t what = script.byte();
    if (what == 0xff) {
      trie_.clear();
      return model_.clear();
    }
    if (frozen_.empty()) return;
    const std::size_t which = what % frozen_.size();
    const auto& [view, model] = frozen_[which];
    if (what < 0x40) return drop(which);
    if (what < 0xa0) return compare_page(view, model, script);
    const std::string_view key = script.key();
    compare_one(view, model, key);
    compare_prefix(view, model, key);
  }

  Trie trie_;
  Model model_;
  std::deque<std::pair<FrozenTrie, Model>> frozen_;
  std::uint64_t version_ = 0;
};

}  // namespace
}  // namespace trellis

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  Script script(text_of(data, size));
  History history;
  while (!script.ended()) history.step(script);
  history.end();
  return 0;
}

// Trie: an ordered map from keys (any bytes) to versioned documents, with frozen views of one epoch.
//
// It is the worker's store of one partition: an adaptive radix tree (node.hpp) over leaves that hold one record each
// (leaf.hpp).
//
//   Trie        is the map that is written; its reads show the last write.
//   FrozenTrie  is what the map held at one epoch. It is made in constant time, read and dropped by any thread while
//               writes go on, and kept even when its trie is gone. As long as one exists, a write copies the nodes on
//               its path once.
//   TrieView    is what both can be asked; functions that only read take one of these.
//   TrieCursor  walks the records of a view in byte order.
//
// The order is that of unsigned bytes, a key before all that it is a prefix of. Keys may be empty, and are not limited
// here except by 4 GiB; nor are documents, whose bytes mean nothing to the trie.
//
// Threading: a Trie belongs to one thread at a time. A FrozenTrie is immutable: any threads may read it at once.
// Lifetime: what find, a cursor or a view of a Trie returned holds until the trie's next write; what those of a
//   FrozenTrie returned, as long as it lives.
// Errors: std::bad_alloc out of a write leaves a trie that can only be destroyed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "worker/trie/leaf.hpp"

namespace trellis {

namespace trie {
class Epochs;
}

using RecordStamp = trie::Stamp;

/// A record where it lies in the trie.
struct StoredDocument {
  std::uint64_t version;
  std::string_view document;
  std::uint64_t deadline = 0;  ///< 0: none.
};

/// A record taken out of a trie, with the memory that it lay in.
class TakenDocument {
 public:
  explicit TakenDocument(trie::Leaf* leaf) : leaf_(leaf) {}

  std::string_view key() const { return leaf_->key(); }
  std::uint64_t version() const { return leaf_->version; }
  std::string_view document() const { return leaf_->document(); }
  /// What keeps document() alive, for a Frame over it.
  std::shared_ptr<const void> into_owner() && { return std::move(leaf_); }

 private:
  struct Free {
    void operator()(trie::Leaf* leaf) const { trie::Leaf::destroy(leaf); }
  };
  std::unique_ptr<trie::Leaf, Free> leaf_;
};

/// Walks records in byte order, forwards and backwards.  It stands nowhere at first: one of the seeks comes first.
class TrieCursor {
 public:
  explicit TrieCursor(trie::Ref root) : root_(root) {}

  /// To the first record; to the first at `key` or after it; to the first after `key`.
  void seek_first();
  void seek(std::string_view key);
  void seek_after(std::string_view key);
  /// To the last record; to the last one before `key`.
  void seek_last();
  void seek_before(std::string_view key);
  /// To the record that follows, and to the one before.  The cursor must be valid.
  void next();
  void previous();

  /// Whether the cursor stands on a record.
  bool valid() const { return leaf_ != nullptr; }
  std::string_view key() const { return leaf_->key(); }
  std::uint64_t version() const { return leaf_->version; }
  std::uint64_t deadline() const { return leaf_->deadline(); }
  std::string_view document() const { return leaf_->document(); }

 private:
  /// A node on the path, and the place of the child the path goes on to (node.hpp).
  struct Step {
    const trie::Node* node;
    int place;
  };
  trie::Ref follow(std::string_view key, std::size_t shared);
  void enter(trie::Ref at);
  void enter_last(trie::Ref at);
  void advance();
  void retreat();

  trie::Ref root_;
  const trie::Leaf* leaf_ = nullptr;
  std::vector<Step> path_;
};

/// A search on its way to a key's leaf.
struct TrieSearch {
  trie::Ref at;  ///< Empty where there is no way on.
  std::string_view key;
};

/// Has all of them go down side by side, of one trie or of several, so that their waits for memory overlap: what find()
/// of each key needs is in the processor's cache afterwards, as far as it has room.
void descend_together(std::span<TrieSearch> searches);

/// What a search has found that came to its end, of a trie that has not changed since.
std::optional<StoredDocument> found_by(const TrieSearch& search);

/// What can be asked of a trie, frozen or not.
class TrieView {
 public:
  /// A search that begins, and is good for as long as the trie is not changed.
  TrieSearch search(std::string_view key) const { return {root_, key}; }
  std::optional<StoredDocument> find(std::string_view key) const;
  bool contains(std::string_view key) const { return find_leaf(key) != nullptr; }

  /// Number of records.
  std::size_t size() const;
  bool empty() const { return !root_; }
  /// Bytes of all keys and documents.
  std::size_t bytes() const { return bytes_; }
  /// Number of keys that begin with `prefix`, in the time of one lookup.
  std::size_t count(std::string_view prefix) const;
  /// Number of keys that begin with `prefix` and come before `key`, in the time of one lookup.
  std::size_t count_before(std::string_view key, std::string_view prefix = {}) const;

  /// A cursor over the keys that begin with `prefix`, and no others wherever it is sent.
  TrieCursor cursor(std::string_view prefix = {}) const { return TrieCursor(below(prefix)); }

 protected:
  TrieView() = default;
  TrieView(const TrieView&) = default;
  TrieView& operator=(const TrieView&) = default;
  ~TrieView() = default;

  const trie::Leaf* find_leaf(std::string_view key) const;
  /// The node or leaf that holds just the keys with that prefix; empty if there are none.
  trie::Ref below(std::string_view prefix) const;

  trie::Ref root_;
  std::size_t bytes_ = 0;
};

/// What a trie held at one epoch.  Copies share the epoch; the last one gone frees what only it could see, which
/// takes time in proportion to what was written since.
class FrozenTrie : public TrieView {
 public:
  FrozenTrie() = default;  ///< An empty one.

 private:
  friend class Trie;
  class Pin;
  FrozenTrie(const TrieView& view, std::shared_ptr<const Pin> pin) : TrieView(view), pin_(std::move(pin)) {}

  std::shared_ptr<const Pin> pin_;
};

class Trie : public TrieView {
 public:
  Trie();
  /// Frees all that no frozen view shows: in proportion to the number of records, so large ones are best moved to
  /// another thread first.
  ~Trie();
  /// What was moved from can only be assigned to or destroyed.
  Trie(Trie&& other) noexcept;
  Trie& operator=(Trie&& other) noexcept;

  /// Stores a record.  True if the key is new, false if it replaced one.  The bytes may lie in this trie.
  bool insert_or_assign(std::string_view key, RecordStamp stamp, std::string_view document);
  /// The same of a document in parts that follow each other.  It is copied once, or changed in place where it keeps its
  /// size and what lies in this trie already lies where it stays.
  bool insert_or_assign(std::string_view key, RecordStamp stamp, std::span<const std::string_view> document);
  /// Changes a record's deadline and nothing else of it: 0 takes it away.  False: there is no such key.
  /// Cost: that of a find, but for a copy of a record that had no deadline, or that a frozen view shows.
  bool set_deadline(std::string_view key, std::uint64_t deadline);
  /// True if the key was there.
  bool erase(std::string_view key);
  /// Removes a record and hands it over, without a copy unless a frozen view shows it.
  std::optional<TakenDocument> take(std::string_view key);
  void clear();

  /// Bytes of memory that leaves and nodes take, but for what was cut off and only frozen views see.
  std::size_t memory() const { return memory_; }

  /// What the trie holds now, in constant time.
  FrozenTrie freeze();

 private:
  bool is_shared(trie::Epoch made) const;
  void retire(trie::Ref one);
  trie::Node* writable(trie::Ref* slot);
  void resize(trie::Ref* slot, int step);
  void replace(trie::Leaf* old, trie::Leaf* leaf);
  bool put(trie::Leaf* leaf, const trie::Leaf* near, std::size_t shared);
  void insert(trie::Leaf* leaf, const trie::Leaf* near, std::size_t shared);
  trie::Leaf* unlink(std::string_view key);
  void settle(trie::Ref* slot);

  std::size_t memory_ = 0;
  trie::Epoch epoch_ = 1;                 ///< Nodes made now belong to it.
  std::shared_ptr<trie::Epochs> epochs_;  ///< Those that frozen views of this trie look at.
};

}  // namespace trellis

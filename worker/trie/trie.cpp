#include "worker/trie/trie.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/check.hpp"
#include "worker/trie/epochs.hpp"
#include "worker/trie/node.hpp"

namespace trellis {

using trie::Epoch;
using trie::Epochs;
using trie::Kind;
using trie::Leaf;
using trie::Node;
using trie::Ref;

namespace {

Leaf* copy_of(const Leaf& leaf, Epoch epoch) {
  const std::string_view document = leaf.document();
  return Leaf::make(epoch, leaf.key(), leaf.version, std::span(&document, 1));
}

std::uint8_t byte_at(std::string_view key, std::size_t position) { return static_cast<std::uint8_t>(key[position]); }

/// Some leaf below `at`: one on the shortest way.
const Leaf* any_leaf(Ref at) {
  while (!at.is_leaf()) {
    const Node& node = *at.node();
    if (node.value != nullptr) return node.value;
    int place = Node::kBeforeFirst;
    at = node.next(place);
  }
  return at.leaf();
}

/// A leaf below `at` whose key has the longest prefix in common with `key`.
const Leaf* nearest(Ref at, std::string_view key) {
  while (!at.is_leaf()) {
    const Node& node = *at.node();
    if (node.depth >= key.size()) break;
    const Ref* child = node.find(byte_at(key, node.depth));
    if (child == nullptr) break;
    at = *child;
  }
  return any_leaf(at);
}

/// Number of bytes that both begin with.
std::size_t common_prefix(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

// --- Reading ---

const Leaf* TrieView::find_leaf(std::string_view key) const {
  if (!root_) return nullptr;
  Ref at = root_;
  while (!at.is_leaf()) {
    const Node& node = *at.node();
    if (node.depth >= key.size()) {
      if (node.depth > key.size() || node.value == nullptr) return nullptr;
      at = node.value;
      break;
    }
    const Ref* child = node.find(byte_at(key, node.depth));
    if (child == nullptr) return nullptr;
    at = *child;
  }
  return at.leaf()->key() == key ? at.leaf() : nullptr;
}

std::optional<StoredDocument> TrieView::find(std::string_view key) const {
  const Leaf* leaf = find_leaf(key);
  if (leaf == nullptr) return std::nullopt;
  return StoredDocument{leaf->version, leaf->document()};
}

Ref TrieView::below(std::string_view prefix) const {
  if (!root_) return {};
  Ref at = root_;
  while (!at.is_leaf() && at.node()->depth < prefix.size()) {
    const Ref* child = at.node()->find(byte_at(prefix, at.node()->depth));
    if (child == nullptr) return {};
    at = *child;
  }
  return any_leaf(at)->key().starts_with(prefix) ? at : Ref();
}

std::size_t TrieView::size() const { return root_ ? root_.keys() : 0; }

std::size_t TrieView::count(std::string_view prefix) const {
  const Ref found = below(prefix);
  return found ? found.keys() : 0;
}

std::size_t TrieView::count_before(std::string_view key, std::string_view prefix) const {
  Ref at = below(prefix);
  if (!at) return 0;
  const std::string_view near = nearest(at, key)->key();
  const std::size_t shared = common_prefix(near, key);
  std::size_t count = 0;
  // What hangs on the path before `key`: the node's own record, and the children on smaller edges.
  const auto add_before = [&count](const Node& node, int place) {
    count += node.value != nullptr ? 1 : 0;
    while (const Ref child = node.previous(place)) count += child.keys();
  };
  while (!at.is_leaf() && at.node()->depth < shared) {
    const Node& node = *at.node();
    const std::uint8_t edge = byte_at(key, node.depth);
    add_before(node, node.place_of(edge));
    at = *node.find(edge);
  }
  if (shared == key.size()) return count;
  if (!at.is_leaf() && at.node()->depth == shared) {
    add_before(*at.node(), at.node()->place_of(byte_at(key, shared)) + 1);
    return count;
  }
  const bool is_after = shared < near.size() && byte_at(near, shared) > byte_at(key, shared);
  return is_after ? count : count + at.keys();
}

// --- Walking ---

void TrieCursor::seek_first() {
  path_.clear();
  leaf_ = nullptr;
  if (root_) enter(root_);
}

/// Goes down as long as the path is `key`'s own.  Where it ends, all that hangs there has the same `shared` bytes in
/// common with `key`, and lies before it or after it as a whole, or child by child.
void TrieCursor::seek(std::string_view key) {
  path_.clear();
  leaf_ = nullptr;
  if (!root_) return;
  const std::string_view near = nearest(root_, key)->key();
  const std::size_t shared = common_prefix(near, key);
  const Ref at = follow(key, shared);
  if (shared == key.size()) return enter(at);  // Whatever hangs here begins with `key`.
  if (!at.is_leaf() && at.node()->depth == shared) {
    path_.push_back({at.node(), at.node()->place_of(byte_at(key, shared))});
    return advance();  // No child is on the edge of `key`: the next one is the first after it.
  }
  const bool is_after = shared < near.size() && byte_at(near, shared) > byte_at(key, shared);
  return is_after ? enter(at) : advance();
}

/// Puts the nodes on the path above the first `shared` bytes of `key`, which some record has, and returns what hangs
/// there.
Ref TrieCursor::follow(std::string_view key, std::size_t shared) {
  Ref at = root_;
  while (!at.is_leaf() && at.node()->depth < shared) {
    const Node& node = *at.node();
    const std::uint8_t edge = byte_at(key, node.depth);
    path_.push_back({&node, node.place_of(edge)});
    at = *node.find(edge);
  }
  return at;
}

void TrieCursor::seek_last() {
  path_.clear();
  leaf_ = nullptr;
  if (root_) enter_last(root_);
}

void TrieCursor::seek_before(std::string_view key) {
  path_.clear();
  leaf_ = nullptr;
  if (!root_) return;
  const std::string_view near = nearest(root_, key)->key();
  const std::size_t shared = common_prefix(near, key);
  const Ref at = follow(key, shared);
  if (shared == key.size()) return retreat();  // Whatever hangs here begins with `key`.
  if (!at.is_leaf() && at.node()->depth == shared) {
    // No child is on the edge of `key`: the last one before that edge is the last record before `key`.
    path_.push_back({at.node(), at.node()->place_of(byte_at(key, shared)) + 1});
    return retreat();
  }
  const bool is_after = shared < near.size() && byte_at(near, shared) > byte_at(key, shared);
  return is_after ? retreat() : enter_last(at);
}

void TrieCursor::seek_after(std::string_view key) {
  seek(key);
  if (valid() && leaf_->key() == key) advance();
}

void TrieCursor::next() { advance(); }

void TrieCursor::previous() { retreat(); }

/// To the first record below `at`.
void TrieCursor::enter(Ref at) {
  while (!at.is_leaf()) {
    const Node& node = *at.node();
    path_.push_back({&node, Node::kBeforeFirst});
    if (node.value != nullptr) {
      leaf_ = node.value;
      return;
    }
    at = node.next(path_.back().place);
  }
  leaf_ = at.leaf();
}

/// To the last record below `at`.
void TrieCursor::enter_last(Ref at) {
  while (!at.is_leaf()) {
    path_.push_back({at.node(), Node::kBehindLast});
    at = at.node()->previous(path_.back().place);
  }
  leaf_ = at.leaf();
}

/// To the last record before all that is on the path.  A node's own record comes before its children, and the cursor
/// stands on it where the place is kBeforeFirst.
void TrieCursor::retreat() {
  for (; !path_.empty(); path_.pop_back()) {
    Step& step = path_.back();
    if (step.place == Node::kBeforeFirst) continue;
    if (const Ref child = step.node->previous(step.place)) return enter_last(child);
    if (step.node->value == nullptr) continue;
    step.place = Node::kBeforeFirst;
    leaf_ = step.node->value;
    return;
  }
  leaf_ = nullptr;
}

/// To the first record after all that is on the path.
void TrieCursor::advance() {
  for (; !path_.empty(); path_.pop_back()) {
    Step& step = path_.back();
    if (const Ref child = step.node->next(step.place)) return enter(child);
  }
  leaf_ = nullptr;
}

// --- Writing ---

Trie::Trie() : epochs_(std::make_shared<Epochs>()) {}

Trie::~Trie() {
  if (epochs_ != nullptr) clear();
}

Trie::Trie(Trie&& other) noexcept : TrieView(other), epoch_(other.epoch_), epochs_(std::move(other.epochs_)) {
  other.root_ = {};
  other.bytes_ = 0;
}

Trie& Trie::operator=(Trie&& other) noexcept {
  Trie moved(std::move(other));
  std::swap(root_, moved.root_);
  std::swap(bytes_, moved.bytes_);
  std::swap(epoch_, moved.epoch_);
  std::swap(epochs_, moved.epochs_);
  return *this;
}

bool Trie::insert_or_assign(std::string_view key, std::uint64_t version, std::string_view document) {
  const Leaf* near = root_ ? nearest(root_, key) : nullptr;
  const std::size_t shared = near != nullptr ? common_prefix(near->key(), key) : 0;
  const bool is_new = near == nullptr || shared < key.size() || shared < near->key_size;
  if (!is_new && near->document_size == document.size() && !is_shared(near->epoch)) {
    const_cast<Leaf*>(near)->overwrite(version, document);
    return false;
  }
  return put(Leaf::make(epoch_, key, version, std::span(&document, 1)), near, shared);
}

bool Trie::insert_or_assign(std::string_view key, std::uint64_t version, std::span<const std::string_view> document) {
  const Leaf* near = root_ ? nearest(root_, key) : nullptr;
  const std::size_t shared = near != nullptr ? common_prefix(near->key(), key) : 0;
  return put(Leaf::make(epoch_, key, version, document), near, shared);
}

/// Puts a leaf in its place.  `near` shares more of its key with it than any other, `shared` bytes; null where the trie
/// is empty.
bool Trie::put(Leaf* leaf, const Leaf* near, std::size_t shared) {
  const bool is_new = near == nullptr || shared < leaf->key_size || shared < near->key_size;
  bytes_ += leaf->size();
  if (near == nullptr) {
    root_ = leaf;
  } else if (is_new) {
    insert(leaf, near, shared);
  } else {
    bytes_ -= near->size();
    replace(const_cast<Leaf*>(near), leaf);
  }
  return is_new;
}

bool Trie::erase(std::string_view key) {
  Leaf* leaf = unlink(key);
  if (leaf != nullptr) retire(leaf);
  return leaf != nullptr;
}

std::optional<TakenDocument> Trie::take(std::string_view key) {
  Leaf* leaf = unlink(key);
  if (leaf == nullptr) return std::nullopt;
  if (!is_shared(leaf->epoch)) return TakenDocument(leaf);
  TakenDocument copy(copy_of(*leaf, epoch_));
  retire(leaf);
  return copy;
}

void Trie::clear() {
  if (root_) epochs_->retire_whole(root_);
  root_ = {};
  bytes_ = 0;
}

/// Whether a frozen view may see what was made in that epoch.
bool Trie::is_shared(Epoch made) const { return made <= epochs_->newest(); }

/// Frees what was cut off the trie, now or when no view sees it any more.
void Trie::retire(Ref one) {
  if (is_shared(one.epoch())) return epochs_->retire(one);
  one.is_leaf() ? Leaf::destroy(one.leaf()) : Node::destroy(one.node());
}

/// The node in `slot`, or a copy that takes its place if a frozen view may see it.
Node* Trie::writable(Ref* slot) {
  Node* node = slot->node();
  if (!is_shared(node->epoch)) return node;
  Node* copy = Node::remake(*node, node->kind, epoch_);
  *slot = copy;
  retire(node);
  return copy;
}

/// Puts the next larger kind of node (step 1) or the next smaller (step -1) in place of the one in `slot`.
void Trie::resize(Ref* slot, int step) {
  Node* node = slot->node();
  *slot = Node::remake(*node, static_cast<Kind>(static_cast<int>(node->kind) + step), epoch_);
  retire(node);
}

/// Puts a leaf in the place of one with the same key.
void Trie::replace(Leaf* old, Leaf* leaf) {
  const std::string_view key = leaf->key();
  Ref* slot = &root_;
  while (!slot->is_leaf()) {
    Node* node = writable(slot);
    if (node->depth == key.size()) {
      node->value = leaf;
      return retire(old);
    }
    slot = node->find(byte_at(key, node->depth));
  }
  *slot = leaf;
  retire(old);
}

/// Adds a leaf whose key leaves all others after `shared` bytes, which it has in common with `near`.
void Trie::insert(Leaf* leaf, const Leaf* near, std::size_t shared) {
  const std::string_view key = leaf->key();
  Ref* slot = &root_;
  while (!slot->is_leaf() && slot->node()->depth < shared) {
    Node* node = writable(slot);
    ++node->keys;
    slot = node->find(byte_at(key, node->depth));
  }
  if (slot->is_leaf() || slot->node()->depth > shared) {  // The path splits here, at a depth that had no node.
    Node* node = Node::make(epoch_, static_cast<std::uint32_t>(shared));
    node->keys = slot->keys();
    if (near->key_size == shared) {
      node->value = slot->leaf();
    } else {
      node->add(byte_at(near->key(), shared), *slot);
    }
    *slot = node;
  } else if (key.size() > shared && slot->node()->is_full()) {
    resize(slot, +1);
  }
  Node* node = writable(slot);
  ++node->keys;
  if (key.size() == shared) {
    node->value = leaf;
  } else {
    node->add(byte_at(key, shared), leaf);
  }
}

/// Cuts the leaf with that key off the trie and returns it, or nullptr if there is none.
Leaf* Trie::unlink(std::string_view key) {
  auto* leaf = const_cast<Leaf*>(find_leaf(key));
  if (leaf == nullptr) return nullptr;
  bytes_ -= leaf->size();
  if (root_.is_leaf()) {
    root_ = {};
    return leaf;
  }
  for (Ref* slot = &root_;;) {
    Node* node = writable(slot);
    --node->keys;
    if (node->depth == key.size()) {
      node->value = nullptr;
      settle(slot);
      return leaf;
    }
    const std::uint8_t edge = byte_at(key, node->depth);
    Ref* child = node->find(edge);
    if (child->is_leaf()) {
      node->remove(edge);
      settle(slot);
      return leaf;
    }
    slot = child;
  }
}

/// Gives the node in `slot`, which lost an entry, the size it needs; one with a single entry left gives way to that.
void Trie::settle(Ref* slot) {
  Node* node = slot->node();
  if (node->entries() == 1) {
    int place = Node::kBeforeFirst;
    *slot = node->value != nullptr ? Ref(node->value) : node->next(place);
    retire(node);
  } else if (node->is_sparse()) {
    resize(slot, -1);
  }
}

// --- Freezing ---

/// Keeps an epoch pinned as long as a frozen view looks at it.
class FrozenTrie::Pin {
 public:
  Pin(std::shared_ptr<Epochs> epochs, Epoch epoch) : epochs_(std::move(epochs)), epoch_(epoch) { epochs_->pin(epoch); }
  ~Pin() { epochs_->release(epoch_); }
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;

 private:
  std::shared_ptr<Epochs> epochs_;
  Epoch epoch_;
};

FrozenTrie Trie::freeze() { return FrozenTrie(*this, std::make_shared<FrozenTrie::Pin>(epochs_, epoch_++)); }

}  // namespace trellis

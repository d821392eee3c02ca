#include "worker/trie/trie.hpp"

#include <algorithm>
#include <utility>

#include "protocol/check.hpp"
#include "worker/trie/epochs.hpp"
#include "worker/trie/nearest.hpp"
#include "worker/trie/node.hpp"

namespace trellis {

using trie::any_leaf;
using trie::byte_at;
using trie::common_prefix;
using trie::Epoch;
using trie::Epochs;
using trie::Kind;
using trie::Leaf;
using trie::nearest;
using trie::Node;
using trie::Ref;

namespace {

Leaf* copy_of(const Leaf& leaf, Epoch epoch) {
  const std::string_view document = leaf.document();
  return Leaf::make(epoch, leaf.key(), {leaf.version, leaf.deadline()}, std::span(&document, 1));
}

/// Where a search for the key goes on from here; empty where it ends.
Ref step(const Node& node, std::string_view key) {
  if (node.depth >= key.size()) {
    return node.depth == key.size() && node.value != nullptr ? Ref(node.value) : Ref();
  }
  const Ref* const child = node.find(byte_at(key, node.depth));
  return child == nullptr ? Ref() : *child;
}

/// Has the first lines of a node or a leaf fetched: as many as most nodes and small records have.  Inline, since a call
/// of a function that does nothing else is left out by compilers.
[[gnu::always_inline]] inline void prefetch(Ref at) {
  constexpr std::size_t kLine = 64;
  if (!at) return;
  const char* const begin =
      at.is_leaf() ? reinterpret_cast<const char*>(at.leaf()) : reinterpret_cast<const char*>(at.node());
  for (std::size_t line = 0; line < 3; ++line) __builtin_prefetch(begin + line * kLine);
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

/// Few enough for the processor to have all their lines under way at once.
constexpr std::size_t kSideBySide = 16;

void descend_together(std::span<TrieSearch> searches) {
  while (!searches.empty()) {
    std::span<TrieSearch> here = searches.first(std::min(searches.size(), kSideBySide));
    searches = searches.subspan(here.size());
    for (bool goes_on = true; goes_on;) {
      goes_on = false;
      for (TrieSearch& search : here) {
        if (!search.at || search.at.is_leaf()) continue;
        search.at = step(*search.at.node(), search.key);
        prefetch(search.at);
        goes_on = true;
      }
    }
  }
}

namespace {

std::optional<StoredDocument> stored_in(const Leaf* leaf) {
  if (leaf == nullptr) return std::nullopt;
  return StoredDocument{leaf->version, leaf->document(), leaf->deadline()};
}

}  // namespace

std::optional<StoredDocument> found_by(const TrieSearch& search) {
  const bool is_there = search.at && search.at.is_leaf() && search.at.leaf()->key() == search.key;
  return stored_in(is_there ? search.at.leaf() : nullptr);
}

std::optional<StoredDocument> TrieView::find(std::string_view key) const { return stored_in(find_leaf(key)); }

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

// --- Writing ---

Trie::Trie() : epochs_(std::make_shared<Epochs>()) {}

Trie::~Trie() {
  if (epochs_ != nullptr) clear();
}

Trie::Trie(Trie&& other) noexcept
    : TrieView(other),
      memory_(std::exchange(other.memory_, 0)),
      epoch_(other.epoch_),
      epochs_(std::move(other.epochs_)) {
  other.root_ = {};
  other.bytes_ = 0;
}

Trie& Trie::operator=(Trie&& other) noexcept {
  Trie moved(std::move(other));
  std::swap(root_, moved.root_);
  std::swap(bytes_, moved.bytes_);
  std::swap(memory_, moved.memory_);
  std::swap(epoch_, moved.epoch_);
  std::swap(epochs_, moved.epochs_);
  return *this;
}

bool Trie::insert_or_assign(std::string_view key, RecordStamp stamp, std::string_view document) {
  const Leaf* near = root_ ? nearest(root_, key) : nullptr;
  const std::size_t shared = near != nullptr ? common_prefix(near->key(), key) : 0;
  const bool is_new = near == nullptr || shared < key.size() || shared < near->key_size;
  const bool has_room = !is_new && near->document_size == document.size() && near->takes(stamp.deadline);
  if (has_room && !is_shared(near->epoch)) {
    const_cast<Leaf*>(near)->overwrite(stamp, document);
    return false;
  }
  return put(Leaf::make(epoch_, key, stamp, std::span(&document, 1)), near, shared);
}

bool Trie::insert_or_assign(std::string_view key, RecordStamp stamp, std::span<const std::string_view> document) {
  const Leaf* near = root_ ? nearest(root_, key) : nullptr;
  const std::size_t shared = near != nullptr ? common_prefix(near->key(), key) : 0;
  const bool is_there = near != nullptr && shared == key.size() && shared == near->key_size;
  if (is_there && !is_shared(near->epoch) && const_cast<Leaf*>(near)->overwrite_parts(stamp, document)) return false;
  return put(Leaf::make(epoch_, key, stamp, document), near, shared);
}

bool Trie::set_deadline(std::string_view key, std::uint64_t deadline) {
  auto* const leaf = const_cast<Leaf*>(find_leaf(key));
  if (leaf == nullptr) return false;
  if (leaf->deadline() == deadline) return true;
  if (leaf->takes(deadline) && !is_shared(leaf->epoch)) {
    leaf->set_deadline(deadline);
  } else {
    const std::string_view document = leaf->document();
    Leaf* const changed = Leaf::make(epoch_, key, {leaf->version, deadline}, std::span(&document, 1));
    memory_ += changed->memory();
    replace(leaf, changed);
  }
  return true;
}

/// Puts a leaf in its place.  `near` shares more of its key with it than any other, `shared` bytes; null where the trie
/// is empty.
bool Trie::put(Leaf* leaf, const Leaf* near, std::size_t shared) {
  const bool is_new = near == nullptr || shared < leaf->key_size || shared < near->key_size;
  bytes_ += leaf->size();
  memory_ += leaf->memory();
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
  if (!is_shared(leaf->epoch)) {
    memory_ -= leaf->memory();
    return TakenDocument(leaf);
  }
  TakenDocument copy(copy_of(*leaf, epoch_));
  retire(leaf);
  return copy;
}

void Trie::clear() {
  if (root_) epochs_->retire_whole(root_);
  root_ = {};
  bytes_ = memory_ = 0;
}

/// Whether a frozen view may see what was made in that epoch.
bool Trie::is_shared(Epoch made) const { return made <= epochs_->newest(); }

/// Frees what was cut off the trie, now or when no view sees it any more.
void Trie::retire(Ref one) {
  memory_ -= one.is_leaf() ? one.leaf()->memory() : one.node()->memory();
  if (is_shared(one.epoch())) return epochs_->retire(one);
  one.is_leaf() ? Leaf::destroy(one.leaf()) : Node::destroy(one.node());
}

/// The node in `slot`, or a copy that takes its place if a frozen view may see it.
Node* Trie::writable(Ref* slot) {
  Node* node = slot->node();
  if (!is_shared(node->epoch)) return node;
  Node* copy = Node::remake(*node, node->kind, epoch_);
  memory_ += copy->memory();
  *slot = copy;
  retire(node);
  return copy;
}

/// Puts the next larger kind of node (step 1) or the next smaller (step -1) in place of the one in `slot`.
void Trie::resize(Ref* slot, int step) {
  Node* node = slot->node();
  Node* const resized = Node::remake(*node, static_cast<Kind>(static_cast<int>(node->kind) + step), epoch_);
  memory_ += resized->memory();
  *slot = resized;
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
    memory_ += node->memory();
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

#include "worker/trie/nearest.hpp"
#include "worker/trie/trie.hpp"

namespace trellis {

using trie::byte_at;
using trie::common_prefix;
using trie::nearest;
using trie::Node;
using trie::Ref;

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

}  // namespace trellis

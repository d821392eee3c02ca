#include "worker/trie/node.hpp"

#include <algorithm>

#include "protocol/check.hpp"

namespace trellis::trie {

// --- Node4, Node16 ---

template <int Capacity>
int SmallNode<Capacity>::place_of(std::uint8_t edge) const {
  return static_cast<int>(std::upper_bound(edges_, edges_ + children, edge) - edges_) - 1;
}

template <int Capacity>
void SmallNode<Capacity>::add(std::uint8_t edge, Ref child) {
  const int place = place_of(edge) + 1;
  std::copy_backward(edges_ + place, edges_ + children, edges_ + children + 1);
  std::copy_backward(slots_ + place, slots_ + children, slots_ + children + 1);
  edges_[place] = edge;
  slots_[place] = child;
  ++children;
}

template <int Capacity>
void SmallNode<Capacity>::remove(std::uint8_t edge) {
  const int place = place_of(edge);
  std::copy(edges_ + place + 1, edges_ + children, edges_ + place);
  std::copy(slots_ + place + 1, slots_ + children, slots_ + place);
  --children;
}

// --- Node48 ---

Node48::Node48() : Node{} { std::fill(std::begin(index_), std::end(index_), kEmpty); }

void Node48::add(std::uint8_t edge, Ref child) {
  index_[edge] = static_cast<std::uint8_t>(children);
  slots_[children++] = child;
}

/// The last slot moves into the gap, so that the slots in use stay together.
void Node48::remove(std::uint8_t edge) {
  const std::uint8_t gap = index_[edge];
  const auto last = static_cast<std::uint8_t>(--children);
  index_[edge] = kEmpty;
  if (gap == last) return;
  *std::find(std::begin(index_), std::end(index_), last) = gap;
  slots_[gap] = slots_[last];
}

/// Eight edges at a time: a word of empty ones is all ones.
Ref Node48::next(int& place) const {
  int edge = place + 1;
  for (std::uint64_t word; edge + 8 <= 256; edge += 8) {
    std::memcpy(&word, index_ + edge, sizeof(word));
    if (~word == 0) continue;
    edge += (std::endian::native == std::endian::little ? std::countr_zero(~word) : std::countl_zero(~word)) / 8;
    break;
  }
  while (edge < 256 && index_[edge] == kEmpty) ++edge;
  if (edge == 256) return {};
  place = edge;
  return slots_[index_[edge]];
}

Ref Node48::previous(int& place) const {
  int edge = place - 1;
  while (edge >= 0 && index_[edge] == kEmpty) --edge;
  if (edge < 0) return {};
  place = edge;
  return slots_[index_[edge]];
}

// --- Node256 ---

void Node256::add(std::uint8_t edge, Ref child) {
  slots_[edge] = child;
  ++children;
}

void Node256::remove(std::uint8_t edge) {
  slots_[edge] = {};
  --children;
}

Ref Node256::next(int& place) const {
  const Ref* slot = std::find_if(slots_ + (place + 1), std::end(slots_), [](Ref child) { return bool(child); });
  if (slot == std::end(slots_)) return {};
  place = static_cast<int>(slot - slots_);
  return *slot;
}

Ref Node256::previous(int& place) const {
  int edge = place - 1;
  while (edge >= 0 && !slots_[edge]) --edge;
  if (edge < 0) return {};
  place = edge;
  return slots_[edge];
}

// --- all of them ---

bool Node::is_full() const {
  return as_its_kind(*this, [](const auto& node) { return node.children == node.kCapacity; });
}

bool Node::is_sparse() const {
  return as_its_kind(*this, [](const auto& node) { return node.children <= node.kShrinkAt; });
}

std::size_t Node::memory() const {
  return as_its_kind(*this, [](const auto& node) { return allocated_size(sizeof node); });
}

void Node::add(std::uint8_t edge, Ref child) {
  as_its_kind(*this, [&](auto& node) { node.add(edge, child); });
}

void Node::remove(std::uint8_t edge) {
  as_its_kind(*this, [&](auto& node) { node.remove(edge); });
}

int Node::place_of(std::uint8_t edge) const {
  return as_its_kind(*this, [&](const auto& node) { return node.place_of(edge); });
}

namespace {

Node* make_empty(Kind kind) {
  switch (kind) {
    case Kind::kNode4: return new Node4{};
    case Kind::kNode16: return new Node16{};
    case Kind::kNode48: return new Node48{};
    case Kind::kNode256: break;
  }
  return new Node256{};
}

}  // namespace

Node* Node::make(Epoch epoch, std::uint32_t depth) {
  auto* node = new Node4{};
  node->epoch = epoch;
  node->depth = depth;
  node->kind = Kind::kNode4;
  return node;
}

Node* Node::remake(const Node& from, Kind kind, Epoch epoch) {
  Node* made;
  if (kind == from.kind) {
    made = as_its_kind(from, [](const auto& node) -> Node* { return new auto(node); });
  } else {
    made = make_empty(kind);
    *made = from;
    made->kind = kind;
    made->children = 0;
    as_its_kind(from, [made](const auto& node) {
      int place = kBeforeFirst;
      while (const Ref child = node.next(place)) made->add(node.edge_at(place), child);
    });
  }
  made->epoch = epoch;
  return made;
}

void Node::destroy(Node* node) {
  as_its_kind(*node, [](auto& as) { delete &as; });
}

}  // namespace trellis::trie

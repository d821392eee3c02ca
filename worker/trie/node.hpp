// The inner nodes of a trie, in four sizes.
//
//   keys: "romane", "romanus", "rome"
//
//   [depth 3] ─┬─ 'a' ─▶ [depth 5] ─┬─ 'e' ─▶ leaf "romane"
//              │                    └─ 'u' ─▶ leaf "romanus"
//              └─ 'e' ─▶ leaf "rome"
//
// A node branches at one position of the key, its depth. The bytes between two depths on a path are the same in all
// keys below ("rom", and the 'n' of "roman"), and stand nowhere but in the leaves: a search skips them and compares the
// whole key once, in the leaf.
//
// Since depths count from the start of the key, a path that is split, or compressed again, leaves the nodes below it
// untouched. A node may hold a value besides its children: the leaf whose key ends at the node's depth. So one key may
// be the prefix of another, and every byte is legal in a key.
//
// Invariant: a node has two entries at least (children and value together), and `keys` leaves below it.
// Threading: none here. Whether a node may be changed is decided in trie.cpp, by its epoch.
// Sources: Leis et al., "The Adaptive Radix Tree", ICDE 2013, section III, for the layout; Morrison, "PATRICIA",
//   JACM 1968, for branching without stored prefixes.
#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <bit>
#include <cstring>
#include <utility>

#include "worker/trie/leaf.hpp"

namespace trellis::trie {

enum class Kind : std::uint8_t { kNode4, kNode16, kNode48, kNode256 };

/// What all inner nodes have in common.  The operations pass on to the node's kind; none of them allocates.
///
/// Children are visited by place: a number that grows with the edge byte, kBeforeFirst before the first child and
/// kBehindLast behind the last.
struct Node {
  static constexpr int kBeforeFirst = -1;
  static constexpr int kBehindLast = 256;

  Epoch epoch;
  std::uint64_t keys;  ///< Leaves below, the value included.
  Leaf* value;         ///< The leaf whose key ends here, or nullptr.
  std::uint32_t depth;
  std::uint16_t children;
  Kind kind;

  std::size_t entries() const { return children + (value != nullptr ? 1u : 0u); }
  /// Bytes of memory that it takes.
  std::size_t memory() const;
  bool is_full() const;
  /// Few enough children for the next smaller kind, with room to spare so that a node on the border does not flap.
  bool is_sparse() const;

  /// The child on `edge`, or nullptr.
  const Ref* find(std::uint8_t edge) const;
  Ref* find(std::uint8_t edge) { return const_cast<Ref*>(static_cast<const Node*>(this)->find(edge)); }
  /// Adds a child on an edge that has none, to a node that is not full.
  void add(std::uint8_t edge, Ref child);
  /// Removes the child that `edge` has.
  void remove(std::uint8_t edge);
  /// The first child after `place`, which moves there; an empty Ref and no move after the last.
  Ref next(int& place) const;
  /// The last child before `place`, which moves there; an empty Ref and no move before the first.
  Ref previous(int& place) const;
  /// The place of the last child whose edge is at most `edge`, or one with no child between it and there.
  int place_of(std::uint8_t edge) const;

  /// An empty Node4.
  static Node* make(Epoch epoch, std::uint32_t depth);
  /// A node of another epoch and perhaps of another size, with everything else as in `from`.
  static Node* remake(const Node& from, Kind kind, Epoch epoch);
  /// Frees the node alone.
  static void destroy(Node* node);
};

/// Up to 4 or 16 children: edges_ in ascending order, slots_ beside them.  All edges are compared at once.
template <int Capacity>
struct SmallNode : Node {
  static constexpr int kCapacity = Capacity;
  static constexpr int kShrinkAt = Capacity == 4 ? 0 : 3;

  const Ref* find(std::uint8_t edge) const {
    const unsigned hits = matches(edge);
    return hits == 0 ? nullptr : &slots_[std::countr_zero(hits)];
  }
  void add(std::uint8_t edge, Ref child);
  void remove(std::uint8_t edge);
  Ref next(int& place) const { return place + 1 < children ? slots_[++place] : Ref(); }
  Ref previous(int& place) const {
    const int before = (place < children ? place : int{children}) - 1;
    return before < 0 ? Ref() : slots_[place = before];
  }
  int place_of(std::uint8_t edge) const;
  std::uint8_t edge_at(int place) const { return edges_[place]; }
  /// Bit i is set where edges_[i] is `edge`.
  unsigned matches(std::uint8_t edge) const;

  std::uint8_t edges_[Capacity];
  Ref slots_[Capacity];
};
using Node4 = SmallNode<4>;
using Node16 = SmallNode<16>;

/// Up to 48 children: index_[edge] -> slot or kEmpty, slots_[slot] -> child; the first `children` slots are in use.
struct Node48 : Node {
  static constexpr int kCapacity = 48;
  static constexpr int kShrinkAt = 12;
  static constexpr std::uint8_t kEmpty = 0xff;

  Node48();
  const Ref* find(std::uint8_t edge) const { return index_[edge] == kEmpty ? nullptr : &slots_[index_[edge]]; }
  void add(std::uint8_t edge, Ref child);
  void remove(std::uint8_t edge);
  Ref next(int& place) const;
  Ref previous(int& place) const;
  int place_of(std::uint8_t edge) const { return edge; }
  std::uint8_t edge_at(int place) const { return static_cast<std::uint8_t>(place); }

  std::uint8_t index_[256];
  Ref slots_[kCapacity];
};

/// Up to 256 children: slots_[edge] -> child.
struct Node256 : Node {
  static constexpr int kCapacity = 256;
  static constexpr int kShrinkAt = 36;

  Node256() : Node{} {}
  const Ref* find(std::uint8_t edge) const { return slots_[edge] ? &slots_[edge] : nullptr; }
  void add(std::uint8_t edge, Ref child);
  void remove(std::uint8_t edge);
  Ref next(int& place) const;
  Ref previous(int& place) const;
  int place_of(std::uint8_t edge) const { return edge; }
  std::uint8_t edge_at(int place) const { return static_cast<std::uint8_t>(place); }

  Ref slots_[kCapacity];
};

/// Calls `action` with the node as what it is.
template <typename Action>
decltype(auto) as_its_kind(Node& node, Action action) {
  switch (node.kind) {
    case Kind::kNode4: return action(static_cast<Node4&>(node));
    case Kind::kNode16: return action(static_cast<Node16&>(node));
    case Kind::kNode48: return action(static_cast<Node48&>(node));
    case Kind::kNode256: break;
  }
  return action(static_cast<Node256&>(node));
}
template <typename Action>
decltype(auto) as_its_kind(const Node& node, Action action) {
  return as_its_kind(const_cast<Node&>(node), [&](auto& as) { return action(std::as_const(as)); });
}

template <int Capacity>
inline unsigned SmallNode<Capacity>::matches(std::uint8_t edge) const {
  const unsigned used = (1u << children) - 1;
#if defined(__SSE2__)
  __m128i edges;
  if constexpr (Capacity == 16) {
    edges = _mm_loadu_si128(reinterpret_cast<const __m128i*>(edges_));
  } else {
    int four;
    std::memcpy(&four, edges_, sizeof(four));
    edges = _mm_cvtsi32_si128(four);
  }
  const __m128i equal = _mm_cmpeq_epi8(edges, _mm_set1_epi8(static_cast<char>(edge)));
  return static_cast<unsigned>(_mm_movemask_epi8(equal)) & used;
#else
  unsigned equal = 0;
  for (int i = 0; i < Capacity; ++i) equal |= static_cast<unsigned>(edges_[i] == edge) << i;
  return equal & used;
#endif
}

[[gnu::always_inline]] inline const Ref* Node::find(std::uint8_t edge) const {
  switch (kind) {
    case Kind::kNode4: return static_cast<const Node4*>(this)->find(edge);
    case Kind::kNode16: return static_cast<const Node16*>(this)->find(edge);
    case Kind::kNode48: return static_cast<const Node48*>(this)->find(edge);
    case Kind::kNode256: break;
  }
  return static_cast<const Node256*>(this)->find(edge);
}

inline Ref Node::next(int& place) const {
  return as_its_kind(*this, [&place](const auto& node) { return node.next(place); });
}

inline Ref Node::previous(int& place) const {
  return as_its_kind(*this, [&place](const auto& node) { return node.previous(place); });
}

}  // namespace trellis::trie

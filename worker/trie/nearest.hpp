// What a search compares: bytes of keys, and the leaf that is nearest to a key.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "worker/trie/node.hpp"

namespace trellis::trie {

inline std::uint8_t byte_at(std::string_view key, std::size_t position) {
  return static_cast<std::uint8_t>(key[position]);
}

/// Some leaf below `at`: one on the shortest way.
inline const Leaf* any_leaf(Ref at) {
  while (!at.is_leaf()) {
    const Node& node = *at.node();
    if (node.value != nullptr) return node.value;
    int place = Node::kBeforeFirst;
    at = node.next(place);
  }
  return at.leaf();
}

/// A leaf below `at` whose key has the longest prefix in common with `key`.
inline const Leaf* nearest(Ref at, std::string_view key) {
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
inline std::size_t common_prefix(std::string_view a, std::string_view b) {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t shared = 0;
  for (; shared + sizeof(std::uint64_t) <= most; shared += sizeof(std::uint64_t)) {
    std::uint64_t one = 0;
    std::uint64_t other = 0;
    std::memcpy(&one, a.data() + shared, sizeof one);
    std::memcpy(&other, b.data() + shared, sizeof other);
    if (one != other) break;
  }
  while (shared < most && a[shared] == b[shared]) ++shared;
  return shared;
}

}  // namespace trellis::trie

// What the allocator takes for a block of so many bytes.
//
// It has classes of sizes, up to 128 bytes 16 apart, and from there on four to each doubling: those of jemalloc, and
// near to those of others.  Asking it block by block would touch memory of its own for each.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>

namespace trellis::trie {

constexpr std::size_t allocated_size(std::size_t size) {
  constexpr std::size_t kSpacingMin = 16;
  const std::size_t spacing = size < 2 ? kSpacingMin : std::max(kSpacingMin, std::bit_floor(size - 1) / 4);
  return std::max(kSpacingMin, (size + spacing - 1) / spacing * spacing);
}

}  // namespace trellis::trie

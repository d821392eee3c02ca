// SessionIndex: hash -> number, for what is kept in an order of its own beside it.
//
// Open addressing with linear probing, 8 bytes a slot.  Numbers are kept in 32 bits, which is enough to tell those of
// one window apart.  Several numbers may stand under one hash: whoever looks compares what they name.
// Threading: belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace trellis {

class SessionIndex {
 public:
  void add(std::uint64_t hash, std::uint64_t number);
  /// That number stands under that hash.
  void remove(std::uint64_t hash, std::uint64_t number);

  /// Bytes of memory that it takes.
  std::size_t memory() const { return slots_.capacity() * sizeof(std::uint64_t); }

  /// Calls `matches` with the low 32 bits of each number under that hash until it returns true.
  template <typename Matches>
  bool find(std::uint64_t hash, Matches matches) const {
    if (slots_.empty()) return false;
    const std::size_t mask = slots_.size() - 1;
    const std::uint64_t wanted = slot_of(hash, 0);
    for (std::size_t at = home_of(wanted) & mask; slots_[at] != 0; at = (at + 1) & mask) {
      if (tag_of(slots_[at]) == tag_of(wanted) && matches(static_cast<std::uint32_t>(slots_[at]))) return true;
    }
    return false;
  }

 private:
  static std::uint64_t slot_of(std::uint64_t hash, std::uint64_t number) {
    return (hash | 1ull << 32) >> 32 << 32 | static_cast<std::uint32_t>(number);
  }
  static std::uint64_t tag_of(std::uint64_t slot) { return slot >> 32; }
  /// Where a slot would stand if no other were in its way; the tag's lowest bit is always set and says nothing.
  static std::size_t home_of(std::uint64_t slot) { return static_cast<std::size_t>(slot >> 33); }

  void grow();

  std::vector<std::uint64_t> slots_;  ///< Upper half: tag, its lowest bit set.  Lower half: number.  0: empty.
  std::size_t used_ = 0;
};

}  // namespace trellis

#include "worker/state/session_index.hpp"

#include <algorithm>
#include <utility>

namespace trellis {

void SessionIndex::add(std::uint64_t hash, std::uint64_t number) {
  if (4 * (used_ + 1) > 3 * slots_.size()) grow();
  const std::size_t mask = slots_.size() - 1;
  const std::uint64_t slot = slot_of(hash, number);
  std::size_t at = home_of(slot) & mask;
  while (slots_[at] != 0) at = (at + 1) & mask;
  slots_[at] = slot;
  ++used_;
}

void SessionIndex::remove(std::uint64_t hash, std::uint64_t number) {
  const std::size_t mask = slots_.size() - 1;
  const std::uint64_t slot = slot_of(hash, number);
  std::size_t hole = home_of(slot) & mask;
  while (slots_[hole] != slot) hole = (hole + 1) & mask;
  // Whatever follows moves up into the hole, unless it would then stand before its home: no grave stones.
  for (std::size_t at = (hole + 1) & mask; slots_[at] != 0; at = (at + 1) & mask) {
    const std::size_t from_home = (at - home_of(slots_[at])) & mask;
    if (from_home >= ((at - hole) & mask)) {
      slots_[hole] = slots_[at];
      hole = at;
    }
  }
  slots_[hole] = 0;
  --used_;
}

void SessionIndex::grow() {
  constexpr std::size_t kSlotsMin = 64;
  const std::vector<std::uint64_t> old = std::exchange(slots_, {});
  slots_.resize(std::max(kSlotsMin, 2 * old.size()));
  const std::size_t mask = slots_.size() - 1;
  for (const std::uint64_t slot : old) {
    if (slot == 0) continue;
    std::size_t at = home_of(slot) & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

}  // namespace trellis

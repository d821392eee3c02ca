// Which batch was the last one with a key, for each key of the batches that are held.
//
// A flat table by hash (linear probing, at most half full): the loader asks it twice a record, and the nodes of a
// std::unordered_map cost more than all the rest that it does for one.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace trellis {

class LastBatches {
 public:
  /// Makes `batch`, which is not 0, the last one with this key.
  /// @param key  its hash, whose low bits say where it lies
  /// @return     the last one until now; 0 where none has it
  std::uint64_t set(std::uint64_t key, std::uint64_t batch) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    Slot& slot = slots_[find(key)];
    if (slot.batch == 0) {
      slot.key = key;
      ++size_;
    }
    return std::exchange(slot.batch, batch);
  }

  /// Forgets the key, if `batch` is the last one with it.
  void forget(std::uint64_t key, std::uint64_t batch) {
    if (slots_.empty()) return;
    std::size_t hole = find(key);
    if (slots_[hole].batch != batch) return;
    // What follows moves up wherever it would no longer be found (Knuth, volume 3, 6.4, algorithm R).
    for (std::size_t at = next(hole); slots_[at].batch != 0; at = next(at)) {
      if (distance(slots_[at].key, at) < distance(hole, at)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
    --size_;
  }

  std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint64_t batch = 0;  ///< 0: free.
  };
  static constexpr std::size_t kSlotsMin = 1024;

  std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }
  /// Steps from where `home` belongs to `at`.
  std::size_t distance(std::uint64_t home, std::size_t at) const { return (at - home) & (slots_.size() - 1); }
  /// Where the key lies, or would.
  std::size_t find(std::uint64_t key) const {
    std::size_t at = key & (slots_.size() - 1);
    while (slots_[at].batch != 0 && slots_[at].key != key) at = next(at);
    return at;
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? kSlotsMin : 2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.batch != 0) slots_[find(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;  ///< A power of two.
  std::size_t size_ = 0;
};

}  // namespace trellis

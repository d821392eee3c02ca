// TurnRoom: what one turn of a worker has room for, of work that can be spread over several; and who goes on in the
// next.
//
// A worker's loop serves all its groups.  What one of them takes in after it was away, or while it is new here, comes
// by the mebibyte; done in one turn it would have all others wait for 10 ms and more.  Pure; one thread.
#pragma once

#include <cstddef>
#include <set>
#include <utility>

#include "protocol/types.hpp"

namespace trellis {

class TurnRoom {
 public:
  /// So many removals of what is due may be proposed in a turn, over all partitions.
  static constexpr std::size_t kRemovals = 4;
  /// So many pieces of large AppendEntries are put to the library in a turn, of 64 KiB each: some 0.7 ms where
  /// documents are small.
  static constexpr std::size_t kPiecesTakenIn = 4;
  /// So many are finished, which is when most of them are applied: some 1 ms.
  static constexpr std::size_t kPiecesFinished = 1;

  // Each returns whether the turn has room for one more.  Whoever finds none is among those whom the next turn begins
  // with.
  bool take_removal(PartitionId group) { return take(group, removals_, kRemovals); }
  bool take_in_piece(PartitionId group) { return take(group, taken_in_, kPiecesTakenIn); }
  bool finish_piece(PartitionId group) { return take(group, finished_, kPiecesFinished); }

  bool has_waiting() const { return !waiting_.empty(); }
  /// Returns those who found no room in the last one.
  std::set<PartitionId> begin_turn() {
    removals_ = taken_in_ = finished_ = 0;
    return std::exchange(waiting_, {});
  }

 private:
  bool take(PartitionId group, std::size_t& used, std::size_t most) {
    if (used == most) {
      waiting_.insert(group);
      return false;
    }
    ++used;
    return true;
  }

  std::size_t removals_ = 0;
  std::size_t taken_in_ = 0;
  std::size_t finished_ = 0;
  std::set<PartitionId> waiting_;
};

}  // namespace trellis

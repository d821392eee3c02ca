// TurnRoom: what one turn of a worker has room for, of work that can be spread over several; and who goes on in the
// next.
//
// A worker's loop serves all its groups.  What one of them takes in after it was away, or while it is new here, comes
// by the mebibyte; done in one turn it would have all others wait for 10 ms and more.  Pure; one thread.
#pragma once

#include <cstddef>
#include <optional>
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

  // Each returns whether the turn has room for one more.  Whoever finds none is woken in the next turn.
  bool take_removal(PartitionId group) { return take(group, removals_, kRemovals); }
  bool take_in_piece(PartitionId group) { return take_piece(group, taken_in_, kPiecesTakenIn); }
  bool finish_piece(PartitionId group) { return take_piece(group, finished_, kPiecesFinished); }

  /// With which group, or the next behind it, this turn is to begin: where several have more pieces than there is room
  /// for, each is the first in its turn.
  PartitionId first() const { return first_; }

  bool has_waiting() const { return !waiting_.empty(); }
  /// Returns those who found no room in the last one.
  std::set<PartitionId> begin_turn() {
    removals_ = taken_in_ = finished_ = 0;
    if (served_) first_ = {served_->value + 1};
    served_.reset();
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

  bool take_piece(PartitionId group, std::size_t& used, std::size_t most) {
    if (!take(group, used, most)) return false;
    if (!served_) served_ = group;
    return true;
  }

  std::size_t removals_ = 0;
  std::size_t taken_in_ = 0;
  std::size_t finished_ = 0;
  std::set<PartitionId> waiting_;
  PartitionId first_{0};
  std::optional<PartitionId> served_;  ///< The first that found room for a piece in this turn.
};

}  // namespace trellis

// Moves: what a worker keeps in mind of the replicas that it sends and receives (worker/shard_moves.cpp).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "protocol/types.hpp"

namespace trellis {

struct Moves {
  /// Newcomers that are heard, of all groups that are led here, as of this turn.
  std::size_t sending = 0;
  /// Why a group that is led here and is not as it should be stands still, for people.
  std::map<PartitionId, std::string> waits;
  /// A replica is to come here, and had to wait since others are on their way: when that was last so.
  std::map<PartitionId, TimePoint> turned_away;

  // For metrics.
  std::uint64_t bytes_sent = 0;  ///< Snapshots for moves.
  std::uint64_t bytes_received = 0;
};

}  // namespace trellis

// What holds for a whole cluster and may be changed while it serves: SETTINGS shows it, the cluster map keeps it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "protocol/limits.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// How replicas travel between workers.
struct MoveLimits {
  std::uint32_t moves = kMovesDefault;  ///< That a worker sends, and receives, at a time.
  std::uint64_t rate = 0;               ///< Bytes a second that it spends on sending their snapshots; 0: no limit.
  bool operator==(const MoveLimits&) const = default;
};

/// Whether they are within their bounds.  Error: kInvalidArgument, with the bounds.
Result<void> check(const MoveLimits& limits);

/// Whether a member may be so long silent before it is repaired.  Error: kInvalidArgument, with the bounds.
Result<void> check_repair_after(std::chrono::milliseconds time);

/// What SETTINGS is to change; what is not given stays.
struct SettingsChange {
  std::optional<std::uint32_t> k;
  std::optional<std::uint64_t> epoch = std::nullopt;  ///< A restore's: the map's epoch becomes at least this.
  std::optional<std::uint32_t> moves;
  std::optional<std::uint64_t> move_rate;
  std::optional<std::chrono::milliseconds> repair_after = std::nullopt;
};

}  // namespace trellis

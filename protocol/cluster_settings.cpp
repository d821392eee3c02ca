#include "protocol/cluster_settings.hpp"

#include <string>

namespace trellis {

Result<void> check(const MoveLimits& limits) {
  if (limits.moves < 1 || limits.moves > kMovesMax) {
    return invalid_argument("moves must be an int from 1 to " + std::to_string(kMovesMax));
  }
  if (limits.rate != 0 && (limits.rate < kMoveRateMin || limits.rate > kMoveRateMax)) {
    return invalid_argument("move_rate must be 0, for no limit, or bytes a second from " +
                            std::to_string(kMoveRateMin) + " to " + std::to_string(kMoveRateMax));
  }
  return {};
}

Result<void> check_repair_after(std::chrono::milliseconds time) {
  if (time.count() == 0 || (time >= kRepairAfterMin && time <= kRepairAfterMax)) return {};
  return invalid_argument("repair_after_ms must be 0, for never, or milliseconds from " +
                          std::to_string(kRepairAfterMin.count()) + " to " + std::to_string(kRepairAfterMax.count()));
}

}  // namespace trellis

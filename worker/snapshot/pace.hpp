// Pace: so many bytes a second, and no more.
//
// It says when the next bytes may leave, from when the last ones did.  Turns come late at times: what was not used of
// the last kSlack is made up for, so that the rate holds on average, and nothing older is, so that no flood follows a
// pause.  Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "protocol/types.hpp"

namespace trellis {

class Pace {
 public:
  static constexpr std::chrono::milliseconds kSlack{50};

  /// @param rate  bytes a second; 0: no limit
  void set_rate(std::uint64_t rate) { rate_ = rate; }
  /// Whether something may leave now.
  bool is_due(TimePoint now) const { return rate_ == 0 || due_ <= now; }
  /// When the next may.
  TimePoint due() const { return rate_ == 0 ? TimePoint{} : due_; }
  /// So many bytes leave now.
  void on_sent(std::uint64_t bytes, TimePoint now) {
    if (rate_ == 0) return;
    const auto takes = std::chrono::duration<double>(static_cast<double>(bytes) / static_cast<double>(rate_));
    due_ = std::max<TimePoint>(due_, now - kSlack) + std::chrono::duration_cast<Duration>(takes);
  }

 private:
  std::uint64_t rate_ = 0;
  TimePoint due_;
};

}  // namespace trellis

// BulkWindow: how many bytes of bulk may be on their way to a partner.
//
// The window is what urgent messages may have to wait behind, so it follows the delay that bulk itself makes: what a
// mark's way there and back takes beyond the quickest one of late.  While that is little the window grows, to
// kWindowMax; where it is more than kDelayMost the window is halved, down to kWindowMin.  A fixed window was rejected:
// 128 KiB would carry 0.2 MB/s over a round trip of 0.6 s, and 2 MiB would hold up a heartbeat for 2 s at 1 MB/s.
// Pure: times are handed in.
#pragma once

#include <algorithm>
#include <optional>

#include "protocol/cluster/bulk.hpp"
#include "protocol/types.hpp"

namespace trellis {

class BulkWindow {
 public:
  static constexpr std::size_t kWindowMin = 48 << 10;
  static constexpr std::size_t kWindowFirst = 128 << 10;
  static constexpr std::size_t kWindowMax = 2 << 20;
  static constexpr std::chrono::milliseconds kDelayMost{100};
  /// The quickest way is measured anew so often, since routes change, and with the smallest window: with a larger one
  /// it would hold the delay that it is there to tell.
  static constexpr std::chrono::seconds kQuickestOf{60};

  std::size_t size() const { return size_; }
  /// The quickest round trip of late; nothing where none was measured.
  std::optional<Duration> quickest() const { return quickest_; }

  /// A mark that was sent at `sent` was reached, and with it so many more bytes.
  /// @param is_full  whether more would have been sent with a larger window
  void on_reached(TimePoint sent, std::size_t bytes, bool is_full, TimePoint now) {
    const Duration round_trip = now - sent;
    if (!measured_since_) measured_since_ = sent;
    if (now - *measured_since_ > kQuickestOf) return measure_anew(now);
    if (sent < *measured_since_) return;  // Behind what the window before had room for.
    quickest_ = std::min(quickest_.value_or(round_trip), round_trip);
    if (round_trip - *quickest_ > kDelayMost) {
      // Once a round trip: what was sent before says the same again.
      if (shrunk_at_ && sent < *shrunk_at_) return;
      shrunk_at_ = now;
      size_ = std::max(kWindowMin, size_ / 2);
    } else if (is_full) {
      // Doubles each round trip at first, later a slice more each.
      size_ = std::min(kWindowMax, size_ + (shrunk_at_ ? bytes * bulk::kSliceSize / size_ : bytes));
    }
  }

 private:
  void measure_anew(TimePoint now) {
    size_ = kWindowMin;
    quickest_.reset();
    shrunk_at_.reset();
    measured_since_ = now;
  }

  std::size_t size_ = kWindowFirst;
  std::optional<TimePoint> shrunk_at_;
  std::optional<Duration> quickest_;
  std::optional<TimePoint> measured_since_;
};

}  // namespace trellis

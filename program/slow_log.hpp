// SlowLog: which slow requests get a line in the log.
//
// A cluster that is slow is slow for all: of the requests over the threshold a few are told in each window, and the
// first line after them tells how many were left out.  Pure: it is handed the time; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/types.hpp"

namespace trellis {

class SlowLog {
 public:
  static constexpr Duration kWindow = std::chrono::seconds(10);
  static constexpr int kLinesPerWindow = 10;

  /// @param threshold  zero: no request is slow
  explicit SlowLog(Duration threshold) : threshold_(threshold) {}

  bool is_slow(Duration took) const { return threshold_ > Duration::zero() && took >= threshold_; }
  /// A slow request is there to be told.  False: it is counted instead.
  bool admits(TimePoint now);
  /// "slow: PUT took 1203 ms (--slow-ms 1000)", and behind it how many were left out since the last line.
  std::string head(std::string_view what, Duration took);

 private:
  Duration threshold_;
  std::optional<TimePoint> window_;  ///< When it began.
  int lines_ = 0;                    ///< Since then.
  std::uint64_t left_out_ = 0;
};

/// "12.3 ms": how lines about slow requests give durations.
std::string in_milliseconds(Duration duration);

}  // namespace trellis

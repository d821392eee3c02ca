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

struct SlowSettings {
  Duration after{};         ///< Requests that take so long are told; zero: none.
  bool names_keys = false;  ///< Keys may stand in the log.
};

/// What is told of a slow request before the figures.
struct SlowRequest {
  std::string_view what;    ///< "PUT"
  std::string_view key;     ///< Empty where it has none, or several.
  std::string_view client;  ///< Its address; empty where it is not known.
};

class SlowLog {
 public:
  static constexpr Duration kWindow = std::chrono::seconds(10);
  static constexpr int kLinesPerWindow = 10;

  explicit SlowLog(SlowSettings settings) : settings_(settings) {}

  bool is_slow(Duration took) const { return settings_.after > Duration::zero() && took >= settings_.after; }
  bool names_keys() const { return settings_.names_keys; }
  /// A slow request is there to be told.  False: it is counted instead.
  bool admits(TimePoint now);
  /// `slow: PUT "user:7" from 10.0.0.4 took 1203 ms (--slow-ms 1000)`, and behind it how many were left out since the
  /// last line.  The key is there where keys may be, cut after some 64 bytes.
  std::string head(const SlowRequest& request, Duration took);

 private:
  SlowSettings settings_;
  std::optional<TimePoint> window_;  ///< When it began.
  int lines_ = 0;                    ///< Since then.
  std::uint64_t left_out_ = 0;
};

/// "12.3 ms": how lines about slow requests give durations.
std::string in_milliseconds(Duration duration);

}  // namespace trellis

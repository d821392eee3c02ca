#include "program/slow_log.hpp"

#include <cstdio>
#include <utility>

namespace trellis {

bool SlowLog::admits(TimePoint now) {
  if (!window_ || now - *window_ >= kWindow) {
    window_ = now;
    lines_ = 0;
  }
  if (lines_ >= kLinesPerWindow) {
    ++left_out_;
    return false;
  }
  ++lines_;
  return true;
}

std::string SlowLog::head(std::string_view what, Duration took) {
  std::string line = "slow: ";
  line.append(what).append(" took ").append(in_milliseconds(took));
  line += " (--slow-ms " + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(threshold_).count());
  if (const auto left_out = std::exchange(left_out_, 0); left_out > 0) {
    line += "; " + std::to_string(left_out) + " more since the last such line";
  }
  return line + ")";
}

std::string in_milliseconds(Duration duration) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", std::chrono::duration<double, std::milli>(duration).count());
  return text;
}

}  // namespace trellis

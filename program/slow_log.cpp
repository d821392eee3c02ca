#include "program/slow_log.hpp"

#include <cstdio>
#include <utility>

#include "protocol/notation/notation_text.hpp"

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

std::string SlowLog::head(const SlowRequest& request, Duration took) {
  std::string line = "slow: ";
  line += request.what;
  if (settings_.names_keys && !request.key.empty()) line += " " + quoted_excerpt(request.key);
  if (!request.client.empty()) line.append(" from ").append(request.client);
  line += " took " + in_milliseconds(took);
  line +=
      " (--slow-ms " + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(settings_.after).count());
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

// The line of progress of what takes long, and numbers as it shows them.
#pragma once

#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

namespace trellis {

/// The line at the bottom of the terminal; nothing where standard error is none.
class ProgressLine {
 public:
  ~ProgressLine() { clear(); }
  bool is_on() const { return on_; }
  void show(const std::string& text) {
    if (!on_) return;
    std::fprintf(stderr, "\r\x1b[K%s", text.c_str());
    shown_ = true;
  }
  /// Makes room for another line.
  void clear() {
    if (shown_) std::fputs("\r\x1b[K", stderr);
    shown_ = false;
  }

 private:
  bool on_ = isatty(STDERR_FILENO) == 1;
  bool shown_ = false;
};

/// 1234567 -> 1,234,567
inline std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}
inline std::string grouped(double number) { return grouped(static_cast<std::uint64_t>(std::llround(number))); }

inline std::string formatted(const char* format, double number) {
  char text[64];
  std::snprintf(text, sizeof text, format, number);
  return text;
}

}  // namespace trellis

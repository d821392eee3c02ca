#include "program/process.hpp"

#include <sys/random.h>

#include "protocol/check.hpp"

namespace trellis {

TimePoint monotonic_now() {
  return TimePoint(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

std::uint64_t random_bits() {
  std::uint64_t bits = 0;
  // Up to 256 bytes come whole and uninterrupted (getrandom(2)).
  CHECK(getrandom(&bits, sizeof bits, 0) == sizeof bits);
  return bits;
}

}  // namespace trellis

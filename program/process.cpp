#include "program/process.hpp"

#include <sys/random.h>
#include <time.h>

#include "protocol/check.hpp"

namespace trellis {

/// CLOCK_BOOTTIME rather than CLOCK_MONOTONIC, which stands still while the machine is suspended: to one that wakes, no
/// time would have passed, and what waited in its sockets for hours would be as good as new.
TimePoint monotonic_now() {
  timespec now{};
  CHECK(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
  const auto since_boot = std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  return TimePoint(std::chrono::duration_cast<Duration>(since_boot));
}

std::uint64_t random_bits() {
  std::uint64_t bits = 0;
  // Up to 256 bytes come whole and uninterrupted (getrandom(2)).
  CHECK(getrandom(&bits, sizeof bits, 0) == sizeof bits);
  return bits;
}

}  // namespace trellis

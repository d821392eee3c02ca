#include "program/process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string_view>

namespace trellis {
namespace {

constexpr int kCannot = 77;

/// Runs `body` in a child of a time namespace whose time since boot is ahead by so much, as after a suspension, while
/// its monotonic clock is not.  Returns what body returned, or kCannot where such a namespace is not allowed.
template <typename Body>
int after_suspension(std::string_view ahead, Body body) {
  const pid_t outer = fork();
  if (outer == 0) {
    constexpr int kNewTime = 0x80;  // CLONE_NEWTIME
    if (unshare(kNewTime) != 0) _exit(kCannot);
    const int offsets = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
    const std::string line = "boottime " + std::string(ahead) + " 0\n";
    if (offsets < 0 || write(offsets, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(kCannot);
    close(offsets);
    const pid_t inner = fork();  // The namespace is that of children.
    if (inner == 0) _exit(body());
    int status = 0;
    waitpid(inner, &status, 0);
    _exit(WEXITSTATUS(status));
  }
  int status = 0;
  waitpid(outer, &status, 0);
  return WEXITSTATUS(status);
}

TEST(MonotonicNow, CountsTheTimeInWhichTheMachineWasSuspended) {
  const TimePoint before = monotonic_now();
  const int outcome = after_suspension("7200", [before] {
    const Duration passed = monotonic_now() - before;
    return passed >= std::chrono::hours(2) && passed < std::chrono::hours(3) ? 0 : 1;
  });
  if (outcome == kCannot) GTEST_SKIP() << "time namespaces are not allowed here (root is needed)";
  EXPECT_EQ(outcome, 0);
}

TEST(MonotonicNow, NeverGoesBack) {
  const TimePoint first = monotonic_now();
  EXPECT_LE(first, monotonic_now());
}

}  // namespace
}  // namespace trellis

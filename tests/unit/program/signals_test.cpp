#include "program/signals.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

namespace trellis {
namespace {

bool is_readable(int fd) {
  pollfd item{fd, POLLIN, 0};
  return poll(&item, 1, 0) == 1;
}

TEST(StopSignal, IsRaisedByTermAndByInt) {
  for (const int number : {SIGTERM, SIGINT}) {
    const StopSignal stop;
    EXPECT_FALSE(stop.requested());
    EXPECT_FALSE(is_readable(stop.fd()));
    raise(number);
    EXPECT_TRUE(stop.requested());
    EXPECT_TRUE(is_readable(stop.fd()));
    raise(number);  // Changes nothing.
    EXPECT_TRUE(is_readable(stop.fd()));
  }
}

TEST(StopSignal, CanBeRequestedFromInside) {
  StopSignal stop;
  stop.request();
  EXPECT_TRUE(stop.requested());
  EXPECT_TRUE(is_readable(stop.fd()));
}

TEST(StopSignal, GivesTheSignalsBack) {
  { const StopSignal stop; }
  struct sigaction now {};
  sigaction(SIGTERM, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

}  // namespace
}  // namespace trellis

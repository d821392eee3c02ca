#include "worker/timing.hpp"

#include <gtest/gtest.h>

namespace trellis {
namespace {

using std::chrono::milliseconds;

TEST(Timing, TheSettingsAreTheFloor) {
  const RaftTiming floor{milliseconds(500), milliseconds(40)};
  for (const Duration near : {Duration::zero(), Duration(300), Duration(50'000)}) {
    EXPECT_EQ(timing_for(floor, near).election, milliseconds(500));
    EXPECT_EQ(timing_for(floor, near).heartbeat, milliseconds(40));
  }
}

TEST(Timing, AnElectionTakesAtLeastTenRoundTripsAndHoldsTenHeartbeats) {
  const RaftTiming far = timing_for(RaftTiming(), milliseconds(1'000));
  EXPECT_EQ(far.election, milliseconds(10'000));
  EXPECT_EQ(far.heartbeat, milliseconds(1'000));
  EXPECT_EQ(timing_for(RaftTiming(), Duration(50'001)).election, milliseconds(501));
}

TEST(Timing, ASettingHoldsTenHeartbeats) {
  EXPECT_EQ(timing_of(milliseconds(150)).heartbeat, milliseconds(15));
  EXPECT_EQ(timing_of(RaftTiming().election).heartbeat, RaftTiming().heartbeat);
}

}  // namespace
}  // namespace trellis

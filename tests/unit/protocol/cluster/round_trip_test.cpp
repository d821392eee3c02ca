#include "protocol/cluster/round_trip.hpp"

#include <gtest/gtest.h>

namespace trellis {
namespace {

using std::chrono::milliseconds;

/// Two ends whose clocks have nothing in common, and the way between them.
class RoundTripTest : public ::testing::Test {
 protected:
  /// a says something, b holds it for a while, answers, and the answer arrives.
  void exchange(milliseconds way, milliseconds held = milliseconds(0)) {
    const Stamps there = a.stamps(at_a());
    now += way;
    b.on_stamps(there, at_b());
    now += held;
    const Stamps back = b.stamps(at_b());
    now += way;
    a.on_stamps(back, at_a());
  }
  TimePoint at_a() const { return now; }
  TimePoint at_b() const { return std::chrono::hours(77) + TimePoint(speed_of_b * now.time_since_epoch() / 10); }

  TimePoint now{std::chrono::seconds(5)};
  int speed_of_b = 10;  ///< In tenths of a's.
  RoundTrip a{now};
  RoundTrip b{TimePoint(std::chrono::hours(77))};
};

TEST_F(RoundTripTest, IsTheTimeThereAndBackWithoutWhatTheOtherHeldIt) {
  EXPECT_EQ(a.value(), Duration::zero());
  exchange(milliseconds(20), milliseconds(300));
  EXPECT_EQ(a.value(), milliseconds(40));
  EXPECT_EQ(b.value(), Duration::zero()) << "it has had no answer yet";
}

TEST_F(RoundTripTest, OneLateAnswerSaysNothingOfTheWay) {
  exchange(milliseconds(1));
  exchange(milliseconds(400));
  exchange(milliseconds(1));
  EXPECT_EQ(a.value(), milliseconds(2));
}

TEST_F(RoundTripTest, ALongerWayShowsAfterTwoSeconds) {
  exchange(milliseconds(1));
  for (const TimePoint end = now + milliseconds(2'500); now < end;) exchange(milliseconds(200));
  EXPECT_EQ(a.value(), milliseconds(400));
  exchange(milliseconds(1));
  EXPECT_EQ(a.value(), milliseconds(2)) << "a shorter one at once";
}

TEST_F(RoundTripTest, WhatWaitedForAProcessThatStoodStillSaysNothingOfTheWay) {
  const Stamps there = a.stamps(at_a());
  now += milliseconds(1);
  b.on_stamps(there, at_b());
  const Stamps back = b.stamps(at_b());
  now += milliseconds(5'000);
  a.on_woken(at_a());
  a.on_stamps(back, at_a());
  EXPECT_EQ(a.value(), Duration::zero());
  EXPECT_TRUE(a.heard_there()) << "but it was heard";
  exchange(milliseconds(2));
  EXPECT_EQ(a.value(), milliseconds(4));
}

TEST_F(RoundTripTest, NeverIsBeyondItsMost) {
  exchange(std::chrono::hours(1));
  EXPECT_EQ(a.value(), RoundTrip::kMost);
}

/// What b says to have held is longer than a saw it away.  Or else one odd answer would hold for as long as b speaks.
TEST_F(RoundTripTest, OneLateAnswerOfAQuickClockPassesAsWell) {
  speed_of_b = 14;
  exchange(std::chrono::seconds(4));
  EXPECT_EQ(a.value(), RoundTrip::kMost);
  for (const TimePoint end = now + milliseconds(2'500); now < end;) exchange(milliseconds(1), milliseconds(150));
  EXPECT_EQ(a.value(), Duration::zero()) << "too short for these clocks to tell";
}

TEST_F(RoundTripTest, AQuickClockStillTellsWhatItHasHeard) {
  speed_of_b = 14;
  const TimePoint said = now;
  exchange(milliseconds(1), milliseconds(150));
  EXPECT_EQ(a.heard_there(), said);
}

TEST_F(RoundTripTest, TellsWhatTheOtherHasHeard) {
  EXPECT_FALSE(a.heard_there());
  const TimePoint said = now;
  exchange(milliseconds(10));
  EXPECT_EQ(a.heard_there(), said);
}

/// Its clock may have begun anywhere, and nothing would correct it where the partner falls silent at once.
TEST_F(RoundTripTest, WhatAnEarlierIncarnationSentSaysNothingOfTheWay) {
  const Stamps earlier = a.stamps(at_a());
  b.on_stamps(earlier, at_b());
  now += milliseconds(900);
  RoundTrip next(now);
  next.on_stamps(b.stamps(at_b()), now + milliseconds(1));
  EXPECT_EQ(next.value(), Duration::zero());
  EXPECT_FALSE(next.heard_there());
}

TEST_F(RoundTripTest, StampsThatCannotBeCountForNothing) {
  a.on_stamps({7, to_stamp(now) + 1, 0}, now);    // An echo of the future.
  a.on_stamps({7, to_stamp(now) - 10, 22}, now);  // Held for twice as long as it was away, and more.
  a.on_stamps({7, 0, UINT64_MAX}, now);
  a.on_stamps({7, 1, UINT64_MAX}, now);
  EXPECT_EQ(a.value(), Duration::zero());
  EXPECT_FALSE(a.heard_there());
}

}  // namespace
}  // namespace trellis

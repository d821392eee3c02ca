// A group's time goes on from leader to leader, and never runs ahead of what a document was dated by.
#include "worker/group_clock.hpp"

#include <gtest/gtest.h>

namespace trellis {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

const TimePoint kStart{seconds(1'000)};

TEST(GroupClock, ALeaderAdvancesItByItsOwnClockFromWhatItHeard) {
  GroupClock clock;
  clock.hear({3, 500});
  EXPECT_EQ(clock.at(kStart), (GroupTime{3, 500}));
  EXPECT_EQ(clock.at(kStart + seconds(9)), (GroupTime{3, 500})) << "whoever does not lead has no clock";
  clock.lead({4}, kStart);
  EXPECT_EQ(clock.at(kStart + milliseconds(20)), (GroupTime{4, 520}));
  clock.follow(kStart + milliseconds(30));
  EXPECT_EQ(clock.at(kStart + seconds(9)), (GroupTime{4, 530}));
}

TEST(GroupClock, ADocumentIsDatedByTheNextMillisecondAndJudgedByTheLast) {
  GroupClock clock;
  clock.lead({1}, kStart);
  EXPECT_EQ(clock.after(kStart).ms, 0u);
  EXPECT_EQ(clock.after(kStart + microseconds(10'001)).ms, 11u);
  EXPECT_EQ(clock.at(kStart + microseconds(10'999)).ms, 10u);
}

TEST(GroupClock, TheHighestTimeOfTheHighestTermCounts) {
  GroupClock clock;
  clock.hear({5, 100});
  clock.hear({4, 900});
  EXPECT_EQ(clock.at(kStart), (GroupTime{5, 100})) << "a leader that leads no more runs on";
  clock.hear({5, 90});
  EXPECT_EQ(clock.at(kStart), (GroupTime{5, 100})) << "what came late";
  clock.hear({6, 50});
  EXPECT_EQ(clock.at(kStart), (GroupTime{6, 50})) << "a later term counts more, however little it says";
}

TEST(GroupClock, ALeaderTakesInNothing) {
  GroupClock clock;
  clock.lead({2}, kStart);
  clock.hear({2, 700});
  clock.hear({3, 800});
  EXPECT_EQ(clock.at(kStart + milliseconds(5)), (GroupTime{2, 5})) << "documents were dated by less already";
}

TEST(GroupClock, WhatIsOverdueHasAMillisecondLeftUntilItIsGone) {
  EXPECT_EQ(left_until(100, 40), 60u);
  EXPECT_EQ(left_until(100, 100), 1u);
  EXPECT_EQ(left_until(100, 4'000), 1u);
}

}  // namespace
}  // namespace trellis

// When a disk is full: what grows without a bound, what the log takes, and what is no trend.
#include "worker/disk_trend.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace trellis {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t kMega = 1'000'000;

/// A disk that is looked at every five seconds, for as long as it is told.
struct Disk {
  DiskTrend trend;
  DiskUse use{100'000 * kMega, 0, 4'000 * kMega, 0};
  TimePoint now{seconds(1'000)};

  /// @param step  what happens in each second
  void pass(int for_seconds, const std::function<void(DiskUse&)>& step) {
    for (int second = 0; second < for_seconds; ++second) {
      now += seconds(1);
      step(use);
      if (trend.is_due(now)) trend.on_look(now, use);
    }
  }
  double hours() const { return trend.full_in() ? trend.full_in()->count() / 3'600 : -1; }
};

void nothing(DiskUse&) {}
void others_take(DiskUse& use, std::uint64_t bytes) { use.free -= bytes; }
void log_takes(DiskUse& use, std::uint64_t bytes) {
  use.log += bytes;
  use.free -= bytes;
}

TEST(DiskTrend, WhereNothingGrowsADiskIsNeverFull) {
  Disk disk;
  EXPECT_EQ(disk.trend.full_in(), std::nullopt);
  disk.pass(2 * 3'600, nothing);
  EXPECT_EQ(disk.trend.full_in(), std::nullopt);
  disk.pass(600, [](DiskUse& use) { use.free += kMega; });
  EXPECT_EQ(disk.trend.full_in(), std::nullopt) << "It became emptier.";
}

TEST(DiskTrend, TellsHowLongAPaceCanLast) {
  Disk disk;
  disk.pass(3'700, [](DiskUse& use) { others_take(use, 2 * kMega); });
  EXPECT_NEAR(disk.hours(), static_cast<double>(disk.use.free) / 2e6 / 3'600, 0.05);
}

TEST(DiskTrend, APaceOfAMinuteSaysNothingOfTomorrow) {
  Disk disk;
  disk.pass(70, [](DiskUse& use) { others_take(use, 10 * kMega); });
  EXPECT_EQ(disk.trend.full_in(), std::nullopt) << "It would take almost three hours.";
  disk.use.free = 10'000 * kMega;
  disk.pass(70, [](DiskUse& use) { others_take(use, 10 * kMega); });
  EXPECT_NEAR(disk.hours(), 930.0 / 3'600, 0.02);
}

TEST(DiskTrend, WhatWasWrittenOnceIsNoTrend) {
  Disk disk;
  disk.use.free = 3'000 * kMega;
  disk.pass(3'600, nothing);
  disk.pass(10, [](DiskUse& use) { others_take(use, 100 * kMega); });
  for (int minute = 0; minute < 70; ++minute) {
    disk.pass(60, nothing);
    EXPECT_EQ(disk.trend.full_in(), std::nullopt) << "after minute " << minute;
  }
}

TEST(DiskTrend, ALogGrowsUpToItsBoundAlone) {
  Disk disk;
  disk.pass(380, [](DiskUse& use) {
    log_takes(use, 10 * kMega);
    EXPECT_LE(use.log, use.log_bound);
  });
  EXPECT_EQ(disk.trend.full_in(), std::nullopt) << "The rest of its bound has room.";
}

TEST(DiskTrend, ALogWhoseBoundHasNoRoomFillsTheDisk) {
  Disk disk;
  disk.use.free = 2'000 * kMega;
  disk.pass(100, [](DiskUse& use) { log_takes(use, 10 * kMega); });
  EXPECT_NEAR(disk.trend.full_in()->count(), 100, 5);
}

TEST(DiskTrend, WhatTheLogStillTakesIsMissingForTheRest) {
  Disk disk;
  disk.use.free = 6'000 * kMega;
  disk.pass(70, [](DiskUse& use) {
    log_takes(use, 20 * kMega);
    others_take(use, 10 * kMega);
  });
  // 3,900 MB are free, the log takes 2,600 of them, and the rest 10 a second.
  EXPECT_NEAR(disk.trend.full_in()->count(), 130, 5);
}

TEST(DiskTrend, ASnapshotThatIsBeingWrittenTakesThePlaceOfAnother) {
  Disk disk;
  disk.use.free = 10'000 * kMega;
  disk.pass(120, [](DiskUse& use) {
    use.unfinished += 50 * kMega;
    use.free -= 50 * kMega;
  });
  EXPECT_EQ(disk.trend.full_in(), std::nullopt);
}

TEST(DiskTrend, AFasterPaceOfLateCountsAtOnce) {
  Disk disk;
  disk.use.free = 4'000 * kMega;
  disk.pass(3'600, nothing);
  disk.pass(70, [](DiskUse& use) { others_take(use, 10 * kMega); });
  EXPECT_NEAR(disk.trend.full_in()->count(), 330, 10);
  disk.pass(30, nothing);
  EXPECT_EQ(disk.trend.full_in(), std::nullopt) << "It has ended.";
}

}  // namespace
}  // namespace trellis

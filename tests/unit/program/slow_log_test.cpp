#include "program/slow_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trellis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(SlowLog, IsForWhatTakesAsLongAsTheThresholdOrLonger) {
  const SlowLog log(milliseconds(100));
  EXPECT_FALSE(log.is_slow(milliseconds(99)));
  EXPECT_TRUE(log.is_slow(milliseconds(100)));
  EXPECT_FALSE(SlowLog(Duration::zero()).is_slow(seconds(100))) << "0 stands for none";
}

TEST(SlowLog, TellsAFewInEachWindowAndThenHowManyItLeftOut) {
  SlowLog log(milliseconds(1'000));
  const TimePoint begin{seconds(1)};
  for (int i = 0; i < SlowLog::kLinesPerWindow; ++i) EXPECT_TRUE(log.admits(begin));
  EXPECT_EQ(log.head("PUT", milliseconds(1'203)), "slow: PUT took 1203.0 ms (--slow-ms 1000)");
  for (int i = 0; i < 7; ++i) EXPECT_FALSE(log.admits(begin + SlowLog::kWindow - milliseconds(1)));
  EXPECT_TRUE(log.admits(begin + SlowLog::kWindow));
  EXPECT_EQ(log.head("GET", milliseconds(1'000)),
            "slow: GET took 1000.0 ms (--slow-ms 1000; 7 more since the last such line)");
  EXPECT_EQ(log.head("GET", milliseconds(1'000)), "slow: GET took 1000.0 ms (--slow-ms 1000)");
}

}  // namespace
}  // namespace trellis

#include "program/slow_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trellis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(SlowLog, IsForWhatTakesAsLongAsTheThresholdOrLonger) {
  const SlowLog log({.after = milliseconds(100)});
  EXPECT_FALSE(log.is_slow(milliseconds(99)));
  EXPECT_TRUE(log.is_slow(milliseconds(100)));
  EXPECT_FALSE(SlowLog(SlowSettings{}).is_slow(seconds(100))) << "0 stands for none";
}

TEST(SlowLog, TellsAFewInEachWindowAndThenHowManyItLeftOut) {
  SlowLog log({.after = milliseconds(1'000)});
  const TimePoint begin{seconds(1)};
  for (int i = 0; i < SlowLog::kLinesPerWindow; ++i) EXPECT_TRUE(log.admits(begin));
  EXPECT_EQ(log.head({"PUT", "k", {}}, milliseconds(1'203)), "slow: PUT took 1203.0 ms (--slow-ms 1000)");
  for (int i = 0; i < 7; ++i) EXPECT_FALSE(log.admits(begin + SlowLog::kWindow - milliseconds(1)));
  EXPECT_TRUE(log.admits(begin + SlowLog::kWindow));
  EXPECT_EQ(log.head({"GET", {}, {}}, milliseconds(1'000)),
            "slow: GET took 1000.0 ms (--slow-ms 1000; 7 more since the last such line)");
  EXPECT_EQ(log.head({"GET", {}, {}}, milliseconds(1'000)), "slow: GET took 1000.0 ms (--slow-ms 1000)");
}

TEST(SlowLog, NamesTheClientAndTheKeyWhereKeysMayBeNamed) {
  SlowLog silent({.after = milliseconds(1'000)});
  EXPECT_EQ(silent.head({"GET", "user:7", "10.0.0.4"}, milliseconds(1'000)),
            "slow: GET from 10.0.0.4 took 1000.0 ms (--slow-ms 1000)");
  SlowLog log({.after = milliseconds(1'000), .names_keys = true});
  EXPECT_EQ(log.head({"GET", "user:7", "10.0.0.4"}, milliseconds(1'000)),
            "slow: GET \"user:7\" from 10.0.0.4 took 1000.0 ms (--slow-ms 1000)");
  EXPECT_EQ(log.head({"SCAN", {}, {}}, milliseconds(1'000)), "slow: SCAN took 1000.0 ms (--slow-ms 1000)");
}

TEST(SlowLog, AKeyIsCutAndStaysOnItsLineWhateverItIs) {
  SlowLog log({.after = milliseconds(1'000), .names_keys = true});
  const std::string line = log.head({"GET", "a\nb\xff" + std::string(1'000, 'x'), {}}, milliseconds(1'000));
  EXPECT_THAT(line, ::testing::StartsWith("slow: GET \"a\\nb"));
  EXPECT_THAT(line, ::testing::HasSubstr("xxx\"... took"));
  EXPECT_LT(line.size(), 150u);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(line.find('\xff'), std::string::npos);
}

}  // namespace
}  // namespace trellis

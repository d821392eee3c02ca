// What a worker tells about brokers that it does not hear.
#include "worker/broker_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trellis {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

TEST(BrokerWatch, TellsOfSilenceAfterFiveSecondsAndThenEachMinute) {
  BrokerWatch watch(TimePoint{});
  int told = 0;
  for (int second = 0; second < 186; ++second) {
    const auto line = watch.on_tick(TimePoint(seconds(second)));
    if (!line) continue;
    EXPECT_EQ(second, 5 + 60 * told++);
    EXPECT_THAT(*line, HasSubstr("no broker has been heard for " + std::to_string(second) + " s"));
  }
  EXPECT_EQ(told, 4);
}

TEST(BrokerWatch, IsQuietWhileABrokerSpeaksAndTellsOfTheNextSilenceAnew) {
  BrokerWatch watch(TimePoint{});
  for (int second = 0; second < 10; ++second) {
    watch.on_word(TimePoint(seconds(second)));
    EXPECT_FALSE(watch.on_tick(TimePoint(seconds(second))));
  }
  EXPECT_TRUE(watch.on_tick(TimePoint(seconds(14))));
  watch.on_word(TimePoint(seconds(15)));
  EXPECT_TRUE(watch.on_tick(TimePoint(seconds(20))));
}

TEST(BrokerWatch, TellsOfBrokenMessagesOnceAMinute) {
  BrokerWatch watch(TimePoint{});
  int told = 0;
  for (int tenth = 0; tenth < 1201; ++tenth)
    told += watch.on_broken(TimePoint(std::chrono::milliseconds(100 * tenth))) ? 1 : 0;
  EXPECT_EQ(told, 3);
}

}  // namespace
}  // namespace trellis

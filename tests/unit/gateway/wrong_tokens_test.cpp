#include "gateway/wrong_tokens.hpp"

#include <gtest/gtest.h>

namespace trellis {
namespace {

using std::chrono::seconds;

TEST(WrongTokens, TheFirstFewAreFreeAndEachFurtherOneCostsTwiceAsMuch) {
  WrongTokens wrong;
  TimePoint now{seconds(1'000)};
  for (unsigned i = 0; i < WrongTokens::kFree; ++i) {
    wrong.on_wrong("a", now);
    EXPECT_EQ(wrong.wait_of("a", now), Duration::zero());
  }
  for (const int expected : {1, 2, 4, 8, 16, 30, 30, 30}) {
    wrong.on_wrong("a", now);
    EXPECT_EQ(wrong.wait_of("a", now), seconds(expected));
    EXPECT_EQ(wrong.wait_of("b", now), Duration::zero()) << "others are not held up";
    now += seconds(expected);
    EXPECT_EQ(wrong.wait_of("a", now), Duration::zero());
  }
}

TEST(WrongTokens, WhoWasQuietBeginsAnew) {
  WrongTokens wrong;
  TimePoint now{seconds(1'000)};
  for (int i = 0; i < 20; ++i) wrong.on_wrong("a", now);
  now += WrongTokens::kForgottenAfter;
  wrong.on_wrong("a", now);
  EXPECT_EQ(wrong.wait_of("a", now), Duration::zero());
}

TEST(WrongTokens, KeepsNoMoreAddressesThanItHasRoomFor) {
  WrongTokens wrong;
  const TimePoint now{seconds(1'000)};
  for (std::size_t i = 0; i < WrongTokens::kAddressesMax + 100; ++i) wrong.on_wrong(std::to_string(i), now);
  EXPECT_EQ(wrong.addresses(), WrongTokens::kAddressesMax);
}

}  // namespace
}  // namespace trellis

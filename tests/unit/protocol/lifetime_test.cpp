#include "protocol/lifetime.hpp"

#include <gtest/gtest.h>

#include "protocol/limits.hpp"

namespace trellis {
namespace {

TEST(Lifetime, IsANumberWithAUnit) {
  EXPECT_EQ(lifetime_of("500ms"), 500u);
  EXPECT_EQ(lifetime_of("60s"), 60'000u);
  EXPECT_EQ(lifetime_of("1.5m"), 90'000u);
  EXPECT_EQ(lifetime_of("2h"), 7'200'000u);
  EXPECT_EQ(lifetime_of("7d"), 604'800'000u);
  EXPECT_EQ(lifetime_of("0.0015s"), 1u) << "rounded down";
  EXPECT_EQ(lifetime_of("3650d"), static_cast<std::uint64_t>(kTtlMax.count()));
}

TEST(Lifetime, WhatIsNoneIsRefused) {
  for (const char* text : {"", "60", "s", "0s", "0.4ms", "-1s", "1.s", ".5s", "1..5s", "60 s", "60S", "1.2345678s",
                           "3650.1d", "99999999999999999999s", "18446744073709551615d", "60sec"}) {
    EXPECT_EQ(lifetime_of(text), std::nullopt) << text;
  }
}

TEST(Lifetime, SecondsHaveNoMoreDigitsThanTheyNeed) {
  EXPECT_EQ(seconds_text(60'000), "60");
  EXPECT_EQ(seconds_text(59'312), "59.312");
  EXPECT_EQ(seconds_text(1'500), "1.5");
  EXPECT_EQ(seconds_text(1), "0.001");
}

}  // namespace
}  // namespace trellis

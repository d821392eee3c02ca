// So many bytes a second, whenever the turns come.
#include "worker/snapshot/pace.hpp"

#include <gtest/gtest.h>

namespace trellis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Bytes that leave within ten seconds, where there is a turn each `turn`, and a piece has `piece` bytes.
std::uint64_t sent_in_ten_seconds(std::uint64_t rate, Duration turn, std::uint64_t piece) {
  Pace pace;
  pace.set_rate(rate);
  std::uint64_t sent = 0;
  for (TimePoint now{seconds(100)}; now < TimePoint{seconds(110)}; now += turn) {
    while (pace.is_due(now)) {
      pace.on_sent(piece, now);
      sent += piece;
    }
  }
  return sent;
}

TEST(Pace, HoldsItsRateWithinATenth) {
  for (const std::uint64_t rate : {std::uint64_t{1} << 20, std::uint64_t{10} << 20, std::uint64_t{200} << 20}) {
    for (const Duration turn : {Duration(milliseconds(1)), Duration(milliseconds(15)), Duration(milliseconds(40))}) {
      const auto sent = static_cast<double>(sent_in_ten_seconds(rate, turn, 64 << 10));
      EXPECT_NEAR(sent / 10, static_cast<double>(rate), 0.02 * static_cast<double>(rate)) << rate;
    }
  }
}

TEST(Pace, APauseIsNotMadeUpFor) {
  Pace pace;
  pace.set_rate(1 << 20);
  TimePoint now{seconds(100)};
  pace.on_sent(64 << 10, now);
  now += seconds(60);
  std::uint64_t sent = 0;
  for (; pace.is_due(now); sent += 64 << 10) pace.on_sent(64 << 10, now);
  EXPECT_LE(sent, 2u * (64 << 10));
}

TEST(Pace, WithoutARateEverythingIsDue) {
  Pace pace;
  const TimePoint now{seconds(100)};
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(pace.is_due(now));
    pace.on_sent(1 << 30, now);
  }
}

}  // namespace
}  // namespace trellis

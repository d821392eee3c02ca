#include "cli/backup/page_pace.hpp"

#include <gtest/gtest.h>

namespace trellis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kRate = 32 << 20;
const PagePace::TimePoint kBegin{seconds(1'000)};

/// Asks for each page as soon as it may, for so long, and has each answered in full at once.
/// @return  the bytes, and the most that came within one millisecond
std::pair<std::uint64_t, std::uint64_t> bytes_in(PagePace& pace, PagePace::TimePoint from, PagePace::Duration time) {
  std::uint64_t all = 0;
  std::uint64_t most = 0;
  for (auto now = from; now < from + time; now += milliseconds(1)) {
    std::uint64_t in_this = 0;
    while (pace.wait(now) == milliseconds(0)) {
      pace.on_asked(now);
      pace.on_answered(pace.page_size());
      in_this += pace.page_size();
    }
    all += in_this;
    most = std::max(most, in_this);
  }
  return {all, most};
}

TEST(PagePace, KeepsItsRateInStepsOfOnePage) {
  PagePace pace(kRate, kBegin);
  const auto [all, most] = bytes_in(pace, kBegin, seconds(10));
  EXPECT_NEAR(static_cast<double>(all), 10.0 * kRate, static_cast<double>(pace.page_size()));
  EXPECT_EQ(most, pace.page_size());
  EXPECT_EQ(pace.page_size(), kRate / PagePace::kPagesInSecond);
}

TEST(PagePace, DoesNotWaitWithoutARate) {
  PagePace pace(0, kBegin);
  for (int i = 0; i < 1'000; ++i) pace.on_asked(kBegin);
  EXPECT_EQ(pace.wait(kBegin), milliseconds(0));
  EXPECT_EQ(pace.page_size(), PagePace::kPageSizeMax);
}

TEST(PagePace, KeepsAPageWithinItsBoundsWhateverTheRate) {
  EXPECT_EQ(PagePace(1, kBegin).page_size(), PagePace::kPageSizeMin);
  EXPECT_EQ(PagePace(std::uint64_t{1} << 40, kBegin).page_size(), PagePace::kPageSizeMax);
}

TEST(PagePace, MakesUpForAShortPauseAndNotForALongOne) {
  PagePace pace(kRate, kBegin);
  bytes_in(pace, kBegin, seconds(1));
  const auto [all, most] = bytes_in(pace, kBegin + seconds(60), seconds(1));
  const double made_up = static_cast<double>(kRate) * std::chrono::duration<double>(PagePace::kMadeUp).count();
  EXPECT_NEAR(static_cast<double>(all), kRate + made_up, 2.0 * static_cast<double>(pace.page_size()));
}

TEST(PagePace, CountsWhatHasComeAndNotWhatWasAskedFor) {
  PagePace pace(kRate, kBegin);
  pace.on_asked(kBegin);
  pace.on_answered(kRate);  // One large record.
  EXPECT_NEAR(std::chrono::duration<double>(pace.wait(kBegin)).count(), 1.0, 1e-6);
  PagePace refused(kRate, kBegin);
  refused.on_asked(kBegin);
  refused.on_answered(0);
  EXPECT_EQ(refused.wait(kBegin), milliseconds(0));
}

}  // namespace
}  // namespace trellis

#include "worker/lag.hpp"

#include <gtest/gtest.h>

namespace trellis {
namespace {

using std::chrono::milliseconds;

constexpr WorkerId kFollower{2};

struct Leader {
  Lag lag;
  TimePoint now{std::chrono::seconds(100)};

  Lag::Follower after(milliseconds passed, std::uint64_t last, std::uint64_t held) {
    now += passed;
    lag.on_tick(kFollower, {last}, {held}, now);
    return lag.followers().at(kFollower);
  }
};

TEST(Lag, OfAFollowerThatHoldsAllIsZero) {
  Leader leader;
  EXPECT_EQ(leader.after(milliseconds(15), 7, 7).entries, 0u);
  EXPECT_EQ(leader.after(milliseconds(15), 7, 7).behind, Duration::zero());
}

TEST(Lag, OfAFollowerThatHasStoppedGrows) {
  Leader leader;
  leader.after(milliseconds(15), 10, 10);
  EXPECT_EQ(leader.after(milliseconds(15), 12, 10).behind, Duration::zero()) << "the mark was reached: it is set anew";
  const Lag::Follower later = leader.after(milliseconds(500), 40, 10);
  EXPECT_EQ(later.entries, 30u);
  EXPECT_EQ(later.behind, milliseconds(500));
}

TEST(Lag, OfAFollowerThatKeepsUpUnderLoadStaysSmall) {
  Leader leader;
  for (std::uint64_t last = 10; last < 10'000; last += 10) {
    EXPECT_LE(leader.after(milliseconds(15), last, last - 5).behind, milliseconds(15));
  }
}

TEST(Lag, OfAFollowerThatANewLeaderHasNotHeardIsWhatItHasWrittenItself) {
  Leader leader;
  leader.lag.begin({1'000});
  EXPECT_EQ(leader.after(milliseconds(15), 1'000, 0).entries, 1u) << "the leadership's own first entry";
  const Lag::Follower silent = leader.after(milliseconds(500), 1'004, 0);
  EXPECT_EQ(silent.entries, 5u);
  EXPECT_EQ(silent.behind, milliseconds(500));
  EXPECT_EQ(leader.after(milliseconds(15), 1'004, 700).entries, 304u) << "now it is known";
}

TEST(Lag, OfAFollowerThatANewLeaderHasNotHeardCountsWhatWasWrittenBeforeTheFirstTick) {
  Leader leader;
  leader.lag.begin({1'000});
  EXPECT_EQ(leader.after(milliseconds(15), 1'007, 0).entries, 8u);
}

TEST(Lag, IsForgottenWithTheLeadership) {
  Leader leader;
  leader.after(milliseconds(15), 10, 1);
  leader.lag.clear();
  EXPECT_TRUE(leader.lag.followers().empty());
  EXPECT_EQ(leader.after(milliseconds(15), 20, 1).behind, Duration::zero()) << "since when is not known";
}

}  // namespace
}  // namespace trellis

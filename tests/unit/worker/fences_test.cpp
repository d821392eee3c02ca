#include "worker/fences.hpp"

#include <gtest/gtest.h>

#include <string>

namespace trellis {
namespace {

using std::chrono::milliseconds;

constexpr FenceName kFence{7, 2};
constexpr FenceName kOther{9, 2};
constexpr TimePoint kStart{std::chrono::seconds(100)};

FrozenFence frozen(FenceName name, TimePoint until) { return {name, FrozenTrie(), 0, until}; }

TEST(Fences, HoldUntilTheirTimeIsOver) {
  Fences fences;
  fences.hold(kFence, kStart, Duration::zero());
  EXPECT_TRUE(fences.is_holding(kFence, kStart + Fences::kHeldFor - milliseconds(1)));
  EXPECT_FALSE(fences.is_holding(kOther, kStart));
  EXPECT_FALSE(fences.take_ended(kStart + milliseconds(1)));
  EXPECT_FALSE(fences.is_holding(kFence, kStart + Fences::kHeldFor));
  EXPECT_TRUE(fences.take_ended(kStart + Fences::kHeldFor));
  EXPECT_FALSE(fences.is_holding(kStart)) << "what has ended holds never again";
}

TEST(Fences, HoldLongerWhereTheOthersAreFar) {
  Fences fences;
  fences.hold(kFence, kStart, milliseconds(100));
  EXPECT_TRUE(fences.is_holding(kFence, kStart + milliseconds(499)));
  EXPECT_FALSE(fences.is_holding(kFence, kStart + milliseconds(500)));
}

TEST(Fences, AreLetGoByTheirName) {
  Fences fences;
  fences.hold(kFence, kStart, Duration::zero());
  fences.let_go(kOther);
  EXPECT_TRUE(fences.is_holding(kFence, kStart));
  fences.let_go(kFence);
  EXPECT_FALSE(fences.is_holding(kStart));
}

TEST(Fences, KeepWhatIsFrozenForAsLongAsItIsWanted) {
  Fences fences;
  fences.keep(frozen(kFence, kStart + Fences::kKeptFor));
  fences.keep(frozen(kOther, kStart + Fences::kKeptFor));
  const TimePoint later = kStart + std::chrono::minutes(3);
  EXPECT_NE(fences.find(kFence, later), nullptr);
  fences.drop_old(kStart + Fences::kKeptFor);
  EXPECT_EQ(fences.size(), 1u);
  EXPECT_EQ(fences.find(kOther, later), nullptr);
  EXPECT_EQ(fences.take_obsolete().size(), 1u);
  fences.drop(kFence);
  EXPECT_EQ(fences.size(), 0u);
  EXPECT_EQ(fences.take_obsolete().size(), 1u);
}

TEST(Fences, KeepTheLastFew) {
  Fences fences;
  for (std::uint64_t i = 1; i <= Fences::kKeptMax + 1; ++i) fences.keep(frozen({i, 2}, kStart + Fences::kKeptFor));
  EXPECT_EQ(fences.size(), Fences::kKeptMax);
  EXPECT_EQ(fences.find({1, 2}, kStart), nullptr);
  EXPECT_NE(fences.find({2, 2}, kStart), nullptr);
}

}  // namespace
}  // namespace trellis

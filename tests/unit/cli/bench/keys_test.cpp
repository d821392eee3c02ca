// The choice of keys, against the distributions it promises.
#include "cli/bench/keys.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace trellis {
namespace {

constexpr int kDraws = 200'000;

/// How far what was seen is from what was expected, as a multiple of its standard deviation.
double deviations(double seen, double probability) {
  return (seen - probability * kDraws) / std::sqrt(probability * (1 - probability) * kDraws);
}

class ZipfianTest : public testing::TestWithParam<double> {};

TEST_P(ZipfianTest, DrawsEachRankAsOftenAsItsWeightSays) {
  constexpr std::uint64_t kRanks = 50;
  double total = 0;
  for (std::uint64_t rank = 0; rank < kRanks; ++rank) total += std::pow(rank + 1.0, -GetParam());
  const Zipfian zipfian(kRanks, GetParam());
  BenchRandom random(3);
  std::vector<int> seen(kRanks);
  for (int i = 0; i < kDraws; ++i) ++seen.at(zipfian.next(random));
  for (std::uint64_t rank = 0; rank < kRanks; ++rank) {
    EXPECT_LT(std::abs(deviations(seen[rank], std::pow(rank + 1.0, -GetParam()) / total)), 4.5) << "rank " << rank;
  }
}

INSTANTIATE_TEST_SUITE_P(Exponents, ZipfianTest, testing::Values(0.5, Zipfian::kExponent, 1.0, 1.5));

TEST(Zipfian, GivesTheFirstOfManyItsShare) {
  constexpr std::uint64_t kRanks = 1'000'000;
  double total = 0;
  for (std::uint64_t rank = 1; rank <= kRanks; ++rank) total += std::pow(static_cast<double>(rank), -0.99);
  const Zipfian zipfian(kRanks);
  BenchRandom random(5);
  int first = 0, upper_half = 0;
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t rank = zipfian.next(random);
    ASSERT_LT(rank, kRanks);
    first += rank == 0;
    upper_half += rank >= kRanks / 2;
  }
  double weight = 0;
  for (std::uint64_t rank = kRanks / 2 + 1; rank <= kRanks; ++rank)
    weight += std::pow(static_cast<double>(rank), -0.99);
  EXPECT_LT(std::abs(deviations(first, 1 / total)), 4.5);
  EXPECT_LT(std::abs(deviations(upper_half, weight / total)), 4.5);
}

TEST(Zipfian, OfOneIsThatOne) {
  const Zipfian zipfian(1);
  BenchRandom random(1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(zipfian.next(random), 0u);
}

TEST(BenchRandom, IsUniformAndRepeats) {
  BenchRandom random(9), again(9);
  std::vector<int> seen(10);
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t number = random.below(10);
    EXPECT_EQ(number, again.below(10));
    ++seen.at(number);
  }
  for (const int count : seen) EXPECT_LT(std::abs(deviations(count, 0.1)), 4.5);
}

TEST(KeyChooser, UniformReachesEveryKeyAndNoOther) {
  const KeySpace keys(100);
  KeyChooser chooser(Distribution::kUniform, keys);
  BenchRandom random(2);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 5'000; ++i) seen.insert(chooser.next(random));
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_EQ(*seen.rbegin(), 99u);
}

TEST(KeyChooser, ZipfianScattersThePopularKeys) {
  const KeySpace keys(1'000);
  KeyChooser chooser(Distribution::kZipfian, keys);
  BenchRandom random(2);
  std::vector<int> seen(1'000);
  for (int i = 0; i < kDraws; ++i) ++seen.at(chooser.next(random));
  const auto popular = std::max_element(seen.begin(), seen.end());
  EXPECT_GT(*popular, kDraws / 10);
  EXPECT_NE(popular, seen.begin());
}

TEST(KeyChooser, LatestPrefersWhatWasInsertedLast) {
  KeySpace keys(1'000);
  KeyChooser chooser(Distribution::kLatest, keys);
  BenchRandom random(2);
  keys.on_inserted(keys.take());
  int newest = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t key = chooser.next(random);
    ASSERT_LE(key, 1'000u);
    newest += key == 1'000;
  }
  EXPECT_GT(newest, 1'000);
}

TEST(KeySpace, KnowsAKeyOnceAllBeforeItAreAnswered) {
  KeySpace keys(10);
  const std::uint64_t first = keys.take(), second = keys.take(), third = keys.take();
  EXPECT_EQ(first, 10u);
  keys.on_inserted(third);
  keys.on_inserted(second);
  EXPECT_EQ(keys.known(), 10u);
  keys.on_inserted(first);
  EXPECT_EQ(keys.known(), 13u);
}

}  // namespace
}  // namespace trellis

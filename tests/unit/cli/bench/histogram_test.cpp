// Latency histograms: exact where they are small, within 0.8 % everywhere, and the same whoever counted.
#include "cli/bench/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace trellis {
namespace {

TEST(Histogram, SaysNothingOfNothing) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.quantile(0.5), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  EXPECT_EQ(histogram.mean(), 0);
}

TEST(Histogram, TellsSmallValuesToTheDigit) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.add(value);
  EXPECT_EQ(histogram.quantile(0), 1u);
  EXPECT_EQ(histogram.quantile(0.5), 50u);
  EXPECT_EQ(histogram.quantile(0.99), 99u);
  EXPECT_EQ(histogram.quantile(0.991), 100u);
  EXPECT_EQ(histogram.quantile(1), 100u);
  EXPECT_DOUBLE_EQ(histogram.mean(), 50.5);
}

TEST(Histogram, HoldsAnyValue) {
  for (int bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t value : {std::uint64_t{1} << bit, (std::uint64_t{1} << bit) - 1}) {
      Histogram histogram;
      histogram.add(value);
      histogram.add(std::numeric_limits<std::uint64_t>::max());
      const std::uint64_t told = histogram.quantile(0.5);
      EXPECT_GE(told, value);
      EXPECT_LE(told - value, value / Histogram::kSteps) << value;
    }
  }
}

TEST(Histogram, AgreesWithSortedValuesWithinItsSteps) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latency(8, 2);
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 50'000; ++i) {
    values.push_back(static_cast<std::uint64_t>(latency(random)));
    histogram.add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double part : {0.01, 0.5, 0.9, 0.99, 0.999, 0.9999}) {
    const auto exact = values[static_cast<std::size_t>(part * 50'000 + 0.5) - 1];
    EXPECT_GE(histogram.quantile(part), exact) << part;
    EXPECT_LE(histogram.quantile(part), exact + exact / Histogram::kSteps) << part;
  }
  EXPECT_EQ(histogram.quantile(1), values.back());
}

TEST(Histogram, MergedIsAsIfOneHadCountedAll) {
  Histogram together, first, second;
  for (std::uint64_t value = 1; value < 1'000'000; value = value * 5 / 4 + 1) {
    together.add(value);
    (value % 2 == 0 ? first : second).add(value);
  }
  first.merge(second);
  EXPECT_EQ(first.count(), together.count());
  EXPECT_EQ(first.max(), together.max());
  EXPECT_DOUBLE_EQ(first.mean(), together.mean());
  for (double part = 0; part <= 1; part += 0.01) EXPECT_EQ(first.quantile(part), together.quantile(part));
}

}  // namespace
}  // namespace trellis

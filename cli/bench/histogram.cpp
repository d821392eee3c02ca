#include "cli/bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace trellis {

// Values below kSteps have a bucket each.  Above, a value of n + kStepBits bits is told by n and its kStepBits + 1
// highest bits, the first of which is always 1: so each n has kSteps buckets, of width 2^(n-1).
std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < kSteps) return value;
  const int shift = static_cast<int>(std::bit_width(value)) - kStepBits - 1;
  return static_cast<std::size_t>(shift) * kSteps + (value >> shift);
}

std::uint64_t Histogram::upper_end_of(std::size_t bucket) {
  if (bucket < 2 * kSteps) return bucket;
  const auto shift = bucket / kSteps - 1;
  const std::uint64_t top = bucket - shift * kSteps;
  return (top << shift) + ((std::uint64_t{1} << shift) - 1);
}

void Histogram::add(std::uint64_t value) {
  ++buckets_[bucket_of(value)];
  ++count_;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

std::uint64_t Histogram::quantile(double part) const {
  if (count_ == 0) return 0;
  const double rank = std::ceil(std::clamp(part, 0.0, 1.0) * static_cast<double>(count_));
  const auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rank));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return std::min(max_, upper_end_of(i));
  }
  return max_;
}

}  // namespace trellis

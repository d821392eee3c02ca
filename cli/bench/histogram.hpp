// How often which latency was seen, in bounded memory.
//
// Buckets are log-linear: each power of two is cut into kSteps of equal width, so a value is known to 1/kSteps of
// itself, over the whole range of 64 bits, in 58 KiB.  (HdrHistogram_c does the same; Debian 12 has no package of it.)
// One thread uses a Histogram; each bench thread has its own, and they are merged at the end.
#pragma once

#include <cstdint>
#include <vector>

namespace trellis {

class Histogram {
 public:
  static constexpr int kStepBits = 7;
  static constexpr std::uint64_t kSteps =
      1u << kStepBits;  ///< Steps from one power of two to the next: errors stay below 0.8 %.

  Histogram() : buckets_((65 - kStepBits) * kSteps) {}

  void add(std::uint64_t value);
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }  ///< To the digit.
  double mean() const;
  /// The smallest value that at least this part of all values does not exceed, as the upper end of its bucket, never
  /// above max().  0 where nothing was added.
  /// @param part  0 ... 1
  std::uint64_t quantile(double part) const;

 private:
  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t upper_end_of(std::size_t bucket);

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace trellis

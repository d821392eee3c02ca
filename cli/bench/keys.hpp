// Which key the bench asks for next: random numbers, and the distributions of YCSB.
//
// Pure: the same seed gives the same keys.  One thread uses each object, but for KeySpace, which all threads share.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>

namespace trellis {

/// xoshiro256**, by David Blackman and Sebastiano Vigna: some nanoseconds a number, unlike std::mt19937_64.
class BenchRandom {
 public:
  explicit BenchRandom(std::uint64_t seed);
  std::uint64_t next();
  /// 0 <= result < bound, which is at least 1; uniform but for bound / 2^64.
  std::uint64_t below(std::uint64_t bound);
  /// 0 <= result < 1
  double unit();

 private:
  std::uint64_t state_[4];
};

/// Ranks 0 ... n-1, where rank r comes with a probability proportional to 1 / (r + 1)^exponent.
/// Drawn exactly, in constant time and memory, by rejection-inversion: W. Hoermann and G. Derflinger,
/// "Rejection-Inversion to Generate Variates from Monotone Discrete Distributions", ACM TOMACS 6, 1996.
class Zipfian {
 public:
  static constexpr double kExponent = 0.99;  ///< YCSB's.

  /// @param n  at least 1
  explicit Zipfian(std::uint64_t n, double exponent = kExponent);
  std::uint64_t next(BenchRandom& random) const;
  std::uint64_t size() const { return n_; }

 private:
  double density(double x) const;   ///< x^-exponent
  double integral(double x) const;  ///< The integral of the density from 1 to x.
  double integral_inverse(double y) const;

  std::uint64_t n_;
  double exponent_;
  double low_;  ///< The range that integral() is drawn from.
  double high_;
  double sure_;  ///< What lies within this of a rank is taken without a second look.
};

/// The numbers of the keys there are: a fixed set at first, then those that were inserted.
/// Any thread may call any function.
class KeySpace {
 public:
  explicit KeySpace(std::uint64_t keys) : next_(keys), known_(keys) {}

  /// A number for a new key.
  std::uint64_t take() { return next_.fetch_add(1, std::memory_order_relaxed); }
  /// The insert of a number taken was answered.
  void on_inserted(std::uint64_t number);
  /// All keys below this number were answered.
  std::uint64_t known() const { return known_.load(std::memory_order_acquire); }

 private:
  std::atomic<std::uint64_t> next_;
  std::atomic<std::uint64_t> known_;
  std::mutex mutex_;
  std::set<std::uint64_t> ahead_;  ///< Answered, while an earlier number is not.
};

enum class Distribution : std::uint8_t {
  kUniform,
  kZipfian,  ///< Popular keys, scattered over the key space.
  kLatest,   ///< Popular is what was inserted last.
};

class KeyChooser {
 public:
  KeyChooser(Distribution distribution, const KeySpace& keys);
  /// The number of a key that there is.
  std::uint64_t next(BenchRandom& random);

 private:
  Distribution distribution_;
  const KeySpace& keys_;
  Zipfian zipfian_;
};

}  // namespace trellis

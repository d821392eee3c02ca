#include "cli/bench/keys.hpp"

#include <bit>
#include <cmath>

namespace trellis {
namespace {

/// One step of splitmix64 (Sebastiano Vigna): spreads the bits of a number.
std::uint64_t mix(std::uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

/// The upper half of a product of 64-bit numbers.
std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t a_low = a & 0xffffffff, a_high = a >> 32, b_low = b & 0xffffffff, b_high = b >> 32;
  const std::uint64_t middle = a_high * b_low + ((a_low * b_low) >> 32);
  const std::uint64_t other = a_low * b_high + (middle & 0xffffffff);
  return a_high * b_high + (middle >> 32) + (other >> 32);
}

}  // namespace

BenchRandom::BenchRandom(std::uint64_t seed) {
  for (std::uint64_t& word : state_) word = mix(seed++);
}

std::uint64_t BenchRandom::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t BenchRandom::below(std::uint64_t bound) { return multiply_high(next(), bound); }

double BenchRandom::unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

// The names of the paper: density is h, integral is H, rank r here is r + 1 there.
Zipfian::Zipfian(std::uint64_t n, double exponent)
    : n_(n),
      exponent_(exponent),
      low_(integral(1.5) - 1),
      high_(integral(static_cast<double>(n) + 0.5)),
      sure_(2 - integral_inverse(integral(2.5) - density(2))) {}

double Zipfian::density(double x) const { return std::exp(-exponent_ * std::log(x)); }

double Zipfian::integral(double x) const {
  const double log_x = std::log(x);
  const double y = (1 - exponent_) * log_x;
  // (x^(1-e) - 1) / (1-e), which tends to log x as e tends to 1.
  return std::abs(y) > 1e-8 ? std::expm1(y) / y * log_x : (1 + y / 2) * log_x;
}

double Zipfian::integral_inverse(double y) const {
  const double t = std::max(-1.0, y * (1 - exponent_));
  return std::exp(std::abs(t) > 1e-8 ? std::log1p(t) / t * y : (1 - t / 2) * y);
}

std::uint64_t Zipfian::next(BenchRandom& random) const {
  for (;;) {
    const double drawn = high_ + random.unit() * (low_ - high_);
    const double x = integral_inverse(drawn);
    const double nearest = std::min(std::max(std::round(x), 1.0), static_cast<double>(n_));
    if (nearest - x <= sure_ || drawn >= integral(nearest + 0.5) - density(nearest)) {
      return static_cast<std::uint64_t>(nearest) - 1;
    }
  }
}

void KeySpace::on_inserted(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  ahead_.insert(number);
  std::uint64_t known = known_.load(std::memory_order_relaxed);
  while (!ahead_.empty() && *ahead_.begin() == known) {
    ahead_.erase(ahead_.begin());
    ++known;
  }
  known_.store(known, std::memory_order_release);
}

KeyChooser::KeyChooser(Distribution distribution, const KeySpace& keys)
    : distribution_(distribution), keys_(keys), zipfian_(keys.known()) {}

std::uint64_t KeyChooser::next(BenchRandom& random) {
  const std::uint64_t known = keys_.known();
  if (distribution_ == Distribution::kUniform) return random.below(known);
  if (zipfian_.size() != known) zipfian_ = Zipfian(known);
  const std::uint64_t rank = zipfian_.next(random);
  // Two ranks may share a key, as in YCSB; some keys then come never.
  return distribution_ == Distribution::kLatest ? known - 1 - rank : mix(rank) % known;
}

}  // namespace trellis

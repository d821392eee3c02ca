// Metrics in Prometheus' text format: histograms, and the writer of the text.
//
// Plain values without locks: whoever counts owns them, and hands copies or text to whoever shows them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace trellis {

/// Counts values by fixed bounds.
template <const auto& kBoundsOf>
struct BasicHistogram {
  static constexpr const auto& kBounds = kBoundsOf;
  std::array<std::uint64_t, kBounds.size() + 1>
      counts{};  ///< How many fell into each bucket alone; the last is above all bounds.
  std::uint64_t count = 0;
  double sum = 0;

  void observe(double value) {
    const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), value) - kBounds.begin();
    ++counts[static_cast<std::size_t>(bucket)];
    ++count;
    sum += value;
  }
};

inline constexpr std::array<double, 16> kSecondsBounds = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                          0.025,   0.05,   0.1,     0.25,   0.5,   1.0,    2.5,   10.0};
inline constexpr std::array<double, 11> kSizeBounds = {1, 2, 4, 8, 16, 32, 64, 256, 1024, 4096, 16384};
/// The first counts durations in seconds, the second how many things there were at once.
using Histogram = BasicHistogram<kSecondsBounds>;
using SizeHistogram = BasicHistogram<kSizeBounds>;

using Label = std::pair<std::string_view, std::string_view>;
using Labels = std::initializer_list<Label>;

class MetricsText {
 public:
  /// Begins a family: all its samples follow, before the next one.  @param type  counter, gauge or histogram
  MetricsText& family(std::string_view name, std::string_view type, std::string_view help);
  MetricsText& sample(Labels labels, double value);
  MetricsText& sample(Labels labels, std::uint64_t value);
  template <const auto& kBoundsOf>
  MetricsText& sample(Labels labels, const BasicHistogram<kBoundsOf>& histogram) {
    return buckets(labels, kBoundsOf, histogram.counts, histogram.sum);
  }
  /// A family of one sample without labels.
  MetricsText& counter(std::string_view name, std::string_view help, std::uint64_t value);
  MetricsText& gauge(std::string_view name, std::string_view help, double value);
  /// What every process has: version, resident memory, open files and how many there may be, start time.
  MetricsText& process();
  /// The file system that `folder` is on; nothing where it cannot be told.
  MetricsText& disk(std::string_view program, const std::string& folder);

  const std::string& text() const { return text_; }

 private:
  MetricsText& buckets(Labels labels, std::span<const double> bounds, std::span<const std::uint64_t> counts,
                       double sum);
  void line(std::string_view suffix, Labels labels, Label more, std::string_view value);

  std::string family_;
  std::string text_;
};

/// How much RAM this process takes.
std::uint64_t resident_bytes();

}  // namespace trellis

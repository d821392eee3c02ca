// Metrics in Prometheus' text format: histograms, and the writer of the text.
//
// Plain values without locks: whoever counts owns them, and hands copies or text to whoever shows them.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace trellis {

/// Counts durations in seconds by fixed bounds, 50 us to 10 s.
struct Histogram {
  static constexpr std::array<double, 16> kBounds = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                     0.025,   0.05,   0.1,     0.25,   0.5,   1.0,    2.5,   10.0};
  std::array<std::uint64_t, kBounds.size() + 1> counts{};  ///< Of each bucket alone; the last is above all bounds.
  std::uint64_t count = 0;
  double sum = 0;

  void observe(double value);
};

using Label = std::pair<std::string_view, std::string_view>;
using Labels = std::initializer_list<Label>;

class MetricsText {
 public:
  /// Begins a family: all its samples follow, before the next one.  @param type  counter, gauge or histogram
  MetricsText& family(std::string_view name, std::string_view type, std::string_view help);
  MetricsText& sample(Labels labels, double value);
  MetricsText& sample(Labels labels, std::uint64_t value);
  MetricsText& sample(Labels labels, const Histogram& histogram);
  /// A family of one sample without labels.
  MetricsText& counter(std::string_view name, std::string_view help, std::uint64_t value);
  MetricsText& gauge(std::string_view name, std::string_view help, double value);
  /// What every process has: resident memory, open files, start time.
  MetricsText& process();

  const std::string& text() const { return text_; }

 private:
  void line(std::string_view suffix, Labels labels, Label more, std::string_view value);

  std::string family_;
  std::string text_;
};

}  // namespace trellis

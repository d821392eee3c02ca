// What a bench has measured, as text and as JSON.
#include <algorithm>

#include "cli/bench/bench.hpp"
#include "cli/progress_line.hpp"

namespace trellis {
namespace {

constexpr double kParts[] = {0.5, 0.9, 0.99, 0.999};

/// name, p50, p90, p99, p99.9, max, mean in ms
std::string latency_row(std::string_view name, const Histogram& latencies) {
  std::string row(name);
  row.resize(std::max<std::size_t>(row.size(), 18), ' ');
  for (const double part : kParts) {
    row += formatted(" %10.3f", static_cast<double>(latencies.quantile(part)) / 1e3);
  }
  row += formatted(" %10.3f", static_cast<double>(latencies.max()) / 1e3);
  return row + formatted(" %10.3f\n", latencies.mean() / 1e3);
}

std::string latency_json(const Histogram& latencies) {
  std::string json =
      "{\"count\": " + std::to_string(latencies.count()) + formatted(", \"mean\": %.1f", latencies.mean());
  const char* const names[] = {"p50", "p90", "p99", "p99.9"};
  for (std::size_t i = 0; i < std::size(kParts); ++i) {
    json += std::string(", \"") + names[i] + "\": " + std::to_string(latencies.quantile(kParts[i]));
  }
  return json + ", \"max\": " + std::to_string(latencies.max()) + "}";
}

std::size_t operations_seen(const BenchFigures& figures) {
  return static_cast<std::size_t>(std::count_if(figures.by_operation.begin(), figures.by_operation.end(),
                                                [](const Histogram& latencies) { return latencies.count() > 0; }));
}

/// A name that needs no escapes.
std::string quoted(std::string_view name) { return std::string(1, '"').append(name).append(1, '"'); }

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text.append(text.empty() ? "" : ", ").append(part);
  return text;
}

}  // namespace

std::string to_text(const BenchResult& result) {
  const BenchFigures& figures = result.figures;
  std::string text = result.workload + ": " + find_workload(result.workload)->text() + "\n";
  text += grouped(figures.operations) + " operations in " + formatted("%.1f s, ", result.seconds) +
          grouped(result.throughput()) + " a second, " + grouped(figures.failed()) + " errors\n";
  text += "latency in ms             p50        p90        p99      p99.9        max       mean\n";
  if (operations_seen(figures) > 1) {
    for (std::size_t i = 0; i < kOperations; ++i) {
      if (figures.by_operation[i].count() == 0) continue;
      text += latency_row(name_of(static_cast<Operation>(i)), figures.by_operation[i]);
    }
  }
  text += latency_row("all", figures.all);
  for (const auto& [status, count] : figures.errors) {
    text += "errors: " + status + " " + grouped(count) + "\n";
  }
  return text;
}

std::string to_json(const BenchResult& result) {
  const BenchFigures& figures = result.figures;
  std::string json = "{\"workload\": " + quoted(result.workload) + formatted(", \"seconds\": %.3f", result.seconds) +
                     ", \"operations\": " + std::to_string(figures.operations) +
                     formatted(", \"throughput\": %.1f", result.throughput()) +
                     ", \"latency_us\": " + latency_json(figures.all);
  std::vector<std::string> operations;
  for (std::size_t i = 0; i < kOperations; ++i) {
    if (figures.by_operation[i].count() == 0) continue;
    operations.push_back(quoted(name_of(static_cast<Operation>(i))) + ": " + latency_json(figures.by_operation[i]));
  }
  std::vector<std::string> errors;
  for (const auto& [status, count] : figures.errors) errors.push_back(quoted(status) + ": " + std::to_string(count));
  json += ", \"by_operation\": {" + joined(operations) + "}, \"errors\": {" + joined(errors) + "}";
  if (result.load_seconds > 0) json += formatted(", \"load_seconds\": %.3f", result.load_seconds);
  return json + "}";
}

}  // namespace trellis

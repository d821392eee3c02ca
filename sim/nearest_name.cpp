#include "sim/nearest_name.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace trellis::sim {
namespace {

/// Levenshtein's distance, row by row.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string_view nearest_name(std::string_view slip, const std::vector<std::string_view>& names) {
  return *std::min_element(names.begin(), names.end(), [slip](std::string_view a, std::string_view b) {
    return distance(slip, a) < distance(slip, b);
  });
}

std::string unknown_name(std::string_view what, std::string_view slip, const std::vector<std::string_view>& names) {
  return "there is no " + std::string(what) + ' ' + std::string(slip) + "; the nearest one is " +
         std::string(nearest_name(slip, names));
}

}  // namespace trellis::sim

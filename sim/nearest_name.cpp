#include "sim/nearest_name.hpp"

#include <algorithm>

#include "protocol/spelling.hpp"

namespace trellis::sim {

std::string_view nearest_name(std::string_view slip, const std::vector<std::string_view>& names) {
  return *std::min_element(names.begin(), names.end(), [slip](std::string_view a, std::string_view b) {
    return edit_distance(slip, a) < edit_distance(slip, b);
  });
}

std::string unknown_name(std::string_view what, std::string_view slip, const std::vector<std::string_view>& names) {
  return "there is no " + std::string(what) + ' ' + std::string(slip) + "; the nearest one is " +
         std::string(nearest_name(slip, names));
}

}  // namespace trellis::sim

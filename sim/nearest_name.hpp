// Names that people type: one with a slip in it is refused, and the nearest one is named.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trellis::sim {

/// The one of `names`, of which there is at least one, that takes the fewest letters changed, added or left out.
std::string_view nearest_name(std::string_view slip, const std::vector<std::string_view>& names);

/// "there is no mutation no-barier; the nearest one is no-barrier"
std::string unknown_name(std::string_view what, std::string_view slip, const std::vector<std::string_view>& names);

}  // namespace trellis::sim

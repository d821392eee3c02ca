// What the broker answers from its own knowledge: MEMBERS, LOCATE and STATUS.  docs/protocol.md gives the shapes.
#pragma once

#include <string>
#include <string_view>

#include "broker/options.hpp"
#include "broker/registry.hpp"
#include "broker/router.hpp"

namespace trellis {

/// Each returns one packed value, the command's result.
std::string report_members(const Router& router, const Registry& registry, bool with_load, TimePoint now);
/// There is a map.
std::string report_location(std::string_view key, const Router& router);
std::string report_status(const BrokerOptions& options, const Router& router, const Registry& registry, TimePoint now);

}  // namespace trellis

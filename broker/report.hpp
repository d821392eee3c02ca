// What the broker answers from its own knowledge: MEMBERS, LOCATE and STATUS.
#pragma once

#include <string_view>
#include <vector>

#include "broker/options.hpp"
#include "broker/registry.hpp"
#include "broker/router.hpp"
#include "protocol/reports.hpp"

namespace trellis {

std::vector<MemberReport> report_members(const Router& router, const Registry& registry, TimePoint now);
/// There is a map.
LocationReport report_location(std::string_view key, const Router& router);
StatusReport report_status(const BrokerOptions& options, const Router& router, const Registry& registry, TimePoint now);

}  // namespace trellis

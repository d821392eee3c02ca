// Counters: documents of one number that are changed by PATCH alone, by one each time.
//
// Such a number is a witness of its own: each increment that took effect is in it once.  So an answer is right where it
// counts all increments that were answered before it was asked for, and none that was not yet asked for; and no two
// increments were told the same number.  Increments of unknown outcome may be in it, once each.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/checker/history.hpp"
#include "sim/checker/violation.hpp"

namespace trellis::sim {

/// The keys of counters: those of every PATCH.
std::set<std::string, std::less<>> counters_of(const History& history);

std::vector<Violation> check_counters(const History& history);

}  // namespace trellis::sim

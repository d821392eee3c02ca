// Checks KEYS, SCAN and COUNT: a key that was there throughout is never missed, one that was not there at all is never
// shown, always in byte order, none twice, all within prefix, `after` and limit; a COUNT lies between the keys that
// were there throughout and those that may have been there.
//
// Each page is checked by its own time: chained pages promise no more.  Stale and marked answers are checked by form
// only.
#pragma once

#include "sim/checker/violation.hpp"

namespace trellis::sim {

std::vector<Violation> check_listings(const History& history);

}  // namespace trellis::sim

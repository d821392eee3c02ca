// Whether the gateway is of use now: what /readyz says.  A pure function.
#pragma once

#include "gateway/http.hpp"
#include "protocol/reply.hpp"

namespace trellis {

/// @param status   the answer to a STATUS
/// @param verbose  names each check: `[+]broker answers`, `[-]cluster is being formed`
HttpResponse readiness(const Reply& status, bool verbose);

}  // namespace trellis

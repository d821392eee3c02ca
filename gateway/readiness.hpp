// Whether the gateway is of use now: what /readyz says.  A pure function.
#pragma once

#include <string>

#include "gateway/http.hpp"
#include "protocol/reply.hpp"

namespace trellis {

/// @param status   the answer to a STATUS
/// @param verbose  names each check: `[+]broker answers`, `[-]cluster is being formed`
HttpResponse readiness(const Reply& status, bool verbose);

/// The cluster that a STATUS names; empty where there is none yet, or no answer.
std::string cluster_of(const Reply& status);

}  // namespace trellis

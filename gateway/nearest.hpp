// What a path that nothing is at was probably meant to be.  A pure function.
#pragma once

#include <string>

#include "gateway/http.hpp"

namespace trellis {

/// The path that is nearest to the target's, which may be cut short: "/v1/keys/x" for /keys/x, "/livez" for /healthz.
/// Empty: none is near.
std::string nearest_path(const Target& target);

}  // namespace trellis

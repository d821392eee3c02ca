// /openapi.json: the route table in OpenAPI 3.1.
#pragma once

#include <string>

namespace trellis {

/// The description as JSON; the same at every call.
std::string openapi_json();

}  // namespace trellis

// A listening TCP socket.
#pragma once

#include "protocol/endpoint.hpp"

namespace trellis {

/// A socket that listens at `endpoint`, to be closed by the caller.  Error: why it cannot, for people.
Result<int> listen_at(const Endpoint& endpoint);

}  // namespace trellis

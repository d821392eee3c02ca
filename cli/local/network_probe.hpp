// What is at an address: is it this machine's, and who listens there?
#pragma once

#include "protocol/endpoint.hpp"

namespace trellis {

/// Whether `host` (a name or an IP address) is one of this machine.
bool is_of_this_machine(const std::string& host);

enum class Listener {
  kNobody,
  kZeroMq,  ///< It greets as a ZeroMQ socket does: most likely a worker or broker.
  kOther,
};
/// Connects and waits a moment for the greeting.
Listener probe(const Endpoint& endpoint);

}  // namespace trellis

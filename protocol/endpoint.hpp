// Endpoints: HOST:PORT and tcp://HOST:PORT, which mean the same everywhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace trellis {

struct Endpoint {
  std::string host;  ///< A name, an IPv4 address, or an IPv6 address in brackets.
  std::uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;

  std::string text() const { return host + ":" + std::to_string(port); }
  std::string zmq() const { return "tcp://" + text(); }  ///< As ZeroMQ wants it.
};

/// Error: kInvalidArgument, with a message that says what an endpoint looks like.
Result<Endpoint> read_endpoint(std::string_view text);

/// A port number, 1 to 65535, in decimal digits and nothing else.
Result<std::uint16_t> read_port(std::string_view text);

}  // namespace trellis

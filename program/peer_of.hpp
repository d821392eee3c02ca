// Who is at the other end of a connection.
#pragma once

#include <string>

namespace trellis {

struct PeerAddress {
  std::string host;  ///< Numeric; empty where nobody is there.
  std::string port;
  /// host:port, or [host]:port where the host is an IPv6 address.
  std::string text() const;
};

/// @param descriptor  of a TCP connection
PeerAddress peer_of(int descriptor);

}  // namespace trellis

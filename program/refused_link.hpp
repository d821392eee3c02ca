// RefusedLink: a socket that connects tries again after its handshake was refused.
//
// ZeroMQ does not: where the other end asks for a key that this one does not show, or shows none where this one asks,
// the connection is given up for good (libzmq 4.3, "protocol error"), and connecting once more to the same endpoint
// does nothing.  Disconnecting first does.  Such a handshake is no end: while keys are brought in, a cluster's
// processes get theirs one after the other.
//
// Thread: that of the socket.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <zmq.hpp>

#include "program/socket_monitor.hpp"
#include "protocol/types.hpp"

namespace trellis {

class RefusedLink {
 public:
  static constexpr std::chrono::milliseconds kTryAgainAfter{1'000};

  /// Before connect().  @param socket  stays where it is
  RefusedLink(zmq::context_t& context, zmq::socket_t& socket, std::string endpoint);

  /// Connects anew where the last handshake was refused long enough ago.
  void tick(zmq::socket_t& socket, TimePoint now);

 private:
  bool was_refused();

  SocketMonitor events_;
  std::string endpoint_;
  std::optional<TimePoint> due_;
};

}  // namespace trellis

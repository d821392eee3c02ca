// Reconnect: how a socket that connects finds its way back.
//
// Once a link is back, a new connection has to be there within two seconds, however long the link was away.  Left to
// itself the kernel asks ever more rarely (1, 3, 7, 15, 31 s after its first SYN; some begin with four a second), so
// after 40 s it may ask next in 20.  Therefore an attempt is given up after kConnectTimeout and begun anew: SYNs are 1
// s apart at most.  The timeout bounds the round trip over which a connection can be made at all.  A connection whose
// handshake (ZMTP's: some three round trips) was cut half-way is given up after kHandshakeTimeout, where ZeroMQ would
// wait for 30 s.
#pragma once

#include <zmq.hpp>

namespace trellis {

constexpr int kConnectTimeout = 1'900;    ///< Milliseconds.
constexpr int kHandshakeTimeout = 6'000;  ///< Milliseconds.
/// Between attempts, in milliseconds: doubles from the least to the most.
constexpr int kReconnectEveryMin = 20;
constexpr int kReconnectEveryMax = 200;

/// Before connect(); on a socket that binds, the handshake's part counts.
inline void set_reconnecting(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::connect_timeout, kConnectTimeout);
  socket.set(zmq::sockopt::handshake_ivl, kHandshakeTimeout);
  socket.set(zmq::sockopt::reconnect_ivl, kReconnectEveryMin);
  socket.set(zmq::sockopt::reconnect_ivl_max, kReconnectEveryMax);
}

}  // namespace trellis

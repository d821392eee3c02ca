// Frames to and from ZeroMQ sockets, without copying what is large.  Included by the files that own sockets, only.
#pragma once

#include <zmq.hpp>

#include "protocol/bundle.hpp"

namespace trellis {

/// Receives one whole message, if one waits; its frames keep ZeroMQ's memory alive.  False: none waits.
bool receive(zmq::socket_t& socket, Frames& frames);

/// Sends one whole message without waiting.  False: not sent (no peer, or its queue is full); nothing of it is.
/// Frames under kCopyMax bytes are copied, larger ones lent to ZeroMQ.
bool send(zmq::socket_t& socket, const Frames& frames);

}  // namespace trellis

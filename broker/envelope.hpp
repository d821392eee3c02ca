// Envelope: ZeroMQ frames of a client's message <-> who gets the reply, and the request.  docs/protocol.md, Transport.
#pragma once

#include <string>

#include "protocol/cluster/bundle.hpp"
#include "protocol/frame.hpp"

namespace trellis {

/// A message from a ROUTER socket, taken apart.
struct ClientMessage {
  Frame routing_id;
  Frames envelope;                ///< Up to and including the first empty frame; none where the client sent none.
  Frame request;                  ///< Empty where the message is broken.
  const char* problem = nullptr;  ///< What is wrong with the message; null: nothing.
};

/// @param frames  the routing id and then what the client sent.  They are taken.
ClientMessage split_message(Frames& frames);

}  // namespace trellis

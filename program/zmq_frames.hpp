// Frames to and from ZeroMQ sockets, without copying what is large.  Included by the files that own sockets, only.
#pragma once

#include <string>
#include <zmq.hpp>

#include "protocol/cluster/bundle.hpp"

namespace trellis {

/// What receive() knows of the message that it is at.
struct Intake {
  /// A message of more frames is no message: they are dropped as they come, some at a time.
  std::size_t frames_max = kFramesMax;
  bool is_discarding = false;  ///< The rest of such a message waits.
  bool wants_source = false;   ///< Asks where each message came from, which takes some 100 ns.
  int source = -1;             ///< The descriptor it came from, where that was asked or it is discarded.

  /// What a bundle between processes of a cluster may have.
  static constexpr std::size_t kFramesMax = 131'072;
  static constexpr std::size_t kDiscardedAtOnce = 100'000;
};

/// Receives one whole message, if one waits; its frames keep ZeroMQ's memory alive.  False: none waits, or it is one
/// that is discarded.
bool receive(zmq::socket_t& socket, Frames& frames, Intake& intake);
inline bool receive(zmq::socket_t& socket, Frames& frames) {
  Intake intake;
  return receive(socket, frames, intake);
}

/// The address of whoever sent a frame that receive() gave, without the port; empty where it is not known.
std::string address_of(const Frame& frame);
/// The descriptor of the connection that it came over; -1 where it is not known.  Takes some 100 ns.
int descriptor_of(const Frame& frame);

/// Sends one whole message without waiting.  False: not sent (no peer, or its queue is full); nothing of it is.
/// Frames under kCopyMax bytes are copied, larger ones lent to ZeroMQ.
bool send(zmq::socket_t& socket, const Frames& frames);

}  // namespace trellis

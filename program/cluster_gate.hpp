// ClusterGate: who is let in at the ports between processes of the cluster, by the cluster's key.
//
// Both ends of such a connection hold the same key pair (CURVE): the end that binds shows that it has the secret key,
// and so does the end that connects, whose public key is then asked about here (ZAP, ZeroMQ RFC 27).  Everything behind
// the handshake is encrypted and cannot be replayed.  Whoever speaks without a key, or with another one, ends at the
// handshake, before anything of it is read as a message.
//
// A gate answers from the loop that owns the sockets: its questions are one more socket to poll.
//
// Thread: that of the sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <zmq.hpp>

#include "program/cluster_key.hpp"
#include "program/zmq_frames.hpp"
#include "protocol/types.hpp"

namespace trellis {

class ClusterGate {
 public:
  /// Before any socket of the context is bound: without an answer ZeroMQ lets everybody in.
  ClusterGate(zmq::context_t& context, const ClusterKey& key);

  /// Before bind(): from now on members alone are let in there.  @param port  its name in lines: "the backend"
  void admit_members(zmq::socket_t& bound, const std::string& port);

  /// For a Poller: its messages are handed to on_question().
  zmq::socket_t& questions() { return questions_; }
  void on_question(Frames& question, TimePoint now);

 private:
  bool is_member(const Frames& question) const;

  zmq::socket_t questions_;
  ClusterKey key_;
  std::string public_bytes_;  ///< The public key as it stands in a question, 32 bytes.
  std::optional<TimePoint> refusal_told_;
};

/// Before connect(): this end shows the cluster's key, and speaks to nobody who has not got it.
void show_key(zmq::socket_t& connecting, const ClusterKey& key);

}  // namespace trellis

// ClusterGate: who is let in at the ports of a process that has the cluster's key.
//
// At the ports between processes of the cluster both ends hold the same key pair (CURVE): the end that binds shows that
// it has the secret key, and so does the end that connects, whose public key is then asked about here (ZAP).  At a port
// for users each has a key of its own, and whoever knows the users says who it is.  Everything behind the handshake is
// encrypted and cannot be replayed.  Whoever speaks without a key, or with another one, ends at the handshake, before
// anything of it is read as a message.
//
// A gate answers from the loop that owns the sockets: its questions are one more socket to poll.
//
// Thread: that of the sockets.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <zmq.hpp>

#include "program/cluster_key.hpp"
#include "program/zap.hpp"
#include "program/zmq_frames.hpp"
#include "protocol/types.hpp"

namespace trellis {

class ClusterGate {
 public:
  /// Who has a key.
  struct Found {
    ZapStatus status = ZapStatus::kRefused;
    std::uint64_t user = 0;  ///< Its number, with kLetIn.
  };
  /// @param public_key  32 bytes
  using Users = std::function<Found(std::string_view public_key)>;

  /// Before any socket of the context is bound: without an answer ZeroMQ lets everybody in.
  ClusterGate(zmq::context_t& context, const ClusterKey& key);

  /// Before bind(): from now on members alone are let in there.  @param port  its name in lines: "the backend"
  void admit_members(zmq::socket_t& bound, const std::string& port);
  /// The same for users, and for members, who have the number 0.
  void admit_users(zmq::socket_t& bound, const std::string& port, Users users);

  /// For a Poller: its messages are handed to on_question().
  zmq::socket_t& questions() { return questions_; }
  void on_question(const Frames& frames, TimePoint now);

 private:
  void ask_for_keys(zmq::socket_t& bound, const std::string& port);
  Found find(const ZapQuestion& question) const;
  void tell(const ZapQuestion& question, const Found& found, TimePoint now);

  zmq::socket_t questions_;
  ClusterKey key_;
  std::string public_bytes_;                       ///< The public key as it stands in a question, 32 bytes.
  std::map<std::string, Users> users_;             ///< By port.
  std::map<std::string, TimePoint> refusal_told_;  ///< By port.
};

/// Who sent a frame that came over a port for users; nothing where that is not known.
std::optional<std::uint64_t> user_of(const Frame& frame);

/// Before connect(): this end shows the cluster's key, and speaks to nobody who has not got it.
void show_key(zmq::socket_t& connecting, const ClusterKey& key);

}  // namespace trellis

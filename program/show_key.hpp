// How a client's socket shows a user's key, and asks for the cluster's.  Included by the files that own sockets, only.
#pragma once

#include <zmq.hpp>

#include "program/user_key.hpp"

namespace trellis {

/// Before connect(): this end shows who the user is, and speaks to nobody but the user's cluster.
inline void show_key(zmq::socket_t& connecting, const UserKey& user) {
  connecting.set(zmq::sockopt::curve_serverkey, user.server_key);
  connecting.set(zmq::sockopt::curve_publickey, user.public_key);
  connecting.set(zmq::sockopt::curve_secretkey, user.secret_key);
}

}  // namespace trellis

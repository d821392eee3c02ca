// The gateway's process: HTTP by libmicrohttpd on one side, a Client of the brokers on the other.
//
// Two threads, however many connections: the library's (gateway/http_side.hpp), which reads requests and writes
// responses, and the one that calls run(), which owns the Client (gateway/cluster_side.hpp).  An Exchange, which is one
// request and its response, is touched by one of them at a time: by the first while its connection runs, by the second
// while the connection is suspended.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "program/signals.hpp"
#include "program/slow_log.hpp"
#include "program/user_key.hpp"
#include "protocol/endpoint.hpp"
#include "protocol/types.hpp"

namespace trellis {

struct GatewayOptions {
  Endpoint listen{"127.0.0.1", 7480};
  std::vector<std::string> brokers;  ///< As tcp://host:port, at least one.
  std::optional<UserKey> user;       ///< Whose key is shown to the brokers; nothing: none is.
  bool asks_for_tokens = false;      ///< Each request has to bring a user's, for whom it is asked then.
  std::string tls_certificate;       ///< A PEM file; empty: HTTP is not encrypted.
  std::string tls_key;               ///< The same of the certificate's key.
  std::vector<std::string> hosts;    ///< Names that it answers to, besides loopback's and the one it listens at.
  unsigned connections_max = 4096;
  SlowSettings slow;
  /// A connection that does not bring a request whole within this, or on which nothing happens for so long, is closed.
  std::chrono::seconds request_time{120};
  /// Bytes of the bodies of all requests together; beyond it requests are sent away.
  std::size_t bodies_max = std::size_t{512} << 20;
};

class GatewayServer {
 public:
  /// Error: it cannot listen there, or the certificate cannot be used.
  static Result<std::unique_ptr<GatewayServer>> listen(const GatewayOptions& options);
  virtual ~GatewayServer() = default;
  /// Serves until `stop` is requested, and then answers what is under way.
  virtual void run(const StopSignal& stop) = 0;
};

}  // namespace trellis

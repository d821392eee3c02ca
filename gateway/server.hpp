// The gateway's process: HTTP by libmicrohttpd on one side, a Client of the brokers on the other.
//
// Two threads, however many connections: the library's, which reads requests and writes responses, and the one that
// calls run(), which owns the Client.  An Exchange (one request and its response) is touched by one of them at a time:
// by the HTTP thread while its connection runs, by the Client's while the connection is suspended.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "program/signals.hpp"
#include "protocol/endpoint.hpp"

namespace trellis {

struct GatewayOptions {
  Endpoint listen{"127.0.0.1", 7480};
  std::vector<std::string> brokers;  ///< As tcp://host:port, at least one.
  unsigned connections_max = 4096;
};

class GatewayServer {
 public:
  /// Error: it cannot listen there.
  static Result<std::unique_ptr<GatewayServer>> listen(const GatewayOptions& options);
  virtual ~GatewayServer() = default;
  /// Serves until `stop` is requested, and then answers what is under way.
  virtual void run(const StopSignal& stop) = 0;
};

}  // namespace trellis

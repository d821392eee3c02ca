// BrokerServer: the poll loop around the core, and the only file of the broker with ZeroMQ in it.
//
//   frontend ROUTER (clients) ─┐                  one turn: all that waits on both sockets -> core -> flush:
//   backend  ROUTER (workers) ─┴─ poll, or timer            a bundle a worker, one message a reply
//
// Sends never block: ROUTER_MANDATORY and DONTWAIT say whether a message was taken.  Replies that ZeroMQ does not take
// wait in a ReplyQueue of their client.  High-water marks count messages, so bytes are counted here: large replies are
// lent to ZeroMQ, and count until it gives them back.
// Threading: run() is the one thread that touches the object; ZeroMQ's threads give back lent memory.
#pragma once

#include <memory>
#include <optional>

#include "broker/options.hpp"
#include "program/cluster_key.hpp"
#include "protocol/endpoint.hpp"
#include "protocol/result.hpp"

namespace trellis {

class StopSignal;

struct BrokerServerOptions {
  Endpoint frontend{"127.0.0.1", 7400};
  Endpoint backend{"127.0.0.1", 7401};
  BrokerOptions broker;
  std::optional<Endpoint> metrics;  ///< Where GET /metrics is served.
  std::size_t files = 1'024;        ///< How many this process may open.
  std::optional<ClusterKey> key;    ///< Nothing: whoever reaches a port is let in.
  std::string audit;                ///< A file for a line of each refusal and administrator's command; empty: none.
};

class BrokerServer {
 public:
  /// Binds both sockets.  Error: kUnavailable, with the endpoint that cannot be bound and why.
  static Result<std::unique_ptr<BrokerServer>> bind(const BrokerServerOptions& options);
  ~BrokerServer();

  /// Serves until the signal.
  void run(const StopSignal& stop);

 private:
  class Loop;
  explicit BrokerServer(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace trellis

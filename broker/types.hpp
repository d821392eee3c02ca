// What the broker's parts share: addresses of partners, and the interface that the core answers into.
#pragma once

#include <string>
#include <string_view>

#include "protocol/cluster/bundle.hpp"
#include "protocol/frame.hpp"
#include "protocol/log_level.hpp"

namespace trellis {

/// Where a client is: the routing id that the frontend gave its connection, and the envelope that came in front of its
/// request (frames up to and including the first empty one; often none), which goes back in front of the reply.
struct ClientAddress {
  std::string_view routing_id;
  const Frames& envelope;
};

/// The routing id that the backend gave a worker's connection.  A new connection has a new one.
using BackendAddress = std::string;

/// Where the core's answers go: sockets in production, the simulated network in sim/.  Calls do not come back into the
/// core.
class BrokerOutput {
 public:
  virtual ~BrokerOutput() = default;
  /// One reply frame for one client.  What a client that does not read leaves lying is the output's to bound.
  virtual void to_client(const ClientAddress& client, Frame reply) = 0;
  /// One bundle for one worker.  False: nothing was sent (its connection is gone, or its queue full).
  virtual bool to_worker(const BackendAddress& worker, Frames bundle) = 0;
  /// One event, one line.
  virtual void log(LogLevel level, std::string_view event, const LogSubject& subject) = 0;
  /// The address of the client that sent this frame, for people; empty where it is not known.
  virtual std::string address_of(const Frame&) const { return {}; }
  /// From now on the broker serves this cluster.
  virtual void on_cluster(const ClusterId&) {}
};

}  // namespace trellis

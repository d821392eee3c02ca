// Broker: the core between clients and workers.  It is handed frames and the time, and answers into a BrokerOutput.
//
//   client message -> Envelope -> request -> one subrequest (a command on one key) or a Merger (everything else)
//   subrequest            -> Calls: to the replica that should see it, again and again, until it answers or time is up
//   hello          -> Formation (who belongs to the cluster) -> Registry (who is alive) -> Router (who leads)
//
// Invariant: each request that comes in gets exactly one reply.  The broker keeps no state that a restart would miss:
// everything it knows of the cluster comes with the workers' next heartbeat.
// Threading: none.  No socket, clock, file or thread is touched; sim/ runs exactly this code.
//
// A turn of the loop: on_worker_message and on_client_message for all that waits, on_tick, then flush, which sends a
// bundle to each worker for which something has gathered.  Many reads are sent on before.
#pragma once

#include <memory>
#include <string>

#include "broker/options.hpp"
#include "broker/types.hpp"
#include "protocol/types.hpp"

namespace trellis {

class Broker {
 public:
  /// `output` outlives the broker.  `now` is its start: for kBrokerWarmUp it calls nothing unavailable.
  Broker(BrokerOptions options, BrokerOutput& output, const RandomSource& random, TimePoint now);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  /// A message from the frontend: the client's routing id, then the frames that the client sent.  The frames are taken.
  /// @param asker  who has sent it
  void on_client_message(Frames& frames, TimePoint now, const Asker& asker = {});
  /// Whether whoever shows this public key (32 bytes) at the frontend is let in.
  Admission admit(std::string_view public_key) const;
  /// A bundle from the backend.
  void on_worker_message(const BackendAddress& worker, const Frames& bundle, TimePoint now);
  /// Time passed: deadlines, resends, heartbeats, liveness.
  void on_tick(TimePoint now);
  /// When on_tick is due next; never more than a heartbeat away.
  TimePoint next_deadline() const;
  /// Sends what has gathered for the workers.
  void flush(TimePoint now);

  /// Requests that have no reply yet.
  std::size_t requests_under_way() const;
  /// In Prometheus' text format.
  std::string metrics(TimePoint now) const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace trellis

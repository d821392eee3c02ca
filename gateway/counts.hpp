// What the gateway counts, and as text for Prometheus.  Safe from any thread.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "gateway/routes.hpp"
#include "program/metrics.hpp"

namespace trellis {

/// What others know at the moment of a look.
struct GatewayGauges {
  std::size_t connections = 0;
  std::size_t calls_under_way = 0;
  std::size_t body_bytes = 0;
  std::uint64_t closed_for_slowness = 0;  ///< Connections, since the start.
};

class GatewayCounts {
 public:
  /// A response is on its way.  @param route  null: nothing was at the path
  void on_response(const Route* route, Method method, int status, double seconds);
  void on_broken_listing();
  std::string text(const GatewayGauges& gauges) const;
  /// Durations of the requests that clients made: not those that the page makes to draw itself.
  Histogram of_clients() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::tuple<const Route*, Method, int>, std::uint64_t> responses_;
  std::map<const Route*, Histogram> seconds_;
  std::uint64_t broken_listings_ = 0;
};

}  // namespace trellis

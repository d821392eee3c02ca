#include "gateway/counts.hpp"

namespace trellis {
namespace {

std::string_view pattern_of(const Route* route) { return route != nullptr ? route->pattern : "none"; }

void add(Histogram& sum, const Histogram& part) {
  for (std::size_t i = 0; i < sum.counts.size(); ++i) sum.counts[i] += part.counts[i];
  sum.count += part.count;
  sum.sum += part.sum;
}

/// What somebody asks for its own sake: not how the cluster is.
bool is_of_clients(const Route* route) {
  if (route == nullptr) return false;
  if (route->service == Service::kConsole) return true;
  return route->service == Service::kCluster && route->command != Command::kMembers &&
         route->command != Command::kStatus;
}

}  // namespace

void GatewayCounts::on_response(const Route* route, Method method, int status, double seconds) {
  const std::lock_guard lock(mutex_);
  ++responses_[{route, method, status}];
  seconds_[route].observe(seconds);
}

void GatewayCounts::on_broken_listing() {
  const std::lock_guard lock(mutex_);
  ++broken_listings_;
}

Histogram GatewayCounts::of_clients() const {
  const std::lock_guard lock(mutex_);
  Histogram sum;
  for (const auto& [route, histogram] : seconds_) {
    if (is_of_clients(route)) add(sum, histogram);
  }
  return sum;
}

std::string GatewayCounts::text(const GatewayGauges& gauges) const {
  const std::lock_guard lock(mutex_);
  MetricsText out;
  out.family("trellis_gateway_requests_total", "counter", "HTTP requests by route, method and status.");
  for (const auto& [key, count] : responses_) {
    const auto& [route, method, status] = key;
    out.sample({{"route", pattern_of(route)}, {"method", name_of(method)}, {"status", std::to_string(status)}}, count);
  }
  out.family("trellis_gateway_request_duration_seconds", "histogram",
             "From a request's first line to its response, or to its first page.");
  // A route has several rows, one a method; they share a pattern, and so a label.
  std::map<std::string_view, Histogram> by_pattern;
  for (const auto& [route, histogram] : seconds_) add(by_pattern[pattern_of(route)], histogram);
  for (const auto& [pattern, histogram] : by_pattern) out.sample({{"route", pattern}}, histogram);
  out.counter("trellis_gateway_listings_broken_total", "Streamed listings that broke off.", broken_listings_);
  out.counter("trellis_gateway_slow_connections_closed_total", "Connections that took too long to send a request.",
              gauges.closed_for_slowness);
  out.gauge("trellis_gateway_connections", "Open HTTP connections.", static_cast<double>(gauges.connections));
  out.gauge("trellis_gateway_calls_in_flight", "Calls to brokers that wait for an answer.",
            static_cast<double>(gauges.calls_under_way));
  out.gauge("trellis_gateway_request_body_bytes", "Request bodies held.", static_cast<double>(gauges.body_bytes));
  return out.process().text();
}

}  // namespace trellis

#include "program/connection_watch.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "program/log.hpp"
#include "program/metrics.hpp"
#include "program/peer_of.hpp"

namespace trellis {
namespace {

/// What ZeroMQ says to a client before its first answer, and the most that it hears before a first message (ZMTP 3 with
/// NULL, a routing id of 255 bytes, and some more).
constexpr std::uint64_t kGreetingSent = 107;
constexpr std::uint64_t kGreetingReceivedMax = 400;

/// Zeros where the connection is gone.
tcp_info traffic_of(int descriptor) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info : tcp_info{};
}

constexpr int kWatchedEvents = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_CLOSED |
                               ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;

}  // namespace

ConnectionWatch::ConnectionWatch(zmq::context_t& context, zmq::socket_t& watched, std::string port,
                                 ConnectionLimits limits)
    : events_(context, watched, "connections of " + port, kWatchedEvents), port_(std::move(port)), limits_(limits) {}

void ConnectionWatch::tick(TimePoint now) {
  if (now - looked_at_ < kLookEvery) return;
  looked_at_ = now;
  take_events(now);
  look(now);
  if (!ending_.empty()) end_quiet_ones();
}

void ConnectionWatch::take_events(TimePoint now) {
  while (const auto event = events_.next()) {
    const int descriptor = static_cast<int>(event->value);
    switch (event->kind) {
      case ZMQ_EVENT_ACCEPTED: on_accepted(descriptor, now); break;
      case ZMQ_EVENT_DISCONNECTED: on_closed(descriptor); break;
      case ZMQ_EVENT_ACCEPT_FAILED:
        ++failed_;
        tell(failure_told_, now,
             port_ + " could not take a connection: " + std::strerror(descriptor) + ", with " +
                 std::to_string(connections_.size()) +
                 " open; raise the limit of open files (ulimit -n, LimitNOFILE), or find out who opens so many");
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        ++strange_;
        tell(strange_told_, now,
             port_ +
                 " was spoken to by what speaks no ZeroMQ, or shows no key where one is asked for, or one where "
                 "none is: do all processes of the cluster have the same --cluster-key?");
        break;
      default: break;
    }
  }
}

void ConnectionWatch::on_accepted(int descriptor, TimePoint now) {
  on_closed(descriptor);  // The end of an earlier one may not have been told.
  const PeerAddress peer = peer_of(descriptor);
  if (peer.host.empty()) return;  // Gone already.
  const std::size_t of_address = ++per_address_[peer.host];
  Connection& connection = connections_[descriptor];
  connection.peer = peer.text();
  connection.address = peer.host;
  const bool is_full = connections_.size() > limits_.connections_max;
  if (!is_full && of_address <= limits_.per_address_max) return;
  ++refused_;
  ::shutdown(descriptor, SHUT_RDWR);
  tell(refusal_told_, now,
       port_ + " refused a connection of " + peer.host +
           (is_full ? ": " + std::to_string(limits_.connections_max) +
                          " are open, and the rest of the open files is kept for the cluster; raise the limit of open "
                          "files (ulimit -n, LimitNOFILE), or find out who opens so many"
                    : ": it has " + std::to_string(limits_.per_address_max) +
                          ", as many as one address may have; does it close what it does not need?"));
}

void ConnectionWatch::on_closed(int descriptor) {
  const auto at = connections_.find(descriptor);
  if (at == connections_.end()) return;
  if (at->second.observed_at) --observed_;
  const auto of_address = per_address_.find(at->second.address);
  if (--of_address->second == 0) per_address_.erase(of_address);
  connections_.erase(at);
}

/// Some of them each time, in turn.
void ConnectionWatch::look(TimePoint now) {
  auto at = connections_.lower_bound(next_);
  for (std::size_t looked = 0; looked < kLookedAtMax && at != connections_.end(); ++looked) {
    const auto [descriptor, unused] = *at;
    const bool is_there = look_at(descriptor, at->second, now);
    ++at;
    if (!is_there) on_closed(descriptor);
  }
  next_ = at == connections_.end() ? 0 : at->first;
}

bool ConnectionWatch::look_at(int descriptor, Connection& connection, TimePoint now) {
  const tcp_info traffic = traffic_of(descriptor);
  const std::uint64_t received = traffic.tcpi_bytes_received;
  if (received < connection.taken_at) return false;  // Another one has the descriptor by now.
  if (!connection.is_settled) look_for_an_answer(connection, received, traffic.tcpi_bytes_sent, now);
  if (!connection.observed_at) {
    if (received - connection.taken_at <= limits_.message_size_max) return true;
    connection.observed_at = received;
    connection.looks = 0;
    ++observed_;
    return true;
  }
  const bool is_endless = received - *connection.observed_at > limits_.message_size_max;
  if (++connection.looks < kLooksMin || !is_endless) return true;
  cut_off(descriptor);
  return false;
}

void ConnectionWatch::look_for_an_answer(Connection& connection, std::uint64_t received, std::uint64_t sent,
                                         TimePoint now) {
  connection.is_settled = limits_.unanswered_max == Duration::zero() || sent > kGreetingSent;
  if (received != connection.received) connection.received_at = now;
  connection.received = received;
  const bool waits_long = received > kGreetingReceivedMax && now - connection.received_at >= limits_.unanswered_max;
  if (connection.is_settled || !waits_long) return;
  connection.is_settled = true;
  ++unanswered_;
  tell(unanswered_told_, now,
       port_ + " has had " + std::to_string(received) + " bytes from " + connection.peer +
           " and nothing to answer: its first message has stalled, or it has the routing id of another client that is "
           "connected, whose it stays; a routing id belongs to one client: leave it out, and each gets its own");
}

void ConnectionWatch::on_message(int descriptor) {
  const auto at = connections_.find(descriptor);
  if (at == connections_.end() || !at->second.observed_at) return;
  at->second.taken_at = traffic_of(descriptor).tcpi_bytes_received;
  at->second.observed_at.reset();
  --observed_;
}

void ConnectionWatch::cut_off(int descriptor) {
  const auto at = connections_.find(descriptor);
  if (at == connections_.end()) return;
  if (peer_of(descriptor).text() != at->second.peer) return;
  ++cut_;
  ::shutdown(descriptor, SHUT_RDWR);
  tell(cut_told_, looked_at_,
       port_ + " cut off " + at->second.peer +
           ": its message does not end, or has more frames than any message has; what is it? A firewall keeps "
           "strangers out (docs/security.md)");
}

std::size_t ConnectionWatch::end_where(TimePoint now, const std::function<bool(int descriptor)>& is_to_end) {
  take_events(now);
  std::size_t ended = 0;
  for (const auto& [descriptor, connection] : connections_) {
    if (!is_to_end(descriptor) || peer_of(descriptor).text() != connection.peer) continue;
    ::shutdown(descriptor, SHUT_RDWR);
    ++ended;
  }
  return ended;
}

void ConnectionWatch::end_once_quiet(TimePoint now, std::function<bool(int descriptor)> is_to_end) {
  take_events(now);
  is_to_end_ = std::move(is_to_end);
  for (const auto& [descriptor, connection] : connections_) {
    if (is_to_end_(descriptor)) ending_[descriptor] = {connection.peer, traffic_of(descriptor).tcpi_bytes_received, 0};
  }
}

void ConnectionWatch::end_quiet_ones() {
  for (auto at = ending_.begin(); at != ending_.end();) {
    at = is_over(at->first, at->second) ? ending_.erase(at) : std::next(at);
  }
}

/// Whether it has ended, or need not.
bool ConnectionWatch::is_over(int descriptor, Ending& ending) {
  const auto at = connections_.find(descriptor);
  if (at == connections_.end() || at->second.peer != ending.peer || !is_to_end_(descriptor)) return true;
  const tcp_info traffic = traffic_of(descriptor);
  ending.looks = traffic.tcpi_bytes_received == ending.received ? ending.looks + 1 : 0;
  ending.received = traffic.tcpi_bytes_received;
  const auto round_trips = std::chrono::microseconds(2 * std::uint64_t{traffic.tcpi_rtt});
  if (ending.looks < kQuietLooks + static_cast<std::uint64_t>(round_trips / kLookEvery)) return false;
  if (peer_of(descriptor).text() == ending.peer) ::shutdown(descriptor, SHUT_RDWR);
  return true;
}

void ConnectionWatch::tell(std::optional<TimePoint>& told, TimePoint now, const std::string& line) {
  if (told && now - *told < kToldEvery) return;
  told = now;
  log_warning(line);
}

std::string metrics_of(const std::string& program,
                       std::initializer_list<std::pair<std::string_view, const ConnectionWatch*>> ports) {
  MetricsText out;
  const auto family = [&](const std::string& name, const char* type, const char* help, const auto& value) {
    out.family("trellis_" + program + "_" + name, type, help);
    for (const auto& [port, watch] : ports) out.sample({{"port", port}}, std::uint64_t{value(*watch)});
  };
  family("connections", "gauge", "Connections that are open, by port.",
         [](const ConnectionWatch& watch) { return watch.connections(); });
  family("connections_refused_total", "counter", "Connections for which there was no room, or too many of one address.",
         [](const ConnectionWatch& watch) { return watch.refused(); });
  family("connections_cut_off_total", "counter", "Connections whose message did not end, or had too many frames.",
         [](const ConnectionWatch& watch) { return watch.cut_off(); });
  family("accepts_failed_total", "counter", "Connections that could not be taken for want of open files.",
         [](const ConnectionWatch& watch) { return watch.accepts_failed(); });
  family("handshakes_failed_total", "counter", "Connections that ended at the handshake: no ZeroMQ, or no right key.",
         [](const ConnectionWatch& watch) { return watch.strange(); });
  return out.text();
}

}  // namespace trellis

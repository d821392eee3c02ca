#include "broker/counts.hpp"

#include <map>

namespace trellis {
namespace {

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

void write_workers(MetricsText& out, const Registry& registry, TimePoint now) {
  out.family("trellis_broker_workers", "gauge", "Workers by state.");
  for (const WorkerState state : {WorkerState::kUp, WorkerState::kSuspect, WorkerState::kDown}) {
    std::uint64_t count = 0;
    for (const auto& [id, worker] : registry.workers()) count += worker->state == state ? 1 : 0;
    out.sample({{"state", name_of(state)}}, count);
  }
  out.family("trellis_broker_worker_heartbeat_age_seconds", "gauge", "Since the last message of each worker.");
  for (const auto& [id, worker] : registry.workers()) {
    out.sample({{"worker", worker->hello.address}}, in_seconds(now - worker->last_heard));
  }
  out.family("trellis_broker_worker_queue_bytes", "gauge", "Requests sent to each worker and not answered.");
  for (const auto& [id, worker] : registry.workers()) {
    out.sample({{"worker", worker->hello.address}}, static_cast<std::uint64_t>(worker->bytes_under_way));
  }
}

/// How far the cluster is from what its map says it should be, and what has been made good.
void write_cluster(MetricsText& out, const StatusReport& status, const ClusterMap* map) {
  std::map<std::string_view, std::uint64_t> members{{"joining", 0}, {"member", 0}, {"leaving", 0}, {"given_up", 0}};
  if (map != nullptr) {
    for (const Member& member : map->members) {
      ++members[member.state == MemberState::kDown      ? "given_up"
                : member.state == MemberState::kJoining ? "joining"
                : member.state == MemberState::kLeaving ? "leaving"
                                                        : "member"];
    }
  }
  out.family("trellis_broker_members", "gauge", "Members by membership; given_up: their replicas are made anew.");
  for (const auto& [membership, count] : members) out.sample({{"membership", membership}}, count);
  out.gauge("trellis_broker_moves_left", "Replicas that are not yet where the map has them.",
            static_cast<double>(status.moves_left));
  out.gauge("trellis_broker_under_replicated_partitions", "Partitions with fewer replicas up than they should have.",
            static_cast<double>(status.under_replicated));
  out.counter("trellis_broker_recoveries_total", "How often the cluster was recovered without a majority.",
              map == nullptr ? 0 : map->recovery);
}

}  // namespace

void BrokerCounts::on_reply(Command command, Code status, Duration took) {
  const auto row = static_cast<std::size_t>(command);
  ++replies[row][static_cast<std::size_t>(status)];
  seconds[row].observe(in_seconds(took));
}

std::string metrics_of(const BrokerCounts& counts, const BrokerGauges& gauges, const Registry& registry,
                       TimePoint now) {
  MetricsText out;
  out.family("trellis_broker_requests_total", "counter", "Replies to clients by command and status.");
  for (std::size_t command = 0; command < kCommandCount; ++command) {
    for (std::size_t code = 0; code < BrokerCounts::kCodes; ++code) {
      if (counts.replies[command][code] == 0) continue;
      out.sample({{"command", name_of(static_cast<Command>(command))}, {"status", name_of(static_cast<Code>(code))}},
                 counts.replies[command][code]);
    }
  }
  out.family("trellis_broker_request_duration_seconds", "histogram", "From a request to its reply, by command.");
  for (std::size_t command = 0; command < kCommandCount; ++command) {
    if (counts.seconds[command].count == 0) continue;
    out.sample({{"command", name_of(static_cast<Command>(command))}}, counts.seconds[command]);
  }
  out.counter("trellis_broker_requests_refused_total", "Messages that are no request, or came over a bound.",
              counts.refused);
  out.counter("trellis_broker_requests_denied_total", "Requests, and items of a BATCH, that their user may not make.",
              counts.denied);
  out.counter("trellis_broker_leader_changes_total", "Partitions whose leader another one became.",
              counts.leader_changes);
  out.counter("trellis_broker_messages_dropped_total", "Messages from the backend that could not be read.",
              counts.messages_dropped);
  out.gauge("trellis_broker_requests_in_flight", "Requests without a reply.",
            static_cast<double>(gauges.requests_under_way));
  out.gauge("trellis_broker_calls_in_flight", "Requests to partitions without an answer.",
            static_cast<double>(gauges.calls_under_way));
  out.gauge("trellis_broker_request_bytes", "Frames of requests held.", static_cast<double>(gauges.request_bytes));
  out.gauge("trellis_broker_clients", "Clients that have been heard of lately.", static_cast<double>(gauges.clients));
  out.gauge("trellis_broker_users", "Users that are known; 0 where none are.", static_cast<double>(gauges.users));
  out.gauge("trellis_broker_access_version", "Version of the users and roles that are known; 0 where none are.",
            static_cast<double>(gauges.access_version));
  write_cluster(out, gauges.status, gauges.map);
  write_workers(out, registry, now);
  return out.process().text();
}

}  // namespace trellis

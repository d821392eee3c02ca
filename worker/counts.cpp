#include "worker/counts.hpp"

#include <algorithm>
#include <map>

#include "program/resources.hpp"
#include "worker/shard.hpp"

namespace trellis {
namespace {

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kDone: return "done";
    case Outcome::kNotLeader: return "not_leader";
    case Outcome::kBusy: return "busy";
    case Outcome::kUnknown: return "unknown";
    case Outcome::kWrongPartition: return "wrong_partition";
    case Outcome::kDiskFull: return "disk_full";
  }
  return "";
}

/// What takes memory here, as far as it is known which.
void write_memory(MetricsText& out, const Shard& shard) {
  std::uint64_t documents = 0;
  std::uint64_t sessions = 0;
  std::uint64_t entries = 0;
  for (const auto& [id, partition] : shard.partitions()) {
    documents += partition->state().documents_memory();
    sessions += partition->state().sessions_memory();
    entries += partition->replica().log_memory();
  }
  out.family("trellis_worker_memory_bytes", "gauge", "Memory by what it holds.")
      .sample({{"part", "documents"}}, documents)
      .sample({{"part", "sessions"}}, sessions)
      .sample({{"part", "entries"}}, entries)
      .sample({{"part", "log"}}, shard.log_memory());
  const HeapBytes heap = heap_bytes();
  if (heap.resident == 0) return;
  const std::uint64_t resident = std::max(resident_bytes(), heap.resident);
  out.sample({{"part", "allocator"}}, heap.resident - std::min(heap.allocated, heap.resident));
  out.sample({{"part", "program"}}, resident - heap.resident);
}

struct Totals {
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;
  std::uint64_t leads = 0;
  std::uint64_t remembered = 0;
  std::uint64_t queued = 0;
  std::uint64_t queued_bytes = 0;
  std::uint64_t frozen = 0;
  std::uint64_t frozen_bytes = 0;
};

Totals totals_of(const Shard& shard) {
  Totals totals;
  for (const auto& [id, partition] : shard.partitions()) {
    totals.keys += partition->state().keys();
    totals.bytes += partition->state().bytes();
    totals.remembered += partition->state().remembered_writes();
    totals.leads += partition->replica().is_ready() ? 1 : 0;
    totals.queued += partition->queued_requests();
    totals.queued_bytes += partition->queued_bytes();
    totals.frozen += partition->fences().size();
    totals.frozen_bytes += partition->fences().bytes();
  }
  return totals;
}

/// Whom a partition that is led here has for followers, and how far each is behind.
template <typename Write>
void for_each_follower(const Shard& shard, const Write& write) {
  const ClusterMap* const map = shard.membership().map();
  for (const auto& [id, partition] : shard.partitions()) {
    for (const auto& [follower, lag] : partition->lag().followers()) {
      const Member* const member = map == nullptr ? nullptr : map->find(follower);
      write(std::to_string(id.value), member == nullptr ? to_string(follower) : member->address, lag);
    }
  }
}

void write_lags(MetricsText& out, const Shard& shard) {
  out.family("trellis_worker_replication_lag_entries", "gauge",
             "Entries that each follower of a partition led here is not known to hold.");
  for_each_follower(shard, [&out](const std::string& partition, const std::string& follower, const Lag::Follower& lag) {
    out.sample({{"partition", partition}, {"follower", follower}}, lag.entries);
  });
  out.family("trellis_worker_replication_lag_seconds", "gauge",
             "How long each follower of a partition led here has been without an entry that it is not known to hold.");
  for_each_follower(shard, [&out](const std::string& partition, const std::string& follower, const Lag::Follower& lag) {
    out.sample({{"partition", partition}, {"follower", follower}}, std::chrono::duration<double>(lag.behind).count());
  });
}

void write_log_room(MetricsText& out, const LogRoom& room) {
  out.family("trellis_worker_log_bytes", "gauge", "Files of the log, those kept ready included.")
      .sample({}, room.bytes);
  out.family("trellis_worker_log_bound_bytes", "gauge", "What the files of the log that are in use may come to.")
      .sample({}, room.bound);
  out.family("trellis_worker_log_segments", "gauge", "Files of the log that are in use.").sample({}, room.segments);
  out.family("trellis_worker_log_needed_bytes", "gauge", "Entries of the log that are not cut off.")
      .sample({}, room.needed);
  out.family("trellis_worker_log_written_bytes_total", "counter", "Bytes written into batches of the log.")
      .sample({}, room.written);
  out.family("trellis_worker_log_payload_bytes_total", "counter", "Bytes of new entries among them.")
      .sample({}, room.payload);
  out.family("trellis_worker_log_full", "gauge", "1: the log can take no further file, for want of room.")
      .sample({}, std::uint64_t{room.is_full});
  out.family("trellis_worker_log_held_by_partition", "gauge",
             "The partition whose entries keep the oldest file of the log in use, where room is scarce.");
  if (room.holder) out.sample({}, std::uint64_t{room.holder->value});
}

void write_snapshots(MetricsText& out, const Shard& shard) {
  std::map<PartitionId, SnapshotDescriptor> newest;
  for (const auto& [id, partition] : shard.partitions()) {
    if (const auto descriptor = read_snapshot_descriptor(partition->snapshot_descriptor())) newest[id] = *descriptor;
  }
  out.family("trellis_worker_snapshot_size_bytes", "gauge", "File of each partition's newest snapshot.");
  for (const auto& [id, snapshot] : newest) out.sample({{"partition", std::to_string(id.value)}}, snapshot.size);
  out.family("trellis_worker_snapshot_index", "gauge", "The last entry in each partition's newest snapshot.");
  for (const auto& [id, snapshot] : newest) out.sample({{"partition", std::to_string(id.value)}}, snapshot.index.value);
}

void write_moves(MetricsText& out, const Shard& shard) {
  const Moves& moves = shard.moves();
  out.family("trellis_worker_moves", "gauge",
             "Replicas on their way, from groups that are led here, and to this worker.")
      .sample({{"direction", "sends"}}, std::uint64_t{moves.sending})
      .sample({{"direction", "receives"}}, std::uint64_t{shard.receiving().size()});
  out.family("trellis_worker_moves_waiting", "gauge",
             "Groups led here that are not as the cluster's map has them, and stand still.")
      .sample({}, std::uint64_t{moves.waits.size()});
  out.family("trellis_worker_move_bytes_total", "counter", "Pieces of snapshots, sent for moves, and received.")
      .sample({{"direction", "sent"}}, moves.bytes_sent)
      .sample({{"direction", "received"}}, moves.bytes_received);
  out.counter("trellis_worker_replicas_made_total", "Replicas that came here, whatever for.",
              shard.counts().replicas_made);
}

void write_partitions(MetricsText& out, const Shard& shard) {
  write_lags(out, shard);
  write_snapshots(out, shard);
  out.family("trellis_worker_apply_lag_entries", "gauge",
             "Entries that are known to be committed and not yet applied here.");
  for (const auto& [id, partition] : shard.partitions()) {
    const std::uint64_t committed = partition->replica().commit_index().value;
    const std::uint64_t applied = partition->replica().applied().value;
    out.sample({{"partition", std::to_string(id.value)}}, committed > applied ? committed - applied : std::uint64_t{0});
  }
  out.family("trellis_worker_applied_index", "gauge", "The last entry applied of each partition.");
  for (const auto& [id, partition] : shard.partitions()) {
    out.sample({{"partition", std::to_string(id.value)}}, partition->replica().applied().value);
  }
}

}  // namespace

void WorkerCounts::on_answered(Command command, Duration took) {
  request_seconds[static_cast<std::size_t>(command)].observe(std::chrono::duration<double>(took).count());
}

std::string metrics_of(const WorkerCounts& counts, const Shard& shard) {
  MetricsText out;
  out.family("trellis_worker_requests_total", "counter", "Replies to brokers by outcome.");
  for (std::size_t outcome = 1; outcome < WorkerCounts::kOutcomes; ++outcome) {
    out.sample({{"outcome", name_of(static_cast<Outcome>(outcome))}}, counts.replies[outcome]);
  }
  out.family("trellis_worker_request_duration_seconds", "histogram",
             "From a request's arrival to its result, by command.");
  for (std::size_t command = 0; command < kCommandCount; ++command) {
    if (counts.request_seconds[command].count == 0) continue;
    out.sample({{"command", name_of(static_cast<Command>(command))}}, counts.request_seconds[command]);
  }
  out.counter("trellis_worker_entries_applied_total", "Log entries applied.", counts.entries_applied);
  out.counter("trellis_worker_leadership_changes_total", "Leaderships won, made ready or lost here.",
              counts.leader_changes);
  out.counter("trellis_worker_messages_refused_total",
              "Raft messages that contradict what is committed, or name a term that cannot be.",
              counts.messages_refused);
  out.counter("trellis_worker_maps_refused_total", "Cluster maps that contradict the one that this worker holds.",
              counts.maps_refused);
  out.counter("trellis_worker_peer_messages_dropped_total",
              "Messages of workers that had not proven to be the latest start of the member that they name.",
              shard.incarnations().dropped());
  out.family("trellis_worker_log_sync_duration_seconds", "histogram", "From a batch's start until it is on disk.")
      .sample({}, counts.log_sync_seconds);
  out.family("trellis_worker_log_batch_entries", "histogram", "Log entries in a batch, which is one sync.")
      .sample({}, counts.batch_entries);
  out.family("trellis_worker_log_batch_partitions", "histogram", "Partitions with records in a batch.")
      .sample({}, counts.batch_partitions);
  write_log_room(out, shard.room());
  write_memory(out, shard);
  out.family("trellis_worker_snapshot_duration_seconds", "histogram", "Writing a snapshot.")
      .sample({}, counts.snapshot_seconds);
  out.family("trellis_worker_snapshot_fetch_duration_seconds", "histogram",
             "Fetching a snapshot from a leader, and reading it.")
      .sample({}, counts.snapshot_fetch_seconds);
  const Totals totals = totals_of(shard);
  const auto gauge = [&out](std::string_view name, std::string_view help, std::uint64_t value) {
    out.gauge(name, help, static_cast<double>(value));
  };
  gauge("trellis_worker_keys", "Keys over all replicas here.", totals.keys);
  gauge("trellis_worker_bytes", "Bytes of keys and documents over all replicas here.", totals.bytes);
  gauge("trellis_worker_partitions", "Replicas here.", shard.partitions().size());
  gauge("trellis_worker_leads", "Partitions that this worker leads.", totals.leads);
  gauge("trellis_worker_frozen_states", "States that are frozen for backups.", totals.frozen);
  gauge("trellis_worker_frozen_bytes", "Bytes of keys and documents in them.", totals.frozen_bytes);
  gauge("trellis_worker_remembered_writes", "Writes in the session tables.", totals.remembered);
  gauge("trellis_worker_queue_requests", "Requests that wait in partitions.", totals.queued);
  gauge("trellis_worker_queue_bytes", "Bytes of requests that wait in partitions.", totals.queued_bytes);
  write_moves(out, shard);
  write_partitions(out, shard);
  return out.process().text();
}

}  // namespace trellis

#include "worker/counts.hpp"

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
  }
  return "";
}

struct Totals {
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;
  std::uint64_t leads = 0;
  std::uint64_t remembered = 0;
  std::uint64_t queued = 0;
  std::uint64_t queued_bytes = 0;
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
  }
  return totals;
}

void write_partitions(MetricsText& out, const Shard& shard) {
  out.family("trellis_worker_replication_lag_entries", "gauge",
             "Entries of each partition's log here that are not yet applied.");
  for (const auto& [id, partition] : shard.partitions()) {
    const Replica& replica = partition->replica();
    const std::uint64_t last = replica.last_index().value;
    const std::uint64_t applied = replica.applied().value;
    out.sample({{"partition", std::to_string(id.value)}}, last > applied ? last - applied : std::uint64_t{0});
  }
  out.family("trellis_worker_applied_index", "gauge", "The last entry applied of each partition.");
  for (const auto& [id, partition] : shard.partitions()) {
    out.sample({{"partition", std::to_string(id.value)}}, partition->replica().applied().value);
  }
}

}  // namespace

std::string metrics_of(const WorkerCounts& counts, const Shard& shard) {
  MetricsText out;
  out.family("trellis_worker_requests_total", "counter", "Replies to brokers by outcome.");
  for (std::size_t outcome = 1; outcome < WorkerCounts::kOutcomes; ++outcome) {
    out.sample({{"outcome", name_of(static_cast<Outcome>(outcome))}}, counts.replies[outcome]);
  }
  out.counter("trellis_worker_entries_applied_total", "Log entries applied.", counts.entries_applied);
  out.counter("trellis_worker_leadership_changes_total", "Leaderships won, made ready or lost here.",
              counts.leader_changes);
  out.family("trellis_worker_log_sync_duration_seconds", "histogram", "From a batch's start until it is on disk.")
      .sample({}, counts.log_sync_seconds);
  out.counter("trellis_worker_log_batch_partitions_total", "Partitions with records in the log's batches, summed.",
              counts.batch_partitions);
  out.family("trellis_worker_snapshot_duration_seconds", "histogram", "Writing, or fetching, a snapshot.")
      .sample({}, counts.snapshot_seconds);
  const Totals totals = totals_of(shard);
  const auto gauge = [&out](std::string_view name, std::string_view help, std::uint64_t value) {
    out.gauge(name, help, static_cast<double>(value));
  };
  gauge("trellis_worker_keys", "Keys over all replicas here.", totals.keys);
  gauge("trellis_worker_bytes", "Bytes of keys and documents over all replicas here.", totals.bytes);
  gauge("trellis_worker_partitions", "Replicas here.", shard.partitions().size());
  gauge("trellis_worker_leads", "Partitions that this worker leads.", totals.leads);
  gauge("trellis_worker_remembered_writes", "Writes in the session tables.", totals.remembered);
  gauge("trellis_worker_queue_requests", "Requests that wait in partitions.", totals.queued);
  gauge("trellis_worker_queue_bytes", "Bytes of requests that wait in partitions.", totals.queued_bytes);
  write_partitions(out, shard);
  return out.process().text();
}

}  // namespace trellis

// What a worker counts, and as text for Prometheus.  Plain values; the shard adds to them, the server shows them.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "program/metrics.hpp"
#include "protocol/cluster/cluster_messages.hpp"
#include "protocol/command_table.hpp"

namespace trellis {

class Shard;

struct WorkerCounts {
  static constexpr std::size_t kOutcomes = static_cast<std::size_t>(Outcome::kDiskFull) + 1;

  std::array<std::uint64_t, kOutcomes> replies{};
  std::uint64_t entries_applied = 0;
  std::uint64_t messages_refused = 0;  ///< Peers' messages against what is committed, or with a term that cannot be.
  std::uint64_t maps_refused = 0;      ///< Cluster maps that contradict what this worker holds.
  std::uint64_t leader_changes = 0;    ///< Leaderships won, made ready or lost here.
  std::uint64_t replicas_made = 0;     ///< That came here, empty at first.
  SizeHistogram batch_partitions;      ///< With records in each of the log's batches.
  SizeHistogram batch_entries;         ///< In each of the log's batches.
  Histogram log_sync_seconds;          ///< From the start of a batch until it is durable, as the loop sees it.
  Histogram snapshot_seconds;          ///< Written, or tried to.
  Histogram snapshot_fetch_seconds;    ///< From a leader, read and checked.
  std::array<Histogram, kCommandCount> request_seconds{};

  void on_answered(Command command, Duration took);
};

std::string metrics_of(const WorkerCounts& counts, const Shard& shard);

}  // namespace trellis

#include "sim/expiry_watch.hpp"

#include <algorithm>

#include "protocol/packed.hpp"
#include "sim/cluster.hpp"

namespace trellis::sim {
namespace {

using std::chrono::milliseconds;

/// Where all is well.
constexpr Duration kLateMax = milliseconds(150);
/// What a new leader had not heard: a heartbeat, and the tick that it waited for.
constexpr Duration kUnheardMax = milliseconds(100);
/// Partitions are looked at so often; what nobody served may have been longer by twice that.
constexpr Duration kLookEvery = milliseconds(10);

bool is_watched(std::string_view key) { return key.starts_with(ExpiryWatch::kPrefix); }

/// Whether a majority is well and holds what is committed: one that was away has to catch up first.
bool can_commit(const Replica& leader, const std::vector<ReplicaId>& well) {
  const std::vector<ReplicaPlace> voters = leader.voters();
  const auto holding = std::count_if(voters.begin(), voters.end(), [&](const ReplicaPlace& voter) {
    const bool holds = voter == leader.self() || leader.match_index(voter.id) >= leader.commit_index();
    return holds && std::find(well.begin(), well.end(), voter.id) != well.end();
  });
  return 2 * static_cast<std::size_t>(holding) > voters.size();
}

}  // namespace

ExpiryWatch::ExpiryWatch(Cluster& cluster)
    : cluster_(cluster),
      replicas_(std::min<std::size_t>(cluster.shape().workers, 2 * cluster.shape().k - 1)),
      seen_(cluster.shape().partitions),
      well_(cluster.shape().partitions) {}

void ExpiryWatch::begin() {
  cluster_.world().after(kLookEvery, [this] {
    look();
    begin();
  });
}

void ExpiryWatch::look() {
  for (Well& each : well_) {
    each.replicas.clear();
    each.newest_leader = nullptr;
  }
  const TimePoint now = cluster_.world().now();
  for (std::size_t i = 0; i < cluster_.workers(); ++i) {
    WorkerProcess& worker = cluster_.worker(i);
    const auto since = worker.well_since();
    if (!since || *since > now || worker.shard() == nullptr) continue;
    for (const auto& [id, partition] : worker.shard()->partitions()) {
      // One that has just started beside a peer that is silent waits until that one is taken for down.
      if (!worker.shard()->takes_part(id)) continue;
      const Replica& replica = partition->replica();
      Well& well = well_[id.value];
      well.replicas.push_back(replica.self().id);
      if (!replica.is_ready() || replica.is_transferring()) continue;
      const Replica*& newest = well.newest_leader;
      if (newest == nullptr || newest->term() < replica.term()) newest = &replica;
      Seen& seen = seen_[id.value];
      const std::pair leader(i, replica.term().value);
      if (seen.leader.second < leader.second) {
        seen.leader = leader;
        ++seen.leaders;
      }
    }
  }
  for (std::size_t i = 0; i < well_.size(); ++i) {
    const Well& well = well_[i];
    const bool is_served = well.newest_leader != nullptr && can_commit(*well.newest_leader, well.replicas);
    if (!is_served) seen_[i].unserved += kLookEvery;
  }
}

ExpiryWatch::Service ExpiryWatch::service_of(PartitionId partition) const {
  const Seen& seen = seen_[partition.value];
  Service service{seen.unserved, seen.leaders, cluster_.counters().disk_faults, {}};
  for (std::size_t i = 0; i < cluster_.workers(); ++i) {
    service.incarnations.push_back(cluster_.worker(i).incarnation());
  }
  return service;
}

PartitionId ExpiryWatch::partition_of_key(std::string_view key) const {
  return partition_of(key, static_cast<std::uint32_t>(seen_.size()));
}

Duration ExpiryWatch::by_slowest(std::uint64_t ms) const {
  return Duration(static_cast<std::int64_t>(ms) * 1'000 * 1'000'000 / (1'000'000 - cluster_.shape().clock_drift));
}

Duration ExpiryWatch::by_fastest(std::uint64_t ms) const {
  return Duration(static_cast<std::int64_t>(ms) * 1'000 * 1'000'000 / (1'000'000 + cluster_.shape().clock_drift));
}

void ExpiryWatch::on_call(const Operation& operation) {
  if (operation.is_listing() || !is_watched(operation.key) || !is_write(operation.command)) return;
  Lifetime& lifetime = lifetimes_[operation.key];
  if (lifetime.writes++ == 0) {
    lifetime.called = operation.call;
    lifetime.since = service_of(partition_of_key(operation.key));
  }
  ++lifetime.unknown;
}

void ExpiryWatch::on_answer(const Operation& operation, const ReplyInfo& info) {
  if (operation.is_listing() || !is_watched(operation.key)) return;
  const auto lifetime = lifetimes_.find(operation.key);
  if (lifetime == lifetimes_.end()) return;
  is_write(operation.command) ? take(lifetime->second, operation) : check(lifetime->second, operation, info);
}

void ExpiryWatch::take(Lifetime& lifetime, const Operation& write) const {
  const Outcome outcome = write.outcome();
  if (outcome == Outcome::kUnknown || outcome == Outcome::kApplied) return;
  --lifetime.unknown;
  const bool has_changed = write.ok() && !(write.command == Command::kExpire && write.flag == false);
  const bool is_removal = write.command == Command::kDelete || write.command == Command::kPop;
  if (!has_changed || is_removal) return;
  if (!write.ttl_ms) {
    lifetime.is_for_good = true;
    return;
  }
  lifetime.ttl_ms = *write.ttl_ms;
  lifetime.write_called = write.call;
  lifetime.write_returned = *write.returned;
  const TimePoint due_by = *write.returned + by_slowest(*write.ttl_ms);
  lifetime.due_by = std::max(lifetime.due_by.value_or(due_by), due_by);
}

std::optional<Duration> ExpiryWatch::allowed(const Lifetime& lifetime, PartitionId partition) const {
  const NetworkConditions& network = cluster_.network().conditions;
  const auto calm_since = cluster_.network().calm_since();
  const bool is_quick = network.loss == 0 && network.overtaking == 0 && network.doubling == 0 && network.rate == 0;
  if (!calm_since || *calm_since > lifetime.called || !is_quick) return std::nullopt;
  Duration sync{};
  for (std::size_t i = 0; i < cluster_.workers(); ++i) {
    const DiskConditions& disk = cluster_.worker(i).disk().conditions;
    if (disk.stall > 0) return std::nullopt;
    sync = std::max(sync, disk.sync_max);
  }
  const Service now = service_of(partition);
  if (now.disk_faults != lifetime.since.disk_faults) return std::nullopt;
  std::size_t restarted = 0;
  for (std::size_t i = 0; i < now.incarnations.size(); ++i) {
    restarted += now.incarnations[i] != lifetime.since.incarnations[i] ? 1 : 0;
  }
  if (restarted > replicas_ / 2) return std::nullopt;
  const auto changes = static_cast<std::int64_t>(now.leaders - lifetime.since.leaders);
  const Duration slowness = 6 * network.delay_max + 4 * sync;
  return kLateMax + (now.unserved - lifetime.since.unserved) + slowness +
         changes * (kUnheardMax + 2 * kLookEvery + network.delay_max);
}

void ExpiryWatch::check(const Lifetime& lifetime, const Operation& read, const ReplyInfo& info) const {
  const bool is_there = read.ok() && read.flag.value_or(true);
  if (!is_there || !read.linearizable() || lifetime.unknown > 0 || lifetime.is_for_good || !lifetime.due_by) return;
  const auto late = allowed(lifetime, partition_of_key(read.key));
  if (!late) return;
  if (read.call > *lifetime.due_by + *late) {
    cluster_.world().violate("a document is there though its time is over: " + to_text(read) + "; it was due by " +
                             std::to_string(lifetime.due_by->time_since_epoch().count()) + ", and may be late by " +
                             std::to_string(late->count()) + " us");
  }
  if (read.command == Command::kTtl && read.found) {
    if (const auto left = PackedReader(*read.found).read_uint()) check_left(lifetime, read, *left);
  }
  if (info.ttl_ms) check_left(lifetime, read, *info.ttl_ms);
}

/// What is left is known where one write alone set it.
void ExpiryWatch::check_left(const Lifetime& lifetime, const Operation& read, std::uint64_t left) const {
  if (lifetime.writes > 1) return;
  const TimePoint ends = read.call + by_fastest(left);
  const TimePoint ends_late = *read.returned + by_slowest(left);
  const auto late = allowed(lifetime, partition_of_key(read.key));
  const bool is_short = left > 1 && ends_late < lifetime.write_called + by_fastest(lifetime.ttl_ms) - milliseconds(2);
  const bool is_long = ends > *lifetime.due_by + late.value_or(Duration::max() / 4) + milliseconds(2);
  if (!is_short && !is_long) return;
  cluster_.world().violate("of a document's time of " + std::to_string(lifetime.ttl_ms) + " ms, set between " +
                           std::to_string(lifetime.write_called.time_since_epoch().count()) + " and " +
                           std::to_string(lifetime.write_returned.time_since_epoch().count()) + ", too " +
                           (is_short ? "little" : "much") + " is left, " + std::to_string(left) +
                           " ms: " + to_text(read));
}

}  // namespace trellis::sim

#include "broker/report.hpp"

#include <algorithm>

#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// How far it is behind, as all leaders together see it.
FollowerLag lag_of(WorkerId id, const Registry& registry) {
  FollowerLag sum;
  for (const auto& [leader, worker] : registry.workers()) {
    if (worker->state == WorkerState::kDown) continue;  // What it said last is old.
    for (const FollowerLag& lag : worker->hello.load.followers) {
      if (lag.follower != id) continue;
      sum.entries += lag.entries;
      sum.milliseconds = std::max(sum.milliseconds, lag.milliseconds);
    }
  }
  return sum;
}

/// A member of the cluster, or, while there is none, any worker that is connected.
void pack_member(PackedWriter& writer, WorkerId id, const std::string& address, const Registry& registry,
                 bool with_load, TimePoint now) {
  const WorkerRecord* const worker = registry.find(id);
  const Hello hello = worker == nullptr ? Hello{} : worker->hello;
  const auto silence = std::chrono::duration_cast<std::chrono::milliseconds>(registry.silence_of(id, now));
  writer.map(with_load ? 13 : 8).str("id").str(to_string(id)).str("address").str(address);
  // As judged when the time last passed, as everything else the broker says and does goes by.
  const WorkerState state = worker == nullptr ? registry.state_of(id, now) : worker->state;
  writer.str("state").str(name_of(state));
  // Of one that this broker has not heard yet it knows nothing, which is not the same as that it holds nothing.
  const auto number = [&](std::string_view name, std::uint64_t value) {
    writer.str(name);
    worker == nullptr ? writer.nil() : writer.natural(value);
  };
  writer.str("last_heartbeat_ms");
  worker == nullptr ? writer.nil() : writer.integer(silence.count());
  number("partitions", hello.partitions);
  number("leads", state == WorkerState::kDown ? 0 : hello.leads.size());  // What it said last is not so any more.
  number("keys", hello.keys);
  number("bytes", hello.bytes);
  if (!with_load) return;
  const WorkerLoad& load = hello.load;
  writer.str("memory").natural(load.resident_bytes).str("requests").natural(load.requests);
  writer.str("request_us").natural(load.request_microseconds);
  const FollowerLag lag = lag_of(id, registry);
  writer.str("lag_entries").natural(lag.entries).str("lag_ms").natural(lag.milliseconds);
}

}  // namespace

std::string report_members(const Router& router, const Registry& registry, bool with_load, TimePoint now) {
  std::string out;
  PackedWriter writer(out);
  if (const ClusterMap* const map = router.map()) {
    writer.array(map->members.size());
    for (const Member& member : map->members) {
      pack_member(writer, member.id, member.address, registry, with_load, now);
    }
    return out;
  }
  writer.array(registry.workers().size());
  for (const auto& [id, worker] : registry.workers()) {
    pack_member(writer, id, worker->hello.address, registry, with_load, now);
  }
  return out;
}

std::string report_location(std::string_view key, const Router& router) {
  const ClusterMap& map = *router.map();
  const PartitionId partition = partition_of(key, map.partition_count());
  const auto& replicas = map.placement(partition).replicas;
  std::string out;
  PackedWriter writer(out);
  writer.map(4).str("partition").natural(partition.value);
  writer.str("replicas").array(replicas.size());
  for (const WorkerId id : replicas) writer.str(to_string(id));
  writer.str("leader");
  const WorkerRecord* const leader = router.leader(partition);
  leader == nullptr ? writer.nil() : writer.str(to_string(leader->hello.id));
  writer.str("addresses").map(replicas.size());
  for (const WorkerId id : replicas) writer.str(to_string(id)).str(map.find(id)->address);
  return out;
}

std::string report_status(const BrokerOptions& options, const Router& router, const Registry& registry, TimePoint now) {
  const ClusterMap* const map = router.map();
  const bool formed = map != nullptr && map->formed;
  const std::size_t listed = options.servers.size();
  const std::size_t replicas = map != nullptr
                                   ? map->replica_count()
                                   : std::min<std::size_t>(2 * options.k - 1, std::max<std::size_t>(listed, 1));
  std::size_t up = 0;
  if (map != nullptr) {
    up = map->members.size() - router.members_down();
  } else {
    up = static_cast<std::size_t>(std::count_if(
        registry.workers().begin(), registry.workers().end(),
        [&registry, now](const auto& worker) { return registry.state_of(worker.first, now) != WorkerState::kDown; }));
  }
  std::string out;
  PackedWriter writer(out);
  writer.map(10).str("cluster");
  formed ? writer.str(map->cluster) : writer.nil();
  writer.str("k").natural(map != nullptr ? map->k : options.k);
  writer.str("replicas").natural(replicas);
  writer.str("tolerates").natural((replicas - 1) / 2);
  writer.str("partitions").natural(map != nullptr ? map->partition_count() : options.partitions);
  writer.str("partitions_available").natural(formed ? router.partitions_available() : 0);
  writer.str("workers").natural(map != nullptr ? map->members.size() : std::max(listed, registry.workers().size()));
  writer.str("workers_up").natural(up);
  const bool is_whole = formed && router.members_down() <= map->tolerates();
  writer.str("guaranteed").boolean(is_whole && !router.misses_a_leader(now));
  writer.str("version").str(TRELLIS_VERSION);
  return out;
}

}  // namespace trellis

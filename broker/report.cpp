#include "broker/report.hpp"

#include <algorithm>

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

/// How many replicas of the partition are not where the map has them; of one worker alone, where it is given.
std::size_t moves_left(const Router& router, std::uint32_t partition, std::optional<WorkerId> worker = {}) {
  const auto& wanted = router.map()->partitions[partition].replicas;
  const auto& there = router.voters(PartitionId{partition});
  const auto missing = [&worker](const std::vector<ReplicaPlace>& from, const std::vector<ReplicaPlace>& in) {
    return static_cast<std::size_t>(std::count_if(from.begin(), from.end(), [&](const ReplicaPlace& place) {
      const auto is_same = [&place](const ReplicaPlace& other) { return other.worker == place.worker; };
      return (!worker || *worker == place.worker) && std::none_of(in.begin(), in.end(), is_same);
    }));
  };
  return std::max(missing(wanted, there), missing(there, wanted));
}

std::string_view name_of(MemberState state) {
  switch (state) {
    case MemberState::kDown:
    case MemberState::kMember: return "member";
    case MemberState::kJoining: return "joining";
    case MemberState::kLeaving: break;
  }
  return "leaving";
}

/// A member of the cluster, or, while there is none, any worker that is connected.
MemberReport report_member(WorkerId id, const std::string& address, const Registry& registry, TimePoint now) {
  MemberReport report;
  report.id = to_string(id);
  report.address = address;
  const WorkerRecord* const worker = registry.find(id);
  // As judged when the time last passed, as everything else the broker says and does goes by.
  const WorkerState state = worker == nullptr ? registry.state_of(id, now) : worker->state;
  report.state = name_of(state);
  const FollowerLag lag = lag_of(id, registry);
  report.load.lag_entries = lag.entries;
  report.load.lag_ms = lag.milliseconds;
  // The broker knows nothing of a worker that it has not heard yet, which does not mean that this one holds nothing.
  if (worker == nullptr) return report;
  const Hello& hello = worker->hello;
  const auto silence = std::chrono::duration_cast<std::chrono::milliseconds>(registry.silence_of(id, now));
  report.last_heartbeat_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(silence.count(), 0));
  report.partitions = hello.partitions;
  report.leads = state == WorkerState::kDown ? 0 : hello.leads.size();  // What it said last is not so any more.
  report.keys = hello.keys;
  report.bytes = hello.bytes;
  report.level = hello.level;
  report.load.memory = hello.load.resident_bytes;
  report.load.requests = hello.load.requests;
  report.load.request_us = hello.load.request_microseconds;
  return report;
}

}  // namespace

std::vector<MemberReport> report_members(const Router& router, const Registry& registry, TimePoint now) {
  std::vector<MemberReport> members;
  if (const ClusterMap* const map = router.map()) {
    for (const Member& member : map->members) {
      MemberReport& report = members.emplace_back(report_member(member.id, member.address, registry, now));
      report.zone = zone_of(member);
      report.membership = name_of(member.state);
      report.moves_left = 0;
      std::uint64_t votes = 0;
      for (std::uint32_t i = 0; i < map->partition_count(); ++i) {
        *report.moves_left += moves_left(router, i, member.id);
        const auto& voters = router.voters(PartitionId{i});
        votes += std::any_of(voters.begin(), voters.end(), [&](const auto& each) { return each.worker == member.id; });
      }
      // Not what it holds: that may be on its way out, or not yet here.
      if (report.partitions) report.partitions = votes;
    }
    return members;
  }
  for (const auto& [id, worker] : registry.workers()) {
    members.push_back(report_member(id, worker->hello.address, registry, now));
  }
  return members;
}

LocationReport report_location(std::string_view key, const Router& router) {
  const ClusterMap& map = *router.map();
  const PartitionId partition = partition_of(key, map.partition_count());
  LocationReport report;
  report.partition = partition.value;
  for (const auto& [replica, id] : router.voters(partition)) {
    report.replicas.push_back(to_string(id));
    const Member* const member = map.find(id);
    report.addresses.emplace_back(to_string(id), member == nullptr ? "" : member->address);
  }
  if (const WorkerRecord* const leader = router.leader(partition)) report.leader = to_string(leader->hello.id);
  return report;
}

StatusReport report_status(const BrokerOptions& options, const Router& router, const Registry& registry,
                           TimePoint now) {
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
  StatusReport report;
  if (formed) report.cluster = map->cluster;
  report.k = map != nullptr ? map->k : options.k;
  report.replicas = replicas;
  report.tolerates = formed ? router.tolerates() : (replicas - 1) / 2;
  report.partitions = map != nullptr ? map->partition_count() : options.partitions;
  report.partitions_available = formed ? router.partitions_available() : 0;
  report.workers = map != nullptr ? map->members.size() : std::max(listed, registry.workers().size());
  report.workers_up = up;
  const bool is_whole = formed && !router.is_short();
  report.guaranteed = is_whole && !router.misses_a_leader(now);
  if (map != nullptr) {
    report.map_version = map->version;
    report.epoch = map->epoch;
    report.level = map->level;
    report.zones = map->zones();
  }
  for (std::uint32_t i = 0; formed && i < map->partition_count(); ++i) {
    report.moves_left += moves_left(router, i);
    report.under_replicated += router.replicas_up(PartitionId{i}) < map->replica_count() ? 1 : 0;
  }
  report.version = TRELLIS_VERSION;
  return report;
}

}  // namespace trellis

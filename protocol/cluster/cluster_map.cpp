#include "protocol/cluster/cluster_map.hpp"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <set>
#include <unordered_set>

#include "protocol/check.hpp"
#include "protocol/cluster/ring.hpp"
#include "protocol/cluster/targets.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

Error bad(const std::string& what) { return invalid_argument("cluster map: " + what); }

std::uint32_t replicas_for(std::uint32_t k, std::size_t workers) {
  return static_cast<std::uint32_t>(std::min<std::size_t>(2 * static_cast<std::size_t>(k) - 1, workers));
}

/// Ids and addresses of the workers of one cluster, as they are added.
class Roll {
 public:
  Result<void> add(WorkerId id, std::string_view address) {
    if (id.value == 0) return bad("a worker without an id");
    if (address.empty() || address.size() > kAddressSizeMax) return bad("an address of impossible length");
    if (!ids_.insert(id.value).second) return bad("worker " + to_string(id) + " stands twice");
    if (!addresses_.insert(address).second) return bad("address " + std::string(address) + " stands twice");
    return {};
  }
  bool has(WorkerId id) const { return ids_.count(id.value) != 0; }
  std::size_t size() const { return ids_.size(); }

 private:
  std::unordered_set<std::uint64_t> ids_;
  std::unordered_set<std::string_view> addresses_;
};

Result<void> check_numbers(std::uint32_t k, std::size_t partitions, std::size_t workers) {
  if (workers < 1 || workers > kWorkersMax)
    return bad("a cluster has 1 to " + std::to_string(kWorkersMax) + " workers");
  if (k < 1 || k > workers) return bad("k must be from 1 to the number of workers, " + std::to_string(workers));
  if (partitions < 1 || partitions > kPartitionsMax || !std::has_single_bit(partitions)) {
    return bad("partitions must be a power of two from 1 to " + std::to_string(kPartitionsMax));
  }
  return {};
}

Result<void> check_recovered(const ClusterMap& map) {
  if (map.recovery == 0 && !map.recovered.empty()) return bad("replicas of a recovery that never was");
  std::unordered_set<std::uint32_t> seen;
  for (const RecoveredReplica& each : map.recovered) {
    if (each.partition.value >= map.partitions.size()) return bad("a recovered partition that it has not");
    if (!seen.insert(each.partition.value).second) return bad("a partition that was recovered twice at once");
    if (each.place.id.value == 0 || each.place.id.value >= map.next_replica || each.place.id == each.from) {
      return bad("a recovered replica with an impossible id");
    }
  }
  return {};
}

/// @param ids  all that stand in the map so far
Result<void> check_placement(const Placement& placement, const ClusterMap& map, const Roll& members,
                             std::unordered_set<std::uint64_t>& ids) {
  const std::size_t replica_count = map.replica_count();
  if (placement.replicas.size() != replica_count) {
    return bad("a partition with " + std::to_string(placement.replicas.size()) + " replicas instead of " +
               std::to_string(replica_count));
  }
  std::unordered_set<std::uint64_t> seen;
  for (const auto& [id, worker] : placement.replicas) {
    if (!members.has(worker)) return bad("a replica on " + to_string(worker) + ", which is no member that stays");
    if (!seen.insert(worker.value).second) return bad("two replicas of one partition on " + to_string(worker));
    if (id.value == 0 || id.value >= map.next_replica) return bad("a replica with an id that was never given");
    if (!ids.insert(id.value).second) return bad("replica " + std::to_string(id.value) + " stands twice");
  }
  if (seen.count(placement.preferred_leader.value) == 0) return bad("a preferred leader that carries no replica");
  return {};
}

}  // namespace

bool is_zone(std::string_view text) {
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._:/-").find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= kZoneSizeMax && std::all_of(text.begin(), text.end(), is_good);
}

std::string_view zone_of(const Member& member) {
  if (!member.zone.empty()) return member.zone;
  return std::string_view(member.address).substr(0, member.address.rfind(':'));
}

bool is_cluster_id(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string to_string(const MapVersion& version) {
  return version.epoch <= 1 ? std::to_string(version.version)
                            : std::to_string(version.version) + " of epoch " + std::to_string(version.epoch);
}

const ReplicaPlace* Placement::find(WorkerId worker) const {
  const auto found = std::find_if(replicas.begin(), replicas.end(),
                                  [worker](const ReplicaPlace& place) { return place.worker == worker; });
  return found == replicas.end() ? nullptr : &*found;
}

std::size_t ClusterMap::staying() const {
  return static_cast<std::size_t>(std::count_if(
      members.begin(), members.end(), [](const Member& member) { return member.state != MemberState::kLeaving; }));
}

std::size_t ClusterMap::zones() const {
  std::set<std::string_view> zones;
  for (const Member& member : members) {
    if (member.state != MemberState::kLeaving) zones.insert(zone_of(member));
  }
  return zones.size();
}

std::uint32_t ClusterMap::replica_count() const { return replicas_for(k, staying()); }

const Member* ClusterMap::find(WorkerId id) const {
  const auto found =
      std::find_if(members.begin(), members.end(), [id](const Member& member) { return member.id == id; });
  return found == members.end() ? nullptr : &*found;
}

const Member* ClusterMap::find_address(std::string_view address) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [address](const Member& member) { return member.address == address; });
  return found == members.end() ? nullptr : &*found;
}

PartitionId partition_of(std::string_view key, std::uint32_t partition_count) {
  if (partition_count == 1) return {0};  // A shift by all 64 bits is undefined.
  return {static_cast<std::uint32_t>(XXH3_64bits(key.data(), key.size()) >> (64 - std::countr_zero(partition_count)))};
}

Result<void> check(const ClusterSpec& spec) {
  if (auto good = check_numbers(spec.k, spec.partitions, spec.workers.size()); !good) return good;
  Roll roll;
  for (const auto& [id, address] : spec.workers) {
    if (auto good = roll.add(id, address); !good) return good;
  }
  if (!spec.zones.empty() && spec.zones.size() != spec.workers.size()) return bad("a zone for each worker, or none");
  for (const std::string& zone : spec.zones) {
    if (!zone.empty() && !is_zone(zone)) return bad("a zone with an impossible name");
  }
  return {};
}

Result<void> check(const ClusterMap& map) {
  if (!is_cluster_id(map.cluster)) return bad("a cluster id must be 32 hex digits");
  if (map.version == 0 || map.epoch == 0) return bad("versions and epochs begin with 1");
  if (map.level == 0) return bad("levels begin with 1");
  if (map.level > kLevel) {
    return Error{Code::kFailedPrecondition,
                 "cluster " + map.cluster + " has level " + std::to_string(map.level) +
                     ", and this program knows level " + std::to_string(kLevel) +
                     ": start it with the version of Trellis that the cluster's workers run"};
  }
  // After a recovery there may be fewer members than k until others have come.
  const bool may_be_fewer = map.recovery != 0 && map.staying() != 0;
  const std::size_t workers = may_be_fewer ? kWorkersMax : map.staying();
  if (auto good = check_numbers(map.k, map.partitions.size(), workers); !good) return good;
  if (map.members.size() > kWorkersMax) return bad("too many members");
  if (auto good = check(map.move_limits); !good) return bad(good.error().message);
  if (auto good = check_repair_after(map.repair_after); !good) return bad(good.error().message);
  Roll roll;
  Roll staying;
  for (const Member& member : map.members) {
    if (auto good = roll.add(member.id, member.address); !good) return good;
    if (member.state != MemberState::kLeaving) static_cast<void>(staying.add(member.id, member.address));
    if (!member.zone.empty() && !is_zone(member.zone)) return bad("a zone with an impossible name");
    if (member.since > map.version) return bad("a member since a version that is yet to come");
    if (member.virtual_nodes.empty() || !std::is_sorted(member.virtual_nodes.begin(), member.virtual_nodes.end())) {
      return bad("virtual nodes must be there, and ascend");
    }
  }
  std::unordered_set<std::uint64_t> ids;
  for (const Placement& placement : map.partitions) {
    if (auto good = check_placement(placement, map, staying, ids); !good) return good;
  }
  return check_recovered(map);
}

ClusterMap make_cluster_map(ClusterId cluster, const ClusterSpec& spec) {
  CHECK(check(spec));
  ClusterMap map;
  map.cluster = std::move(cluster);
  map.version = 1;
  map.k = spec.k;
  for (std::size_t i = 0; i < spec.workers.size(); ++i) {
    const auto& [id, address] = spec.workers[i];
    const std::string zone = spec.zones.empty() ? std::string() : spec.zones[i];
    map.members.push_back({id, address, MemberState::kMember, 0, virtual_nodes_of(id), zone});
  }
  map.partitions = place(map.members, spec.partitions, replicas_for(spec.k, spec.workers.size()));
  for (Placement& placement : map.partitions) {
    for (ReplicaPlace& place : placement.replicas) place.id = {map.next_replica++};
  }
  if (!is_spread(map)) retarget(map);
  return map;
}

}  // namespace trellis

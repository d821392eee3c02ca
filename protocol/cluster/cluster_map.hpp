// The cluster map: members, partitions, replicas.  One value, with one owner in the code, that all processes agree on.
//
// It is made once, by the first worker of the server file, and is from then on a record in the replicated state of
// partition 0 (worker/state/system_records.hpp), changed there alone.  Every process keeps a copy, workers on disk; the
// stored map is the truth and never recomputed, and only a higher (epoch, version) replaces a copy.
//
// The map says what should be: which worker is to have which replica.  What is, a group's own configuration says.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/cluster/replica_place.hpp"
#include "protocol/cluster_settings.hpp"
#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace trellis {

constexpr std::size_t kAddressSizeMax = 260;  ///< Bytes of host:port: a host name has 253 at most.
constexpr std::size_t kZoneSizeMax = 64;      ///< Bytes of a zone's name.

/// What this software knows: kinds of entries, records, limits.  A cluster's level is the highest that all its members
/// know, and nothing of a higher one is written before; who does not know the cluster's is not let in.  It stands in a
/// file of its own, level.cpp, so that programs of a later level are linked from the same objects (tests/level_ahead).
extern const std::uint32_t kLevel;

/// The version of the formed map: a later one says what has changed since the cluster was made.
constexpr std::uint64_t kFormedVersion = 2;

/// Which map of a cluster: the higher one replaces the lower one.
struct MapVersion {
  std::uint64_t epoch = 0;
  std::uint64_t version = 0;
  auto operator<=>(const MapVersion&) const = default;
};
std::string to_string(const MapVersion& version);

/// Whether `text` is 32 lower-case hex digits.
bool is_cluster_id(std::string_view text);
/// Whether `text` may name a zone: letters, digits and . _ : / - , 1 to kZoneSizeMax of them.
bool is_zone(std::string_view text);

enum class MemberState : std::uint8_t {
  kMember = 1,
  kJoining = 2,  ///< What it is to carry is on its way to it.
  kLeaving = 3,  ///< What it carries is on its way to others; it is no member any more once nothing is left.
  kDown = 4,     ///< It was silent for too long: what it carries is made anew on others.  A member once it is heard.
};

struct Member {
  WorkerId id;
  std::string address;  ///< host:port, where its peers reach it.
  MemberState state = MemberState::kMember;
  std::uint64_t since = 0;  ///< The version of the map that gave it this state; 0: it was made with it.
  std::vector<std::uint64_t> virtual_nodes;  ///< Points on the ring, ascending.
  std::string zone{};                        ///< As it was named; empty: it was not.
  bool operator==(const Member&) const = default;
};

/// The failure domain: as it was named, or the host of the member's address.
std::string_view zone_of(const Member& member);

struct Placement {
  std::vector<ReplicaPlace> replicas;  ///< In ring order.
  WorkerId preferred_leader;           ///< One of their workers.
  bool operator==(const Placement&) const = default;

  /// The replica that is to be on this worker; null: none.
  const ReplicaPlace* find(WorkerId worker) const;
};

/// A replica that a recovery makes of what was left of its group (protocol/cluster/recovery_plan.hpp).  At first it
/// alone is the group.
struct RecoveredReplica {
  PartitionId partition;
  ReplicaPlace place;      ///< New,
  ReplicaId from;          ///< of this one on the same worker; 0: nothing was left.
  std::uint64_t term = 0;  ///< It begins in this one.
  bool operator==(const RecoveredReplica&) const = default;
};

struct ClusterMap {
  ClusterId cluster;  ///< 32 hex digits.
  std::uint64_t epoch = 1;
  std::uint64_t version = 0;
  bool formed = false;             ///< False until every member has stored it; nothing is served before.
  std::uint32_t level = kLevel;    ///< What all members know (kLevel).
  std::uint32_t k = 0;             ///< Replication factor.
  std::uint64_t next_replica = 1;  ///< The id of the next place that is new; none at or above it was ever given.
  MoveLimits move_limits;
  std::chrono::milliseconds repair_after = kRepairAfterDefault;  ///< 0: nothing is repaired by itself.
  std::uint64_t recovery = 0;               ///< How many recoveries there were: what is said between workers names it.
  std::vector<RecoveredReplica> recovered;  ///< By the last of them.
  std::vector<Member> members;
  std::vector<Placement> partitions;  ///< Indexed by PartitionId; their number is a power of two.

  bool operator==(const ClusterMap&) const = default;

  MapVersion number() const { return {epoch, version}; }
  std::uint32_t partition_count() const { return static_cast<std::uint32_t>(partitions.size()); }
  /// Members that do not leave.
  std::size_t staying() const;
  /// Replicas of each partition: 2k-1, or one on each member that stays where there are fewer.
  std::uint32_t replica_count() const;
  /// Zones of the members that stay.
  std::size_t zones() const;
  /// Workers that can be down with everything still guaranteed.
  std::uint32_t tolerates() const { return (replica_count() - 1) / 2; }
  const Member* find(WorkerId id) const;
  const Member* find_address(std::string_view address) const;
  const Placement& placement(PartitionId partition) const { return partitions.at(partition.value); }
};

/// XXH3-64 of the key (seed 0); its top bits are the partition.
PartitionId partition_of(std::string_view key, std::uint32_t partition_count);

/// What a broker with a server file asks for.
struct ClusterSpec {
  std::uint32_t k = 2;
  std::uint32_t partitions = 16;
  std::vector<std::pair<WorkerId, std::string>> workers;  ///< id and address, in the order of the server file.
  std::vector<std::string> zones{};                       ///< Each worker's, as in Member::zone; empty: none was named.
  bool operator==(const ClusterSpec&) const = default;
};

/// Whether a cluster can be made of this: workers that differ in id and address, k up to their number, zones, limits.
/// Error: kInvalidArgument.
Result<void> check(const ClusterSpec& spec);
/// Whether a map agrees with itself: as above, and replicas that are members and differ; and whether its level is known
/// here.  Errors: kInvalidArgument, kFailedPrecondition.
Result<void> check(const ClusterMap& map);

/// Makes version 1 of a map, not yet formed, with the partitions placed on the ring (protocol/cluster/ring.hpp), and
/// spread over the zones where the ring alone does not.
/// `spec` must have passed check().
ClusterMap make_cluster_map(ClusterId cluster, const ClusterSpec& spec);

/// Packed as MessagePack:
///   [format version = 5, cluster, epoch, version, formed, level, k, next replica id, moves, move rate, repair after,
///    recovery, [[partition, replica id, worker, from replica id, term], ...],
///    [[id, address, state, since, [virtual node, ...], zone], ...],
///    [[preferred leader, [[replica id, worker], ...]], ...]]
/// Version 4 had no recoveries, version 3 neither zones nor a time for repair, version 2 neither moves nor move rate.
/// All of them are read as well.
std::string pack(const ClusterMap& map);
/// Errors: kInvalidArgument, also for a map that contradicts itself (unknown replica, doubled id or address, limits);
/// kFailedPrecondition for one of a level that is not known here.
Result<ClusterMap> read_cluster_map(std::string_view packed);

}  // namespace trellis

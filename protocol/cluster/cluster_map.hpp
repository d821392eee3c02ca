// The cluster map: members, partitions, replicas.  One value, with one owner in the code, that all processes agree on.
//
// It is made once, by the first worker of the server file, and stored by every worker; the stored map is the truth and
// never recomputed.  Nothing may assume that it never changes: it carries a version, and a higher version replaces it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace trellis {

constexpr std::size_t kAddressSizeMax = 260;  ///< Bytes of host:port: a host name has 253 at most.

/// Whether `text` is 32 lower-case hex digits.
bool is_cluster_id(std::string_view text);

struct Member {
  WorkerId id;
  std::string address;                       ///< host:port, where its peers reach it.
  std::vector<std::uint64_t> virtual_nodes;  ///< Points on the ring, ascending.
  bool operator==(const Member&) const = default;
};

struct Placement {
  std::vector<WorkerId> replicas;  ///< In ring order.
  WorkerId preferred_leader;       ///< One of them.
  bool operator==(const Placement&) const = default;
};

struct ClusterMap {
  ClusterId cluster;          ///< 32 hex digits.
  std::uint64_t version = 0;  ///< Higher replaces lower.
  bool formed = false;        ///< False until every member has stored it; nothing is served before.
  std::uint32_t k = 0;        ///< Replication factor.
  std::vector<Member> members;
  std::vector<Placement> partitions;  ///< Indexed by PartitionId; their number is a power of two.

  bool operator==(const ClusterMap&) const = default;

  std::uint32_t partition_count() const { return static_cast<std::uint32_t>(partitions.size()); }
  /// Replicas of each partition: 2k-1, or all workers where there are fewer.
  std::uint32_t replica_count() const;
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
  bool operator==(const ClusterSpec&) const = default;
};

/// Whether a cluster can be made of this: workers that differ in id and address, k up to their number, limits.
/// Error: kInvalidArgument.
Result<void> check(const ClusterSpec& spec);
/// Whether a map agrees with itself: as above, and replicas that are members and differ.  Error: kInvalidArgument.
Result<void> check(const ClusterMap& map);

/// Makes version 1 of a map, not yet formed, with the partitions placed on the ring (protocol/cluster/ring.hpp).
/// `spec` must have passed check().
ClusterMap make_cluster_map(ClusterId cluster, const ClusterSpec& spec);

/// Packed as MessagePack:
///   [format version = 1, cluster, version, formed, k, [[id, address, [virtual node, ...]], ...],
///    [[preferred leader, [replica, ...]], ...]]
std::string pack(const ClusterMap& map);
/// Error: kInvalidArgument, also for a map that contradicts itself (unknown replica, doubled id or address, limits).
Result<ClusterMap> read_cluster_map(std::string_view packed);

}  // namespace trellis

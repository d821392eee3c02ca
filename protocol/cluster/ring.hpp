// The consistent-hashing ring with virtual nodes and bounded loads: which workers carry a partition.
//
// The ring is the space of 64-bit hashes.  A partition is a slice of it, since its number is the top bits of its keys'
// hashes, and its own point is where the slice begins.  Its replicas are the first workers clockwise from there that
// are under their bound, ceil(1.25 x mean); partitions are placed in ascending order.  The first replica is the
// preferred leader, unless it leads its bound already.
//
// Both bounds are always kept: the walk passes over a worker too where taking it would leave later partitions with too
// few, and a leader without room hands an earlier partition over to another of its replicas.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocol/cluster/cluster_map.hpp"

namespace trellis {

constexpr std::size_t kVirtualNodesPerWorker = 128;

/// The points of a worker's virtual nodes: hashes of its id, ascending.
std::vector<std::uint64_t> virtual_nodes_of(WorkerId id);

/// Where the slice of a partition begins; `count` is a power of two.
std::uint64_t partition_point(std::uint32_t partition, std::uint32_t count);

/// ceil(1.25 x total / workers): what one worker carries at most.
std::uint32_t load_bound(std::uint32_t total, std::uint32_t workers);

/// Places `partition_count` partitions with `replica_count` replicas each (1 to the number of members).
/// Deterministic: the same members, in the same order, give the same placement.  The replicas have no ids yet.
std::vector<Placement> place(const std::vector<Member>& members, std::uint32_t partition_count,
                             std::uint32_t replica_count);

}  // namespace trellis

// The consistent-hashing ring with virtual nodes and bounded loads: which workers carry a partition.
//
// docs/design.md, "Keys, partitions, ring": a partition's replicas are the first workers clockwise from its own point
// that are under their bound, ceil(1.25 x mean); partitions are placed in ascending order; the bound rises by one where
// too few workers are left under it.  Preferred leaders are bounded in a second pass.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/cluster_map.hpp"

namespace trellis {

constexpr std::size_t kVirtualNodesPerWorker = 128;

/// The points of a worker's virtual nodes: hashes of its id, ascending.
std::vector<std::uint64_t> virtual_nodes_of(WorkerId id);

/// Places `partition_count` partitions with `replica_count` replicas each (at most the number of members).
std::vector<Placement> place(const std::vector<Member>& members, std::uint32_t partition_count,
                             std::uint32_t replica_count);

}  // namespace trellis

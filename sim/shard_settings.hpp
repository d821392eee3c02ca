// What a simulated worker is set to, by the shape of its cluster and the mutations that are on.
#pragma once

#include <cstddef>
#include <string>

#include "worker/shard.hpp"

namespace trellis::sim {

class Cluster;

ShardSettings shard_settings(const Cluster& cluster, std::size_t index, const std::string& address);

}  // namespace trellis::sim

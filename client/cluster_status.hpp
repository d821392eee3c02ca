// STATUS, as far as `up` has use for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/reply.hpp"

namespace trellis {

struct ClusterStatus {
  std::string cluster;  ///< Its id; empty while it is being formed.
  std::uint64_t partitions = 0;
  std::uint64_t partitions_available = 0;
  std::uint64_t workers = 0;
  std::uint64_t workers_up = 0;

  bool is_formed() const { return !cluster.empty(); }
  bool all_serve() const { return is_formed() && partitions > 0 && partitions_available == partitions; }
};

/// Nothing where the broker has no answer.
std::optional<ClusterStatus> read_status(const Reply& reply);

}  // namespace trellis

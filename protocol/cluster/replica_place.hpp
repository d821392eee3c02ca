// ReplicaId and ReplicaPlace: a replica of a partition, and the worker that it is on.
#pragma once

#include "protocol/types.hpp"

namespace trellis {

/// One replica of a partition, told from all others that the partition ever had: a server's id to the library.  Never
/// 0, and never used again.
using ReplicaId = Number<struct ReplicaTag, std::uint64_t>;

struct ReplicaPlace {
  ReplicaId id;
  WorkerId worker;
  auto operator<=>(const ReplicaPlace&) const = default;
};

}  // namespace trellis

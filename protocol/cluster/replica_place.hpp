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

/// A worker of a cluster whose members never change has one replica of a partition, which has the worker's number.
inline ReplicaPlace only_replica_on(WorkerId worker) { return {ReplicaId{worker.value}, worker}; }

}  // namespace trellis

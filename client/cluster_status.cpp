#include "client/cluster_status.hpp"

#include "protocol/packed.hpp"

namespace trellis {

std::optional<ClusterStatus> read_status(const Reply& reply) {
  if (reply.status != Code::kOk) return std::nullopt;
  ClusterStatus status;
  PackedReader reader(reply.result);
  for (auto left = reader.read_map().value_or(0); left > 0; --left) {
    const auto name = reader.read_str();
    const auto packed = reader.read_value();
    if (!name || !packed) return std::nullopt;
    PackedReader value(*packed);
    if (*name == "cluster") status.cluster = value.read_str().value_or("");
    if (*name == "partitions") status.partitions = value.read_uint().value_or(0);
    if (*name == "partitions_available") status.partitions_available = value.read_uint().value_or(0);
    if (*name == "workers") status.workers = value.read_uint().value_or(0);
    if (*name == "workers_up") status.workers_up = value.read_uint().value_or(0);
  }
  return status;
}

}  // namespace trellis

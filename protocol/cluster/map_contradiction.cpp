#include "protocol/cluster/map_contradiction.hpp"

namespace trellis {

std::optional<std::string> contradiction(const ClusterMap& held, const ClusterMap& offered) {
  if (offered.partition_count() != held.partition_count()) {
    return "a number of partitions of " + std::to_string(offered.partition_count()) + " instead of " +
           std::to_string(held.partition_count());
  }
  if (offered.next_replica < held.next_replica && offered.number() > held.number()) {
    return std::string("ids of replicas that were given before");
  }
  const bool is_same = offered.number() == held.number() && offered.formed == held.formed;
  if (is_same && offered != held) return std::string("another content than the one of this version that is held");
  return std::nullopt;
}

}  // namespace trellis

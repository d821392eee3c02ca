#include "protocol/cluster/map_contradiction.hpp"

namespace trellis {

std::optional<std::string> contradiction(const ClusterMap& held, const ClusterMap& offered) {
  const auto differ = [](const std::string& what, std::size_t ours, std::size_t theirs) {
    return what + " " + std::to_string(theirs) + " instead of " + std::to_string(ours);
  };
  if (offered.k != held.k) return differ("k =", held.k, offered.k);
  if (offered.partition_count() != held.partition_count()) {
    return differ("a number of partitions of", held.partition_count(), offered.partition_count());
  }
  for (const Member& member : held.members) {
    const Member* const there = offered.find(member.id);
    if (there == nullptr) return "no worker " + to_string(member.id) + ", which is a member";
    if (there->address != member.address) return "worker " + to_string(member.id) + " at another address";
  }
  for (std::size_t i = 0; i < held.partitions.size(); ++i) {
    if (offered.partitions[i].replicas != held.partitions[i].replicas) {
      return "partition " + std::to_string(i) + " on other workers";
    }
  }
  return std::nullopt;
}

}  // namespace trellis

#include "worker/balancer.hpp"

#include "worker/shard.hpp"

namespace trellis {

std::vector<PartitionId> Balancer::run(const Partitions& partitions, const ClusterMap& map, const Peers& peers,
                                       bool gives_up, const std::function<bool(const Partition&)>& may_move,
                                       TimePoint now) {
  due_ = now + kInterval;
  if (gives_up) return give_up(partitions, peers, now);
  std::optional<PartitionId> ripe;
  for (const auto& [id, partition] : partitions) {
    const Replica& replica = partition->replica();
    if (replica.is_ready() && replica.is_transferring()) return {};
    if (!replica.is_ready() || !may_move(*partition)) {
      level_since_.erase(id);
    } else if (is_ripe(id, replica, map.placement(id).preferred_leader, peers, now) && !ripe) {
      ripe = id;
    }
  }
  if (!ripe) return {};
  level_since_.erase(*ripe);
  Replica& replica = partitions.at(*ripe)->replica();
  replica.transfer_to(replica.member_on(map.placement(*ripe).preferred_leader)->place.id);
  // One at a time, but not one an interval: look again soon.
  due_ = now + Shard::kTickInterval;
  return {*ripe};
}

std::vector<PartitionId> Balancer::give_up(const Partitions& partitions, const Peers& peers, TimePoint now) const {
  std::vector<PartitionId> touched;
  for (const auto& [id, partition] : partitions) {
    Replica& replica = partition->replica();
    if (!replica.is_ready() || replica.is_transferring()) continue;
    for (const ReplicaPlace& peer : replica.voters()) {
      if (peer.worker != self_ && peers.can_lead(peer.worker, now) && replica.transfer_to(peer.id)) break;
    }
    touched.push_back(id);
  }
  return touched;
}

bool Balancer::is_ripe(PartitionId id, const Replica& replica, WorkerId preferred, const Peers& peers, TimePoint now) {
  const bool may_take_over = replica.is_ready() && preferred != self_ && peers.can_lead(preferred, now);
  const auto member = may_take_over ? replica.member_on(preferred) : std::nullopt;
  const bool is_fit = member && replica.is_level(member->place.id);
  if (!is_fit) {
    level_since_.erase(id);
    return false;
  }
  return now - level_since_.try_emplace(id, now).first->second >= hand_over_after_;
}

}  // namespace trellis

#include "broker/vouches.hpp"

#include <algorithm>
#include <tuple>

namespace trellis {

bool Vouches::are_asked(PartitionId partition, WorkerRecord& leader) {
  if (partition.value >= asked_.size()) asked_.resize(router_.partition_count());
  Asked& asked = asked_[partition.value];
  if (asked.ticket != ticket_.number || asked.leader != leader.hello.id) {
    asked = {ticket_.number, leader.hello.id, ask(partition, leader)};
  }
  if (!asked.will_vouch) return false;
  if (leader.slot->ticket != ticket_.number) {
    leader.slot->ticket = ticket_.number;
    add(outbox_.to(*leader.slot), ticket_);
  }
  return true;
}

bool Vouches::ask(PartitionId partition, WorkerRecord& leader) {
  const WorkerId leading = leader.hello.id;
  others_.clear();
  for (const WorkerId replica : router_.map()->placement(partition).replicas) {
    const WorkerRecord* const worker = registry_.find(replica);
    if (replica == leading || worker == nullptr || worker->slot == nullptr || worker->state != WorkerState::kUp)
      continue;
    others_.push_back(replica);
  }
  const std::size_t needed = router_.majority() - 1;
  if (needed == 0 || others_.size() < needed) return false;
  // The next in a circle of ids: the same ones for all partitions of a leader, and not the same for all leaders.
  std::sort(others_.begin(), others_.end(),
            [leading](WorkerId a, WorkerId b) { return std::tuple(a < leading, a) < std::tuple(b < leading, b); });
  others_.resize(needed);
  for (const WorkerId other : others_) wanted(other, leading).partitions.push_back(partition);
  return true;
}

VouchWanted& Vouches::wanted(WorkerId from, WorkerId leader) {
  for (Wanted& each : wanted_) {
    if (each.from == from && each.message.leader == leader) return each.message;
  }
  return wanted_.emplace_back(Wanted{from, {ticket_, leader, {}}}).message;
}

void Vouches::send() {
  for (const Wanted& each : wanted_) {
    const WorkerRecord* const worker = registry_.find(each.from);
    if (worker != nullptr && worker->slot != nullptr) add(outbox_.to(*worker->slot), each.message);
  }
  wanted_.clear();
  ++ticket_.number;
}

}  // namespace trellis

#include "broker/vouches.hpp"

#include <algorithm>
#include <tuple>

namespace trellis {

Ticket Vouches::ask(PartitionId id, WorkerId leader, TimePoint now) {
  if (id.value >= partitions_.size()) partitions_.resize(router_.partition_count());
  Partition& partition = partitions_[id.value];
  if (partition.asked_under != ticket_ || partition.leader != leader) {
    partition.asked_under = ticket_;
    partition.leader = leader;
    choose(id, partition, now);
  }
  return partition.asked.empty() ? 0 : ticket_;
}

void Vouches::choose(PartitionId id, Partition& partition, TimePoint now) {
  std::vector<WorkerId>& others = partition.asked;
  others.clear();
  const WorkerId leader = partition.leader;
  for (const WorkerId replica : router_.map()->placement(id).replicas) {
    if (replica != leader && can_vouch(replica, now)) others.push_back(replica);
  }
  const std::size_t needed = router_.majority() - 1;
  if (others.size() < needed) return others.clear();
  // The next in a circle of ids: the same ones for all partitions of a leader, and not the same for all leaders.
  std::sort(others.begin(), others.end(),
            [leader](WorkerId a, WorkerId b) { return std::tuple(a < leader, a) < std::tuple(b < leader, b); });
  others.resize(needed);
  for (const WorkerId other : others) wanted_from(other).partitions.push_back(id);
}

bool Vouches::can_vouch(WorkerId id, TimePoint now) {
  const WorkerRecord* const worker = registry_.find(id);
  if (worker == nullptr || worker->slot == nullptr || worker->state != WorkerState::kUp) return false;
  const auto passed_over = passed_over_until_.find(id);
  if (passed_over == passed_over_until_.end()) return true;
  if (now < passed_over->second) return false;
  passed_over_until_.erase(passed_over);
  return true;
}

VouchWanted& Vouches::wanted_from(WorkerId worker) {
  for (Wanted& each : wanted_) {
    if (each.from == worker) return each.message;
  }
  return wanted_.emplace_back(Wanted{worker, {self_, ticket_, {}}}).message;
}

void Vouches::send() {
  for (const Wanted& each : wanted_) {
    const WorkerRecord* const worker = registry_.find(each.from);
    if (worker != nullptr && worker->slot != nullptr) add(outbox_.to(*worker->slot), each.message);
  }
  wanted_.clear();
  ++ticket_;
}

void Vouches::on_vouch(WorkerId from, const Vouch& vouch) {
  if (vouch.broker != self_ || vouch.ticket >= ticket_) return;  // Asked for by an earlier life, or by nobody.
  for (const auto& [id, term] : vouch.terms) {
    if (id.value >= partitions_.size()) continue;
    const auto& replicas = router_.map()->placement(id).replicas;
    if (std::find(replicas.begin(), replicas.end(), from) == replicas.end()) continue;
    auto& vouched = partitions_[id.value].vouched;
    auto last = std::find_if(vouched.begin(), vouched.end(), [from](const Vouched& each) { return each.from == from; });
    if (last == vouched.end()) last = vouched.insert(vouched.end(), {from, 0, {}});
    if (vouch.ticket > last->ticket) *last = {from, vouch.ticket, term};
  }
}

Vouches::Verdict Vouches::judge(PartitionId partition, WorkerId leader, Term term, Ticket ticket) const {
  std::size_t missing = router_.majority() - 1;
  for (const Vouched& each : partitions_[partition.value].vouched) {
    if (each.from == leader || each.ticket < ticket) continue;
    if (each.term > term) return Verdict::kRefuted;
    if (missing > 0) --missing;
  }
  return missing == 0 ? Verdict::kProven : Verdict::kOpen;
}

void Vouches::on_late(PartitionId id, Ticket ticket, TimePoint now) {
  const Partition& partition = partitions_[id.value];
  for (const WorkerId asked : partition.asked) {
    const bool has_vouched = std::any_of(partition.vouched.begin(), partition.vouched.end(), [&](const Vouched& each) {
      return each.from == asked && each.ticket >= ticket;
    });
    if (!has_vouched) passed_over_until_[asked] = now + kPassedOver;
  }
}

}  // namespace trellis

#include "sim/group/targets.hpp"

#include <algorithm>

namespace trellis::sim {
namespace {

constexpr std::size_t kReplicationMax = 3;

bool contains(const std::vector<WorkerId>& workers, WorkerId worker) {
  return std::find(workers.begin(), workers.end(), worker) != workers.end();
}

void drop_one(Random& random, std::vector<ReplicaPlace>& replicas) {
  if (replicas.empty()) return;
  replicas.erase(replicas.begin() + static_cast<std::ptrdiff_t>(random.below(replicas.size())));
}

}  // namespace

Targets::Targets(std::vector<ReplicaPlace> founders, bool reuses_ids)
    : next_id_(founders.size() + 1), reuses_ids_(reuses_ids) {
  for (const ReplicaPlace& place : founders) last_id_[place.worker] = place.id;
  const std::size_t k = founders.size() / 2 + 1;
  versions_.push_back({std::move(founders), k});
}

void Targets::change(Random& random, const std::vector<WorkerId>& available, bool may_lower) {
  GroupTarget target = versions_.back();
  const std::size_t k = random.chance(0.2) ? random.below(kReplicationMax) + 1 : target.k;
  if (may_lower || k > target.k) target.k = k;
  const std::uint64_t leavers = random.chance(0.7) ? 1 : random.below(target.replicas.size() + 1);
  for (std::uint64_t i = 0; i < leavers; ++i) drop_one(random, target.replicas);
  complete(random, std::move(target), available);
}

void Targets::repair(Random& random, const std::vector<WorkerId>& available) {
  complete(random, versions_.back(), available);
}

void Targets::complete(Random& random, GroupTarget target, const std::vector<WorkerId>& available) {
  auto& replicas = target.replicas;
  std::erase_if(replicas, [&](const ReplicaPlace& place) { return !contains(available, place.worker); });
  const std::size_t wanted = std::min(2 * target.k - 1, available.size());
  while (replicas.size() > wanted) drop_one(random, replicas);
  while (replicas.size() < wanted) {
    const WorkerId worker = random.pick(available);
    const auto is_there = [worker](const ReplicaPlace& place) { return place.worker == worker; };
    if (std::any_of(replicas.begin(), replicas.end(), is_there)) continue;
    const auto earlier = last_id_.find(worker);
    const bool is_reused = reuses_ids_ && earlier != last_id_.end();
    replicas.push_back({is_reused ? earlier->second : ReplicaId{next_id_++}, worker});
    last_id_[worker] = replicas.back().id;
  }
  versions_.push_back(std::move(target));
}

bool Targets::names(WorkerId worker) const {
  const auto& replicas = versions_.back().replicas;
  return std::any_of(replicas.begin(), replicas.end(), [worker](const auto& place) { return place.worker == worker; });
}

}  // namespace trellis::sim

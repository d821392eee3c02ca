#include "broker/router.hpp"

#include <algorithm>
#include <unordered_map>

namespace trellis {
namespace {

/// Hellos: some 2 s, longer than an election takes.
constexpr std::uint8_t kPassedOverMax = 20;

bool can_be_sent_to(const WorkerRecord* worker) {
  return worker != nullptr && worker->slot != nullptr && worker->state != WorkerState::kDown && !worker->hello.leaving;
}

}  // namespace

void Router::set_map(const ClusterMap* map) {
  map_ = map;
  partitions_.resize(map == nullptr ? 0 : map->partition_count());
}

void Router::on_leads(WorkerId worker, const std::vector<Leadership>& before, const std::vector<Leadership>& now,
                      std::vector<PartitionId>& changed) {
  for (const Leadership& lead : before) {
    if (lead.partition.value >= partitions_.size()) continue;
    Partition& partition = partitions_[lead.partition.value];
    // Given up, unless it is said again below.  A hint of a higher term stands.
    if (partition.leader == worker && partition.term == lead.term &&
        std::find(now.begin(), now.end(), lead) == now.end()) {
      partition.leader = WorkerId{};
    }
  }
  for (const Leadership& lead : now) {
    if (lead.partition.value >= partitions_.size()) continue;
    Partition& partition = partitions_[lead.partition.value];
    if (lead.term == partition.term && partition.leader == worker) continue;
    if (lead.term < partition.term && !is_believed_at_last(partition)) continue;
    const bool is_other = partition.leader != worker;
    partition.leader = worker;
    partition.term = lead.term;
    partition.passed_over = 0;
    if (is_other) changed.push_back(lead.partition);
  }
}

/// Who leads says so with each hello.  A higher term whose leader is gone gets a new one within that time, or it never
/// was: no replica of the group knows it.
bool Router::is_believed_at_last(Partition& partition) {
  return partition.leader.value == 0 && ++partition.passed_over >= kPassedOverMax;
}

bool Router::on_not_leader(PartitionId id, WorkerId from, WorkerId leader, Term term) {
  if (id.value >= partitions_.size()) return false;
  Partition& partition = partitions_[id.value];
  if (partition.leader == from && term >= partition.term) partition.leader = WorkerId{};
  if (term < partition.term || leader.value == 0 || leader == from || leader == partition.leader ||
      registry_.find(leader) == nullptr) {
    return false;
  }
  // Only a term that has a leader counts: a replica that is cut off from its group raises its own without end.
  partition.term = term;
  partition.leader = leader;
  partition.passed_over = 0;
  return true;
}

void Router::forget(WorkerId worker) {
  for (Partition& partition : partitions_) {
    if (partition.leader == worker) partition.leader = WorkerId{};
  }
}

void Router::refresh(TimePoint now) {
  warning_.clear();
  members_down_ = 0;
  if (map_ == nullptr) return;
  std::unordered_map<WorkerId, bool> up;
  for (const Member& member : map_->members) {
    const bool is_up = registry_.state_of(member.id, now) != WorkerState::kDown;
    up[member.id] = is_up;
    if (!is_up) ++members_down_;
  }
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    const auto& replicas = map_->partitions[i].replicas;
    partitions_[i].up = static_cast<std::size_t>(
        std::count_if(replicas.begin(), replicas.end(), [&up](const ReplicaPlace& each) { return up[each.worker]; }));
  }
  if (members_down_ > map_->tolerates() && registry_.warmed_up()) {
    warning_ = std::to_string(members_down_) + " of " + std::to_string(map_->members.size()) +
               " workers are down, replication factor k=" + std::to_string(map_->k) +
               ": correct output cannot be guaranteed";
  }
}

void Router::note_leaders(TimePoint now) {
  for (std::uint32_t i = 0; i < partitions_.size(); ++i) {
    auto& since = partitions_[i].leaderless_since;
    if (leader(PartitionId{i}) != nullptr) {
      since.reset();
    } else if (!since) {
      since = now;
    }
  }
}

bool Router::misses_a_leader(TimePoint now) const {
  return std::any_of(partitions_.begin(), partitions_.end(), [now](const Partition& partition) {
    return partition.leaderless_since && now - *partition.leaderless_since > kLeaderlessMax;
  });
}

WorkerRecord* Router::leader(PartitionId partition) const {
  WorkerRecord* const worker = registry_.find(partitions_.at(partition.value).leader);
  return can_be_sent_to(worker) ? worker : nullptr;
}

WorkerRecord* Router::any_replica(PartitionId partition) {
  const auto& replicas = map_->placement(partition).replicas;
  std::size_t& turn = partitions_.at(partition.value).turn;
  ++turn;
  for (const WorkerState wanted : {WorkerState::kUp, WorkerState::kSuspect}) {
    for (std::size_t i = 0; i < replicas.size(); ++i) {
      WorkerRecord* const worker = registry_.find(replicas[(turn + i) % replicas.size()].worker);
      if (can_be_sent_to(worker) && worker->state == wanted) return worker;
    }
  }
  const auto left = replicas_left(partition);  // Those that are about to leave.
  return left.empty() ? nullptr : left.front();
}

std::vector<WorkerRecord*> Router::replicas_left(PartitionId partition) const {
  std::vector<WorkerRecord*> left;
  for (const ReplicaPlace& place : map_->placement(partition).replicas) {
    WorkerRecord* const worker = registry_.find(place.worker);
    if (worker != nullptr && worker->slot != nullptr && worker->state != WorkerState::kDown) left.push_back(worker);
  }
  return left;
}

std::size_t Router::partitions_available() const {
  std::size_t available = 0;
  for (std::uint32_t i = 0; i < partitions_.size(); ++i) {
    if (has_majority(PartitionId{i}) && leader(PartitionId{i}) != nullptr) ++available;
  }
  return available;
}

}  // namespace trellis

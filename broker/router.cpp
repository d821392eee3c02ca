#include "broker/router.hpp"

#include <algorithm>
#include <utility>

#include "protocol/limits.hpp"

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
  if (map == nullptr || std::exchange(recovery_, map->recovery) == map->recovery) return;
  // What was said of those groups is of replicas that are no more.
  for (const RecoveredReplica& each : map->recovered) partitions_[each.partition.value] = {};
}

const std::vector<ReplicaPlace>& Router::voters(PartitionId id) const {
  const Partition& partition = partitions_.at(id.value);
  return partition.voters.empty() ? map_->placement(id).replicas : partition.voters;
}

std::optional<LogIndex> Router::configuration_of(PartitionId id, WorkerId leader, Term term) const {
  const Partition& partition = partitions_.at(id.value);
  if (partition.voters.empty()) return LogIndex{};
  if (partition.told_by != leader || partition.told_in != term) return std::nullopt;
  return partition.configuration;
}

bool Router::says_again(const std::vector<Leadership>& leads, const Leadership& before) {
  return std::any_of(leads.begin(), leads.end(), [&before](const Leadership& each) {
    return each.partition == before.partition && each.term == before.term;
  });
}

/// What a leader says of its group replaces what was said before, unless that was of a later term.
void Router::take_configuration(PartitionId id, WorkerId leader, const Leadership& lead) {
  Partition& partition = partitions_[id.value];
  if (lead.voters.empty() || lead.term < partition.told_in) return;
  const bool is_known = partition.told_in == lead.term && partition.configuration == lead.configuration;
  if (is_known && partition.told_by == leader) return;
  partition.told_by = leader;
  partition.told_in = lead.term;
  partition.configuration = lead.configuration;
  partition.voters = lead.voters;
  count(id);
  count_tolerated();
}

void Router::count(PartitionId id) {
  const auto& voters = this->voters(id);
  partitions_[id.value].up = static_cast<std::size_t>(
      std::count_if(voters.begin(), voters.end(), [this](const auto& voter) { return up_.contains(voter.worker); }));
}

void Router::count_tolerated() {
  std::size_t least = kWorkersMax;
  for (std::uint32_t i = 0; i < partitions_.size(); ++i) least = std::min(least, voters(PartitionId{i}).size());
  tolerates_ = (std::max<std::size_t>(least, 1) - 1) / 2;
}

void Router::on_leads(WorkerId worker, const std::vector<Leadership>& before, const std::vector<Leadership>& now,
                      std::vector<PartitionId>& changed) {
  for (const Leadership& lead : before) {
    if (lead.partition.value >= partitions_.size()) continue;
    Partition& partition = partitions_[lead.partition.value];
    // Given up, unless it is said again below.  A hint of a higher term stands.
    if (partition.leader == worker && partition.term == lead.term && !says_again(now, lead)) {
      partition.leader = WorkerId{};
    }
  }
  for (const Leadership& lead : now) {
    if (lead.partition.value >= partitions_.size()) continue;
    Partition& partition = partitions_[lead.partition.value];
    if (lead.term == partition.term && partition.leader == worker) {
      take_configuration(lead.partition, worker, lead);
      continue;
    }
    if (lead.term < partition.term && !is_believed_at_last(partition)) continue;
    take_configuration(lead.partition, worker, lead);
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
  up_.clear();
  members_down_ = members_missed_ = 0;
  if (map_ == nullptr) return;
  // Where no two replicas of a partition share a zone, it is zones that may fail.
  const bool by_zone = map_->zones() >= map_->replica_count();
  std::set<std::string_view> zones_missed;
  std::set<WorkerId> voting;
  for (std::uint32_t i = 0; i < partitions_.size(); ++i) {
    for (const ReplicaPlace& voter : voters(PartitionId{i})) voting.insert(voter.worker);
  }
  for (const Member& member : map_->members) {
    if (registry_.state_of(member.id, now) != WorkerState::kDown) {
      up_.insert(member.id);
      continue;
    }
    ++members_down_;
    // Whoever leaves, or was made good elsewhere, is missed while a group counts on it.
    const bool is_wanted = member.state == MemberState::kMember || member.state == MemberState::kJoining;
    if (!is_wanted && !voting.contains(member.id)) continue;
    ++members_missed_;
    zones_missed.insert(zone_of(member));
  }
  if (by_zone) members_missed_ = zones_missed.size();
  for (std::uint32_t i = 0; i < partitions_.size(); ++i) count(PartitionId{i});
  count_tolerated();
  for (std::uint32_t i = 0; i < partitions_.size(); ++i) {
    const std::size_t voters = this->voters(PartitionId{i}).size();
    if (voters > 0 && 2 * partitions_[i].up <= voters) members_missed_ = std::max(members_missed_, tolerates_ + 1);
  }
  if (is_short() && registry_.warmed_up()) {
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
  const auto& replicas = voters(partition);
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
  for (const ReplicaPlace& place : voters(partition)) {
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

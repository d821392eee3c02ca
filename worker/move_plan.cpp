#include "worker/move_plan.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace trellis {
namespace {

/// A group, as far as its failures go: how many vote, and how many of those are up.
struct Strength {
  std::size_t voters = 0;
  std::size_t up = 0;

  std::uint64_t tolerates() const {
    const std::size_t majority = voters / 2 + 1;
    return up > majority ? up - majority : 0;
  }
};

class Planner {
 public:
  Planner(const ClusterMap& before, const ClusterMap& after, const MapKeeper& keeper, TimePoint now)
      : before_(before), after_(after), keeper_(keeper), now_(now) {}

  PlanReport plan() {
    plan_.tolerates_before = plan_.tolerates_during = plan_.tolerates_after = kNone;
    begin_workers();
    for (std::uint32_t i = 0; i < after_.partition_count(); ++i) plan_partition(i);
    for (auto& [id, worker] : workers_) {
      if (worker.memory_before) {
        const std::uint64_t more = worker.bytes_after - std::min(worker.bytes_after, worker.bytes_before);
        const std::uint64_t less = worker.bytes_before - std::min(worker.bytes_after, worker.bytes_before);
        worker.memory_after = *worker.memory_before + more - std::min(less, *worker.memory_before);
      }
      plan_.workers.push_back(worker);
    }
    return std::move(plan_);
  }

  /// For each group whose target changes: those that come, and those that go.
  std::string obstacle() const {
    std::set<WorkerId> down;
    std::set<WorkerId> full;
    std::string leaderless;
    for (std::uint32_t i = 0; i < after_.partition_count(); ++i) {
      const auto coming = missing(after_.partitions[i], before_.partitions[i]);
      const auto going = missing(before_.partitions[i], after_.partitions[i]);
      if (coming.empty() && going.empty()) continue;
      for (const WorkerId worker : coming) {
        if (keeper_.is_down(worker, now_)) down.insert(worker);
        const MapKeeper::Heard* const heard = keeper_.heard(worker);
        if (heard != nullptr && heard->is_full) full.insert(worker);
      }
      const Strength now = strength(i);
      if (now.up < now.voters / 2 + 1) leaderless += (leaderless.empty() ? "" : ", ") + std::to_string(i);
    }
    if (!leaderless.empty()) {
      return "partitions " + leaderless + " have no majority of their replicas: start those that are down first";
    }
    if (!down.empty()) return addresses(down) + ", where replicas would move to, is down: start it, or remove it first";
    if (!full.empty()) return "the disk of " + addresses(full) + ", where replicas would move to, is full: make room";
    return "";
  }

 private:
  static constexpr std::uint64_t kNone = UINT64_MAX;

  static std::vector<WorkerId> missing(const Placement& of, const Placement& in) {
    std::vector<WorkerId> workers;
    for (const ReplicaPlace& place : of.replicas) {
      if (in.find(place.worker) == nullptr) workers.push_back(place.worker);
    }
    return workers;
  }

  const Member* find(WorkerId id) const {
    const Member* const member = after_.find(id);
    return member != nullptr ? member : before_.find(id);
  }

  std::string addresses(const std::set<WorkerId>& workers) const {
    std::string text;
    for (const WorkerId worker : workers) text += (text.empty() ? "" : ", ") + find(worker)->address;
    return text;
  }

  bool is_up(WorkerId worker) const { return !keeper_.is_down(worker, now_); }

  std::uint64_t bytes_of(std::uint32_t partition) const {
    const LedGroup* const group = keeper_.group(PartitionId{partition});
    return group == nullptr ? 0 : group->bytes;
  }

  /// As its leader says; where none has, by the target.
  Strength strength(std::uint32_t partition) const {
    Strength strength;
    const auto count = [&](WorkerId worker) {
      ++strength.voters;
      strength.up += is_up(worker);
    };
    if (const LedGroup* const group = keeper_.group(PartitionId{partition})) {
      for (const GroupMember& member : group->members) {
        if (member.role == ReplicaRole::kVoter) count(member.place.worker);
      }
    } else {
      for (const ReplicaPlace& place : before_.partitions[partition].replicas) count(place.worker);
    }
    return strength;
  }

  void begin_workers() {
    for (const ClusterMap* const map : {&before_, &after_}) {
      for (const Member& member : map->members) {
        PlanReport::Worker& worker = workers_[member.id];
        worker.address = member.address;
        const MapKeeper::Heard* const heard = keeper_.heard(member.id);
        if (heard != nullptr && heard->memory != 0) worker.memory_before = heard->memory;
      }
    }
  }

  void plan_partition(std::uint32_t partition) {
    const std::uint64_t bytes = bytes_of(partition);
    for (const ReplicaPlace& place : before_.partitions[partition].replicas) {
      ++workers_[place.worker].replicas_before;
      workers_[place.worker].bytes_before += bytes;
    }
    for (const ReplicaPlace& place : after_.partitions[partition].replicas) {
      ++workers_[place.worker].replicas_after;
      workers_[place.worker].bytes_after += bytes;
    }
    const auto coming = missing(after_.partitions[partition], before_.partitions[partition]);
    const auto going = missing(before_.partitions[partition], after_.partitions[partition]);
    for (std::size_t i = 0; i < std::max(coming.size(), going.size()); ++i) {
      PlanReport::Transfer& transfer = plan_.transfers.emplace_back();
      transfer.partition = partition;
      if (i < going.size()) transfer.from = find(going[i])->address;
      if (i < coming.size()) {
        transfer.to = find(coming[i])->address;
        transfer.bytes = bytes;
        ++plan_.replicas;
        plan_.bytes += bytes;
      }
    }
    walk(partition, coming, going);
  }

  /// The way that its leader takes: a dead one goes first, and only from a group of 2k-1.
  void walk(std::uint32_t partition, const std::vector<WorkerId>& coming, std::vector<WorkerId> going) {
    Strength now = strength(partition);
    least(plan_.tolerates_before, now);
    least(plan_.tolerates_during, now);
    const auto remove = [&](bool dead_alone) {
      const auto at =
          std::find_if(going.begin(), going.end(), [&](WorkerId each) { return !dead_alone || !is_up(each); });
      if (at == going.end()) return;
      --now.voters;
      now.up -= is_up(*at);
      going.erase(at);
      least(plan_.tolerates_during, now);
    };
    for (const WorkerId worker : coming) {
      if (now.voters >= 2 * std::size_t{after_.k} - 1) remove(true);
      ++now.voters;
      now.up += is_up(worker);
      least(plan_.tolerates_during, now);
      if (now.voters > after_.replica_count()) remove(false);
    }
    while (!going.empty()) remove(false);
    least(plan_.tolerates_after, now);
  }

  static void least(std::uint64_t& of, const Strength& strength) { of = std::min(of, strength.tolerates()); }

  const ClusterMap& before_;
  const ClusterMap& after_;
  const MapKeeper& keeper_;
  TimePoint now_;
  PlanReport plan_;
  std::map<WorkerId, PlanReport::Worker> workers_;
};

}  // namespace

PlanReport plan_of(const ClusterMap& before, const ClusterMap& after, const MapKeeper& keeper, TimePoint now) {
  return Planner(before, after, keeper, now).plan();
}

std::string obstacle_of(const ClusterMap& before, const ClusterMap& after, const MapKeeper& keeper, TimePoint now) {
  return Planner(before, after, keeper, now).obstacle();
}

}  // namespace trellis

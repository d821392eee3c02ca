#include "protocol/cluster/targets.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_map>

#include "protocol/check.hpp"
#include "protocol/cluster/ring.hpp"

namespace trellis {
namespace {

class Targets {
 public:
  Targets(ClusterMap& map, const std::set<WorkerId>& down) : map_(map), down_(down), wanted_(map.replica_count()) {
    for (const Member& member : map.members) {
      if (member.state != MemberState::kLeaving) workers_.push_back(&member);
    }
    for (const Member* const member : workers_) carried_[member->id] = led_[member->id] = 0;
    for (const Placement& placement : map.partitions) {
      for (const ReplicaPlace& place : placement.replicas) {
        if (has(place.worker)) ++carried_[place.worker];
      }
      if (has(placement.preferred_leader)) ++led_[placement.preferred_leader];
    }
  }

  void run() {
    for (std::uint32_t i = 0; i < map_.partition_count(); ++i) {
      auto& replicas = map_.partitions[i].replicas;
      std::erase_if(replicas, [this](const ReplicaPlace& place) { return !has(place.worker); });
      while (replicas.size() > wanted_) take_from_most_loaded(map_.partitions[i]);
      while (replicas.size() < wanted_) give(i, least_loaded_for(i));
    }
    spread();
    spread_leaders();
  }

 private:
  bool has(WorkerId worker) const { return carried_.contains(worker); }
  std::uint32_t mean(std::uint32_t total) const { return total / static_cast<std::uint32_t>(workers_.size()); }
  std::uint32_t bound(std::uint32_t total) const {
    return load_bound(total, static_cast<std::uint32_t>(workers_.size()));
  }
  /// So little that it takes over from others: a worker that has just come, or nearly.
  std::uint32_t least(std::uint32_t total) const { return (mean(total) + 1) / 2; }

  void give(std::uint32_t partition, WorkerId worker) {
    map_.partitions[partition].replicas.push_back({{map_.next_replica++}, worker});
    ++carried_[worker];
  }

  void take(Placement& placement, WorkerId worker) {
    std::erase_if(placement.replicas, [worker](const ReplicaPlace& place) { return place.worker == worker; });
    --carried_[worker];
  }

  void take_from_most_loaded(Placement& placement) {
    const auto most = std::max_element(placement.replicas.begin(), placement.replicas.end(), [&](auto& a, auto& b) {
      // The preferred leader goes last.
      const auto order = [&](const ReplicaPlace& place) {
        return std::tuple(place.worker != placement.preferred_leader, carried_[place.worker], place.id);
      };
      return order(a) < order(b);
    });
    take(placement, most->worker);
  }

  /// How far clockwise a worker's next virtual node is from where the partition begins.
  std::uint64_t distance(std::uint32_t partition, const Member& member) const {
    const std::uint64_t point = partition_point(partition, map_.partition_count());
    const auto next = std::lower_bound(member.virtual_nodes.begin(), member.virtual_nodes.end(), point);
    return (next == member.virtual_nodes.end() ? member.virtual_nodes.front() : *next) - point;
  }

  WorkerId least_loaded_for(std::uint32_t partition) {
    const Member* best = nullptr;
    const auto order = [&](const Member& member) {
      return std::tuple(down_.contains(member.id), carried_[member.id], distance(partition, member), member.id);
    };
    for (const Member* const member : workers_) {
      if (map_.partitions[partition].find(member->id) != nullptr) continue;
      if (best == nullptr || order(*member) < order(*best)) best = member;
    }
    CHECK(best != nullptr);
    return best->id;
  }

  using Loads = std::unordered_map<WorkerId, std::uint32_t>;

  /// The one that carries least of `of`, and the one that carries most of all; of equal ones that of the lowest id.
  WorkerId lightest(const std::vector<WorkerId>& of) {
    return *std::min_element(of.begin(), of.end(), [this](WorkerId a, WorkerId b) {
      return std::tuple(carried_[a], a) < std::tuple(carried_[b], b);
    });
  }
  WorkerId heaviest() {
    const auto heaviest = std::max_element(workers_.begin(), workers_.end(), [this](const auto* a, const auto* b) {
      return std::tuple(carried_[a->id], b->id) < std::tuple(carried_[b->id], a->id);
    });
    return (*heaviest)->id;
  }

  /// Whoever carries more than another carries a partition that the other does not: so there is always one to move.
  void spread() {
    const std::uint32_t total = map_.partition_count() * wanted_;
    std::vector<WorkerId> all;
    std::vector<WorkerId> filling;
    for (const Member* const member : workers_) {
      if (down_.contains(member->id)) continue;
      all.push_back(member->id);
      if (carried_[member->id] < least(total)) filling.push_back(member->id);
    }
    while (!all.empty()) {
      std::erase_if(filling, [&](WorkerId worker) { return carried_[worker] >= mean(total); });
      const WorkerId high = heaviest();
      const WorkerId low = lightest(filling.empty() ? all : filling);
      if (filling.empty() && carried_[high] <= bound(total)) return;
      if (carried_[high] <= carried_[low] + 1) return;
      move(high, low);
    }
  }

  /// The partition that the ring would rather have on `to`; one that `from` does not lead, if there is one.
  void move(WorkerId from, WorkerId to) {
    const Member& receiver = *map_.find(to);
    std::optional<std::uint32_t> best;
    const auto order = [&](std::uint32_t i) {
      return std::tuple(map_.partitions[i].preferred_leader == from, distance(i, receiver), i);
    };
    for (std::uint32_t i = 0; i < map_.partition_count(); ++i) {
      const Placement& placement = map_.partitions[i];
      if (placement.find(from) == nullptr || placement.find(to) != nullptr) continue;
      if (!best || order(i) < order(*best)) best = i;
    }
    CHECK(best);
    take(map_.partitions[*best], from);
    give(*best, to);
  }

  void prefer(Placement& placement, WorkerId worker) {
    if (has(placement.preferred_leader)) --led_[placement.preferred_leader];
    placement.preferred_leader = worker;
    ++led_[worker];
  }

  void spread_leaders() {
    for (Placement& placement : map_.partitions) {
      if (placement.find(placement.preferred_leader) == nullptr) prefer(placement, least_leading(placement));
    }
    // Each hand-over makes two loads more equal, so it ends.
    for (bool has_moved = true; has_moved;) {
      has_moved = false;
      for (Placement& placement : map_.partitions) {
        const WorkerId next = least_leading(placement);
        const std::uint32_t now = led_[placement.preferred_leader];
        const bool is_due = now > bound(map_.partition_count()) || led_[next] < least(map_.partition_count());
        if (!is_due || led_[next] + 1 >= now) continue;
        prefer(placement, next);
        has_moved = true;
      }
    }
    for (const Member* const member : workers_) {
      std::set<WorkerId> asked{member->id};
      while (led_[member->id] > bound(map_.partition_count()) && hand_over_one(member->id, asked)) asked = {member->id};
    }
  }

  /// Whether another worker takes over a partition that this one is to lead, if need be over several hands (an
  /// augmenting path of a matching, as in ring.cpp).
  bool hand_over_one(WorkerId from, std::set<WorkerId>& asked) {
    for (Placement& placement : map_.partitions) {
      if (placement.preferred_leader != from) continue;
      for (const ReplicaPlace& place : placement.replicas) {
        const bool has_room = led_[place.worker] < bound(map_.partition_count());
        if (place.worker == from || (!has_room && !asked.insert(place.worker).second)) continue;
        if (!has_room && !hand_over_one(place.worker, asked)) continue;
        prefer(placement, place.worker);
        return true;
      }
    }
    return false;
  }

  WorkerId least_leading(const Placement& placement) {
    const auto least = std::min_element(placement.replicas.begin(), placement.replicas.end(), [this](auto& a, auto& b) {
      return std::tuple(led_[a.worker], a.id) < std::tuple(led_[b.worker], b.id);
    });
    return least->worker;
  }

  ClusterMap& map_;
  const std::set<WorkerId>& down_;
  std::uint32_t wanted_;
  std::vector<const Member*> workers_;  ///< Those that stay.
  Loads carried_;
  Loads led_;
};

}  // namespace

void retarget(ClusterMap& map, const std::set<WorkerId>& down) { Targets(map, down).run(); }

}  // namespace trellis

#include "protocol/cluster/targets.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>

#include "protocol/check.hpp"
#include "protocol/cluster/ring.hpp"

namespace trellis {
namespace {

/// How many replicas of one partition stand in each zone.
using ZoneCounts = std::map<std::string_view, std::uint32_t>;

class Targets {
 public:
  Targets(ClusterMap& map, const std::set<WorkerId>& down)
      : map_(map), before_(map.partitions), down_(down), wanted_(map.replica_count()) {
    for (const Member& member : map.members) {
      if (member.state == MemberState::kLeaving) continue;
      zones_[member.id] = zone_of(member);
      carried_[member.id] = led_[member.id] = 0;
      if (member.state == MemberState::kDown) {
        gone_.insert(member.id);
        down_.insert(member.id);
      } else {
        workers_.push_back(&member);
      }
    }
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
      for (const WorkerId gone : gone_) replace_gone(i, gone);
      while (replicas.size() > wanted_) take_from_most_loaded(map_.partitions[i]);
      while (replicas.size() < wanted_) give(i, best_for(i));
      while (spread_over_zones(i)) continue;
    }
    if (!workers_.empty()) spread();
    keep_ids();
    spread_leaders();
  }

  bool is_spread() {
    for (std::uint32_t i = 0; i < map_.partition_count(); ++i) {
      if (crowded_of(i)) return false;
    }
    return true;
  }

 private:
  bool has(WorkerId worker) const { return carried_.contains(worker); }
  bool is_down(WorkerId worker) const { return down_.contains(worker); }
  /// How many can carry something.
  std::uint32_t workers() const { return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(workers_.size())); }
  std::uint32_t mean(std::uint32_t total) const { return total / workers(); }
  std::uint32_t bound(std::uint32_t total) const { return load_bound(total, workers()); }
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

  /// It keeps its place where nobody that is up could have it.
  void replace_gone(std::uint32_t partition, WorkerId gone) {
    Placement& placement = map_.partitions[partition];
    if (placement.find(gone) == nullptr || placement.replicas.size() == carried_.size()) return;
    const WorkerId heir = best_for(partition, gone);
    if (is_down(heir)) return;
    take(placement, gone);
    give(partition, heir);
  }

  /// What was taken from a worker and came back to it has never left.
  void keep_ids() {
    for (std::uint32_t i = 0; i < map_.partition_count(); ++i) {
      for (ReplicaPlace& place : map_.partitions[i].replicas) {
        if (const ReplicaPlace* const earlier = before_[i].find(place.worker)) place.id = earlier->id;
      }
    }
  }

  ZoneCounts zones_of(const Placement& placement) const {
    ZoneCounts counts;
    for (const ReplicaPlace& place : placement.replicas) ++counts[zones_.at(place.worker)];
    return counts;
  }

  void take_from_most_loaded(Placement& placement) {
    ZoneCounts in_zone = zones_of(placement);
    const auto most = std::max_element(placement.replicas.begin(), placement.replicas.end(), [&](auto& a, auto& b) {
      // The preferred leader goes last.
      const auto order = [&](const ReplicaPlace& place) {
        return std::tuple(gone_.contains(place.worker), in_zone[zones_.at(place.worker)],
                          place.worker != placement.preferred_leader, carried_[place.worker], place.id);
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

  /// Who is to have one more replica: one that is up, in the zone with the fewest, the least loaded.
  /// @param leaver  who is about to give one up; none: nobody is
  WorkerId best_for(std::uint32_t partition, WorkerId leaver = {}) {
    ZoneCounts in_zone = zones_of(map_.partitions[partition]);
    if (leaver != WorkerId{}) --in_zone[zones_.at(leaver)];
    const Member* best = nullptr;
    const auto order = [&](const Member& member) {
      return std::tuple(is_down(member.id), in_zone[zones_.at(member.id)], carried_[member.id],
                        distance(partition, member), member.id);
    };
    for (const Member& member : map_.members) {
      if (!has(member.id) || map_.partitions[partition].find(member.id) != nullptr) continue;
      if (best == nullptr || order(member) < order(*best)) best = &member;
    }
    CHECK(best != nullptr);
    return best->id;
  }

  /// A zone with two replicas more than one in which somebody that is up has none, and who that is.
  std::optional<std::pair<std::string_view, WorkerId>> crowded_of(std::uint32_t partition) {
    const Placement& placement = map_.partitions[partition];
    if (placement.replicas.size() == carried_.size()) return std::nullopt;
    ZoneCounts in_zone = zones_of(placement);
    const auto fullest = std::max_element(in_zone.begin(), in_zone.end(),
                                          [](const auto& a, const auto& b) { return a.second < b.second; });
    if (fullest == in_zone.end() || fullest->second < 2) return std::nullopt;
    const auto [zone, most] = *fullest;
    const WorkerId best = best_for(partition);
    if (is_down(best) || in_zone[zones_.at(best)] + 2 > most) return std::nullopt;
    return std::pair(zone, best);
  }

  bool spread_over_zones(std::uint32_t partition) {
    const auto crowded = crowded_of(partition);
    if (!crowded) return false;
    Placement& placement = map_.partitions[partition];
    const auto order = [&](const ReplicaPlace& place) {
      return std::tuple(zones_.at(place.worker) == crowded->first, place.worker != placement.preferred_leader,
                        carried_[place.worker], place.id);
    };
    const auto leaver = std::max_element(placement.replicas.begin(), placement.replicas.end(),
                                         [&](const auto& a, const auto& b) { return order(a) < order(b); });
    take(placement, leaver->worker);
    give(partition, crowded->second);
    return true;
  }

  using Loads = std::unordered_map<WorkerId, std::uint32_t>;

  /// The lightest first; of equal ones that of the lowest id.
  void sort_by_load(std::vector<WorkerId>& workers) {
    std::sort(workers.begin(), workers.end(),
              [this](WorkerId a, WorkerId b) { return std::tuple(carried_[a], a) < std::tuple(carried_[b], b); });
  }

  /// Each move makes two loads more equal, so it ends.
  void spread() {
    std::uint32_t total = 0;
    std::vector<WorkerId> all;
    std::vector<WorkerId> takers;
    std::vector<WorkerId> filling;
    for (const Member* const member : workers_) {
      total += carried_[member->id];
      all.push_back(member->id);
      if (!is_down(member->id)) takers.push_back(member->id);
    }
    for (const WorkerId worker : takers) {
      if (carried_[worker] < least(total)) filling.push_back(worker);
    }
    for (;;) {
      std::erase_if(filling, [&](WorkerId worker) { return carried_[worker] >= mean(total); });
      if (!filling.empty()) {
        if (!relieve(all, filling)) filling.clear();  // Zones are in the way, or all are even.
        continue;
      }
      std::vector<WorkerId> overloaded = all;
      std::erase_if(overloaded, [&](WorkerId worker) { return carried_[worker] <= bound(total); });
      if (overloaded.empty() || !relieve(overloaded, takers)) return;
    }
  }

  /// Whether one of `high` has given a partition to one of `low`: the heaviest to the lightest, where that can be.
  bool relieve(std::vector<WorkerId> high, std::vector<WorkerId> low) {
    sort_by_load(high);
    sort_by_load(low);
    for (const WorkerId to : low) {
      for (auto from = high.rbegin(); from != high.rend(); ++from) {
        if (carried_[*from] <= carried_[to] + 1) break;
        if (move(*from, to)) return true;
      }
    }
    return false;
  }

  /// The partition that the ring would rather have on `to`; one that `from` does not lead, if there is one.  None where
  /// each would be in fewer zones then.  In one zone there is always one: whoever carries more than another carries a
  /// partition that the other does not.
  bool move(WorkerId from, WorkerId to) {
    const Member& receiver = *map_.find(to);
    std::optional<std::uint32_t> best;
    const auto order = [&](std::uint32_t i) {
      return std::tuple(map_.partitions[i].preferred_leader == from, distance(i, receiver), i);
    };
    for (std::uint32_t i = 0; i < map_.partition_count(); ++i) {
      const Placement& placement = map_.partitions[i];
      if (placement.find(from) == nullptr || placement.find(to) != nullptr || !may_move(placement, from, to)) continue;
      if (!best || order(i) < order(*best)) best = i;
    }
    if (!best) return false;
    take(map_.partitions[*best], from);
    give(*best, to);
    return true;
  }

  bool may_move(const Placement& placement, WorkerId from, WorkerId to) const {
    const std::string_view leaves = zones_.at(from);
    const std::string_view enters = zones_.at(to);
    if (leaves == enters) return true;
    ZoneCounts in_zone = zones_of(placement);
    return in_zone[enters] < in_zone[leaves];
  }

  void prefer(Placement& placement, WorkerId worker) {
    if (has(placement.preferred_leader)) --led_[placement.preferred_leader];
    placement.preferred_leader = worker;
    ++led_[worker];
  }

  void spread_leaders() {
    for (Placement& placement : map_.partitions) {
      const WorkerId preferred = placement.preferred_leader;
      const WorkerId other = least_leading(placement);
      const bool is_gone = gone_.contains(preferred) && !gone_.contains(other);
      if (placement.find(preferred) == nullptr || is_gone) prefer(placement, other);
    }
    // Each hand-over makes two loads more equal, so it ends.
    for (bool has_moved = true; has_moved;) {
      has_moved = false;
      for (Placement& placement : map_.partitions) {
        const WorkerId next = least_leading(placement);
        const std::uint32_t now = led_[placement.preferred_leader];
        if (gone_.contains(next)) continue;
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
        if (gone_.contains(place.worker)) continue;
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
      return std::tuple(gone_.contains(a.worker), led_[a.worker], a.id) <
             std::tuple(gone_.contains(b.worker), led_[b.worker], b.id);
    });
    return least->worker;
  }

  ClusterMap& map_;
  const std::vector<Placement> before_;
  std::set<WorkerId> down_;  ///< Those that get nothing as long as there are others; gone_ among them.
  std::set<WorkerId> gone_;  ///< What they carry goes to others.
  std::uint32_t wanted_;
  std::vector<const Member*> workers_;  ///< Those that stay, and are not gone.
  std::unordered_map<WorkerId, std::string_view> zones_;
  Loads carried_;
  Loads led_;
};

}  // namespace

void retarget(ClusterMap& map, const std::set<WorkerId>& down) { Targets(map, down).run(); }

bool is_spread(const ClusterMap& map, const std::set<WorkerId>& down) {
  ClusterMap copy = map;
  return Targets(copy, down).is_spread();
}

}  // namespace trellis

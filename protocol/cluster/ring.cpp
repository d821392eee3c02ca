#include "protocol/cluster/ring.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "protocol/check.hpp"
#include "protocol/cluster/bundle.hpp"

namespace trellis {
namespace {

/// A position in the members of a map.
using MemberIndex = std::uint32_t;

struct Point {
  std::uint64_t hash;
  MemberIndex member;
};

/// All virtual nodes of all members, ascending.  Two on one point (next to impossible) stand in the members' order.
std::vector<Point> ring_of(const std::vector<Member>& members) {
  std::vector<Point> ring;
  for (MemberIndex i = 0; i < members.size(); ++i) {
    for (const std::uint64_t hash : members[i].virtual_nodes) ring.push_back({hash, i});
  }
  std::stable_sort(ring.begin(), ring.end(), [](const Point& a, const Point& b) { return a.hash < b.hash; });
  return ring;
}

/// The members in the order in which they are first met clockwise from `start`.
std::vector<MemberIndex> clockwise_from(std::uint64_t start, const std::vector<Point>& ring, std::size_t members) {
  std::vector<MemberIndex> order;
  std::vector<bool> met(members, false);
  const auto from = std::lower_bound(ring.begin(), ring.end(), start,
                                     [](const Point& point, std::uint64_t hash) { return point.hash < hash; });
  const auto first = static_cast<std::size_t>(from - ring.begin());
  for (std::size_t i = 0; i < ring.size() && order.size() < members; ++i) {
    const MemberIndex member = ring[(first + i) % ring.size()].member;
    if (met[member]) continue;
    met[member] = true;
    order.push_back(member);
  }
  return order;
}

/// What room each member has left, and how many partitions are still to be placed.
///
/// Invariant: they can all be placed, which is so exactly while the sum over the members of min(room, left) is at least
/// left x replicas (a member carries a partition once at most, so room beyond `left` is worth nothing).
class Room {
 public:
  Room(std::size_t members, std::uint32_t partitions, std::uint32_t replicas)
      : room_(members, load_bound(partitions * replicas, static_cast<std::uint32_t>(members))),
        left_(partitions),
        replicas_(replicas) {}

  /// The first `replicas` members of `order` that may be taken; one partition fewer is left.
  std::vector<MemberIndex> take(const std::vector<MemberIndex>& order) {
    std::uint32_t scarce = scarce_allowed();
    std::vector<MemberIndex> taken;
    for (const MemberIndex member : order) {
      if (taken.size() == replicas_) break;
      if (room_[member] < left_) {
        if (room_[member] == 0 || scarce == 0) continue;
        --scarce;
      }
      taken.push_back(member);
    }
    CHECK(taken.size() == replicas_);
    for (const MemberIndex member : taken) --room_[member];
    --left_;
    return taken;
  }

 private:
  /// How many members whose room is scarce (less than one for each partition left) may be taken for the next partition.
  /// Taking s of them lowers the sum by s, the step from left to left - 1 lowers it by one for each member with ample
  /// room, and the invariant must hold after it.
  std::uint32_t scarce_allowed() const {
    std::uint64_t sum = 0;
    std::uint64_t ample = 0;
    for (const std::uint32_t room : room_) {
      sum += std::min(room, left_);
      ample += room >= left_ ? 1 : 0;
    }
    CHECK(sum >= std::uint64_t{left_} * replicas_);
    const std::uint64_t spare = sum - std::uint64_t{left_} * replicas_;
    // Never below zero: members with ample room alone make the sum left x ample.
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(replicas_, spare + replicas_ - ample));
  }

  std::vector<std::uint32_t> room_;
  std::uint32_t left_;
  std::uint32_t replicas_;
};

/// Spreads the leaderships over the replicas, the first of each partition preferred, none above the bound.
///
/// Where no replica of a partition has room, one of them hands another of its partitions over to a member that has, if
/// need be over several hands (an augmenting path of a bipartite matching).  There is always such a path: a member
/// carries at most load_bound(partitions x replicas) replicas, so giving each 1/replicas of a leadership would fit.
class Leaders {
 public:
  Leaders(const std::vector<std::vector<MemberIndex>>& replicas, std::size_t members)
      : replicas_(replicas),
        bound_(load_bound(static_cast<std::uint32_t>(replicas.size()), static_cast<std::uint32_t>(members))),
        leader_(replicas.size()),
        led_by_(members) {}

  std::vector<MemberIndex> assign() {
    for (std::uint32_t partition = 0; partition < replicas_.size(); ++partition) {
      std::vector<bool> asked(led_by_.size(), false);
      CHECK(find_leader(partition, asked));
    }
    return leader_;
  }

 private:
  /// Recursion is as deep as there are members at most: each is asked once.
  bool find_leader(std::uint32_t partition, std::vector<bool>& asked) {
    for (const MemberIndex member : replicas_[partition]) {
      if (led_by_[member].size() < bound_) return lead(member, partition);
    }
    for (const MemberIndex member : replicas_[partition]) {
      if (asked[member]) continue;
      asked[member] = true;
      for (std::size_t i = 0; i < led_by_[member].size(); ++i) {
        const std::uint32_t other = led_by_[member][i];
        if (!find_leader(other, asked)) continue;
        std::erase(led_by_[member], other);
        return lead(member, partition);
      }
    }
    return false;
  }
  bool lead(MemberIndex member, std::uint32_t partition) {
    leader_[partition] = member;
    led_by_[member].push_back(partition);
    return true;
  }

  const std::vector<std::vector<MemberIndex>>& replicas_;
  const std::uint32_t bound_;
  std::vector<MemberIndex> leader_;
  std::vector<std::vector<std::uint32_t>> led_by_;
};

}  // namespace

std::uint64_t partition_point(std::uint32_t partition, std::uint32_t count) {
  return partition == 0 ? 0 : partition * (~std::uint64_t{0} / count + 1);
}

std::uint32_t load_bound(std::uint32_t total, std::uint32_t workers) {
  return (5 * total + 4 * workers - 1) / (4 * workers);
}

std::vector<std::uint64_t> virtual_nodes_of(WorkerId id) {
  std::vector<std::uint64_t> points;
  points.reserve(kVirtualNodesPerWorker);
  for (std::uint32_t i = 0; i < kVirtualNodesPerWorker; ++i) {
    std::string name;
    FieldWriter(name).u64(id.value).u32(i);
    points.push_back(XXH3_64bits(name.data(), name.size()));
  }
  std::sort(points.begin(), points.end());
  return points;
}

std::vector<Placement> place(const std::vector<Member>& members, std::uint32_t partition_count,
                             std::uint32_t replica_count) {
  CHECK(replica_count >= 1 && replica_count <= members.size());
  const std::vector<Point> ring = ring_of(members);
  Room room(members.size(), partition_count, replica_count);
  std::vector<std::vector<MemberIndex>> replicas;
  for (std::uint32_t partition = 0; partition < partition_count; ++partition) {
    replicas.push_back(room.take(clockwise_from(partition_point(partition, partition_count), ring, members.size())));
  }
  const std::vector<MemberIndex> leaders = Leaders(replicas, members.size()).assign();
  std::vector<Placement> placements(partition_count);
  for (std::uint32_t partition = 0; partition < partition_count; ++partition) {
    for (const MemberIndex member : replicas[partition]) {
      placements[partition].replicas.push_back({ReplicaId{}, members[member].id});
    }
    placements[partition].preferred_leader = members[leaders[partition]].id;
  }
  return placements;
}

}  // namespace trellis

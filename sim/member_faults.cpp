// Faults of members: they join, leave, lose their disks, and are lost for good.
#include <algorithm>

#include "protocol/cluster/map_changes.hpp"
#include "sim/faults.hpp"

namespace trellis::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

void Faults::change_members(FaultKind kind) {
  if (kind == FaultKind::kJoin) return join_one();
  if (kind == FaultKind::kWipeDisk) return lose_one(true);
  if (kind == FaultKind::kLoseMember) return lose_one(false);
  WorkerProcess* const keeper = cluster_.map_keeper();
  if (keeper == nullptr) return;
  const ClusterMap& map = *keeper->shard()->kept_map();
  ++cluster_.counters().members_changed;
  if (kind == FaultKind::kChangeK) {
    const auto k = static_cast<std::uint32_t>(random_.below(3) + 1);
    world_.note("k is to be", k);
    return order([k](const ClusterMap& now) { return with_k(now, k); }, world_.now() + seconds(2));
  }
  const WorkerId member = random_.pick(map.members).id;
  const bool removes = kind == FaultKind::kRemoveMember;
  world_.say("member " + to_string(member) + (removes ? " is to leave" : " is to stay"));
  order([member, removes](
            const ClusterMap& now) { return removes ? with_removal(now, member, false) : with_kept(now, member); },
        world_.now() + seconds(2));
}

void Faults::order(Shard::MapChange change, TimePoint until) {
  WorkerProcess* const keeper = cluster_.map_keeper();
  if (keeper != nullptr && keeper->change_map(change)) return;
  if (world_.now() >= until) return;
  world_.after(milliseconds(50), [this, change = std::move(change), until] { order(change, until); });
}

/// One that never was there, or one that was removed, with an empty disk.
void Faults::join_one() {
  std::vector<std::size_t> idle;
  for (std::size_t i = 0; i < cluster_.workers(); ++i) {
    if (!cluster_.worker(i).is_expected() && !cluster_.worker(i).is_up()) idle.push_back(i);
  }
  if (idle.empty()) return;
  WorkerProcess& worker = cluster_.worker(random_.pick(idle));
  ++cluster_.counters().members_changed;
  if (worker.has_ended) worker.wipe();
  worker.has_ended = worker.is_held_down = false;
  worker.start();
}

/// Only where all is well, so that fewer than k are lost at a time, and each is made good before the next.
void Faults::lose_one(bool comes_back) {
  std::string why_not;
  if (!cluster_.is_level(why_not)) return;
  WorkerProcess& worker = cluster_.worker(random_.below(cluster_.workers()));
  if (!worker.is_up()) return;
  const Membership& membership = worker.shard()->membership();
  const ClusterMap& map = *membership.map();
  const std::size_t needed = 2 * std::size_t{map.k} - 1 + (comes_back ? 0 : 1);
  if (map.k < 2 || map.members.size() < needed) return;
  ++cluster_.counters().members_changed;
  const WorkerId lost = membership.self();
  world_.say(worker.name() + " is lost with its disk" + (comes_back ? "" : ", for good"));
  worker.crash(true);
  if (comes_back) {
    worker.wipe();
    return undo_after(random_.between(milliseconds(1), milliseconds(3'000)), [&worker] { worker.start(); });
  }
  worker.has_ended = true;
  order([lost](const ClusterMap& now) { return with_removal(now, lost, false); }, world_.now() + seconds(60));
}

}  // namespace trellis::sim

// Faults of members: they join, leave, lose their disks, and are lost for good.
#include <algorithm>

#include "protocol/cluster/map_changes.hpp"
#include "sim/faults.hpp"

namespace trellis::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

void Faults::change_members(FaultKind kind) {
  if (kind == FaultKind::kJoin) return static_cast<void>(join_one());
  if (kind == FaultKind::kLateWish) return delay_wish();
  if (kind == FaultKind::kWipeDisk) return lose_one(true);
  if (kind == FaultKind::kLoseMember) return lose_one(false);
  if (kind == FaultKind::kKillZone) return kill_zone();
  if (kind == FaultKind::kLoseForGood) return lose_for_good();
  if (kind == FaultKind::kDamageAndHeal) return damage_and_heal();
  if (kind == FaultKind::kDisaster) return lose_majority();
  if (kind == FaultKind::kRollingRestarts) return restart_in_turn();
  if (kind == FaultKind::kSecludeOutsiders) return seclude_outsiders(random_.chance(0.5), world_.now() + seconds(2));
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

/// One that never was there, or one that was removed, with an empty disk.  Null: there is none.
WorkerProcess* Faults::join_one() {
  // Three of five are to be lost, and to be back with what they hold.
  if (cluster_.shape().has_disputes && (is_recovering_ || cluster_.counters().recoveries == 0)) {
    return nullptr;
  }
  std::vector<std::size_t> idle;
  for (std::size_t i = 0; i < cluster_.workers(); ++i) {
    if (!cluster_.worker(i).is_expected() && !cluster_.worker(i).is_up()) idle.push_back(i);
  }
  if (idle.empty()) return nullptr;
  WorkerProcess& worker = cluster_.worker(random_.pick(idle));
  ++cluster_.counters().members_changed;
  if (worker.has_ended) worker.wipe();
  worker.has_ended = worker.is_held_down = false;
  worker.start();
  return &worker;
}

/// What it says to this broker waits there; it joins by way of another one.
void Faults::delay_wish() {
  static constexpr Duration kWaitsFor = seconds(10);
  BrokerProcess& broker = cluster_.broker(random_.below(cluster_.brokers()));
  if (is_wish_late_ || !broker.is_up()) return;
  WorkerProcess* const joined = join_one();
  if (joined == nullptr) return;
  is_wish_late_ = true;
  ++cluster_.counters().pauses;
  broker.pause(kWaitsFor);
  remove_again(*joined, broker, world_.now() + kWaitsFor);
}

/// As soon as it is a member; once it knows that it was removed, the broker goes on.
void Faults::remove_again(WorkerProcess& joined, BrokerProcess& broker, TimePoint until) {
  if (joined.has_ended || world_.now() >= until) {
    is_wish_late_ = false;
    return broker.resume();
  }
  const WorkerProcess* const keeper = cluster_.map_keeper();
  const Member* const member =
      keeper == nullptr ? nullptr : keeper->shard()->kept_map()->find_address(joined.address());
  if (member != nullptr && member->state != MemberState::kLeaving) {
    order([id = member->id](const ClusterMap& map) { return with_removal(map, id, false); }, world_.now());
  }
  undo_after(milliseconds(20), [this, &joined, &broker, until] { remove_again(joined, broker, until); });
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

/// Only where all is well: no more than a zone fails at a time.
void Faults::kill_zone() {
  std::string why_not;
  const std::size_t zones = cluster_.shape().zones;
  if (!cluster_.has_settled(why_not)) return;
  const std::size_t zone = random_.below(zones);
  world_.note("zone is lost", zone);
  const Duration held = random_.between(milliseconds(500), milliseconds(6'000));
  for (std::size_t i = zone; i < cluster_.workers(); i += zones) {
    WorkerProcess& worker = cluster_.worker(i);
    if (!worker.is_up()) continue;
    ++cluster_.counters().crashes;
    worker.is_held_down = true;
    worker.crash(random_.chance(0.5));
    undo_after(held, [&worker] {
      worker.is_held_down = false;
      worker.start();
    });
  }
}

/// Only where all is well, so that each is made good before the next, and where others can take over.
void Faults::lose_for_good() {
  std::string why_not;
  if (!cluster_.has_settled(why_not)) return;
  WorkerProcess& worker = cluster_.worker(random_.below(cluster_.workers()));
  if (!worker.is_up()) return;
  const ClusterMap& map = *worker.shard()->membership().map();
  std::size_t up = 0;
  for (std::size_t i = 0; i < cluster_.workers(); ++i) up += cluster_.worker(i).is_up() ? 1 : 0;
  if (up <= map.replica_count()) return;
  ++cluster_.counters().members_changed;
  const bool comes_back = random_.chance(0.5);
  world_.say(worker.name() + (comes_back ? " is away for a while" : " is lost for good, and nobody says so"));
  worker.crash(random_.chance(0.5));
  if (!comes_back) {
    worker.has_ended = true;
    return;
  }
  worker.is_held_down = true;
  undo_after(random_.between(milliseconds(1'000), milliseconds(12'000)), [&worker] {
    worker.is_held_down = false;
    worker.start();
  });
}

/// Only where all is well, as for a disk that is lost.
void Faults::damage_and_heal() {
  std::string why_not;
  if (!cluster_.has_settled(why_not)) return;
  WorkerProcess& worker = cluster_.worker(random_.below(cluster_.workers()));
  if (!worker.is_up()) return;
  const ClusterMap& map = *worker.shard()->membership().map();
  if (map.k < 2 || map.members.size() < 2 * std::size_t{map.k} - 1) return;
  ++cluster_.counters().disk_faults;
  const bool is_flipped = random_.chance(0.5) ? worker.disk().flip_log_bit() : worker.disk().flip_snapshot_bit();
  worker.crash(random_.chance(0.5));
  if (is_flipped) world_.say(worker.name() + ": a bit of its disk is flipped");
  undo_after(random_.between(milliseconds(1), milliseconds(2'000)), [this, &worker] {
    if (worker.is_up()) return;
    if (worker.disk().is_damaged()) {
      world_.say(worker.name() + " sets its damaged files aside");
      worker.wipe();
    }
    worker.start();
  });
}

/// The workers that hold a replica of the leader's group which has no vote in it: on its way in, or removed.
std::set<ProcessNumber> Faults::outsiders_of(PartitionId partition, const Replica& leader, bool are_former) {
  std::set<ProcessNumber> outsiders;
  for (std::size_t i = 0; i < cluster_.workers(); ++i) {
    const WorkerProcess& worker = cluster_.worker(i);
    if (worker.shard() == nullptr) continue;
    const auto at = worker.shard()->partitions().find(partition);
    if (at == worker.shard()->partitions().end()) continue;
    const auto member = leader.member(at->second->replica().self().id);
    if (are_former ? !member : member && member->role != ReplicaRole::kVoter) outsiders.insert(worker.number());
  }
  return outsiders;
}

/// As soon as there are some: they are outsiders for a moment only.
void Faults::seclude_outsiders(bool are_former, TimePoint until) {
  for (std::size_t i = 0; i < cluster_.workers(); ++i) {
    const WorkerProcess& worker = cluster_.worker(i);
    if (worker.shard() == nullptr) continue;
    for (const auto& [id, partition] : worker.shard()->partitions()) {
      if (!partition->replica().is_ready()) continue;
      std::set<ProcessNumber> secluded = outsiders_of(id, partition->replica(), are_former);
      if (secluded.empty()) continue;
      world_.say(worker.name() + " is cut off with those who have no vote, and a broker hears of nobody else");
      secluded.insert(worker.number());
      return cut(links_that_seclude(secluded), random_.between(milliseconds(1'500), milliseconds(3'500)));
    }
  }
  if (world_.now() >= until) return;
  undo_after(milliseconds(2), [this, are_former, until] { seclude_outsiders(are_former, until); });
}

/// Faster than anything settles.
void Faults::restart_in_turn() {
  Duration at{};
  for (std::size_t i = 0; i < cluster_.workers(); ++i) {
    undo_after(at, [this, i] {
      WorkerProcess& worker = cluster_.worker(i);
      if (!worker.is_up()) return;
      ++cluster_.counters().crashes;
      worker.crash(false);
      undo_after(random_.between(milliseconds(1), milliseconds(900)), [&worker] { worker.start(); });
    });
    at += seconds(1);
  }
}

}  // namespace trellis::sim

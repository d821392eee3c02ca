#include "sim/faults.hpp"

#include <algorithm>

#include "protocol/cluster/map_changes.hpp"

namespace trellis::sim {

using std::chrono::milliseconds;

namespace {

bool leads(const WorkerProcess& worker) {
  if (worker.shard() == nullptr) return false;
  const auto& partitions = worker.shard()->partitions();
  return std::any_of(partitions.begin(), partitions.end(),
                     [](const auto& each) { return each.second->replica().is_leader(); });
}

}  // namespace

Faults::Faults(Cluster& cluster)
    : cluster_(cluster),
      world_(cluster.world()),
      random_(world_.random()),
      usual_network_(cluster.network().conditions) {
  // A run has some kinds of faults and not others, some more often: so combinations differ from run to run.
  for (const FaultKind kind : drawn_fault_kinds()) {
    const std::uint64_t weight = random_.chance(0.5) ? 0 : random_.below(4) + 1;
    kinds_.insert(kinds_.end(), weight, kind);
  }
  if (kinds_.empty()) kinds_.push_back(FaultKind::kKillWorker);
  pause_max_ = random_.chance(0.5) ? milliseconds(2'000) : milliseconds(8'000);
  pause_min_ = pause_max_ / 20;
}

void Faults::only(std::vector<FaultKind> kinds, Duration pause_min, Duration pause_max, Duration restart_max) {
  kinds_ = std::move(kinds);
  pause_min_ = pause_min;
  pause_max_ = pause_max;
  restart_max_ = restart_max;
}

void Faults::begin() {
  const auto repair_after = std::chrono::duration_cast<milliseconds>(cluster_.shape().repair_after);
  if (repair_after.count() > 0) {
    const SettingsChange change{.k = {}, .moves = {}, .move_rate = {}, .repair_after = repair_after};
    order([change](const ClusterMap& map) { return with_settings(map, change); },
          world_.now() + std::chrono::seconds(20));
  }
  if (!kinds_.empty()) schedule_next();
}

void Faults::schedule_next() {
  world_.after(random_.between(pause_min_, pause_max_), [this] {
    if (has_ended_) return;
    happen(random_.pick(kinds_));
    schedule_next();
  });
}

void Faults::end() {
  world_.say("all faults end");
  has_ended_ = true;
  cluster_.network().heal();
  cluster_.network().echo.reset();
  NetworkConditions conditions;
  cluster_.network().behave(conditions, true);
  for (std::size_t i = 0; i < cluster_.workers(); ++i) {
    WorkerProcess& worker = cluster_.worker(i);
    if (worker.incarnation() == 0) continue;  // It never came.
    worker.disk().mend();
    worker.disk().conditions = {};
    worker.is_held_down = false;
    worker.crash_after(0);
    worker.resume();
    worker.start();
  }
  for (std::size_t i = 0; i < cluster_.brokers(); ++i) {
    cluster_.broker(i).is_held_down = false;
    cluster_.broker(i).crash_after(0);
    cluster_.broker(i).resume();
    cluster_.broker(i).start();
  }
}

void Faults::undo_after(Duration delay, std::function<void()> undo) {
  world_.after(delay, [this, undo = std::move(undo)] {
    if (!has_ended_) undo();
  });
}

Duration Faults::a_while() {
  if (restart_max_) return random_.between(milliseconds(1), *restart_max_);
  return random_.chance(0.7) ? random_.between(milliseconds(100), milliseconds(3'000))
                             : random_.between(milliseconds(3'000), milliseconds(10'000));
}

void Faults::cut_for_a_while(const std::vector<std::pair<ProcessNumber, ProcessNumber>>& links) {
  cut(links, a_while());
}

void Faults::cut(const std::vector<std::pair<ProcessNumber, ProcessNumber>>& links, Duration time) {
  ++cluster_.counters().cuts;
  for (const auto& [from, to] : links) cluster_.network().cut(from, to);
  undo_after(time, [this] {
    world_.say("all cuts are healed");
    cluster_.network().heal();
  });
}

WorkerProcess& Faults::some_leader() {
  std::vector<std::size_t> leaders;
  for (std::size_t i = 0; i < cluster_.workers(); ++i) {
    const Shard* const shard = cluster_.worker(i).shard();
    if (shard == nullptr) continue;
    for (const auto& [id, partition] : shard->partitions()) {
      if (partition->replica().is_leader()) leaders.push_back(i);
    }
  }
  return cluster_.worker(leaders.empty() ? random_.below(cluster_.workers()) : random_.pick(leaders));
}

std::vector<std::pair<ProcessNumber, ProcessNumber>> Faults::links_to_peers(const WorkerProcess& worker) {
  std::vector<std::pair<ProcessNumber, ProcessNumber>> links;
  for (std::size_t i = 0; i < cluster_.workers(); ++i) {
    const ProcessNumber peer = cluster_.worker(i).number();
    if (peer == worker.number()) continue;
    links.push_back({peer, worker.number()});
    links.push_back({worker.number(), peer});
  }
  return links;
}

std::vector<std::pair<ProcessNumber, ProcessNumber>> Faults::links_that_seclude(
    const std::set<ProcessNumber>& secluded) {
  std::vector<std::pair<ProcessNumber, ProcessNumber>> links;
  for (std::size_t i = 0; i < cluster_.workers(); ++i) {
    const ProcessNumber worker = cluster_.worker(i).number();
    const bool is_secluded = secluded.contains(worker);
    for (std::size_t j = 0; j < cluster_.workers(); ++j) {
      const ProcessNumber other = cluster_.worker(j).number();
      if (is_secluded != secluded.contains(other)) links.push_back({worker, other});
    }
    for (std::size_t j = 0; j < cluster_.brokers(); ++j) {
      const bool is_last = j + 1 == cluster_.brokers();
      if (is_last != is_secluded) links.push_back({worker, cluster_.broker(j).number()});
    }
  }
  return links;
}

void Faults::seclude(const WorkerProcess& worker, Duration time, bool is_other_heard) {
  world_.say(worker.name() + " is cut off from its peers, and a broker hears of " +
             (is_other_heard ? "one other" : "nobody else"));
  auto links = links_that_seclude({worker.number()});
  const ProcessNumber heard = other_than(worker).number();
  const ProcessNumber last_broker = cluster_.broker(cluster_.brokers() - 1).number();
  if (is_other_heard) std::erase(links, std::pair(heard, last_broker));
  cut(links, time);
}

const WorkerProcess& Faults::other_than(const WorkerProcess& worker) {
  const auto index = static_cast<std::size_t>(random_.below(cluster_.workers()));
  const WorkerProcess& other = cluster_.worker(index);
  return other.number() != worker.number() ? other : cluster_.worker((index + 1) % cluster_.workers());
}

void Faults::seclude_two(const WorkerProcess& worker, Duration time) {
  const WorkerProcess& other = other_than(worker);
  world_.say(worker.name() + " and " + other.name() + " are cut off from the others, and a broker hears of no others");
  cut(links_that_seclude({worker.number(), other.number()}), time);
}

void Faults::leave_few() {
  const Duration held = random_.between(milliseconds(8'000), milliseconds(12'000));
  const std::size_t left = (cluster_.workers() + 1) / 2 - 1;
  const std::size_t first = random_.below(cluster_.workers());
  for (std::size_t i = 0; i < cluster_.workers(); ++i) {
    WorkerProcess& worker = cluster_.worker((first + i) % cluster_.workers());
    ++cluster_.counters().crashes;
    if (i == 0 && left > 0) {
      restart_at_once(worker);
    } else if (i >= left) {
      worker.is_held_down = true;
      worker.crash(random_.chance(0.5));
      undo_after(held, [&worker] {
        worker.is_held_down = false;
        worker.start();
      });
    }
  }
}

/// Brokers start anew, and hear once or twice of workers that are gone at once.
void Faults::leave_few_to_new_brokers() {
  for (std::size_t i = 0; i < cluster_.brokers(); ++i) {
    ++cluster_.counters().crashes;
    cluster_.broker(i).crash(false);
    cluster_.broker(i).start();
  }
  undo_after(random_.between(milliseconds(20), milliseconds(150)), [this] { leave_few(); });
}

void Faults::cut_from_broker(WorkerProcess& worker, BrokerProcess& broker, Duration time) {
  world_.note("cut between worker and broker", worker.number(), broker.number());
  std::vector<std::pair<ProcessNumber, ProcessNumber>> links{{worker.number(), broker.number()},
                                                             {broker.number(), worker.number()}};
  if (random_.chance(0.3)) links.erase(links.begin() + static_cast<std::ptrdiff_t>(random_.below(2)));
  cut(links, time);
}

void Faults::once_it_leads(WorkerProcess& worker, TimePoint until, std::function<void()> then) {
  if (leads(worker)) return undo_after(random_.between(milliseconds(50), milliseconds(400)), std::move(then));
  undo_after(milliseconds(10), [this, &worker, until, then = std::move(then)] {
    if (world_.now() < until) once_it_leads(worker, until, then);
  });
}

void Faults::restart_at_once(WorkerProcess& worker) {
  ++cluster_.counters().crashes;
  worker.crash(false);
  undo_after(random_.between(milliseconds(1), milliseconds(50)), [&worker] { worker.start(); });
}

/// In each of the two incarnations the leader counts from one, and the second hears what the first one asked for.
void Faults::give_two_lives(WorkerProcess& leader) {
  static constexpr Duration kAgainWithin = std::chrono::seconds(4);
  restart_at_once(leader);
  once_it_leads(leader, world_.now() + kAgainWithin, [this, &leader] {
    world_.say("what is said to " + leader.name() + " will be heard again");
    cluster_.network().echo = {leader.number(), 8, milliseconds(1'500), milliseconds(4'500)};
    undo_after(milliseconds(500), [this, &leader] {
      cluster_.network().echo.reset();
      restart_at_once(leader);
      once_it_leads(leader, world_.now() + kAgainWithin,
                    [this, &leader] { seclude(leader, random_.between(milliseconds(1'200), milliseconds(2'000))); });
    });
  });
}

/// Within one incarnation of the leader: an answer to a question of an earlier round says nothing of who leads now.
void Faults::seclude_echoed(const WorkerProcess& leader) {
  world_.say("what is said to " + leader.name() + " will be heard again");
  cluster_.network().echo = {leader.number(), 8, milliseconds(600), milliseconds(3'500)};
  undo_after(milliseconds(400), [this, &leader] {
    cluster_.network().echo.reset();
    seclude(leader, random_.between(milliseconds(1'500), milliseconds(3'500)));
  });
}

void Faults::disk_trouble(FaultKind kind) {
  ++cluster_.counters().disk_faults;
  WorkerProcess& worker = cluster_.worker(random_.below(cluster_.workers()));
  Disk& disk = worker.disk();
  switch (kind) {
    case FaultKind::kDiskFails:
      world_.say(worker.name() + ": syncs fail");
      disk.fail();
      break;
    case FaultKind::kDiskIsFull:
      world_.say(worker.name() + ": the disk is full");
      disk.fill();
      break;
    case FaultKind::kLogIsDamaged:
      if (!disk.flip_log_bit()) return;
      world_.say(worker.name() + ": a bit of the log is flipped");
      if (random_.chance(0.5)) worker.crash(false);
      break;
    case FaultKind::kWriteGoesAstray: {
      // Two of a group could take away in silence what a majority has promised.
      for (std::size_t i = 0; i < cluster_.workers(); ++i) {
        if (cluster_.worker(i).disk().is_astray()) return;
      }
      const bool is_lost = random_.chance(0.5);
      world_.say(worker.name() + (is_lost ? ": a write is lost" : ": a write goes to another place"));
      disk.lead_astray(is_lost ? MemoryDisk::Astray::kLost : MemoryDisk::Astray::kMisdirected);
      break;
    }
    default:
      if (!disk.flip_snapshot_bit()) return;
      world_.say(worker.name() + ": a bit of a snapshot is flipped");
      if (random_.chance(0.5)) worker.crash(false);
      break;
  }
  undo_after(a_while(), [this, &worker] {
    world_.say(worker.name() + ": the disk is mended");
    worker.disk().mend();
    if (!worker.is_up()) worker.start();
  });
}

void Faults::happen(FaultKind kind) {
  WorkerProcess& worker = cluster_.worker(random_.below(cluster_.workers()));
  BrokerProcess& broker = cluster_.broker(random_.below(cluster_.brokers()));
  Counters& counters = cluster_.counters();
  const auto restart = [this](Process& process) {
    undo_after(!restart_max_ && random_.chance(0.5) ? random_.between(milliseconds(1), milliseconds(300)) : a_while(),
               [&process] { process.start(); });
  };
  switch (kind) {
    case FaultKind::kKillWorker:
      ++counters.crashes;
      worker.crash(false);
      return restart(worker);
    case FaultKind::kKillWorkerInTurn: return worker.crash_after(random_.below(40) + 1);
    case FaultKind::kPowerCut:
      ++counters.power_cuts;
      worker.crash(true);
      return restart(worker);
    case FaultKind::kPowerCutOfAll:
      ++counters.power_cuts;
      for (std::size_t i = 0; i < cluster_.workers(); ++i) {
        cluster_.worker(i).crash(true);
        restart(cluster_.worker(i));
      }
      return;
    case FaultKind::kHoldDown:
      ++counters.crashes;
      worker.is_held_down = true;
      worker.crash(random_.chance(0.5));
      return undo_after(random_.between(milliseconds(2'000), milliseconds(15'000)), [&worker] {
        worker.is_held_down = false;
        worker.start();
      });
    case FaultKind::kLeave: return worker.leave();
    case FaultKind::kPauseWorker:
      ++counters.pauses;
      return worker.pause(random_.between(milliseconds(100), milliseconds(5'000)));
    case FaultKind::kPauseBroker:
      ++counters.pauses;
      return broker.pause(random_.between(milliseconds(100), milliseconds(5'000)));
    case FaultKind::kKillBroker:
      ++counters.crashes;
      broker.crash(random_.chance(0.3));
      return restart(broker);
    case FaultKind::kKillBrokerInTurn: return broker.crash_after(random_.below(40) + 1);
    case FaultKind::kCutOff: {
      world_.say(worker.name() + " is cut off");
      auto links = links_to_peers(worker);
      const bool from_brokers_too = random_.chance(0.5);
      for (std::size_t i = 0; from_brokers_too && i < cluster_.brokers(); ++i) {
        links.push_back({cluster_.broker(i).number(), worker.number()});
        links.push_back({worker.number(), cluster_.broker(i).number()});
      }
      return cut_for_a_while(links);
    }
    case FaultKind::kCutOneWay: {
      const bool inward = random_.chance(0.5);
      world_.say(worker.name() + (inward ? " hears nothing" : " is not heard"));
      std::vector<std::pair<ProcessNumber, ProcessNumber>> links;
      for (std::size_t i = 0; i < cluster_.workers(); ++i) {
        const ProcessNumber peer = cluster_.worker(i).number();
        links.push_back(inward ? std::pair(peer, worker.number()) : std::pair(worker.number(), peer));
      }
      return cut_for_a_while(links);
    }
    case FaultKind::kCutPair: {
      const ProcessNumber other =
          random_.chance(0.5) ? cluster_.worker(random_.below(cluster_.workers())).number() : broker.number();
      world_.note("cut between", worker.number(), other);
      return cut_for_a_while({{worker.number(), other}, {other, worker.number()}});
    }
    case FaultKind::kBadNetwork: {
      NetworkConditions conditions = cluster_.network().conditions;
      conditions.loss = random_.chance(0.5) ? 0.2 : 0.02;
      conditions.delay_max = random_.between(milliseconds(1), milliseconds(300));
      conditions.overtaking = 0.3;
      cluster_.network().behave(conditions, false);
      world_.say("the network is bad");
      return undo_after(a_while(), [this] { cluster_.network().behave(usual_network_, true); });
    }
    case FaultKind::kDiskFails:
    case FaultKind::kDiskIsFull:
    case FaultKind::kLogIsDamaged:
    case FaultKind::kFlippedBit:
    case FaultKind::kWriteGoesAstray: return disk_trouble(kind);
    case FaultKind::kIsolateLeader: {
      const WorkerProcess& leader = some_leader();
      world_.say(leader.name() + " is cut off from its peers");
      return cut_for_a_while(links_to_peers(leader));
    }
    case FaultKind::kSecludeLeader: {
      const WorkerProcess& leader = some_leader();
      return seclude(leader, random_.between(milliseconds(1'500), milliseconds(3'500)));
    }
    case FaultKind::kSecludeFew:
      return seclude_two(some_leader(), random_.between(milliseconds(1'500), milliseconds(3'500)));
    case FaultKind::kSecludeHeard:
      return seclude(some_leader(), random_.between(milliseconds(1'500), milliseconds(3'500)), true);
    case FaultKind::kFewLeft: return random_.chance(0.5) ? leave_few() : leave_few_to_new_brokers();
    case FaultKind::kCutFromBroker: return cut_from_broker(worker, broker, a_while());
    case FaultKind::kHiccup:
      return cut_from_broker(worker, broker, random_.between(milliseconds(50), milliseconds(400)));
    case FaultKind::kReconnect: return worker.reconnect(random_.below(cluster_.brokers()));
    case FaultKind::kLongTurn:
      ++counters.pauses;
      return worker.work_for(random_.between(milliseconds(500), milliseconds(3'000)));
    case FaultKind::kClockStands:
      ++counters.pauses;
      return worker.suspend(random_.between(milliseconds(500), milliseconds(8'000)));
    case FaultKind::kKillLeader: {
      ++counters.crashes;
      WorkerProcess& leader = some_leader();
      leader.crash(random_.chance(0.5));
      return restart(leader);
    }
    case FaultKind::kSecludeEchoed: return seclude_echoed(some_leader());
    case FaultKind::kTwoLives: return give_two_lives(some_leader());
    case FaultKind::kOlderCopy: {
      const std::size_t first = random_.below(cluster_.workers());
      const auto next = [&](std::size_t n) -> WorkerProcess& {
        return cluster_.worker((first + n) % cluster_.workers());
      };
      const bool turned = random_.chance(0.5);
      if (random_.chance(0.4)) return put_back_copy_before_last_start(next(0), next(turned ? 2 : 1));
      return put_back_older_copy(next(0), next(turned ? 2 : 1), next(turned ? 1 : 2));
    }
    case FaultKind::kJoin:
    case FaultKind::kRemoveMember:
    case FaultKind::kKeepMember:
    case FaultKind::kWipeDisk:
    case FaultKind::kLoseMember:
    case FaultKind::kChangeK:
    case FaultKind::kKillZone:
    case FaultKind::kLoseForGood:
    case FaultKind::kDamageAndHeal:
    case FaultKind::kDisaster:
    case FaultKind::kRollingRestarts:
    case FaultKind::kSecludeOutsiders:
    case FaultKind::kLateWish: return change_members(kind);
    case FaultKind::kRestartClient: return cluster_.client(random_.below(cluster_.clients())).restart();
    case FaultKind::kCount: return;
  }
}

}  // namespace trellis::sim

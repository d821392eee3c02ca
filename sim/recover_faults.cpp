// Faults: so many members are lost for good that no majority is left, and the cluster is recovered.
//
// Only where those that are left hold all that was acknowledged, so that nothing may be missing afterwards: what a
// recovery loses beyond that is its own fault.
//
//   one of those that stay is late ─▶ the others are lost ─▶ one or two ask for the recovery, until it is done
//                                             meanwhile, now and then or once a plan is written down: brokers die,
//                                             lost ones come back for a while, one more is lost
//                                          ─▶ lost ones come back, some of them where no broker hears them
#include <algorithm>

#include "protocol/packed.hpp"
#include "sim/faults.hpp"

namespace trellis::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Faults::Disaster {
  std::vector<std::size_t> lost;  ///< Their processes,
  std::vector<std::size_t> left;  ///< and the others'.
  std::vector<WorkerId> names;    ///< Those of the lost ones.
  std::size_t majority = 0;       ///< So many are one in some partition, and fewer in none.
  std::size_t askers = 1;         ///< So many clients ask at once, each the broker that it knows.
  bool is_disputed = false;       ///< By two who ask at the same moment.
  bool has_ended = false;

  bool has_named(WorkerId worker) const { return std::find(names.begin(), names.end(), worker) != names.end(); }
};

namespace {

constexpr Duration kEachMoment = milliseconds(1);
constexpr Duration kStrikesWithin = seconds(1);

const Replica* replica_on(Cluster& cluster, std::size_t worker, PartitionId id) {
  const Shard* const shard = cluster.worker(worker).shard();
  if (shard == nullptr) return nullptr;
  const auto at = shard->partitions().find(id);
  return at == shard->partitions().end() ? nullptr : &at->second->replica();
}

/// Where the log of its replica ends on its disk; zero: there is none.
std::pair<Term, LogIndex> durable_end(Cluster& cluster, std::size_t worker, PartitionId id) {
  const Replica* const replica = replica_on(cluster, worker, id);
  if (replica == nullptr) return {};
  std::pair<Term, LogIndex> end;
  const auto scanned = cluster.worker(worker).disk().log().entries(
      id, [&end](LogIndex index, const EntryHead& head, std::string_view) -> Result<void> {
        end = {Term{head.term}, index};
        return {};
      });
  const bool is_in_snapshot = replica->last_index().value == replica->snapshot_index();
  return !scanned || is_in_snapshot ? std::pair(replica->last_term(), replica->last_index()) : end;
}

/// The plan that one of them has written down; null: none.
const ClusterMap* plan_of(Cluster& cluster, const std::vector<std::size_t>& left) {
  for (const std::size_t worker : left) {
    const Shard* const shard = cluster.worker(worker).shard();
    if (shard != nullptr && shard->recovery_plan() != nullptr) return shard->recovery_plan();
  }
  return nullptr;
}

}  // namespace

/// Whether each partition has a replica among those whose last entry is of the last term of all, and that has all that
/// was committed: then the freshest of them has it, too.
bool Faults::holds_all(const std::vector<std::size_t>& left) const {
  for (std::uint32_t i = 0; i < cluster_.shape().partitions; ++i) {
    LogIndex committed;
    Term term;
    for (std::size_t worker = 0; worker < cluster_.workers(); ++worker) {
      const Replica* const replica = replica_on(cluster_, worker, {i});
      if (replica == nullptr) continue;
      committed = std::max(committed, replica->commit_index());
      term = std::max(term, replica->last_term());
    }
    const bool is_held = std::any_of(left.begin(), left.end(), [&](std::size_t worker) {
      const auto [last_term, last_index] = durable_end(cluster_, worker, {i});
      return last_term == term && last_index >= committed;
    });
    if (!is_held) return false;
  }
  return true;
}

/// Nothing while a group has no leader, or changes its members: a voter that comes back may not know yet that it is
/// not alone any more.
std::optional<std::size_t> Faults::least_majority() const {
  std::size_t least = cluster_.workers();
  for (std::uint32_t i = 0; i < cluster_.shape().partitions; ++i) {
    const Replica* leader = nullptr;
    for (std::size_t worker = 0; worker < cluster_.workers(); ++worker) {
      const Replica* const replica = replica_on(cluster_, worker, {i});
      if (replica == nullptr || !replica->is_ready()) continue;
      if (leader == nullptr || leader->term() < replica->term()) leader = replica;
    }
    if (leader == nullptr || !leader->configuration().is_committed) return std::nullopt;
    least = std::min(least, leader->voters().size() / 2 + 1);
  }
  return least;
}

void Faults::lose_majority() {
  std::string why_not;
  if (is_recovering_ || !cluster_.has_settled(why_not)) return;
  const auto disaster = std::make_shared<Disaster>();
  for (std::size_t i = 0; i < cluster_.workers(); ++i) {
    const WorkerProcess& worker = cluster_.worker(i);
    if (worker.is_up() && worker.shard()->membership().is_formed()) disaster->left.push_back(i);
  }
  std::vector<std::size_t>& left = disaster->left;
  if (left.size() < 2) return;
  const ClusterMap& map = *cluster_.worker(left.front()).shard()->membership().map();
  if (left.size() != map.members.size()) return;
  const std::size_t least = std::min<std::size_t>(map.replica_count() / 2 + 1, left.size() - 1);
  const std::size_t more =
      cluster_.shape().has_disputes || random_.chance(0.6) ? 0 : random_.below(left.size() - least);
  for (std::size_t count = least + more; count > 0; --count) {
    const std::size_t at = random_.below(left.size());
    disaster->lost.push_back(left[at]);
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
  }
  is_recovering_ = true;
  disaster->is_disputed = cluster_.shape().has_disputes && random_.chance(0.7);
  Duration after{};
  if (left.size() > 1 && !disaster->is_disputed && random_.chance(0.6)) {
    const WorkerProcess& late = cluster_.worker(random_.pick(left));
    world_.say(late.name() + " falls behind");
    after = random_.between(milliseconds(100), milliseconds(900));
    cut(links_to_peers(late), after + kStrikesWithin);
  }
  world_.after(after, [this, disaster] { strike(disaster, world_.now() + kStrikesWithin); });
}

/// As soon as that loses nothing.
void Faults::strike(const std::shared_ptr<Disaster>& disaster, TimePoint until) {
  const auto is_up = [this](std::size_t worker) { return cluster_.worker(worker).shard() != nullptr; };
  const bool are_all_up = std::all_of(disaster->left.begin(), disaster->left.end(), is_up) &&
                          std::all_of(disaster->lost.begin(), disaster->lost.end(), is_up);
  if (has_ended_ || !are_all_up || world_.now() >= until) {
    is_recovering_ = false;
    return;
  }
  const auto majority = least_majority();
  if (!majority || !holds_all(disaster->left)) {
    world_.after(kEachMoment, [this, disaster, until] { strike(disaster, until); });
    return;
  }
  disaster->majority = *majority;
  ++cluster_.counters().members_changed;
  for (const std::size_t lost : disaster->lost) lose(*disaster, lost);
  if (cluster_.shape().has_disputes) return dispute(disaster);
  if (random_.chance(0.5)) disaster->askers = 2;
  recover(disaster);
  if (random_.chance(0.3)) {
    const Duration stay = random_.between(milliseconds(1'000), milliseconds(6'000));
    undo_after(random_.between(milliseconds(50), milliseconds(4'000)),
               [this, disaster, stay] { come_back(disaster, stay); });
  }
  if (!random_.chance(0.7)) return;
  const bool by_all = random_.chance(0.7);
  once_written(disaster, by_all, [this, disaster] { strike_again(disaster); });
}

/// Over slow links.  Two brokers are asked at the same moment, by people who have waited until the lost ones were
/// silent for long enough, and the network falls in two once a plan is written down somewhere; or all brokers die once
/// one is written down everywhere.
void Faults::dispute(const std::shared_ptr<Disaster>& disaster) {
  NetworkConditions slow = usual_network_;
  slow.delay_max = random_.between(milliseconds(20), milliseconds(200));
  cluster_.network().behave(slow, false);
  world_.say("links are slow");
  if (!disaster->is_disputed) {
    recover(disaster);
    return once_written(disaster, true, [this, disaster] { return_unheard(disaster); });
  }
  disaster->askers = cluster_.clients();  // Some of them at one broker, some at the other.
  const Duration patience = random_.between(milliseconds(500), milliseconds(1'000));
  world_.after(cluster_.shape().recovery_silence + patience, [this, disaster] { recover(disaster); });
  const Duration after = random_.between(Duration(0), 2 * slow.delay_max);
  once_written(disaster, false,
               [this, disaster, after] { undo_after(after, [this, disaster] { fall_in_two(*disaster); }); });
}

/// Each half has a broker, and hears nothing of the other one.
void Faults::fall_in_two(const Disaster& disaster) {
  world_.say("the network falls in two");
  std::vector<ProcessNumber> halves[2];
  for (std::size_t i = 0; i < disaster.left.size(); ++i) {
    halves[i % 2].push_back(cluster_.worker(disaster.left[i]).number());
  }
  for (std::size_t i = 0; i < cluster_.brokers(); ++i) halves[i % 2].push_back(cluster_.broker(i).number());
  std::vector<std::pair<ProcessNumber, ProcessNumber>> links;
  for (const ProcessNumber one : halves[0]) {
    for (const ProcessNumber other : halves[1]) {
      links.emplace_back(one, other);
      links.emplace_back(other, one);
    }
  }
  cut(links, random_.between(milliseconds(500), milliseconds(3'000)));
}

void Faults::lose(Disaster& disaster, std::size_t lost) {
  WorkerProcess& worker = cluster_.worker(lost);
  if (worker.shard() != nullptr) {
    const WorkerId name = worker.shard()->membership().self();
    if (!disaster.has_named(name)) disaster.names.push_back(name);
  }
  world_.say(worker.name() + " is lost for good");
  worker.crash(true);
  worker.has_ended = true;
}

/// Asked for until it is done; then some of the lost ones come back, and are told.
void Faults::recover(const std::shared_ptr<Disaster>& disaster) {
  if (disaster->has_ended) return;
  const ClusterMap* newest = nullptr;
  for (const std::size_t left : disaster->left) {
    const Shard* const shard = cluster_.worker(left).shard();
    const ClusterMap* const map = shard == nullptr ? nullptr : shard->membership().map();
    if (map != nullptr && (newest == nullptr || newest->number() < map->number())) newest = map;
  }
  const auto again = [this, disaster] {
    world_.after(random_.between(milliseconds(100), milliseconds(600)), [this, disaster] { recover(disaster); });
  };
  if (newest == nullptr) return again();
  std::vector<WorkerId> names = disaster->names;
  // One whose place was given away, or that was left behind already, is no member any more.
  std::erase_if(names, [newest](WorkerId worker) { return newest->find(worker) == nullptr; });
  if (names.empty()) return end_recovery(*disaster);
  std::string arguments;
  PackedWriter writer(arguments);
  writer.array(2).array(names.size());
  for (const WorkerId worker : names) writer.str(to_string(worker));
  writer.str(newest->cluster);
  const auto unanswered = std::make_shared<std::size_t>(disaster->askers);
  for (std::size_t asker = 0; asker < disaster->askers; ++asker) {
    cluster_.client(asker).ask(Command::kRecover, arguments, milliseconds(4'000),
                               [this, again, unanswered](const Reply& reply) {
                                 if (reply.status != Code::kOk) world_.say("not recovered: " + reply.info.message);
                                 if (--*unanswered == 0) again();
                               });
  }
}

void Faults::end_recovery(Disaster& disaster) {
  disaster.has_ended = true;
  is_recovering_ = false;
  ++cluster_.counters().recoveries;
  world_.say("the cluster is recovered");
  if (cluster_.shape().has_disputes && !has_ended_) cluster_.network().behave(usual_network_, true);
  std::vector<std::pair<ProcessNumber, ProcessNumber>> links;
  for (const std::size_t lost : disaster.lost) {
    WorkerProcess& worker = cluster_.worker(lost);
    if (worker.is_up() || !random_.chance(0.8)) continue;
    for (std::size_t i = 0; i < cluster_.brokers(); ++i) {
      links.emplace_back(worker.number(), cluster_.broker(i).number());
      links.emplace_back(cluster_.broker(i).number(), worker.number());
    }
    worker.has_ended = false;
    worker.start();
  }
  if (!has_ended_ && random_.chance(0.5)) cut(links, random_.between(milliseconds(2'000), milliseconds(6'000)));
}

/// Fewer than a majority, in the middle of it, and for a while.
void Faults::come_back(const std::shared_ptr<Disaster>& disaster, Duration stay) {
  if (disaster->has_ended) return;
  std::vector<std::size_t> returned;
  const auto is_back = [this](std::size_t lost) { return cluster_.worker(lost).is_expected(); };
  auto back = static_cast<std::size_t>(std::count_if(disaster->lost.begin(), disaster->lost.end(), is_back));
  for (const std::size_t lost : disaster->lost) {
    WorkerProcess& worker = cluster_.worker(lost);
    if (back + 1 >= disaster->majority || is_back(lost)) continue;
    ++back;
    world_.say(worker.name() + " is back after all");
    worker.has_ended = false;
    worker.start();
    returned.push_back(lost);
  }
  world_.after(stay, [this, disaster, returned] { lose_again(disaster, returned); });
}

/// Whoever recovers is told who is back, and stops it.  What it acknowledged meanwhile loses nothing: it came back with
/// fewer than a majority, so somebody who is left holds it too.
void Faults::lose_again(const std::shared_ptr<Disaster>& disaster, const std::vector<std::size_t>& returned) {
  if (disaster->has_ended) return;
  for (const std::size_t lost : returned) {
    const WorkerProcess& worker = cluster_.worker(lost);
    // A new worker may have come to its place.
    const bool is_other = worker.shard() != nullptr && !disaster->has_named(worker.shard()->membership().self());
    if (!worker.has_ended && !is_other) lose(*disaster, lost);
  }
}

/// As soon as a worker has written a plan down, or all have: it may have been decided, and nobody have heard of it.
void Faults::once_written(const std::shared_ptr<Disaster>& disaster, bool by_all, const std::function<void()>& then) {
  if (disaster->has_ended || has_ended_) return;
  const auto has_written = [this](std::size_t left) {
    const Shard* const shard = cluster_.worker(left).shard();
    return shard != nullptr && shard->recovery_plan() != nullptr;
  };
  const auto& left = disaster->left;
  const bool is_written =
      by_all ? std::all_of(left.begin(), left.end(), has_written) : std::any_of(left.begin(), left.end(), has_written);
  if (is_written) return then();
  world_.after(kEachMoment, [this, disaster, by_all, then] { once_written(disaster, by_all, then); });
}

void Faults::strike_again(const std::shared_ptr<Disaster>& disaster) {
  if (random_.chance(0.9)) kill_brokers();
  if (random_.chance(0.2)) lose_one_more(*disaster);
  if (!random_.chance(0.7)) return;
  const Duration stay = random_.between(milliseconds(3'000), milliseconds(8'000));
  come_back(disaster, stay);
  if (random_.chance(0.8)) cut_off_taken(*disaster, stay);
}

/// Brokers and lost ones change places, at one moment or another: what the lost ones and those that are left agree on
/// meanwhile would be missing.
void Faults::return_unheard(const std::shared_ptr<Disaster>& disaster) {
  kill_brokers();
  const Duration stay = random_.between(milliseconds(3'000), milliseconds(6'000));
  cut_off_taken(*disaster, stay + random_.between(milliseconds(0), milliseconds(3'000)));
  undo_after(random_.between(milliseconds(1), milliseconds(1'000)),
             [this, disaster, stay] { come_back(disaster, stay); });
}

/// One whose replica the plan takes hears of none of the other workers.
void Faults::cut_off_taken(const Disaster& disaster, Duration time) {
  const ClusterMap* const plan = plan_of(cluster_, disaster.left);
  if (plan == nullptr || plan->recovered.empty()) return;
  const Member* const taken = plan->find(random_.pick(plan->recovered).place.worker);
  cut(links_to_peers(*cluster_.worker_at(taken->address)), time);
}

void Faults::kill_brokers() {
  for (std::size_t i = 0; i < cluster_.brokers(); ++i) {
    BrokerProcess& broker = cluster_.broker(i);
    if (!broker.is_up()) continue;
    ++cluster_.counters().crashes;
    broker.crash(false);
    broker.is_held_down = true;
    undo_after(random_.between(milliseconds(10), milliseconds(1'500)), [&broker] {
      broker.is_held_down = false;
      broker.start();
    });
  }
}

/// Only where that loses nothing.
void Faults::lose_one_more(Disaster& disaster) {
  if (disaster.left.size() < 2) return;
  std::vector<std::size_t> left = disaster.left;
  const std::size_t at = random_.below(left.size());
  const std::size_t lost = left[at];
  left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
  if (cluster_.worker(lost).shard() == nullptr || !holds_all(left)) return;
  disaster.left = left;
  disaster.lost.push_back(lost);
  lose(disaster, lost);
}

}  // namespace trellis::sim

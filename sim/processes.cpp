#include "sim/processes.hpp"

#include <algorithm>
#include <utility>

#include "protocol/check.hpp"
#include "sim/cluster.hpp"
#include "sim/mutations/mutated_messages.hpp"
#include "sim/mutations/omitted_rules.hpp"
#include "sim/roles.hpp"
#include "sim/shard_settings.hpp"

namespace trellis::sim {
namespace {

/// What a turn takes of a processor's time.
constexpr Duration kTurnMin{20};
constexpr Duration kTurnMax{200};
constexpr Duration kRestartMin{100'000};
constexpr Duration kRestartMax{1'500'000};
constexpr Duration kLeaveWithin{1'500'000};

}  // namespace

Process::Process(Cluster& cluster, ProcessNumber number, std::string name)
    : cluster_(cluster), world_(cluster.world()), number_(number), name_(std::move(name)) {}

TimePoint Process::local_now() const { return clock_.local(world_.now()); }

void Process::start() {
  if (is_up_ || is_held_down || has_ended) return;
  Random& random = world_.random();
  const std::int64_t drift = cluster_.shape().clock_drift;
  clock_ = ProcessClock(world_.now(), TimePoint(random.between(Duration(0), std::chrono::hours(1000))),
                        1'000'000 + random.between(-drift, drift));
  ++incarnation_;
  steps_left_ = 0;
  must_stop_ = false;
  turn_takes_ = {};
  is_up_ = true;
  const TimePoint down_since = std::exchange(changed_at_, world_.now());
  busy_until_ = world_.now();
  world_.say(name_ + " starts, incarnation " + std::to_string(incarnation_));
  if (!begin()) {
    end(false);
    is_up_ = false;
    changed_at_ = down_since;
    return restart_later();
  }
  wake();
}

std::optional<TimePoint> Process::well_since() const {
  return is_up_ && changed_at_ <= world_.now() ? std::optional(changed_at_) : std::nullopt;
}

std::optional<TimePoint> Process::down_since() const { return is_up_ ? std::nullopt : std::optional(changed_at_); }

void Process::crash(bool power_cut) {
  if (!is_up_) return;
  well_before_ = world_.now() - std::min(changed_at_, world_.now());
  changed_at_ = world_.now();
  world_.say(name_ + (power_cut ? " loses power" : " is killed"));
  is_up_ = false;
  scheduled_.reset();
  ++schedule_number_;
  end(power_cut);
}

void Process::restart_later() {
  world_.after(world_.random().between(kRestartMin, kRestartMax), [this, incarnation = incarnation_] {
    if (incarnation == incarnation_) start();
  });
}

void Process::stop(const std::string& why) {
  world_.say(name_ + " stops: " + why);
  must_stop_ = true;
}

void Process::step() {
  if (!in_turn_ || steps_left_ == 0 || --steps_left_ > 0) return;
  throw LifeEnds{};
}

void Process::pause(Duration time) {
  if (!is_up_) return;
  world_.say(name_ + " is paused for " + std::to_string(time.count() / 1000) + " ms");
  busy_until_ = std::max(busy_until_, world_.now() + time);
  changed_at_ = busy_until_;
  scheduled_.reset();
  ++schedule_number_;
  wake();
}

void Process::suspend(Duration time) {
  if (!is_up_) return;
  const TimePoint stands_at = local_now();
  pause(time);
  clock_ = ProcessClock(std::max(busy_until_, world_.now() + time), stands_at, clock_.speed());
}

void Process::carry(ProcessNumber to, std::uint64_t size, std::function<void()> arrive) {
  if (turn_takes_ == Duration(0)) return cluster_.network().carry(number_, to, size, std::move(arrive));
  world_.after(turn_takes_, [this, to, size, incarnation = incarnation_, arrive = std::move(arrive)] {
    if (incarnation == incarnation_ && is_up_) cluster_.network().carry(number_, to, size, arrive);
  });
}

void Process::resume() {
  busy_until_ = world_.now();
  changed_at_ = std::min(changed_at_, world_.now());
  clock_ = ProcessClock(world_.now(), local_now(), clock_.speed());
  wake();
}

void Process::wake() { schedule(world_.now()); }

void Process::schedule(TimePoint when) {
  if (!is_up_ || in_turn_) return;
  when = std::max(when, busy_until_);
  if (scheduled_ && *scheduled_ <= when) return;
  scheduled_ = when;
  world_.at(when, [this, number = ++schedule_number_] {
    if (number == schedule_number_ && is_up_) turn();
  });
}

void Process::turn() {
  scheduled_.reset();
  in_turn_ = true;
  bool killed = false;
  try {
    take_turn();
  } catch (const LifeEnds&) {
    killed = true;
  }
  in_turn_ = false;
  busy_until_ = world_.now() + world_.random().between(kTurnMin, kTurnMax) + turn_takes_;
  if (turn_takes_ > Duration(0)) changed_at_ = busy_until_;
  turn_takes_ = {};
  if (!killed && !must_stop_) return schedule(clock_.world(next_turn()));
  if (killed) ++cluster_.counters().crashes_in_turns;
  crash(killed && world_.random().chance(0.3));
  restart_later();
}

WorkerProcess::WorkerProcess(Cluster& cluster, std::size_t index)
    : Process(cluster, static_cast<ProcessNumber>(index), "worker " + std::to_string(index)),
      index_(index),
      address_("worker-" + std::to_string(index) + ":7410"),
      disk_(cluster.world(), cluster.mutations(), cluster.shape().partitions) {
  disk_.on_written = [this] { wake(); };
}

bool WorkerProcess::begin() {
  background_ = std::make_unique<SimulatedBackground>(world_, [this] { wake(); });
  if (auto opened = disk_.open_log(); !opened) return cannot_start(opened.error());
  auto shard = Shard::open(
      shard_settings(cluster_, index_, address()), disk_.log(), disk_, *background_, *this,
      [this] { return world_.random().bits(); }, local_now());
  if (!shard) return cannot_start(shard.error());
  shard_ = std::move(*shard);
  id_ = shard_->membership().self();
  if (shard_->removed()) {
    has_ended = true;
    return false;
  }
  leave_by_.reset();
  progress_.clear();
  settled_.clear();
  for (const auto& [id, partition] : shard_->partitions()) {
    progress_[id] = {partition->replica().applied().value, partition->replica().snapshot_index(), {}, false};
  }
  return true;
}

bool WorkerProcess::cannot_start(const Error& why) {
  const std::string event = name() + " cannot start: " + why.message;
  world_.say(event);
  if (!disk_.take_excuse()) world_.violate(event);
  return false;
}

void WorkerProcess::take_turn() {
  step();
  shard_->begin_turn(local_now());
  for (std::size_t n = 0; n < kMessagesPerTurn && !from_brokers_.empty(); ++n) {
    const auto [broker, message] = std::move(from_brokers_.front());
    from_brokers_.pop_front();
    shard_->on_broker_message(broker, message);
    step();
  }
  for (std::size_t n = 0; n < kMessagesPerTurn && !from_peers_.empty(); ++n) {
    const Frames message = std::move(from_peers_.front());
    from_peers_.pop_front();
    shard_->on_peer_message(message);
    step();
  }
  shard_->end_turn();
  step();
  watch();
  if (shard_->failure()) {
    // Refused: whoever put the older copy there does as the message says.
    const bool is_refused = shard_->incarnations().older_copy() && disk_.restore_newest();
    if (is_refused) ++cluster_.counters().copies_refused;
    if (!is_refused && !disk_.take_excuse()) world_.violate(name() + " stops: " + *shard_->failure());
    return stop(*shard_->failure());
  }
  if (shard_->removed()) {
    has_ended = true;
    return stop("it was removed");
  }
  if (shard_->wants_restart()) return stop("it takes part in a recovery");
  if (leave_by_ && (shard_->has_left() || world_.now() >= *leave_by_)) return stop("it was asked to leave");
  if (!from_brokers_.empty() || !from_peers_.empty()) wake();
}

void WorkerProcess::watch() {
  if (const ClusterMap* const map = shard_->kept_map()) cluster_.on_kept_map(*map);
  for (const PartitionId id : std::exchange(settled_, {})) {
    const auto at = shard_->partitions().find(id);
    if (at == shard_->partitions().end()) continue;
    const Partition& partition = *at->second;
    const Replica& replica = partition.replica();
    Progress& progress = progress_[id];
    const std::uint64_t applied = replica.applied().value;
    const std::uint64_t snapshot = replica.snapshot_index();
    if (replica.is_leader() && progress.led != replica.term()) {
      progress.led = replica.term();
      cluster_.on_leader(id, replica.term(), index_);
    }
    const bool is_same = progress.applied == applied && progress.snapshot == snapshot;
    if (is_same && std::exchange(progress.is_looked_at, true)) continue;
    cluster_.answers().on_replica(id, index_);
    cluster_.on_sessions(id, partition.state().sessions(), index_);
    if (snapshot > progress.snapshot) {
      // A snapshot that holds what this replica had not applied came from another one.
      const bool is_own = snapshot <= progress.applied;
      ++(is_own ? cluster_.counters().snapshots : cluster_.counters().installs);
      world_.note(is_own ? "snapshot taken" : "snapshot installed", index_, id.value, snapshot);
    }
    progress.applied = applied;
    progress.snapshot = snapshot;
    progress.is_looked_at = true;
  }
}

void WorkerProcess::end(bool power_cut) {
  if (shard_ != nullptr && shard_->membership().map() != nullptr) cluster_.on_map_left(*shard_->membership().map());
  background_.reset();
  shard_.reset();
  disk_.crash(power_cut);
  from_brokers_.clear();
  from_peers_.clear();
}

void WorkerProcess::wipe() {
  world_.say(name() + ": its disk is empty now");
  disk_.wipe();
}

bool WorkerProcess::change_map(const Shard::MapChange& change) {
  const bool has_begun = static_cast<bool>(shard_->change_map(change));
  wake();
  return has_begun;
}

void WorkerProcess::leave() {
  if (!is_up()) return;
  world_.say(name() + " is asked to leave");
  leave_by_ = world_.now() + kLeaveWithin;
  shard_->begin_leaving();
  wake();
}

std::uint64_t WorkerProcess::connection(BrokerIndex broker) const {
  const auto at = connections_.find(broker);
  return at == connections_.end() ? 0 : at->second;
}

void WorkerProcess::receive_from_broker(BrokerIndex broker, Frames message) {
  if (!is_up()) return;
  if (cluster_.mutations().has(Mutation::kUnconfirmedRead)) message = with_unconfirmed_reads(message);
  if (cluster_.mutations().has(Mutation::kFloorIgnored)) message = without_floors(message);
  if (cluster_.mutations().has(Mutation::kBrokerFloorInfinite)) message = with_infinite_floors(message);
  if (cluster_.mutations().has(Mutation::kLeadershipUnchecked)) message = with_unchecked_reads(message);
  from_brokers_.emplace_back(broker, std::move(message));
  wake();
}

void WorkerProcess::receive_from_peer(Frames message) {
  if (!is_up()) return;
  if (changes_confirmations(cluster_.mutations())) {
    message = with_confirmations_for(message, nonce_, *shard_, cluster_.mutations());
  }
  from_peers_.push_back(std::move(message));
  wake();
}

void WorkerProcess::to_broker(BrokerIndex broker, Frames message) {
  if (!in_turn_) return;
  step();
  world_.note("worker says to broker", number(), broker, bytes_of(message));
  BrokerProcess& to = cluster_.broker(broker);
  const std::uint64_t size = bytes_of(message);
  carry(to.number(), size,
        [this, &to, mine = incarnation(), number = connection(broker), message = std::move(message)] {
          to.receive_from_worker(index_, mine, number, message);
        });
}

void WorkerProcess::to_peer(WorkerId, const std::string& address, Frames message) {
  if (!in_turn_) return;
  step();
  WorkerProcess* const peer = cluster_.worker_at(address);
  CHECK(peer != nullptr);
  nonce_ = nonce_in(message);
  world_.note("worker says to worker", number(), peer->number(), bytes_of(message));
  const std::uint64_t size = bytes_of(message);
  carry(peer->number(), size, [peer, message = std::move(message)] { peer->receive_from_peer(message); });
}

void WorkerProcess::report(LogLevel, std::string event, std::optional<PartitionId>) {
  world_.say(name() + ": " + event);
}

void WorkerProcess::on_applied(PartitionId group, LogIndex index, std::string_view command) {
  cluster_.on_applied(group, index, command, index_);
}

}  // namespace trellis::sim

#include "worker/shard.hpp"

#include <algorithm>

#include "worker/timing.hpp"

namespace trellis {
namespace {

/// Settling wakes others (an applied entry answers, an answer proposes, ...); it ends by itself, long before this.
constexpr int kSettleRoundsMax = 1000;

}  // namespace

Result<std::unique_ptr<Shard>> Shard::open(ShardSettings settings, LogStore& store, SnapshotStore& snapshots,
                                           Background& background, ShardOutput& output, RandomSource random,
                                           TimePoint now) {
  auto membership = Membership::load(store, settings.address, random, settings.joins);
  if (!membership) return membership.error();
  std::unique_ptr<Shard> shard(new Shard(std::move(settings), std::move(*membership), store, snapshots, background,
                                         output, std::move(random), now));
  if (shard->removed()) return shard;
  // The folder of another worker is left as it is.
  if (!shard->membership_.displaced()) {
    if (auto loaded = shard->incarnations_.load(store, shard->random_); !loaded) return loaded.error();
  }
  auto promise = RecoveryPromise::load(store, shard->settings_.replica.omitted.promises);
  if (!promise) return promise.error();
  shard->recovery_.promise = std::move(*promise);
  if (store.has_collected()) shard->identity_batch_ = shard->collecting_;
  if (shard->membership_.is_formed() && !shard->membership_.displaced()) {
    if (auto opened = shard->open_partitions(); !opened) return opened.error();
  }
  return shard;
}

Shard::Shard(ShardSettings settings, Membership membership, LogStore& store, SnapshotStore& snapshots,
             Background& background, ShardOutput& output, RandomSource random, TimePoint now)
    : settings_(std::move(settings)),
      membership_(std::move(membership)),
      store_(store),
      snapshots_(snapshots),
      background_(background),
      output_(output),
      random_(std::move(random)),
      nonce_{random_()},
      now_(now),
      keeper_(kLevel, {settings_.replica.omitted.repair_time}),
      incarnations_(nonce_, now, {settings_.replica.omitted.incarnations, settings_.replica.omitted.proofs}),
      peers_(now),
      times_said_(now),
      times_noted_(now),
      receiver_(settings_.snapshot_sync_every),
      sender_(snapshots),
      started_(now),
      tick_due_(now),
      hello_due_(now),
      broker_watch_(now),
      balancer_(membership_.self(), settings_.hand_over_after, now),
      slow_log_(settings_.slow) {
  settings_.replica.self.worker = membership_.self();
  for (BrokerIndex i = 0; i < settings_.brokers; ++i) brokers_.emplace_back(random_(), bulk_room_, now);
}

Shard::~Shard() {
  partitions_.clear();  // While all that they may still speak to is there.
}

Result<void> Shard::open_partitions() {
  const ClusterMap& map = *membership_.map();
  std::vector<std::string> needed;
  for (std::uint32_t i = 0; i < map.partition_count(); ++i) {
    const auto stored = store_.get(records::local_replica_name({i}));
    if (!stored) return stored.error();
    if (!*stored) continue;
    const auto local = records::read_local_replica(**stored);
    if (!local) return local.error();
    local_replicas_[{i}] = *local;
  }
  if (auto recovered = recover_replicas(needed); !recovered) return recovered;
  for (std::uint32_t i = 0; i < map.partition_count(); ++i) {
    const auto at = local_replicas_.find({i});
    if (at == local_replicas_.end() || opening_.contains({i})) continue;
    const records::LocalReplica* const local = &at->second;
    if (local->held.value == 0) {
      incarnations_.on_deleted({i}, local->deleted);
      continue;
    }
    if (auto opened = open_partition({i}, local->held); !opened) return opened;
    if (auto loaded = load_time({i}); !loaded) return loaded;
    const Partition& partition = *partitions_.at({i});
    if (!partition.snapshot_descriptor().empty()) needed.push_back(partition.snapshot_descriptor());
    looking_on_.insert({i});
  }
  are_open_ = true;
  look_after_greeted();
  output_.on_cluster(map.cluster);
  remove_other_snapshots(snapshots_, needed);
  hello_due_ = now_;
  return {};
}

Result<void> Shard::open_partition(PartitionId id, ReplicaId held) {
  ReplicaSettings settings = settings_.replica;
  settings.self.id = held;
  auto partition = std::make_unique<Partition>(id, settings, settings_.sessions, *this);
  if (auto started = partition->start(); !started) return started.error();
  const Replica& replica = partition->replica();
  incarnations_.on_opened(id, replica.voted_for(), {held, replica.term().value, replica.last_index().value, false});
  partitions_.emplace(id, std::move(partition));
  return {};
}

void Shard::begin_turn(TimePoint now) {
  const bool was_frozen = has_run_ && now - now_ > kFrozenAfter;
  has_run_ = true;
  now_ = std::max(now, now_);
  if (was_frozen) {
    warn(
        "this worker did not run for a while, and answers what waited for it as not applied; "
        "is its machine overloaded, or was it suspended?");
    woke_at_ = hello_due_ = now_;
    peers_.on_woken(now_);
  }
  taken_at_once_ = 0;
  woken_.merge(room_in_turn_.begin_turn());
  store_.begin_turn();
  take_durable();
  background_.run_finished();
}

void Shard::take_durable() {
  if (!store_.is_writing()) return;
  const auto finished = store_.finish_write();
  if (!finished) return fail(finished.error().message);
  if (!*finished) return;
  durable_ = under_way_;
  incarnations_.on_durable(durable_);
  counts_.log_sync_seconds.observe(std::chrono::duration<double>(store_.write_took()).count());
  woken_.insert(in_under_way_.begin(), in_under_way_.end());
  in_under_way_.clear();
  for (auto at = held_.begin(); at != held_.end() && at->first <= durable_; at = held_.erase(at)) {
    for (const Held& held : at->second) to_peer(held.to, held.type, held.header, held.body);
  }
  if (auto opened = open_made(); !opened) return fail(opened.error().message);
  if (membership_.on_durable(durable_)) {
    hello_due_ = now_;
    check_due_ = now_;
    if (are_open_ && has_to_recover()) wants_restart_ = true;
    if (removed()) return report(LogLevel::kInfo, *removed(), std::nullopt);
    if (membership_.is_formed() && !are_open_) {
      if (auto opened = open_partitions(); !opened) return fail(opened.error().message);
      report(LogLevel::kInfo, "the cluster is formed", std::nullopt);
    }
  }
}

Partition* Shard::find_partition(PartitionId group) {
  const auto at = partitions_.find(group);
  return at == partitions_.end() ? nullptr : at->second.get();
}

void Shard::run_in_background(std::function<void()> work, std::function<void()> done) {
  background_.run(std::move(work), std::move(done));
}

void Shard::wake(PartitionId group) {
  woken_.insert(group);
  in_collected_.insert(group);
}

void Shard::on_message_refused(PartitionId group, const std::string& why) {
  ++counts_.messages_refused;
  if (refusal_told_ && now_ - *refusal_told_ < kRefusalsToldEvery) return;
  refusal_told_ = now_;
  report(LogLevel::kError,
         "refused " + why + " (" + std::to_string(counts_.messages_refused) + " such messages since the start)", group);
}

void Shard::on_snapshot_fetched(Duration took) {
  counts_.snapshot_fetch_seconds.observe(std::chrono::duration<double>(took).count());
}

void Shard::report_slow(TimePoint now) {
  if (!slowest_) return;
  const Answered slowest = *std::exchange(slowest_, std::nullopt);
  const Duration took = now - slowest.arrived;
  if (!slow_log_.is_slow(took) || !slow_log_.admits(now)) return;
  const Duration queue = slowest.taken_up - slowest.arrived;
  const Duration replication = now_ - slowest.taken_up;
  const Duration apply = now - now_;  // And whatever else the turn did.
  const bool writes = slowest.through_log;
  std::string line = slow_log_.head({name_of(slowest.command), slowest_key_, {}}, took) + ": " +
                     in_milliseconds(queue) + " in the queue, " + in_milliseconds(replication) +
                     (writes ? " log sync and replication, " : " confirming leadership, ") + in_milliseconds(apply) +
                     (writes ? " applying" : " reading");
  if (queue >= replication && queue >= apply) {
    line += "; a partition writes one batch after the other: send less at once, or spread it over more keys";
  } else if (apply >= replication) {
    line += "; large documents and pages take their time: is the machine busy with something else?";
  } else if (writes) {
    line +=
        "; a disk or a follower is slow: compare the workers' trellis_worker_log_sync_duration_seconds and "
        "trellis_worker_replication_lag_seconds";
  } else {
    line += "; the other replicas answer late: are their machines overloaded or cut off?";
  }
  report(LogLevel::kWarning, std::move(line), slowest.partition);
}

bool Shard::begin_snapshot(PartitionId group, bool is_overdue) {
  // Who fetches a snapshot wants the log behind it to be there afterwards; but a peer that fetches for ever, since its
  // disk is full, say, must not keep the logs from being cut.
  if (snapshotting_ || (sender_.is_busy(now_) && !is_overdue)) return false;
  snapshotting_ = group;
  unswept_.insert(group);
  snapshot_begun_ = now_;
  return true;
}

void Shard::end_snapshot(PartitionId group) {
  if (snapshotting_ != group) return;
  snapshotting_.reset();
  counts_.snapshot_seconds.observe(std::chrono::duration<double>(now_ - snapshot_begun_).count());
}

void Shard::end_turn() {
  if (failure_ || removed()) return;
  if (now_ >= tick_due_) tick();
  run_put_off();
  send_put_off_chunks();
  settle_all();
  serve_cluster_requests();
  ask_for_confirmations();
  settle_all();  // A group of one proves its leadership by asking.
  if (now_ >= hello_due_) say_hello();
  answer_recovery();
  say_recovery();
  flush();  // What need not wait for the disk leaves first.
  start_write();
  take_durable();
  settle_all();
  say_recovery();
  flush();
}

void Shard::tick() {
  tick_due_ = now_ + kTickInterval;
  set_timing();
  if (membership_.map() != nullptr && !membership_.displaced()) {
    incarnations_.tick(*membership_.map(), membership_.self(), now_, store_, *this);
  }
  look_after_room();
  if (auto told = broker_watch_.on_tick(now_)) warn(std::move(*told));
  let_take_part();
  for (auto& [id, partition] : partitions_) {
    if (looking_on_.count(id) != 0) continue;
    partition->tick();
    woken_.insert(id);
  }
  say_times();
  if (now_ - times_noted_ >= kTimesNotedEvery) note_times();
  receiver_.tick(*this, now_);
  forget_unfinished_bulk();
  if (membership_.displaced() && now_ - started_ > kRefusalWithin) fail(*membership_.displaced());
  stop_where_nobody_takes_it();
  if (are_open_ && !membership_.displaced()) look_after_map();
  warn_of_recovery();
  if (balancer_.is_due(now_)) balance();
  greet();
}

/// Elections and heartbeats follow the round trip to the peers.
void Shard::set_timing() {
  round_trip_ = peers_.round_trip_max(now_);
  const RaftTiming leading = timing_for(settings_.replica.timing, round_trip_);
  RaftTiming following = leading;
  if (!peers_.can_lead(now_)) following.election *= kUnwelcomeFactor;
  for (auto& [id, partition] : partitions_) {
    Replica& replica = partition->replica();
    replica.set_timing(replica.is_leader() ? leading : following);
  }
}

/// Removes the files of snapshots that came to nothing (overtaken by the log, or by a newer one), once their partition
/// has nothing under way that could name them.
void Shard::sweep_snapshots() {
  for (auto at = unswept_.begin(); at != unswept_.end();) {
    const PartitionId id = *at++;
    const Partition* const partition = find_partition(id);
    // Until its deletion is durable, the next start may still find its replica, and needs the file.
    if (deleted_.contains(id)) continue;
    if (partition == nullptr) remove_other_snapshots(snapshots_, id, {});
    const bool is_busy = partition != nullptr &&
                         (snapshotting_ == id || receiver_.is_fetching(id) || !partition->replica().can_install());
    if (is_busy) continue;
    if (partition != nullptr) {
      remove_other_snapshots(snapshots_, id, {partition->snapshot_descriptor(), partition->held_descriptor()});
      if (!partition->held_descriptor().empty()) continue;
    }
    unswept_.erase(id);
  }
}

void Shard::balance() {
  sweep_snapshots();
  if (membership_.map() == nullptr) return;
  const auto may_move = [this](const Partition& partition) { return is_settled(partition); };
  for (const PartitionId id : balancer_.run(partitions_, *membership_.map(), peers_, gives_up(), may_move, now_)) {
    woken_.insert(id);
  }
}

bool Shard::gives_up() {
  const bool is_unwelcome = !peers_.can_lead(now_);
  if (is_unwelcome != std::exchange(is_unwelcome_, is_unwelcome)) {
    is_unwelcome ? warn(
                       "no broker hears this worker while others are heard: it hands over what it leads; "
                       "are -b and the network to the brokers right?")
                 : report(LogLevel::kInfo, "a broker hears this worker again", std::nullopt);
  }
  return is_leaving_ || is_unwelcome;
}

void Shard::settle_all() {
  for (int round = 0; !woken_.empty() && round < kSettleRoundsMax; ++round) {
    std::set<PartitionId> woken;
    woken.swap(woken_);
    const auto first = woken.lower_bound(room_in_turn_.first());
    std::for_each(first, woken.end(), [this](PartitionId id) { settle(id); });
    std::for_each(woken.begin(), first, [this](PartitionId id) { settle(id); });
    if (failure_) return;
  }
  receiver_.deliver(*this);
}

void Shard::settle(PartitionId id) {
  Partition* const partition = find_partition(id);
  if (partition == nullptr || failure_) return;
  partition->settle();
  output_.on_settled(id);
  if (partition->replica().failure()) fail(*partition->replica().failure());
}

void Shard::start_write() {
  if (store_.is_writing() || !store_.has_collected()) return;
  for (const PartitionId id : in_collected_) {
    if (Partition* partition = find_partition(id)) partition->replica().collect_commit_hint();
  }
  under_way_ = collecting_++;
  in_under_way_.swap(in_collected_);
  in_collected_.clear();
  counts_.batch_partitions.observe(static_cast<double>(in_under_way_.size()));
  counts_.batch_entries.observe(static_cast<double>(std::exchange(collected_entries_, 0)));
  store_.start_write();
}

void Shard::flush() {
  fill_bulk();
  for (const WorkerId peer : std::exchange(spoken_to_, {})) {
    const auto out = to_peers_.find(peer);
    if (out != to_peers_.end() && !out->second.empty()) flush_to(peer, out->second);
  }
  for (BrokerIndex i = 0; i < brokers_.size(); ++i) {
    if (!brokers_[i].out.empty()) output_.to_broker(i, brokers_[i].out.take());
  }
}

TimePoint Shard::next_turn() const {
  if (!woken_.empty() || !put_off_.empty() || room_in_turn_.has_waiting()) return now_;
  if (!store_.is_writing() && store_.has_collected()) return now_;
  const TimePoint chunk_due = sender_.due().value_or(TimePoint::max());
  return std::min({tick_due_, hello_due_, chunk_due});
}

void Shard::begin_leaving() {
  is_leaving_ = true;
  note_times();
  hello_due_ = now_;
  balancer_.hurry(now_);
  // Peers that are leaving as well need not be handed anything, and learn it from what is said to them now.
  for (auto& [peer, at] : greeted_at_) at = TimePoint{};
  greet();
}

bool Shard::has_left() const {
  return std::none_of(partitions_.begin(), partitions_.end(), [this](const auto& each) {
    const Replica& replica = each.second->replica();
    if (!replica.is_leader()) return false;
    const std::vector<ReplicaPlace> voters = replica.voters();
    const auto is_heard = [this](const ReplicaPlace& voter) { return peers_.is_heard(voter.worker, now_); };
    return std::any_of(voters.begin(), voters.end(), is_heard);
  });
}

void Shard::fail(const std::string& why) {
  if (!failure_) failure_ = why;
}

}  // namespace trellis

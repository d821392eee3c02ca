#include "worker/shard.hpp"

#include <algorithm>
#include <tuple>

#include "protocol/limits.hpp"
#include "worker/timing.hpp"

namespace trellis {
namespace {

/// Refused messages come in floods, or not at all.
constexpr std::chrono::seconds kRefusalsToldEvery{10};
/// Settling wakes others (an applied entry answers, an answer proposes, ...); it ends by itself, long before this.
constexpr int kSettleRoundsMax = 1000;
/// A bundle arrives whole: what has gathered leaves.
constexpr std::size_t kBundleSizeMax = 1 << 20;
/// Said by whoever has just started; it counts before anything else of its sender does.
bool is_handshake(PeerMessageType type) { return type >= PeerMessageType::kArrival && type <= PeerMessageType::kProof; }

}  // namespace

Result<std::unique_ptr<Shard>> Shard::open(ShardSettings settings, LogStore& store, SnapshotStore& snapshots,
                                           Background& background, ShardOutput& output, RandomSource random,
                                           TimePoint now) {
  auto membership = Membership::load(store, settings.address, random);
  if (!membership) return membership.error();
  std::unique_ptr<Shard> shard(new Shard(std::move(settings), std::move(*membership), store, snapshots, background,
                                         output, std::move(random), now));
  // The folder of another worker is left as it is.
  if (!shard->membership_.displaced()) {
    if (auto loaded = shard->incarnations_.load(store, shard->random_); !loaded) return loaded.error();
  }
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
      incarnations_(nonce_, now, settings_.replica.omitted.incarnations),
      peers_(now),
      sender_(snapshots),
      started_(now),
      tick_due_(now),
      hello_due_(now),
      broker_watch_(now),
      balancer_(membership_.self(), settings_.hand_over_after, now),
      slow_log_(settings_.slow) {
  settings_.replica.self = only_replica_on(membership_.self());
  for (BrokerIndex i = 0; i < settings_.brokers; ++i) brokers_.emplace_back(random_(), bulk_room_);
}

Shard::~Shard() {
  partitions_.clear();  // While all that they may still speak to is there.
}

Result<void> Shard::open_partitions() {
  const ClusterMap& map = *membership_.map();
  std::vector<std::string> needed;
  for (std::uint32_t i = 0; i < map.partition_count(); ++i) {
    const auto& replicas = map.partitions[i].replicas;
    if (std::find(replicas.begin(), replicas.end(), membership_.self()) == replicas.end()) continue;
    auto partition = std::make_unique<Partition>(PartitionId{i}, settings_.replica, settings_.sessions, *this);
    if (auto started = partition->start(); !started) return started.error();
    if (!partition->snapshot_descriptor().empty()) needed.push_back(partition->snapshot_descriptor());
    const Replica& replica = partition->replica();
    incarnations_.on_opened({i}, replica.worker_of(replica.vote()),
                            {replica.term().value, replica.last_index().value, false});
    looking_on_.insert({i});
    partitions_.emplace(PartitionId{i}, std::move(partition));
    for (const WorkerId replica : replicas) {
      if (replica != membership_.self()) greeted_at_.try_emplace(replica);
    }
  }
  are_open_ = true;
  output_.on_cluster(map.cluster);
  remove_other_snapshots(snapshots_, needed);
  hello_due_ = now_;
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
  if (membership_.on_durable(durable_)) {
    hello_due_ = now_;
    if (membership_.is_formed() && !are_open_) {
      if (auto opened = open_partitions(); !opened) return fail(opened.error().message);
      report(LogLevel::kInfo, "the cluster is formed", std::nullopt);
    }
  }
}

void Shard::on_broker_message(BrokerIndex broker, const Frames& message) {
  BundleReader reader(message);
  while (const auto item = reader.next()) {
    if (bulk::is_bulk_type(item->type)) {
      on_bulk(broker, *item);
    } else {
      on_broker_item(broker, *item);
    }
  }
  if (!reader.broken()) return broker_watch_.on_word(now_);
  if (auto told = broker_watch_.on_broken(now_)) warn(std::move(*told));
}

void Shard::on_broker_item(BrokerIndex broker, const BundleItem& item) {
  const auto type = static_cast<MessageType>(item.type);
  if (membership_.displaced() && type != MessageType::kRefused) return;
  switch (type) {
    case MessageType::kRequest: on_request(broker, item); break;
    case MessageType::kLeadershipQuestion: on_leadership_question(broker, item); break;
    case MessageType::kWelcome: on_welcome(broker, item); break;
    case MessageType::kRefused:
      if (const auto refused = read_refused(item)) on_refused(broker, *refused);
      break;
    case MessageType::kChallenge:
      if (const auto challenge = read_challenge(item)) on_challenge(broker, *challenge);
      break;
    case MessageType::kForm:
      if (const auto form = read_form(item)) note(membership_.on_form(*form, store_, random_, collecting_));
      break;
    case MessageType::kMapWanted:
      if (membership_.map() != nullptr) add_map_offer(brokers_[broker].out, *membership_.map());
      break;
    case MessageType::kMapOffer:
      if (const auto map = read_map_offer(item)) note(membership_.on_map_offer(*map, store_, collecting_));
      break;
    case MessageType::kAllHold:
      if (const auto all = read_all_hold(item)) note(membership_.on_all_hold(*all, store_, collecting_));
      break;
    default: break;  // A later version's type, or one that is not for a worker.
  }
}

void Shard::note(const Result<void>& done) {
  if (done) return;
  ++counts_.maps_refused;
  if (map_refusal_told_ && now_ - *map_refusal_told_ < kRefusalsToldEvery) return;
  map_refusal_told_ = now_;
  warn("refused: " + done.error().message + "; do the brokers' server files and -b belong together?");
}

void Shard::on_welcome(BrokerIndex broker, const BundleItem& item) {
  const auto welcome = read_welcome(item);
  if (!welcome) return warn("from a broker: " + welcome.error().message + ", dropped" + kAskVersions);
  BrokerLink& link = brokers_[broker];
  link.was_welcome = true;
  // What its earlier incarnation asked for nobody waits for any more.
  if (link.bulk.on_life(welcome->broker_nonce)) link.bulk.out.clear();
  link.round_trip.on_stamps(welcome->stamps, now_);
  if (const auto heard_there = link.round_trip.heard_there()) {
    const Duration round_trip = link.round_trip.value();
    peers_.on_welcome(std::min(now_, *heard_there + round_trip), round_trip);
  }
}

void Shard::on_challenge(BrokerIndex broker, const Challenge& challenge) {
  if (challenge.nonce != nonce_) return;  // Meant for an earlier incarnation.
  brokers_[broker].token = challenge.token;
  hello_due_ = now_;
}

void Shard::on_refused(BrokerIndex broker, const Refused& refused) {
  if (refused.nonce.value != 0 && refused.nonce != nonce_) return;  // Meant for an earlier incarnation.
  BrokerLink& link = brokers_[broker];
  const bool is_told = link.last_refusal == refused.reason && now_ - link.refusal_told < kRefusalsToldEvery;
  link.last_refusal = refused.reason;
  const bool welcome_anywhere =
      std::any_of(brokers_.begin(), brokers_.end(), [](const BrokerLink& each) { return each.was_welcome; });
  // Whoever holds data is not sent away by one word: what a broker knows, a stranger may have told it.
  const bool holds_data = membership_.map() != nullptr && !membership_.displaced();
  if (!holds_data && (!welcome_anywhere || refused.is_final)) {
    return fail("refused by the broker: " + refused.reason +
                (membership_.displaced() ? " (" + *membership_.displaced() + ")" : ""));
  }
  if (is_told) return;
  link.refusal_told = now_;
  warn("refused by a broker: " + refused.reason + "; this worker keeps its data and goes on asking" +
       (brokers_.size() == 1 ? "" : "; other brokers take this worker: does -b name one of another cluster?"));
}

/// All its brokers refuse it, and of its own cluster nobody is there: it was started in the wrong place.
void Shard::stop_where_nobody_takes_it() {
  if (membership_.map() == nullptr || membership_.displaced() || now_ - started_ <= kRefusalWithin) return;
  const bool is_alone = membership_.map()->members.size() == 1;
  if (is_alone || incarnations_.has_been_told()) return;
  const bool is_refused_everywhere = std::all_of(brokers_.begin(), brokers_.end(), [](const BrokerLink& each) {
    return !each.was_welcome && !each.last_refusal.empty();
  });
  if (is_refused_everywhere) {
    fail("refused by all its brokers, and no other worker of its cluster answers: " + brokers_.front().last_refusal);
  }
}

/// What is said here need not be durable: a vote for a leader of a higher term was, before it was sent.
void Shard::on_leadership_question(BrokerIndex broker, const BundleItem& item) {
  const auto wanted = read_leadership_question(item);
  if (!wanted) return warn("from a broker: " + wanted.error().message + ", dropped" + kAskVersions);
  LeadershipAnswer confirm{wanted->broker, wanted->read_context, {}};
  for (const PartitionId group : wanted->partitions) {
    const Partition* partition = find_partition(group);
    if (partition != nullptr && looking_on_.count(group) == 0) {
      confirm.terms.emplace_back(group, partition->replica().term());
    }
  }
  add(brokers_[broker].out, confirm);
}

Partition* Shard::find_partition(PartitionId group) {
  const auto at = partitions_.find(group);
  return at == partitions_.end() ? nullptr : at->second.get();
}

void Shard::on_peer_message(const Frames& message) {
  const ClusterMap* map = membership_.map();
  BundleReader reader(message);
  const auto first = reader.next();
  if (map == nullptr || membership_.displaced() || !first ||
      static_cast<PeerMessageType>(first->type) != PeerMessageType::kFrom)
    return;
  const auto speaker = read_speaker(first->header);
  if (!speaker || speaker->cluster != map->cluster || speaker->id == membership_.self() ||
      map->find(speaker->id) == nullptr) {
    return;  // Another cluster, or no member, says it: none of our business.
  }
  const WorkerId from = speaker->id;
  const bool counts = incarnations_.listens_to(*speaker, now_, *this);
  if (counts) {
    peers_.on_speaker(*speaker, now_);
    receiver_.on_heard(from, now_);
    if (const auto bulk = bulk_with_.find(from); bulk != bulk_with_.end()) bulk->second.on_life(speaker->nonce);
  }
  while (const auto item = reader.next()) {
    const auto type = static_cast<PeerMessageType>(item->type);
    if (is_handshake(type)) incarnations_.on_handshake(*speaker, type, item->header, store_, collecting_, *this);
    if (!counts) continue;
    if (bulk::is_bulk_type(item->type)) {
      on_bulk(from, *item);
    } else {
      on_peer_item(from, *item);
    }
  }
  if (reader.broken()) warn("a broken message from worker " + to_string(from) + " was dropped" + kAskVersions);
  if (const auto& older = incarnations_.older_copy()) {
    fail("this data folder is an older copy: " + *older +
         ". What this worker voted and acknowledged since would be forgotten, and acknowledged writes be lost. Put the "
         "folder back as it was last; where that is gone, leave this worker stopped: the other replicas hold its data "
         "and serve on without it");
  }
}

void Shard::on_peer_item(WorkerId from, const BundleItem& item) {
  switch (static_cast<PeerMessageType>(item.type)) {
    case PeerMessageType::kRaft: on_raft_item(from, item); break;
    case PeerMessageType::kQuestion: on_question(from, item.header); break;
    case PeerMessageType::kAnswer: on_answer(from, item.header); break;
    case PeerMessageType::kChunkWanted: on_chunk_wanted(from, item.header); break;
    case PeerMessageType::kChunk:
      if (const auto chunk = read_chunk(item.header)) receiver_.on_chunk(from, *chunk, item.body, *this, now_);
      break;
    default: break;
  }
}

void Shard::on_raft_item(WorkerId from, const BundleItem& item) {
  auto message = read_raft_message(from, item.header, item.body);
  if (!message) return warn("from worker " + to_string(from) + ": " + message.error().message + kAskVersions);
  Partition* partition = find_partition(message->group);
  if (partition == nullptr || looking_on_.count(message->group) != 0) return;
  woken_.insert(message->group);
  note_promise(*message, partition->replica());
  // The library must not see a snapshot before its file is here, verified and read: it drops its own log at once.
  if (message->kind == RaftMessageKind::kInstallSnapshot) {
    unswept_.insert(message->group);
    return receiver_.on_install(*partition, std::move(*message), *this, now_);
  }
  partition->on_raft_message(std::move(*message));
}

/// What a message says of its sender's own replica, durably: kept for the case that an older copy of it comes back.
void Shard::note_promise(const RaftMessage& message, const Replica& replica) {
  const bool is_of_this_term = message.term == replica.term().value;
  switch (message.kind) {
    case RaftMessageKind::kAppendEntries:
      return incarnations_.on_promise(message.from.worker, message.group, {message.term, message.stored, false});
    case RaftMessageKind::kAppendEntriesResult:
      if (message.other != 0 || !is_of_this_term || !replica.is_leader()) return;
      return incarnations_.on_promise(message.from.worker, message.group, {message.term, message.index, false});
    case RaftMessageKind::kRequestVoteResult:
      if (!message.granted || message.is_of_pre_vote() || !is_of_this_term) return;
      return incarnations_.on_promise(message.from.worker, message.group, {message.term, 0, true});
    default: return;
  }
}

/// Those that know what this worker promised before have told, or are down.
void Shard::let_take_part() {
  for (auto at = looking_on_.begin(); at != looking_on_.end();) {
    const PartitionId id = *at;
    if (!incarnations_.may_take_part(membership_.map()->placement(id).replicas, membership_.self(), now_)) {
      ++at;
      continue;
    }
    partitions_.at(id)->replica().restart_election_timer();
    at = looking_on_.erase(at);
  }
}

void Shard::on_question(WorkerId from, std::string_view header) {
  const auto question = read_question(header);
  if (!question) return;
  // An answer promises the member's term, so it leaves only when that is durable: at once for most groups.
  std::map<BatchNumber, ConfirmationMessage> answers;
  for (const ConfirmationItem& item : question->items) {
    const Partition* partition = find_partition(item.group);
    if (partition == nullptr || looking_on_.count(item.group) != 0) continue;
    const BatchNumber after = std::max(partition->replica().term_batch(), durable_);
    ConfirmationMessage& answer = answers[after];
    answer.nonce = question->nonce;
    answer.round = question->round;
    answer.items.push_back({item.group, item.term, partition->replica().term()});
  }
  for (const auto& [after, answer] : answers) {
    if (after <= durable_) {
      to_peer(from, PeerMessageType::kAnswer, pack_answer(answer));
    } else {
      held_[after].push_back({from, PeerMessageType::kAnswer, pack_answer(answer), {}});
    }
  }
}

void Shard::on_answer(WorkerId from, std::string_view header) {
  const auto answer = read_answer(header);
  if (!answer || answer->nonce != nonce_) return;  // Meant for an earlier incarnation.
  answered_at_[from] = now_;
  for (const ConfirmationItem& item : answer->items) {
    Partition* partition = find_partition(item.group);
    if (partition == nullptr) continue;
    partition->on_confirmation(from, answer->round, item.term, item.member_term);
    woken_.insert(item.group);
  }
}

void Shard::on_chunk_wanted(WorkerId from, std::string_view header) {
  const auto wanted = read_chunk_wanted(header);
  if (!wanted) return;
  if (wanted->size == 0) return sender_.keep(*wanted, now_);
  const Partition* partition = find_partition(wanted->group);
  if (partition == nullptr) return;
  const Frame bytes = sender_.read(*wanted, partition->snapshot_descriptor(), now_);
  to_peer(from, PeerMessageType::kChunk, pack(Chunk{wanted->group, wanted->name, wanted->offset}), bytes);
}

void Shard::send(const ReplicaPlace& to, RaftMessage message, BatchNumber after) {
  if (after > durable_) {
    held_[after].push_back({to.worker, PeerMessageType::kRaft, pack_head(message), message.body});
  } else {
    to_peer(to.worker, PeerMessageType::kRaft, pack_head(message), message.body);
  }
}

void Shard::to_peer(WorkerId peer, PeerMessageType type, std::string_view header, const Frame& body) {
  if (membership_.map() == nullptr || durable_ < identity_batch_) return;
  if ((!bulk::is_urgent(body) || bulk_waits_) && !settings_.replica.omitted.bulk)
    return to_peer_in_turn(peer, type, header, body);
  to_peer_now(peer, type, header, body);
}

void Shard::to_peer_now(WorkerId peer, PeerMessageType type, std::string_view header, const Frame& body) {
  BundleWriter& out = bundle_to(peer);
  out.add(static_cast<std::uint8_t>(type), header, body);
  if (out.size() >= kBundleSizeMax) flush_to(peer, out);
}

BundleWriter& Shard::bundle_to(WorkerId peer) {
  BundleWriter& out = to_peers_[peer];
  if (!out.empty()) return out;
  Speaker self{membership_.map()->cluster, membership_.self(), nonce_, incarnations_.number(), is_leaving_};
  out.add(static_cast<std::uint8_t>(PeerMessageType::kFrom), pack(peers_.greeting(peer, std::move(self), now_)));
  if (const auto greeted = greeted_at_.find(peer); greeted != greeted_at_.end()) greeted->second = now_;
  return out;
}

/// Who has not been spoken to for a while is told that this worker is there.
void Shard::greet() {
  if (durable_ < identity_batch_) return;
  for (const auto& [peer, at] : greeted_at_) {
    if (now_ - at >= kGreetEvery) bundle_to(peer);
  }
}

void Shard::want_chunk(WorkerId from, const ChunkWanted& wanted) {
  to_peer(from, PeerMessageType::kChunkWanted, pack(wanted));
}

void Shard::run_in_background(std::function<void()> work, std::function<void()> done) {
  background_.run(std::move(work), std::move(done));
}

void Shard::wake(PartitionId group) {
  woken_.insert(group);
  in_collected_.insert(group);
}

void Shard::reply(BrokerIndex broker, WorkerReply reply) {
  BundleWriter& out = brokers_[broker].out;
  if (!has_room_for(brokers_[broker], reply)) {
    reply.outcome = Outcome::kUnknown;
    reply.body = {};
  }
  ++counts_.replies[static_cast<std::size_t>(reply.outcome)];
  add_reply(brokers_[broker], reply);
  if (out.size() >= kBundleSizeMax) output_.to_broker(broker, out.take());
}

void Shard::on_answered(const Answered& answered) {
  counts_.on_answered(answered.command, now_ - answered.arrived);
  if (slowest_ && answered.arrived >= slowest_->arrived) return;
  slowest_ = answered;
  if (slow_log_.names_keys()) slowest_key_ = answered.key;
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
  if (failure_) return;
  if (now_ >= tick_due_) tick();
  run_put_off();
  settle_all();
  ask_for_confirmations();
  settle_all();  // A group of one proves its leadership by asking.
  if (now_ >= hello_due_) say_hello();
  flush();  // What need not wait for the disk leaves first.
  start_write();
  take_durable();
  settle_all();
  flush();
}

void Shard::tick() {
  tick_due_ = now_ + kTickInterval;
  set_timing();
  if (membership_.map() != nullptr && !membership_.displaced()) {
    incarnations_.tick(*membership_.map(), membership_.self(), now_, store_, *this);
  }
  if (auto told = broker_watch_.on_tick(now_)) warn(std::move(*told));
  let_take_part();
  for (auto& [id, partition] : partitions_) {
    if (looking_on_.count(id) != 0) continue;
    partition->tick();
    woken_.insert(id);
  }
  receiver_.tick(*this, now_);
  forget_unfinished_bulk();
  if (membership_.displaced() && now_ - started_ > kRefusalWithin) fail(*membership_.displaced());
  stop_where_nobody_takes_it();
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
  for (const PartitionId id : balancer_.run(partitions_, *membership_.map(), peers_, gives_up(), now_)) {
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
    for (const PartitionId id : woken) {
      Partition* partition = find_partition(id);
      if (partition == nullptr) continue;
      partition->settle();
      if (partition->replica().failure()) return fail(*partition->replica().failure());
    }
  }
  receiver_.deliver(*this);
}

/// The peers to ask for a confirmation.  At first only as many as a majority takes, since a question and its answer
/// cost as much as many reads: those that answered last, so that all partitions ask the same ones, and one that is down
/// is passed over from the second round on.  Where they do not answer, all are asked.
std::vector<WorkerId> Shard::peers_to_ask(const LeadershipProof& proof) const {
  std::vector<WorkerId> peers = proof.peers();
  if (proof.is_waiting() || proof.answers_needed() >= peers.size()) return peers;
  const auto answered = [this](WorkerId peer) {
    const auto at = answered_at_.find(peer);
    return at == answered_at_.end() ? TimePoint{} : at->second;
  };
  // Those that never answered come in a circle of ids from our own on, so that not all workers begin with the same one.
  const WorkerId self = membership_.self();
  std::sort(peers.begin(), peers.end(), [&](WorkerId a, WorkerId b) {
    return std::tuple(answered(b), a < self, a) < std::tuple(answered(a), b < self, b);
  });
  peers.resize(proof.answers_needed());
  return peers;
}

/// One question to each peer that is asked, for all partitions whose reads wait.
void Shard::ask_for_confirmations() {
  std::map<WorkerId, ConfirmationMessage> questions;
  const Round round = round_ + 1;
  for (auto& [id, partition] : partitions_) {
    if (!partition->wants_confirmation()) continue;
    round_ = round;
    const std::vector<WorkerId> peers = peers_to_ask(partition->proof());
    partition->ask(round);
    woken_.insert(id);
    for (const WorkerId peer : peers) {
      ConfirmationMessage& question = questions[peer];
      question.nonce = nonce_;
      question.round = round;
      question.items.push_back({id, partition->proof().term(), {}});
    }
  }
  for (const auto& [peer, question] : questions) to_peer(peer, PeerMessageType::kQuestion, pack_question(question));
}

void Shard::say_hello() {
  if (durable_ < identity_batch_) return;
  hello_due_ = now_ + kHeartbeatInterval;
  Hello hello;
  hello.id = membership_.self();
  hello.nonce = nonce_;
  hello.address = membership_.address();
  if (const ClusterMap* map = membership_.map()) {
    hello.cluster = map->cluster;
    hello.map_version = map->version;
    hello.formed = map->formed;
  }
  hello.leaving = is_leaving_;
  hello.partitions = static_cast<std::uint32_t>(partitions_.size());
  for (const auto& [id, partition] : partitions_) {
    hello.keys += partition->state().keys();
    hello.bytes += partition->state().bytes();
    if (partition->replica().is_ready()) hello.leads.push_back({id, partition->replica().term()});
  }
  hello.load = load();
  for (BrokerLink& link : brokers_) {
    hello.token = link.token;
    hello.stamps = link.round_trip.stamps(now_);
    add(link.out, hello);
  }
}

WorkerLoad Shard::load() const {
  WorkerLoad load;
  load.resident_bytes = output_.resident_bytes();
  for (const Histogram& each : counts_.request_seconds) {
    load.requests += each.count;
    load.request_microseconds += static_cast<std::uint64_t>(each.sum * 1e6);
  }
  std::map<WorkerId, FollowerLag> lags;
  for (const auto& [id, partition] : partitions_) {
    for (const auto& [follower, lag] : partition->lag().followers()) {
      FollowerLag& sum = lags[follower];
      sum.entries += lag.entries;
      const auto behind = std::chrono::duration_cast<std::chrono::milliseconds>(lag.behind).count();
      sum.milliseconds = std::max(sum.milliseconds, static_cast<std::uint32_t>(behind));
    }
  }
  for (auto& [follower, lag] : lags) {
    if (lag.entries == 0) continue;
    lag.follower = follower;
    load.followers.push_back(lag);
  }
  return load;
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

void Shard::flush_to(WorkerId peer, BundleWriter& out) {
  const ClusterMap* map = membership_.map();
  const Member* member = map == nullptr ? nullptr : map->find(peer);
  Frames frames = out.take();
  if (member != nullptr && !failure_) output_.to_peer(peer, member->address, std::move(frames));
}

void Shard::flush() {
  fill_bulk();
  for (auto& [peer, out] : to_peers_) {
    if (!out.empty()) flush_to(peer, out);
  }
  for (BrokerIndex i = 0; i < brokers_.size(); ++i) {
    if (!brokers_[i].out.empty()) output_.to_broker(i, brokers_[i].out.take());
  }
}

TimePoint Shard::next_turn() const {
  if (!woken_.empty() || !put_off_.empty()) return now_;
  if (!store_.is_writing() && store_.has_collected()) return now_;
  return std::min(tick_due_, hello_due_);
}

void Shard::begin_leaving() {
  is_leaving_ = true;
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

// The part of a Shard that speaks with brokers: what they say, and the hellos and replies that they get.
#include <algorithm>

#include "protocol/access/access_messages.hpp"
#include "protocol/limits.hpp"
#include "worker/shard.hpp"

namespace trellis {

void Shard::on_broker_message(BrokerIndex broker, const Frames& message) {
  BundleReader reader(message);
  gathers_ = true;
  while (const auto item = reader.next()) {
    if (static_cast<MessageType>(item->type) != MessageType::kRequest) read_gathered();
    if (bulk::is_bulk_type(item->type)) {
      on_bulk(broker, *item);
    } else {
      on_broker_item(broker, *item);
    }
  }
  read_gathered();
  gathers_ = false;
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
      if (const auto map = read_map_offer(item)) take_map(*map);
      break;
    case MessageType::kAllHold:
      if (const auto all = read_all_hold(item)) note(membership_.on_all_hold(*all, store_, collecting_));
      break;
    case MessageType::kAccessWanted:
      if (access_.records() != nullptr) add_access_offer(brokers_[broker].out, *access_.records());
      break;
    case MessageType::kJoinWanted:
      if (const auto wanted = read_join_wanted(item)) on_join_wanted(broker, *wanted);
      break;
    case MessageType::kRecoveryAsk: on_recovery_ask(broker, item); break;
    case MessageType::kRecoveryHeard: on_recovery_heard(broker, item); break;
    case MessageType::kRecoveryPlan: on_recovery_plan(broker, item); break;
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
  link.welcomed_at = now_;
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
  // Who wants to join may have to wait until it can.
  const bool goes_on = membership_.joins() && !refused.is_final;
  if (!holds_data && !goes_on && (!welcome_anywhere || refused.is_final)) {
    return fail("refused by the broker: " + refused.reason +
                (membership_.displaced() ? " (" + *membership_.displaced() + ")" : ""));
  }
  if (is_told) return;
  link.refusal_told = now_;
  if (goes_on) return warn("cannot join yet: " + refused.reason + "; this worker goes on asking");
  warn("refused by a broker: " + refused.reason + "; this worker keeps its data and goes on asking" +
       (brokers_.size() == 1 ? "" : "; other brokers take this worker: does -b name one of another cluster?"));
}

/// All its brokers refuse it, and of its own cluster nobody is there: it was started in the wrong place.
void Shard::stop_where_nobody_takes_it() {
  if (membership_.map() == nullptr || membership_.displaced() || now_ - started_ <= kRefusalWithin) return;
  if (membership_.newest_version() != membership_.map()->number()) return;  // It is being told why.
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
      confirm.terms.push_back({group, partition->replica().self().id, partition->replica().term()});
    }
  }
  add(brokers_[broker].out, confirm);
}

void Shard::reply(BrokerIndex broker, WorkerReply reply) {
  BundleWriter& out = brokers_[broker].out;
  if (!has_room_for(brokers_[broker], reply)) {
    reply.outcome = Outcome::kUnknown;
    reply.body = {};
  }
  ++counts_.replies[static_cast<std::size_t>(reply.outcome)];
  add_reply(brokers_[broker], reply);
  if (out.size() >= settings_.replies_sent_at) output_.to_broker(broker, out.take());
}

void Shard::on_answered(const Answered& answered) {
  counts_.on_answered(answered.command, now_ - answered.arrived);
  if (slowest_ && answered.arrived >= slowest_->arrived) return;
  slowest_ = answered;
  if (slow_log_.names_keys()) slowest_key_ = answered.key;
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
    hello.formed = map->formed;
  }
  hello.map_epoch = membership_.told_version().epoch;
  hello.map_version = membership_.told_version().version;
  hello.joins = membership_.joins();
  hello.zone = settings_.zone;
  hello.leaving = is_leaving_;
  hello.partitions = static_cast<std::uint32_t>(partitions_.size());
  for (const auto& [id, partition] : partitions_) {
    hello.keys += partition->state().keys();
    hello.bytes += partition->state().bytes();
    const Replica& replica = partition->replica();
    if (!replica.is_ready()) continue;
    hello.leads.push_back({id, replica.term(), replica.configuration_index(), replica.voters()});
  }
  hello.load = load();
  for (BrokerLink& link : brokers_) {
    hello.token = link.token;
    hello.stamps = link.round_trip.stamps(now_);
    add(link.out, hello);
    say_access(link);
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

}  // namespace trellis

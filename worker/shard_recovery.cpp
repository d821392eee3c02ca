// The part of a Shard that takes part in a recovery of its cluster: what it promises and tells, and the replicas that
// it makes anew of what was left.
//
// From when it has told what it has until a plan is written down, or kGivenWithin has passed, this worker keeps that as
// it is: the map does not change, and no replica is made or deleted here.  A plan is written down only where none of
// those that it leaves behind was heard meanwhile.  From then on they are not listened to any more, for good: the plan
// may have been decided, and what they and this worker agreed on would be forgotten by it.
#include <algorithm>

#include "worker/recover_replica.hpp"
#include "worker/shard.hpp"

namespace trellis {
namespace {

/// A plan has to come so soon.
constexpr std::chrono::seconds kGivenWithin{30};
/// A broker that has said nothing for so long is not asked whom it has heard.
constexpr std::chrono::seconds kBrokerHeardWithin{3};
constexpr std::chrono::seconds kWarnedEvery{60};

std::string in_seconds(Duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

}  // namespace

std::vector<ReplicaEnd> Shard::replica_ends() const {
  std::vector<ReplicaEnd> ends;
  for (const auto& [id, partition] : partitions_) {
    const Replica& replica = partition->replica();
    ends.push_back({id, replica.self().id, replica.term().value, replica.last_term().value, replica.last_index().value,
                    replica.configuration_index().value, replica.voters()});
  }
  return ends;
}

void Shard::on_recovery_ask(BrokerIndex broker, const BundleItem& item) {
  const auto ask = read_recovery_ask(item);
  if (!ask || membership_.map() == nullptr || !are_open_) return;
  RecoveryTalk::Question& question = recovery_.questions[broker];
  if (question.ask != *ask) question = {*ask, {}, {}};
  for (BrokerIndex other = 0; other < brokers_.size(); ++other) {
    const BrokerLink& link = brokers_[other];
    if (other == broker || !link.welcomed_at || now_ - *link.welcomed_at > kBrokerHeardWithin) continue;
    question.awaited.insert(other);
    add(brokers_[other].out, *ask);
  }
}

void Shard::on_recovery_heard(BrokerIndex broker, const BundleItem& item) {
  const auto heard = read_recovery_heard(item);
  if (!heard) return;
  for (auto& [asker, question] : recovery_.questions) {
    if (question.ask.number != heard->number) continue;
    question.awaited.erase(broker);
    if (question.refusal.empty()) question.refusal = heard->refusal;
  }
}

/// Answers what all brokers that are there have said their word about.
void Shard::answer_recovery() {
  for (auto at = recovery_.questions.begin(); at != recovery_.questions.end();) {
    auto& [broker, question] = *at;
    std::erase_if(question.awaited, [this](BrokerIndex other) {
      return now_ - brokers_[other].welcomed_at.value_or(TimePoint{}) > kBrokerHeardWithin;
    });
    if (!question.awaited.empty()) {
      ++at;
      continue;
    }
    recovery_.later.push_back({collecting_, broker, tell(question), {}});
    at = recovery_.questions.erase(at);
  }
}

RecoveryTold Shard::tell(const RecoveryTalk::Question& question) {
  RecoveryTold told;
  told.number = question.ask.number;
  told.refusal = question.refusal;
  if (told.refusal.empty()) told.refusal = heard_lately(question.ask.lost);
  const Partition* const keeper = find_partition(PartitionId{0});
  const bool is_changing =
      (keeper != nullptr && keeper->proposes_map()) || membership_.newest_version() != membership_.map()->number();
  if (told.refusal.empty() && is_changing) {
    told.refusal = "the cluster's map is being changed";
    told.promised = question.ask.number.attempt;
  }
  if (told.refusal.empty()) told = recovery_.promise.on_ask(question.ask, *membership_.map(), store_);
  if (!told.refusal.empty()) return told;
  told.ends = replica_ends();
  recovery_.told = RecoveryTalk::Told{now_, membership_.map()->number()};
  return told;
}

/// Empty where none of them was heard for so long that it may well be lost.
std::string Shard::heard_lately(const std::vector<WorkerId>& lost) const {
  for (const WorkerId worker : lost) {
    if (worker == membership_.self()) return "it is named as lost, and is there";
    const Duration silence = peers_.silence_of(worker, now_);
    if (silence >= settings_.recovery_silence || membership_.map()->find(worker) == nullptr) continue;
    return "it cannot tell yet that " + address_of(worker) + " is gone: it has been without a word of it for " +
           in_seconds(silence) + ", and " + in_seconds(settings_.recovery_silence) + " are wanted";
  }
  return "";
}

void Shard::on_recovery_plan(BrokerIndex broker, const BundleItem& item) {
  const auto plan = read_recovery_plan(item);
  if (!plan || membership_.map() == nullptr || !are_open_) return;
  auto written = recovery_.promise.on_plan(*plan, *membership_.map(), store_,
                                           [this](const ClusterMap& next) { return objection_to(next); });
  recovery_.later.push_back({collecting_, broker, {}, std::move(written)});
}

/// What speaks against writing the plan down; empty: nothing.
std::string Shard::objection_to(const ClusterMap& plan) const {
  const auto& told = recovery_.told;
  if (!told || now_ - told->at >= kGivenWithin) return "it told too long ago what it has: ask again";
  if (told->map != membership_.newest_version()) return "the cluster's map has changed meanwhile: ask again";
  for (const Member& member : membership_.map()->members) {
    const bool stays = member.id == membership_.self() || plan.find(member.id) != nullptr;
    if (!stays && peers_.silence_of(member.id, now_) < now_ - told->at) return member.address + " was heard just now";
  }
  return "";
}

const ClusterMap* Shard::recovery_plan() const {
  return membership_.map() == nullptr ? nullptr : recovery_.promise.plan(*membership_.map());
}

/// Whether all must stay as it is, since a plan is being made of it.
bool Shard::is_recovering() const {
  if (recovery_plan() != nullptr) return true;
  return recovery_.told && now_ - recovery_.told->at < kGivenWithin && recovery_.promise.is_open(*membership_.map());
}

/// Whoever the plan leaves behind counts for nothing any more, once it is written down.
bool Shard::is_left_behind(WorkerId worker) const {
  const ClusterMap* const plan = recovery_plan();
  return plan != nullptr && plan->find(worker) == nullptr && !settings_.replica.omitted.left_behind;
}

/// A copy of the map, whoever brings it.  The one of a recovery that this worker's plan takes the place of is too late.
void Shard::take_map(const ClusterMap& offer) {
  const ClusterMap* const plan = recovery_plan();
  if (plan != nullptr && offer.recovery > membership_.map()->recovery && offer.number() < plan->number()) return;
  const MapVersion told = membership_.told_version();
  note(membership_.on_map_offer(offer, store_, collecting_));
  if (membership_.told_version() != told) hello_due_ = now_;  // It asks to join by this map from now on.
}

/// What was promised is said once it is durable; where nothing was to be written, at once.
void Shard::say_recovery() {
  if (recovery_.later.empty()) return;
  std::erase_if(recovery_.later, [this](const RecoveryTalk::Later& each) {
    if (each.after > durable_ && (store_.has_collected() || store_.is_writing())) return false;
    BundleWriter& out = brokers_[each.broker].out;
    each.told ? add(out, *each.told) : add(out, *each.written);
    return true;
  });
}

/// One that was begun and never ended keeps the members that it leaves behind away from this worker.
void Shard::warn_of_recovery() {
  const ClusterMap* const plan = recovery_plan();
  if (plan == nullptr) return recovery_.warned_at.reset();
  if (!recovery_.warned_at) recovery_.warned_at = now_;  // It is seldom more than a moment.
  if (now_ - *recovery_.warned_at < kWarnedEvery) return;
  recovery_.warned_at = now_;
  std::string lost;
  for (const Member& member : membership_.map()->members) {
    if (plan->find(member.id) == nullptr) lost += (lost.empty() ? "" : ",") + member.address;
  }
  warn("a recovery of this cluster was begun and has not ended: until it has, this worker does not listen to " + lost +
       "; trellis recover --lost " + lost + " goes on with it");
}

/// The replicas that the map names here are made when the worker starts: nothing else runs then.
bool Shard::has_to_recover() const {
  const ClusterMap* const map = membership_.map();
  return map != nullptr &&
         std::any_of(map->recovered.begin(), map->recovered.end(), [this](const RecoveredReplica& each) {
           const auto at = local_replicas_.find(each.partition);
           const records::LocalReplica local = at == local_replicas_.end() ? records::LocalReplica{} : at->second;
           return is_to_be_recovered(each, membership_.self(), local);
         });
}

Result<void> Shard::recover_replicas(std::vector<std::string>& needed) {
  const ClusterMap& map = *membership_.map();
  for (const RecoveredReplica& each : map.recovered) {
    const auto at = local_replicas_.find(each.partition);
    const records::LocalReplica local = at == local_replicas_.end() ? records::LocalReplica{} : at->second;
    if (!is_to_be_recovered(each, membership_.self(), local)) continue;
    report(LogLevel::kWarning, "this replica is all that is left of its group, which begins anew with it",
           each.partition);
    auto made = recover_replica(each, local, map, settings_.sessions, store_, snapshots_, random_);
    if (!made) return made.error();
    local_replicas_[each.partition] = made->local;
    opening_[each.partition] = collecting_;
    needed.insert(needed.end(), made->descriptors.begin(), made->descriptors.end());
  }
  return {};
}

}  // namespace trellis

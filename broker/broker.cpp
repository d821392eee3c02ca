#include "broker/broker.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "broker/access.hpp"
#include "broker/calls.hpp"
#include "broker/formation.hpp"
#include "broker/freeze_guard.hpp"
#include "broker/outbox.hpp"
#include "broker/recoveries.hpp"
#include "broker/registry.hpp"
#include "broker/report.hpp"
#include "broker/requests.hpp"
#include "broker/router.hpp"
#include "protocol/access/access_messages.hpp"
#include "protocol/cluster/cluster_messages.hpp"
#include "protocol/cluster/map_contradiction.hpp"

namespace trellis {
namespace {

/// Liveness is checked twice a heartbeat.
constexpr auto kLivenessInterval = kHeartbeatInterval / 2;
constexpr std::size_t kLoggedRefusalsMax = 1024;
/// Broken messages come in floods, or not at all.
constexpr Duration kDropsToldEvery = std::chrono::seconds(10);

const char* remedy(WorkerState state) {
  switch (state) {
    case WorkerState::kUp: return "";
    case WorkerState::kSuspect: return ": nothing was heard of it for 0.5 s; is its machine overloaded or cut off?";
    case WorkerState::kDown: return ": nothing was heard of it for 1.5 s; its log tells why, start it again";
  }
  return "";
}

/// Said by the same incarnation before it held the map that it has spoken of: an incarnation never gives one back.
bool is_outdated(const Hello& hello, const Hello& last) {
  return hello.nonce == last.nonce && hello.cluster.empty() && !last.cluster.empty();
}

}  // namespace

class Broker::Core {
 public:
  Core(BrokerOptions options, BrokerOutput& output, const RandomSource& random, TimePoint now)
      : options_(std::move(options)),
        output_(output),
        outbox_(output, random()),
        registry_(outbox_, random(), now, options_.omitted),
        router_(registry_, options_.omitted),
        nonce_{random()},
        leadership_checks_(nonce_, registry_, router_, outbox_, options_.omitted),
        formation_(options_, registry_, router_, outbox_, output),
        access_(output, options_.omitted),
        call_timers_(now),
        freeze_guard_(now),
        requests_({options_, output, registry_, router_, formation_, access_, freeze_guard_}, random, now),
        calls_(options_, registry_, router_, outbox_, leadership_checks_, call_timers_, requests_, random()),
        recoveries_(nonce_, options_, registry_, formation_, outbox_),
        next_liveness_check_(now) {
    requests_.use(calls_);
    requests_.use(recoveries_);
  }

  void on_client_message(Frames& frames, TimePoint now, const Asker& asker);
  Admission admit(std::string_view public_key) const { return access_.admit(public_key); }
  void on_worker_message(const BackendAddress& from, const Frames& bundle, TimePoint now);
  void on_tick(TimePoint now);
  TimePoint next_deadline() const;
  void flush(TimePoint now);
  void send_on(TimePoint now);
  std::size_t requests_under_way() const { return requests_.under_way(); }
  std::string metrics(TimePoint now) const;

 private:
  void note_time(TimePoint now);
  void on_item(const BackendAddress& from, const BundleItem& item, TimePoint now);
  void on_bulk(const BackendAddress& from, WorkerRecord& worker, const BundleItem& item, TimePoint now);
  void on_hello(const BackendAddress& from, Hello hello, TimePoint now);
  void on_welcome_hello(WorkerRecord& worker, const std::vector<Leadership>& led_before, TimePoint now);
  void on_map_offer(const BackendAddress& from, const BundleItem& item, TimePoint now);
  void on_access_item(WorkerRecord& worker, const BundleItem& item, TimePoint now);
  void refuse(const BackendAddress& from, const Hello& hello, const std::string& reason, bool is_final = false);
  void drop(const std::string& what, const WorkerRecord* from, TimePoint now);
  void use_new_map(TimePoint now);
  void check_liveness(TimePoint now);
  void on_recovery_item(WorkerRecord& worker, const BundleItem& item, TimePoint now);
  void settle_recovery(TimePoint now);
  void on_liveness_interval(TimePoint now);
  void say_welcome(TimePoint now);

  BrokerOptions options_;
  BrokerOutput& output_;
  Outbox outbox_;
  Registry registry_;
  Router router_;
  BootNonce nonce_;
  LeadershipChecks leadership_checks_;
  Formation formation_;
  Access access_;
  TimerWheel call_timers_;
  FreezeGuard freeze_guard_;
  Requests requests_;
  Calls calls_;
  Recoveries recoveries_;
  TimePoint next_liveness_check_;
  bool heartbeat_is_due_ = true;  ///< At every other liveness interval.
  std::set<BootNonce> refused_;   ///< Incarnations whose refusal was logged.
  std::vector<std::uint64_t> due_;
  std::vector<Tag> unsent_;
  std::vector<PartitionId> changed_;
  std::uint64_t leader_changes_ = 0;
  std::uint64_t dropped_ = 0;  ///< Messages that could not be read.
  std::optional<TimePoint> drop_told_;
};

void Broker::Core::note_time(TimePoint now) {
  if (!freeze_guard_.on_event(now)) return;
  registry_.on_woken(now);
  output_.log(LogLevel::kWarning,
              "this broker did not run for a while, and sends nothing on that its clients sent meanwhile; is its "
              "machine overloaded, or was it suspended?",
              {});
}

void Broker::Core::on_client_message(Frames& frames, TimePoint now, const Asker& asker) {
  note_time(now);
  requests_.on_client_message(frames, now, asker);
  settle_recovery(now);
  if (outbox_.reads_waiting() >= options_.limits.sent_on_at) send_on(now);
}

void Broker::Core::on_worker_message(const BackendAddress& from, const Frames& bundle, TimePoint now) {
  note_time(now);
  BundleReader reader(bundle);
  while (const auto item = reader.next()) on_item(from, *item, now);
  if (reader.broken()) drop("a broken message", nullptr, now);
  calls_.settle_checked(now);
  requests_.settle(now);
  settle_recovery(now);
}

void Broker::Core::on_recovery_item(WorkerRecord& worker, const BundleItem& item, TimePoint now) {
  const WorkerId id = worker.hello.id;
  if (static_cast<MessageType>(item.type) == MessageType::kRecoveryAsk) {
    const auto ask = read_recovery_ask(item);
    if (!ask) return drop(ask.error().message, &worker, now);
    if (worker.slot == nullptr) return;
    return add(outbox_.to(*worker.slot), RecoveryHeard{ask->number, recoveries_.heard_lately(ask->lost, now)});
  }
  if (static_cast<MessageType>(item.type) == MessageType::kRecoveryTold) {
    auto told = read_recovery_told(item);
    return told ? recoveries_.on_told(id, std::move(*told), now) : drop(told.error().message, &worker, now);
  }
  const auto written = read_recovery_written(item);
  return written ? recoveries_.on_written(id, *written) : drop(written.error().message, &worker, now);
}

void Broker::Core::settle_recovery(TimePoint now) {
  if (!recoveries_.has_news()) return;
  if (auto plan = recoveries_.take_plan(); plan && formation_.on_map_offer(std::move(*plan), now)) use_new_map(now);
  for (auto& [tag, answer] : recoveries_.take_done()) requests_.on_recovered(tag, std::move(answer), now);
}

void Broker::Core::on_item(const BackendAddress& from, const BundleItem& item, TimePoint now) {
  const auto type = static_cast<MessageType>(item.type);
  if (type == MessageType::kHello) {
    auto hello = read_hello(item);
    if (hello) return on_hello(from, std::move(*hello), now);
    return drop(hello.error().message, nullptr, now);
  }
  WorkerRecord* const worker = registry_.heard(from, now);
  if (worker == nullptr) return;  // Its hello comes first, and was not taken.
  if (bulk::is_bulk_type(item.type)) return on_bulk(from, *worker, item, now);
  if (type == MessageType::kMapOffer) return on_map_offer(from, item, now);
  if (type == MessageType::kAccessNews || type == MessageType::kAccessOffer) return on_access_item(*worker, item, now);
  if (type == MessageType::kJoinRefused) {
    const auto refused = read_join_refused(item);
    return refused ? formation_.on_join_refused(*refused) : drop(refused.error().message, worker, now);
  }
  const bool is_of_recovery =
      type == MessageType::kRecoveryAsk || type == MessageType::kRecoveryTold || type == MessageType::kRecoveryWritten;
  if (is_of_recovery) return on_recovery_item(*worker, item, now);
  if (type == MessageType::kLeadershipAnswer) {
    const auto confirm = read_leadership_answer(item);
    return confirm ? calls_.on_answer(worker->hello.id, *confirm) : drop(confirm.error().message, worker, now);
  }
  if (type != MessageType::kReply) return;
  auto reply = read_worker_reply(item);
  if (!reply) return drop(reply.error().message, worker, now);
  calls_.on_reply(worker->hello.id, std::move(*reply), now);
}

void Broker::Core::on_bulk(const BackendAddress& from, WorkerRecord& worker, const BundleItem& item, TimePoint now) {
  if (worker.slot == nullptr || worker.slot->address != from) return;  // It came over an earlier connection.
  BulkLink& bulk = worker.slot->bulk;
  const std::size_t received = bulk.in.received();
  const auto whole = bulk.on_item(item, outbox_.to(*worker.slot), now);
  if (!whole) return drop(whole.error().message, &worker, now);
  if (*whole) return on_item(from, (*whole)->item(), now);
  // What is on its way here need not be asked for again yet.  What else comes says nothing of it: the rest may be lost.
  const bool is_reply = bulk.in.type() == static_cast<std::uint8_t>(MessageType::kReply);
  if (is_reply && bulk.in.received() != received) calls_.on_progress(bulk.in.header(), now);
}

void Broker::Core::on_hello(const BackendAddress& from, Hello hello, TimePoint now) {
  if (const WorkerRecord* const known = registry_.find(hello.id);
      known != nullptr && is_outdated(hello, known->hello)) {
    return;
  }
  if (const auto reason = formation_.refusal(hello)) {
    // One that was taken while no cluster was known has no place any more.
    if (registry_.heard(from, now) != nullptr) registry_.remove(hello.id);
    if (formation_.was_removed(hello)) add_map_offer(outbox_.to(from), *formation_.map());
    return refuse(from, hello, *reason);
  }
  const WorkerRecord* const before = registry_.find(hello.id);
  const std::vector<Leadership> led_before = before == nullptr ? std::vector<Leadership>() : before->hello.leads;
  const WorkerId id = hello.id;
  const BootNonce nonce = hello.nonce;
  const Hello copy = hello;
  Registry::Admission admission = registry_.admit(from, std::move(hello), now);
  if (admission.refusal) return refuse(from, copy, *admission.refusal, true);
  if (admission.worker == nullptr) return;
  refused_.erase(nonce);
  if (admission.new_worker) {
    output_.log(LogLevel::kInfo,
                "worker " + to_string(id) + " at " + copy.address + " is here" +
                    (copy.cluster.empty() ? ", empty" : ", of cluster " + copy.cluster),
                {id, {}});
  }
  if (admission.new_incarnation)
    output_.log(LogLevel::kInfo, "worker " + copy.address + " has started again", {id, {}});
  if (admission.new_incarnation || admission.new_connection) {
    if (admission.new_incarnation) router_.forget(id);
    calls_.on_worker_lost(id, admission.new_incarnation, now);
  }
  // One that was never heard of counted as down, and counts as up from its first word on.
  if (admission.new_worker) {
    router_.refresh(now);
    calls_.review(now);
  }
  on_welcome_hello(*admission.worker, admission.new_incarnation ? std::vector<Leadership>() : led_before, now);
}

void Broker::Core::on_welcome_hello(WorkerRecord& worker, const std::vector<Leadership>& led_before, TimePoint now) {
  if (worker.state != WorkerState::kUp || worker.hello.leaving) check_liveness(now);
  changed_.clear();
  router_.on_leads(worker.hello.id, led_before, worker.hello.leads, changed_);
  const std::vector<PartitionId> changed = changed_;
  leader_changes_ += changed.size();
  for (const PartitionId partition : changed) calls_.on_leader(partition, now);
  formation_.on_hello(worker, now);
  if (formation_.on_tick(now)) use_new_map(now);
}

void Broker::Core::on_map_offer(const BackendAddress& from, const BundleItem& item, TimePoint now) {
  auto map = read_map_offer(item);
  if (!map && map.error().code == Code::kFailedPrecondition) return formation_.on_later_level(map.error().message);
  if (!map) {
    const WorkerRecord* const worker = registry_.heard(from, now);
    return output_.log(LogLevel::kError,
                       "the cluster map of " + worker->hello.address + " cannot be read: " + map.error().message +
                           "; stop that worker, and start it again with the version of Trellis that the others run",
                       {worker->hello.id, {}});
  }
  const ClusterMap* const held = formation_.map();
  if (held != nullptr && held->cluster == map->cluster) {
    if (const auto says = contradiction(*held, *map)) {
      return drop("a map of this cluster, version " + std::to_string(map->version) + ", with " + *says,
                  registry_.heard(from, now), now);
    }
  }
  if (formation_.on_map_offer(std::move(*map), now)) use_new_map(now);
}

/// Users and roles: of the cluster that is served, or of none.
void Broker::Core::on_access_item(WorkerRecord& worker, const BundleItem& item, TimePoint now) {
  const ClusterMap* const map = formation_.map();
  if (map == nullptr || !map->formed || worker.hello.cluster != map->cluster) return;
  if (item.type == static_cast<std::uint8_t>(MessageType::kAccessOffer)) {
    if (const auto taken = access_.on_offer(item.header); !taken) drop(taken.error().message, &worker, now);
    return;
  }
  const auto version = read_access_version(item.header);
  if (!version) return drop(version.error().message, &worker, now);
  if (worker.slot != nullptr && access_.on_news(*version, now)) add_access_wanted(outbox_.to(*worker.slot));
}

void Broker::Core::refuse(const BackendAddress& from, const Hello& hello, const std::string& reason, bool is_final) {
  Refused refused;
  refused.reason = reason;
  refused.nonce = hello.nonce;
  refused.is_final = is_final;
  add(outbox_.to(from), refused);
  if (refused_.size() > kLoggedRefusalsMax) refused_.clear();
  if (refused_.insert(hello.nonce).second) {
    output_.log(LogLevel::kError, "refused worker " + to_string(hello.id) + " at " + hello.address + ": " + reason,
                {hello.id, {}});
  }
}

/// What is broken comes from outside of the cluster, or from another version of it.
/// @param from  null: who it was is not known
void Broker::Core::drop(const std::string& what, const WorkerRecord* from, TimePoint now) {
  ++dropped_;
  if (drop_told_ && now - *drop_told_ < kDropsToldEvery) return;
  drop_told_ = now;
  LogSubject subject;
  if (from != nullptr) subject.worker = from->hello.id;
  output_.log(LogLevel::kWarning,
              what + " was dropped, " + std::to_string(dropped_) + " since the start; " +
                  (from == nullptr ? "is it a client, which belongs at the frontend, or a worker of another version?"
                                   : "does " + from->hello.address + " run this version of Trellis?"),
              subject);
}

void Broker::Core::use_new_map(TimePoint now) {
  router_.set_map(formation_.map());
  recoveries_.on_map(*formation_.map());
  output_.on_cluster(formation_.map()->cluster);
  calls_.set_partitions(router_.partition_count());
  std::vector<WorkerId> strangers;
  for (const auto& [id, worker] : registry_.workers()) {
    if (const auto reason = formation_.refusal(worker->hello)) {
      if (worker->slot != nullptr && formation_.was_removed(worker->hello)) {
        add_map_offer(outbox_.to(*worker->slot), *formation_.map());
      }
      if (worker->slot != nullptr) refuse(worker->slot->address, worker->hello, *reason);
      strangers.push_back(id);
    }
  }
  // The refusals leave before their connections are forgotten.
  flush(now);
  for (const WorkerId id : strangers) registry_.remove(id);
  changed_.clear();
  for (const auto& [id, worker] : registry_.workers()) router_.on_leads(id, {}, worker->hello.leads, changed_);
  router_.refresh(now);
  for (const auto& [id, worker] : registry_.workers()) formation_.on_hello(*worker, now);
  requests_.on_cluster_changed(now);
}

void Broker::Core::on_tick(TimePoint now) {
  note_time(now);
  if (now >= next_liveness_check_)
    on_liveness_interval(now);  // First, so that what is refused now is told as it stands now.
  // Before the requests' deadlines: what is known of a recovery is told.
  recoveries_.on_tick(now);
  settle_recovery(now);
  // Then the deadlines, so that nothing is sent again for which nobody waits.
  requests_.on_tick(now);
  requests_.settle(now);
  due_.clear();
  call_timers_.take_due(now, due_);
  for (const Tag call : due_) calls_.on_timer(call, now);
  requests_.settle(now);
}

void Broker::Core::on_liveness_interval(TimePoint now) {
  next_liveness_check_ = now + kLivenessInterval;
  check_liveness(now);
  outbox_.tick(now);
  router_.note_leaders(now);
  if (formation_.on_tick(now)) use_new_map(now);
  if (std::exchange(heartbeat_is_due_, !heartbeat_is_due_)) say_welcome(now);
}

void Broker::Core::say_welcome(TimePoint now) {
  for (const auto& [id, worker] : registry_.workers()) {
    if (worker->slot != nullptr) add(outbox_.to(*worker->slot), Welcome{nonce_, worker->round_trip.stamps(now)});
  }
}

void Broker::Core::check_liveness(TimePoint now) {
  const bool was_warmed_up = registry_.warmed_up();
  const auto changes = registry_.update(now);
  if (changes.empty() && registry_.warmed_up() == was_warmed_up) return;
  router_.refresh(now);
  for (const auto& change : changes) {
    const WorkerRecord* const worker = registry_.find(change.worker);
    output_.log(change.state == WorkerState::kUp ? LogLevel::kInfo : LogLevel::kWarning,
                "worker " + worker->hello.address + " is " + std::string(name_of(change.state)) + remedy(change.state),
                {change.worker, {}});
    if (change.state != WorkerState::kDown) continue;
    router_.forget(change.worker);
    calls_.on_worker_lost(change.worker, true, now);
  }
  calls_.review(now);
}

std::string Broker::Core::metrics(TimePoint now) const {
  BrokerCounts counts = requests_.counts();
  counts.leader_changes = leader_changes_;
  counts.messages_dropped = dropped_;
  return metrics_of(counts,
                    {requests_.under_way(), calls_.under_way(), requests_.bytes(), requests_.clients(),
                     access_.records() == nullptr ? 0 : access_.records()->users.size(),
                     access_.records() == nullptr ? 0 : access_.records()->version,
                     report_status(options_, router_, registry_, now), router_.map()},
                    registry_, now);
}

TimePoint Broker::Core::next_deadline() const {
  if (requests_.has_put_off()) return TimePoint{};
  return call_timers_.next_due(requests_.next_due(next_liveness_check_));
}

void Broker::Core::flush(TimePoint now) {
  if (requests_.has_put_off()) requests_.run_put_off(now);
  send_on(now);
}

void Broker::Core::send_on(TimePoint now) {
  unsent_.clear();
  leadership_checks_.send();
  outbox_.flush(unsent_, now);
  for (const Tag call : unsent_) calls_.on_not_sent(call, now);
}

Broker::Broker(BrokerOptions options, BrokerOutput& output, const RandomSource& random, TimePoint now)
    : core_(std::make_unique<Core>(std::move(options), output, random, now)) {}
Broker::~Broker() = default;

void Broker::on_client_message(Frames& frames, TimePoint now, const Asker& asker) {
  core_->on_client_message(frames, now, asker);
}
Admission Broker::admit(std::string_view public_key) const { return core_->admit(public_key); }
void Broker::on_worker_message(const BackendAddress& worker, const Frames& bundle, TimePoint now) {
  core_->on_worker_message(worker, bundle, now);
}
void Broker::on_tick(TimePoint now) { core_->on_tick(now); }
TimePoint Broker::next_deadline() const { return core_->next_deadline(); }
void Broker::flush(TimePoint now) { core_->flush(now); }
std::string Broker::metrics(TimePoint now) const { return core_->metrics(now); }
std::size_t Broker::requests_under_way() const { return core_->requests_under_way(); }

}  // namespace trellis

// The process of a broker, see processes.hpp.
#include <utility>

#include "protocol/access/access_records.hpp"
#include "protocol/command.hpp"
#include "protocol/reply.hpp"
#include "sim/cluster.hpp"
#include "sim/mutations/mutated_messages.hpp"
#include "sim/mutations/omitted_rules.hpp"
#include "sim/processes.hpp"

namespace trellis::sim {

BrokerProcess::BrokerProcess(Cluster& cluster, std::size_t index)
    : Process(cluster, static_cast<ProcessNumber>(kFirstBroker + index), "broker " + std::to_string(index)),
      index_(index) {}

bool BrokerProcess::begin() {
  BrokerOptions options;
  options.servers = cluster_.server_file();
  options.k = cluster_.shape().k;
  options.partitions = cluster_.shape().partitions;
  options.limits = cluster_.shape().limits;
  if (const Duration silence = cluster_.shape().recovery_silence; silence > Duration(0)) {
    options.recovery_silence = std::chrono::duration_cast<std::chrono::milliseconds>(silence);
  }
  options.omitted = omitted_broker_rules(cluster_.mutations());
  options.omitted.equal_plans = index_ % 2 == 1;  // Which plan counts is not to depend on their being the same.
  broker_ = std::make_unique<Broker>(
      options, *this, [this] { return world_.random().bits(); }, local_now());
  for (std::size_t i = 0; i < cluster_.clients(); ++i) cluster_.client(i).on_broker(index_, true);
  return true;
}

void BrokerProcess::take_turn() {
  const TimePoint now = local_now();
  for (std::size_t n = 0; n < kMessagesPerTurn && !from_workers_.empty(); ++n) {
    const auto [from, message] = std::move(from_workers_.front());
    from_workers_.pop_front();
    broker_->on_worker_message(from, message, now);
    step();
  }
  for (std::size_t n = 0; n < kMessagesPerTurn && !from_clients_.empty(); ++n) {
    Frames message = std::move(from_clients_.front());
    from_clients_.pop_front();
    const auto asker = asker_of(message);
    if (!asker) continue;
    ledger_.on_request(message.front().bytes(), message.back().bytes(), now);
    broker_->on_client_message(message, now, *asker);
    step();
  }
  if (now >= broker_->next_deadline()) broker_->on_tick(now);
  broker_->flush(now);
  if (const auto overdue = ledger_.overdue(now)) world_.violate(name() + ": " + *overdue);
  if (!from_workers_.empty() || !from_clients_.empty()) wake();
}

/// As whom a client asks: without users as anybody, as a member, or as the raw clients' user under the number that it
/// had when this connection was let in.  Nothing: it is not let in.
std::optional<Asker> BrokerProcess::asker_of(const Frames& message) {
  if (!cluster_.shape().has_roles) return Asker();
  const std::string address(message.front().bytes());
  const SimulatedClient client = client_at(address);
  if (!client.is_raw) return Asker{Asker::kMember};
  auto at = guests_.find(address);
  if (at == guests_.end()) {
    const Admission admission = broker_->admit(guest_key());
    if (admission.verdict != Admission::Verdict::kLetIn) return std::nullopt;
    at = guests_.emplace(address, admission.user).first;
  }
  const auto read = read_request(message.back().bytes());
  if (const auto* const request = std::get_if<Request>(&read)) {
    cluster_.roles().on_request(index_, client, request->id, at->second);
  }
  return Asker{at->second};
}

void BrokerProcess::on_users(const AccessRecords& records) { cluster_.roles().on_users(index_, records.version); }

void BrokerProcess::end(bool power_cut) {
  cluster_.roles().on_end(index_);
  guests_.clear();
  broker_.reset();
  ledger_ = {};
  connections_.clear();
  from_workers_.clear();
  from_clients_.clear();
  if (power_cut) return;
  for (std::size_t i = 0; i < cluster_.clients(); ++i) cluster_.client(i).on_broker(index_, false);
}

void BrokerProcess::receive_from_worker(std::size_t worker, std::uint64_t incarnation, std::uint64_t connection,
                                        Frames message) {
  if (!is_up()) return;
  const auto address = std::to_string(worker) + "." + std::to_string(incarnation) + "." + std::to_string(connection);
  connections_.try_emplace(address, Connection{worker, incarnation, connection});
  if (cluster_.mutations().has(Mutation::kLeadershipUnchecked)) message = with_checked_replies(message);
  if (cluster_.mutations().has(Mutation::kStalestAnswer)) message = with_applied_turned(message);
  if (cluster_.mutations().has(Mutation::kAnswerBlindly)) message = with_blind_answers(message);
  if (cluster_.mutations().has(Mutation::kAnswerForLater)) last_answers_.note(address, message);
  from_workers_.emplace_back(address, std::move(message));
  wake();
}

void BrokerProcess::receive_from_client(const SimulatedClient& client, Frame request) {
  if (!is_up()) return;
  from_clients_.push_back({Frame(sim::address_of(client)), std::move(request)});
  wake();
}

void BrokerProcess::to_client(const ClientAddress& client, Frame reply) {
  if (!in_turn_) return;
  step();
  const std::string address(client.routing_id);
  if (cluster_.mutations().has(Mutation::kReplyDropped) && ++replies_ % 50 == 0) return;
  if (cluster_.mutations().has_any()) {
    reply = mutated_reply(reply, last_reply_[address], cluster_.mutations(), world_.random());
  }
  if (const auto wrong = ledger_.on_reply(address, reply.bytes())) world_.violate(name() + ": " + *wrong);
  const SimulatedClient asker = client_at(address);
  if (asker.is_raw && cluster_.shape().has_roles) {
    if (const auto answer = read_reply(reply.bytes())) cluster_.roles().on_reply(index_, asker, answer->id);
  }
  const ProcessNumber to =
      asker.is_raw ? cluster_.raw_client(asker.index).number() : cluster_.client(asker.index).number();
  world_.note("broker answers client", number(), to, reply.size());
  const std::uint64_t size = reply.size();
  carry(to, size, [this, asker, reply = std::move(reply)] { deliver(asker, reply); });
}

void BrokerProcess::deliver(const SimulatedClient& client, const Frame& reply) {
  if (client.is_raw) return cluster_.raw_client(client.index).receive(client.connection, reply);
  cluster_.client(client.index).receive(index_, reply);
}

bool BrokerProcess::to_worker(const BackendAddress& address, Frames bundle) {
  if (!in_turn_) return false;
  step();
  const auto connection = connections_.find(address);
  if (connection == connections_.end()) return false;
  if (world_.random().chance(cluster_.shape().refused_sends)) return false;
  if (cluster_.mutations().has(Mutation::kAnswerForLater)) {
    if (auto answers = last_answers_.answer(address, bundle)) from_workers_.emplace_back(address, std::move(*answers));
  }
  if (cluster_.mutations().has(Mutation::kNeverSentAgain)) bundle = without_repetitions(bundle);
  WorkerProcess& worker = cluster_.worker(connection->second.worker);
  const bool is_same = worker.is_up() && worker.incarnation() == connection->second.incarnation &&
                       worker.connection(index_) == connection->second.number;
  // A connection whose other end has gone: noticed, or not yet.
  if (!is_same && world_.random().chance(0.5)) return false;
  world_.note("broker says to worker", number(), worker.number(), bytes_of(bundle));
  const std::uint64_t size = bytes_of(bundle);
  carry(worker.number(), size, [this, &worker, connection = connection->second, bundle = std::move(bundle)] {
    if (worker.connection(index_) == connection.number) worker.receive_from_broker(index_, bundle);
  });
  return true;
}

void BrokerProcess::log(LogLevel, std::string_view event, const LogSubject&) {
  world_.say(name() + ": " + std::string(event));
}

}  // namespace trellis::sim

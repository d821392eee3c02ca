#include "sim/client.hpp"

#include <algorithm>
#include <utility>

#include "protocol/check.hpp"
#include "protocol/packed.hpp"
#include "sim/cluster.hpp"
#include "sim/mutations/mutated_messages.hpp"
#include "sim/operation_frames.hpp"

namespace trellis::sim {
namespace {

constexpr std::size_t kRepeatableMax = 20;
constexpr Duration kNoticedMin{200};
constexpr Duration kNoticedMax{30'000};
}  // namespace

ClientProcess::ClientProcess(Cluster& cluster, std::size_t index)
    : cluster_(cluster),
      world_(cluster.world()),
      index_(index),
      number_(static_cast<ProcessNumber>(kFirstClient + index)),
      workload_(cluster) {}

void ClientProcess::start() {
  Random& random = world_.random();
  ++incarnation_;
  clock_ = ProcessClock(world_.now(), TimePoint(random.between(Duration(0), std::chrono::hours(100))), 1'000'000);
  std::vector<std::string> endpoints;
  for (std::size_t i = 0; i < cluster_.brokers(); ++i) endpoints.push_back("broker-" + std::to_string(broker_at(i)));
  table_ = std::make_unique<CallTable>(
      endpoints, [this] { return world_.random().bits(); }, *this);
  calls_.clear();
  asked_.clear();
  armed_.reset();
  session_ = "client " + std::to_string(index_) + "." + std::to_string(incarnation_);
  thinking_ = 0;
  for (std::size_t i = 0; i < cluster_.brokers(); ++i) {
    if (cluster_.broker(i).is_up()) on_broker(i, true);
  }
  for (std::size_t i = 0; i < cluster_.shape().workload.under_way; ++i) think();
}

void ClientProcess::restart() {
  world_.say("client " + std::to_string(index_) + " is killed and another one starts");
  start();
}

void ClientProcess::on_broker(std::size_t broker, bool) {
  world_.after(world_.random().between(kNoticedMin, kNoticedMax), [this, broker, incarnation = incarnation_] {
    if (incarnation != incarnation_ || table_ == nullptr) return;
    if (cluster_.broker(broker).is_up()) {
      table_->on_connected(local_now(), place_of(broker));
    } else {
      table_->on_disconnected(local_now(), place_of(broker));
    }
    arm();
  });
}

void ClientProcess::receive(std::size_t broker, Frame reply) {
  if (table_ == nullptr) return;
  table_->on_frame(local_now(), place_of(broker), std::move(reply));
  arm();
}

std::size_t ClientProcess::place_of(std::size_t broker) const {
  return (broker + cluster_.brokers() - index_ % cluster_.brokers()) % cluster_.brokers();
}

std::size_t ClientProcess::broker_at(std::size_t place) const { return (place + index_) % cluster_.brokers(); }

bool ClientProcess::send(std::size_t place, const Frame& original) {
  Frame request = original;
  if (cluster_.mutations().has(Mutation::kNewSeqOnRetry))
    request = with_new_seq(original, copies_[std::string(original.bytes())]++);
  BrokerProcess& to = cluster_.broker(broker_at(place));
  world_.note("client asks broker", number_, to.number(), request.size());
  cluster_.network().carry(number_, to.number(), request.size(), [this, &to, request] {
    to.receive_from_client({index_, false, 0}, request);
  });
  return true;
}

void ClientProcess::arm() {
  const auto due = table_->next_due();
  if (!due) return;
  const TimePoint when = clock_.world(*due);
  if (armed_ && *armed_ <= when && *armed_ > world_.now()) return;
  armed_ = when;
  world_.at(when, [this, incarnation = incarnation_] {
    if (incarnation != incarnation_) return;
    armed_.reset();
    table_->on_tick(local_now());
    arm();
  });
}

void ClientProcess::think() {
  ++thinking_;
  const WorkloadShape& shape = cluster_.shape().workload;
  world_.after(world_.random().between(shape.think_min, shape.think_max), [this, incarnation = incarnation_] {
    if (incarnation != incarnation_) return;
    --thinking_;
    if (!is_finishing_) begin_operation();
  });
}

void ClientProcess::begin_operation() {
  Random& random = world_.random();
  const Duration timeout = workload_.timeout();
  if (random.chance(cluster_.shape().workload.batches)) return begin_batch();
  if (!repeatable_.empty() && random.chance(0.05)) return begin_call(repetition(), timeout);
  Operation operation = workload_.operation(false);
  if (is_write(operation.command) && random.chance(0.25)) {
    operation.session = session_;
    operation.seq = next_seq_++;
    if (repeatable_.size() == kRepeatableMax) repeatable_.erase(repeatable_.begin());
    repeatable_.push_back(operation);
  }
  begin_call(std::move(operation), timeout);
}

void ClientProcess::begin_call(Operation operation, Duration timeout, std::function<void(bool)> done) {
  Options options = options_of(operation);
  if (options.session) options.floor = floor();
  options.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(timeout);
  const std::string arguments = pack_arguments(operation);
  const std::uint64_t id = table_->begin(local_now(), operation.command, arguments, options);
  calls_[id] = {record({std::move(operation)}, timeout), std::move(done)};
  arm();
}

/// Repeats a write that was asked for before; now and then it asks for something else under the same session and seq.
Operation ClientProcess::repetition() {
  Operation operation = world_.random().pick(repeatable_);
  const bool counts = operation.command == Command::kPatch;
  if (world_.random().chance(0.1)) operation.key = counts ? workload_.random_counter() : workload_.random_key();
  const bool has_document = !counts && !operation.document.empty();
  if (world_.random().chance(0.1) && has_document) operation.document = workload_.new_document();
  return operation;
}

RecordedCall ClientProcess::record(std::vector<Operation> operations, Duration timeout) {
  for (Operation& operation : operations) {
    operation.client = "c" + std::to_string(index_) + "." + std::to_string(incarnation_);
  }
  return RecordedCall(cluster_, std::move(operations), timeout);
}

/// The lowest seq of its own sessions that it may still send again; seqs run on from one session to the next.
std::uint64_t ClientProcess::floor() const {
  std::uint64_t floor = next_seq_;
  for (const Operation& operation : repeatable_) floor = std::min(floor, operation.seq);
  for (const auto& [id, call] : calls_) {
    const Operation& first = call.recorded.first(cluster_);
    if (!first.session.empty()) floor = std::min(floor, first.seq);
  }
  return floor;
}

void ClientProcess::begin_batch() {
  std::vector<Operation> operations = workload_.batch();
  Options options;
  options.timeout = workload_.timeout();
  const std::uint64_t id = table_->begin(local_now(), Command::kBatch, pack_batch(operations), options);
  calls_[id] = {record(std::move(operations), options.timeout), {}};
  arm();
}

void ClientProcess::probe(Command command, const std::string& key, std::function<void(bool)> done) {
  Operation operation;
  operation.command = command;
  operation.key = key;
  if (is_write(command)) operation.document = workload_.new_document();
  begin_call(std::move(operation), std::chrono::seconds(20), std::move(done));
}

void ClientProcess::ask(Command command, const std::string& arguments, std::chrono::milliseconds timeout,
                        std::function<void(const Reply&)> done) {
  Options options;
  options.timeout = timeout;
  ask(command, arguments, options, std::move(done));
}

void ClientProcess::ask(Command command, const std::string& arguments, Options options,
                        std::function<void(const Reply&)> done) {
  asked_[table_->begin(local_now(), command, arguments, options)] = std::move(done);
  arm();
}

void ClientProcess::on_answer(std::uint64_t id, Answer answer) {
  if (const auto asked = asked_.find(id); asked != asked_.end()) {
    const auto done = std::move(asked->second);
    asked_.erase(asked);
    // From inside the table nothing may be begun.
    const auto kept = std::make_shared<Answer>(std::move(answer));
    return world_.after(Duration(0), [done, kept, incarnation = incarnation_, this] {
      if (incarnation == incarnation_) done(kept->reply);
    });
  }
  const auto at = calls_.find(id);
  CHECK(at != calls_.end());
  const Call call = std::move(at->second);
  calls_.erase(at);
  const Reply& reply = answer.reply;
  world_.note("client has its answer", number_, static_cast<std::uint64_t>(reply.status), id);
  call.recorded.end(cluster_, reply);
  if (call.done) {
    call.done(reply.status == Code::kOk && reply.info.guaranteed);
  } else {
    think();
  }
}

}  // namespace trellis::sim

#include "sim/client.hpp"

#include <algorithm>
#include <utility>

#include "protocol/check.hpp"
#include "protocol/packed.hpp"
#include "sim/cluster.hpp"
#include "sim/mutated_messages.hpp"

namespace trellis::sim {
namespace {

constexpr std::size_t kRepeatableMax = 20;
constexpr Duration kNoticedMin{200};
constexpr Duration kNoticedMax{30'000};
constexpr std::string_view kField = "n";

/// The arguments of a command, packed.
std::string pack_arguments(const Operation& operation) {
  std::string out;
  PackedWriter writer(out);
  switch (operation.command) {
    case Command::kPut:
    case Command::kSet: writer.array(2).key(operation.key).packed(operation.document); break;
    case Command::kQuery:
      writer.array(1).array(1 + operation.path.size()).key(operation.key);
      for (const Operation::Segment& segment : operation.path) writer.str(std::get<std::string>(segment));
      break;
    case Command::kKeys:
    case Command::kScan:
      writer.array(3).key(operation.key).natural(operation.limit);
      if (operation.after) {
        writer.key(*operation.after);
      } else {
        writer.nil();
      }
      break;
    default: writer.array(1).key(operation.key); break;
  }
  return out;
}

Options options_of(const Operation& operation) {
  Options options;
  options.stale = operation.stale;
  options.if_absent = operation.if_absent;
  options.if_version = operation.if_version;
  if (!operation.session.empty()) {
    options.session = operation.session;
    options.seq = operation.seq;
  }
  return options;
}

}  // namespace

ClientProcess::ClientProcess(Cluster& cluster, std::size_t index)
    : cluster_(cluster),
      world_(cluster.world()),
      index_(index),
      number_(static_cast<ProcessNumber>(kFirstClient + index)) {}

void ClientProcess::start() {
  Random& random = world_.random();
  ++life_;
  clock_ = ProcessClock(world_.now(), TimePoint(random.between(Duration(0), std::chrono::hours(100))), 1'000'000);
  std::vector<std::string> endpoints;
  for (std::size_t i = 0; i < cluster_.brokers(); ++i) endpoints.push_back("broker-" + std::to_string(broker_at(i)));
  table_ = std::make_unique<CallTable>(
      endpoints, [this] { return world_.random().bits(); }, *this);
  calls_.clear();
  armed_.reset();
  session_ = "client " + std::to_string(index_) + "." + std::to_string(life_);
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
  world_.after(world_.random().between(kNoticedMin, kNoticedMax), [this, broker, life = life_] {
    if (life != life_ || table_ == nullptr) return;
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
  cluster_.network().carry(number_, to.number(), request.size(),
                           [this, &to, request] { to.receive_from_client(index_, request); });
  return true;
}

void ClientProcess::arm() {
  const auto due = table_->next_due();
  if (!due) return;
  const TimePoint when = clock_.world(*due);
  if (armed_ && *armed_ <= when && *armed_ > world_.now()) return;
  armed_ = when;
  world_.at(when, [this, life = life_] {
    if (life != life_) return;
    armed_.reset();
    table_->on_tick(local_now());
    arm();
  });
}

void ClientProcess::think() {
  ++thinking_;
  const WorkloadShape& shape = cluster_.shape().workload;
  world_.after(world_.random().between(shape.think_min, shape.think_max), [this, life = life_] {
    if (life != life_) return;
    --thinking_;
    if (!is_finishing_) begin_operation();
  });
}

std::string ClientProcess::random_key() {
  const std::uint64_t number = world_.random().below(cluster_.shape().workload.keys);
  return (number % 2 == 0 ? "a/" : "b/") + std::to_string(number);
}

std::string ClientProcess::new_document() {
  std::string document;
  Random& random = world_.random();
  const std::size_t padding = random.below(cluster_.shape().workload.padding_max + 1);
  PackedWriter(document).map(2).str(kField).natural(random.bits()).str("pad").str(std::string(padding, 'x'));
  return document;
}

Operation ClientProcess::random_operation(bool in_batch) {
  Random& random = world_.random();
  Operation operation;
  operation.key = random_key();
  const std::uint64_t dice = random.below(in_batch ? 80 : 100);
  if (dice < 24) {
    operation.command = random.chance(0.7) ? Command::kPut : Command::kSet;
    operation.document = new_document();
    if (random.chance(0.15)) operation.if_absent = true;
  } else if (dice < 34) {
    operation.command = Command::kDelete;
  } else if (dice < 42) {
    operation.command = Command::kPop;
  } else if (dice < 65) {
    operation.command = Command::kGet;
  } else if (dice < 72) {
    operation.command = Command::kHas;
  } else if (dice < 80) {
    operation.command = Command::kQuery;
    operation.path = {std::string(kField)};
  } else {
    operation.command = dice < 88 ? Command::kKeys : dice < 94 ? Command::kScan : Command::kCount;
    operation.key = random.chance(0.3) ? "" : random.chance(0.5) ? "a/" : "b/";
    if (operation.command != Command::kCount) {
      operation.limit = static_cast<std::size_t>(random.between(1, 5));
      if (random.chance(0.4)) operation.after = random_key();
    }
  }
  const bool takes_version =
      operation.command == Command::kPut || operation.command == Command::kSet || operation.command == Command::kDelete;
  if (takes_version && !operation.if_absent && random.chance(0.2)) {
    // A version that this key had lately, where one is known.
    const auto& known = cluster_.history().operations;
    for (std::size_t i = known.size(); i > 0 && i + 60 > known.size(); --i) {
      const Operation& earlier = known[i - 1];
      if (earlier.key == operation.key && earlier.version) {
        operation.if_version = earlier.version;
        break;
      }
    }
  }
  if (!is_write(operation.command) && !in_batch && random.chance(0.1)) operation.stale = true;
  return operation;
}

void ClientProcess::begin_operation() {
  Random& random = world_.random();
  const WorkloadShape& shape = cluster_.shape().workload;
  const Duration timeout = random.between(shape.timeout_min, shape.timeout_max);
  if (random.chance(0.08)) return begin_batch();
  if (!repeatable_.empty() && random.chance(0.05)) return begin_call(random.pick(repeatable_), timeout);
  Operation operation = random_operation(false);
  if (is_write(operation.command) && random.chance(0.25)) {
    operation.session = session_;
    operation.seq = next_seq_++;
    if (repeatable_.size() == kRepeatableMax) repeatable_.erase(repeatable_.begin());
    repeatable_.push_back(operation);
  }
  begin_call(std::move(operation), timeout);
}

void ClientProcess::begin_call(Operation operation, Duration timeout, std::function<void(bool)> done) {
  operation.client = "c" + std::to_string(index_) + "." + std::to_string(life_);
  operation.call = world_.now();
  Options options = options_of(operation);
  if (options.session) options.floor = floor();
  options.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(timeout);
  const std::string arguments = pack_arguments(operation);
  auto& operations = cluster_.history().operations;
  const std::uint64_t id = table_->begin(local_now(), operation.command, arguments, options);
  calls_[id] = {{operations.size()}, timeout, {cluster_.answers().freshest_left(operation)}, std::move(done)};
  operations.push_back(std::move(operation));
  arm();
}

/// The lowest seq of its own sessions that it may still send again; seqs run on from one session to the next.
std::uint64_t ClientProcess::floor() const {
  std::uint64_t floor = next_seq_;
  for (const Operation& operation : repeatable_) floor = std::min(floor, operation.seq);
  for (const auto& [id, call] : calls_) {
    const Operation& first = cluster_.history().operations[call.operations.front()];
    if (!first.session.empty()) floor = std::min(floor, first.seq);
  }
  return floor;
}

void ClientProcess::begin_batch() {
  Random& random = world_.random();
  const WorkloadShape& shape = cluster_.shape().workload;
  auto& operations = cluster_.history().operations;
  const std::uint64_t batch = operations.size() + 1;
  const std::size_t count = static_cast<std::size_t>(random.between(1, 6));
  Call call;
  std::string arguments;
  PackedWriter writer(arguments);
  writer.array(1).array(count);
  for (std::size_t i = 0; i < count; ++i) {
    Operation operation = random_operation(true);
    operation.client = "c" + std::to_string(index_) + "." + std::to_string(life_);
    operation.call = world_.now();
    operation.batch = batch;
    operation.item = static_cast<std::uint32_t>(i);
    std::string options;
    pack_options(options, options_of(operation));
    writer.array(3).str(name_of(operation.command)).packed(pack_arguments(operation)).packed(options);
    call.operations.push_back(operations.size());
    call.held.push_back(cluster_.answers().freshest_left(operation));
    operations.push_back(std::move(operation));
  }
  Options options;
  options.timeout =
      std::chrono::duration_cast<std::chrono::milliseconds>(random.between(shape.timeout_min, shape.timeout_max));
  call.timeout = options.timeout;
  const std::uint64_t id = table_->begin(local_now(), Command::kBatch, arguments, options);
  calls_[id] = std::move(call);
  arm();
}

void ClientProcess::probe(Command command, const std::string& key, std::function<void(bool)> done) {
  Operation operation;
  operation.command = command;
  operation.key = key;
  if (is_write(command)) operation.document = new_document();
  begin_call(std::move(operation), std::chrono::seconds(20), std::move(done));
}

void ClientProcess::take_result(Operation& operation, Code status, std::string_view result, const ReplyInfo& info) {
  operation.status = status;
  operation.guaranteed = info.guaranteed;
  // What a history knows of such a write: nothing, or that it was another one.
  if (info.exactly_once == ExactlyOnce::kUnknown) operation.status.reset();
  if (info.exactly_once == ExactlyOnce::kOtherRequest) operation.status = Code::kInvalidArgument;
  if (status != Code::kOk) return;
  operation.version = info.version;
  operation.more = info.more;
  PackedReader reader(result);
  switch (operation.command) {
    case Command::kPut:
    case Command::kSet:
    case Command::kHas:
    case Command::kDelete: operation.flag = reader.read_bool(); break;
    case Command::kGet:
    case Command::kPop:
    case Command::kQuery: operation.found = std::string(result); break;
    case Command::kKeys:
    case Command::kScan: {
      const std::uint32_t count = reader.read_array().value_or(0);
      for (std::uint32_t i = 0; i < count; ++i) {
        if (operation.command == Command::kScan) reader.read_array();
        operation.keys.emplace_back(reader.read_bytes().value_or("?"));
        if (operation.command == Command::kScan) operation.documents.emplace_back(reader.read_value().value_or("?"));
      }
      break;
    }
    case Command::kCount: operation.count = reader.read_uint().value_or(~0ull); break;
    default: CHECK(false);
  }
}

void ClientProcess::on_answer(std::uint64_t id, Answer answer) {
  const auto at = calls_.find(id);
  CHECK(at != calls_.end());
  const Call call = std::move(at->second);
  calls_.erase(at);
  auto& operations = cluster_.history().operations;
  const Reply& reply = answer.reply;
  world_.note("client has its answer", number_, static_cast<std::uint64_t>(reply.status), call.operations.front());
  ++cluster_.counters().answered;
  if (reply.status == Code::kOk) ++cluster_.counters().ok;
  const bool is_batch = operations[call.operations.front()].batch != 0;
  PackedReader items(reply.result);
  if (is_batch && reply.status == Code::kOk && items.read_array() != call.operations.size()) {
    world_.violate("a BATCH was answered with another number of results");
  }
  for (std::size_t i = 0; i < call.operations.size(); ++i) {
    Operation& operation = operations[call.operations[i]];
    operation.returned = world_.now();
    if (!is_batch || reply.status != Code::kOk) {
      take_result(operation, reply.status, reply.result, reply.info);
      cluster_.answers().check(operation, reply.info, call.timeout, call.held[i]);
      continue;
    }
    items.read_array();
    const auto status = code_of(items.read_str().value_or(""));
    const std::string_view result = items.read_value().value_or("");
    auto info = read_info(items.read_value().value_or(""));
    if (!status || !info) return world_.violate("a BATCH's answer cannot be read");
    info->warnings = reply.info.warnings;
    take_result(operation, *status, result, *info);
    cluster_.answers().check(operation, *info, call.timeout, call.held[i]);
  }
  if (call.done) {
    call.done(reply.status == Code::kOk && reply.info.guaranteed);
  } else {
    think();
  }
}

}  // namespace trellis::sim

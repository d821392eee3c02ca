#include "sim/raw_client.hpp"

#include <utility>

#include "protocol/command_table.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"
#include "sim/cluster.hpp"
#include "sim/operation_frames.hpp"
#include "sim/roles.hpp"

namespace trellis::sim {
namespace {

using std::chrono::milliseconds;

/// After a deadline the broker's word is on its way for so long at most, where it comes at all.
constexpr Duration kGrace = milliseconds(300);
/// Ids of what is no request: one wrong bit does not make them those of requests.
constexpr std::uint64_t kRubbish = 0x7700'0000'0000'0000;
constexpr std::string_view kVariable = "x";

/// COMPUTE answers with a float64 what QUERY answers as the number that is stored.
std::string as_stored_number(std::string_view result) {
  const auto token = PackedReader(result).next();
  std::string out;
  if (token) PackedWriter(out).natural(static_cast<std::uint64_t>(token->number));
  return out;
}

}  // namespace

RawClient::RawClient(Cluster& cluster, std::size_t index, ProcessNumber number)
    : cluster_(cluster), world_(cluster.world()), index_(index), number_(number), workload_(cluster) {}

void RawClient::start() {
  connect();
  for (std::size_t i = 0; i < cluster_.shape().workload.under_way; ++i) think();
}

void RawClient::connect() {
  ++connection_;
  broker_ = static_cast<std::size_t>(world_.random().below(cluster_.brokers()));
}

void RawClient::think() {
  const WorkloadShape& shape = cluster_.shape().workload;
  world_.after(world_.random().between(shape.think_min, shape.think_max), [this] {
    if (!is_finishing_) begin();
  });
}

void RawClient::begin() {
  Random& random = world_.random();
  if (random.chance(0.02)) connect();
  if (random.chance(0.02)) send_rubbish();
  if (random.chance(0.05)) begin_report();
  if (random.chance(0.1)) return begin_compute();
  Options options;
  options.timeout = workload_.timeout();
  if (random.chance(0.1)) {
    std::vector<Operation> items = workload_.batch();
    const std::string arguments = pack_batch(items);
    return begin_call(Command::kBatch, arguments, options, std::move(items));
  }
  Operation operation = workload_.operation(false);
  if (cluster_.shape().has_roles && operation.is_listing()) return begin_listing(operation.command);
  const Duration timeout = options.timeout;
  options = options_of(operation);
  options.timeout = std::chrono::duration_cast<milliseconds>(timeout);
  // Where few writes are remembered, these are as many as ever may be: their floor stays the lowest, so none of them
  // makes room, and one that is forgotten is known for an old one by its seq.
  const std::string session = "raw " + std::to_string(index_);
  if (is_write(operation.command) && cluster_.shape().sessions.writes_max < kRememberedWritesMin) {
    options.session = session;
    options.seq = next_id_;
    options.floor = 0;
  }
  const std::string arguments = pack_arguments(operation);
  begin_call(operation.command, arguments, options, {operation});
}

void RawClient::begin_call(Command command, const std::string& arguments, Options options,
                           std::vector<Operation> operations) {
  const std::uint64_t id = next_id_++;
  const Duration timeout = options.timeout;
  const Frame frame(pack_request(id, command, arguments, options));
  for (Operation& operation : operations) {
    operation.client = "r" + std::to_string(index_) + "." + std::to_string(connection_);
  }
  calls_[id] = {RecordedCall(cluster_, std::move(operations), timeout), command == Command::kCompute};
  send(frame);
  world_.after(timeout + kGrace, [this, id] {
    if (calls_.erase(id) > 0) on_silence();
  });
}

/// With users: perhaps it was not let in.
void RawClient::on_silence() {
  if (cluster_.shape().has_roles) connect();
  think();
}

void RawClient::begin_compute() {
  Operation operation;
  operation.command = Command::kQuery;
  operation.key = workload_.random_key();
  operation.path = {std::string(Workload::kField)};
  std::string arguments;
  PackedWriter(arguments)
      .array(2)
      .str(kVariable)
      .map(1)
      .str(kVariable)
      .array(2)
      .key(operation.key)
      .str(Workload::kField);
  Options options;
  options.timeout = workload_.timeout();
  begin_call(Command::kCompute, arguments, options, {std::move(operation)});
}

/// What is missing in it because of its role says nothing of the keys.
void RawClient::begin_listing(Command command) {
  std::string arguments;
  PackedWriter(arguments).array(1).str("");
  Options options;
  options.timeout = workload_.timeout();
  const std::uint64_t id = next_id_++;
  listings_[id] = command;
  send(Frame(pack_request(id, command, arguments, options)));
  world_.after(options.timeout + kGrace, [this, id] {
    if (listings_.erase(id) > 0) on_silence();
  });
}

void RawClient::check_role(const Call& call, const Reply& reply) {
  const auto check = [this, id = reply.id](const Operation& operation, Code status) {
    const char* const wrong = cluster_.roles().wrong(index_, id, [&](const RoleState& state, std::uint64_t user) {
      return wrong_by_role(state, user, operation, status);
    });
    if (wrong != nullptr) world_.violate(std::string(wrong) + ": " + to_text(operation));
  };
  if (!call.recorded.is_batch() || reply.status != Code::kOk) return check(call.recorded.first(cluster_), reply.status);
  PackedReader items(reply.result);
  auto left = items.read_array().value_or(0);
  for (const std::size_t operation : call.recorded.operations()) {
    if (left-- == 0 || !items.read_array()) return;
    const auto status = code_of(items.read_str().value_or(""));
    items.read_value();
    items.read_value();
    if (status) check(cluster_.history().operations[operation], *status);
  }
}

/// Only that it has one reply is checked, by its broker's ledger.
void RawClient::begin_report() {
  static const std::vector<Command> kReports{Command::kPing, Command::kStatus, Command::kMembers};
  std::string none;
  PackedWriter(none).array(0);
  send(Frame(pack_request(next_id_++, world_.random().pick(kReports), none, {})));
}

/// A request that is cut off, or in which a bit is wrong.
void RawClient::send_rubbish() {
  Random& random = world_.random();
  std::string bytes = pack_request(kRubbish + next_id_++, Command::kGet, pack_arguments(workload_.operation(true)), {});
  const std::size_t at = static_cast<std::size_t>(random.below(bytes.size()));
  if (random.chance(0.5)) {
    bytes.resize(at);
  } else {
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
  }
  send(Frame(std::move(bytes)));
}

void RawClient::send(const Frame& frame) {
  BrokerProcess& to = cluster_.broker(broker_);
  world_.note("raw client asks broker", number_, to.number(), frame.size());
  const std::uint64_t size = frame.size();
  cluster_.network().carry(number_, to.number(), size, [this, &to, connection = connection_, frame] {
    to.receive_from_client({index_, true, connection}, frame);
  });
}

void RawClient::receive(std::uint64_t connection, const Frame& frame) {
  if (connection != connection_) return;
  auto reply = read_reply(frame.bytes());
  if (!reply) return world_.violate("a reply cannot be read");
  if (reply->status == Code::kUnauthenticated) connect();  // Its user is another one by now, or none.
  if (const auto listing = listings_.extract(reply->id); !listing.empty()) {
    const char* const wrong =
        cluster_.roles().wrong(index_, reply->id, [&](const RoleState& state, std::uint64_t user) {
          return wrong_by_role(state, user, listing.mapped(), *reply);
        });
    if (wrong != nullptr) world_.violate(wrong);
    return think();
  }
  const auto at = calls_.find(reply->id);
  if (at == calls_.end()) return;
  const Call call = std::move(at->second);
  calls_.erase(at);
  world_.note("raw client has its answer", number_, static_cast<std::uint64_t>(reply->status), reply->id);
  std::string number;
  if (call.is_compute && reply->status == Code::kOk) reply->result = number = as_stored_number(reply->result);
  if (reply->info.exactly_once == ExactlyOnce::kOtherRequest) {
    world_.violate("a write without a session was taken for another one: " + to_text(call.recorded.first(cluster_)));
  }
  if (cluster_.shape().has_roles) check_role(call, *reply);
  call.recorded.end(cluster_, *reply);
  think();
}

}  // namespace trellis::sim

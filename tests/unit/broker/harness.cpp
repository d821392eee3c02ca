#include "tests/unit/broker/harness.hpp"

#include <algorithm>
#include <random>

namespace trellis::test {

std::string packed_str(std::string_view text) {
  std::string out;
  PackedWriter(out).str(text);
  return out;
}
std::string packed_uint(std::uint64_t value) {
  std::string out;
  PackedWriter(out).natural(value);
  return out;
}
std::string packed_float(double value) {
  std::string out;
  PackedWriter(out).float64(value);
  return out;
}
std::string packed_array(const std::vector<std::string>& packed_elements) {
  std::string out;
  PackedWriter writer(out);
  writer.array(packed_elements.size());
  for (const std::string& element : packed_elements) writer.packed(element);
  return out;
}
std::string packed_path(const std::vector<std::string>& segments) {
  std::vector<std::string> packed;
  for (const std::string& segment : segments) packed.push_back(packed_str(segment));
  return packed_array(packed);
}
std::string packed_key(std::string_view key) { return packed_array({packed_str(key)}); }

FakeWorker::FakeWorker(Harness& harness, WorkerId id, std::string address) : harness_(harness) {
  hello.id = id;
  hello.nonce = BootNonce{id.value * 1000};
  hello.address = std::move(address);
  connection = "w" + to_string(id);
}

void FakeWorker::say_hello() {
  BundleWriter bundle;
  add(bundle, hello);
  harness_.from_worker(*this, bundle);
}

void FakeWorker::restart() {
  ++hello.nonce.value;
  hello.token = 0;
  hello.leads.clear();
  connection = "w" + to_string(hello.id) + "." + std::to_string(++lives_);
  requests.clear();
  bulk_.emplace(lives_, room_);
  reached_.take();
  say_hello();
}

void FakeWorker::lead(PartitionId partition, Term term) {
  std::erase_if(hello.leads, [partition](const Leadership& lead) { return lead.partition == partition; });
  hello.leads.push_back({partition, term});
  say_hello();
}

void FakeWorker::lead_nothing() {
  hello.leads.clear();
  say_hello();
}

void FakeWorker::hold(const ClusterMap& held) {
  map = held;
  hello.cluster = held.cluster;
  hello.map_epoch = held.epoch;
  hello.map_version = held.version;
  hello.formed = held.formed;
  hello.partitions = static_cast<std::uint32_t>(held.partitions.size());
}

void FakeWorker::offer_map() {
  BundleWriter bundle;
  add_map_offer(bundle, *map);
  harness_.from_worker(*this, bundle);
}

WorkerRequest FakeWorker::take() {
  EXPECT_FALSE(requests.empty()) << hello.address << " was asked nothing";
  if (requests.empty()) return {};
  WorkerRequest request = requests.front();
  requests.pop_front();
  return request;
}

void FakeWorker::answer(const WorkerRequest& request, Outcome outcome, Frame body, WorkerId leader, Term term,
                        LogIndex applied) {
  WorkerReply reply;
  reply.tag = request.tag;
  reply.attempt = request.attempt;
  reply.outcome = outcome;
  reply.partition = request.partition;
  reply.leader = leader;
  reply.term = term;
  reply.applied = applied;
  reply.body = std::move(body);
  BundleWriter bundle;
  add(bundle, reply);
  harness_.from_worker(*this, bundle);
}

void FakeWorker::answer_ok(const WorkerRequest& request, const std::string& packed_result, LogIndex applied) {
  Reply reply;
  reply.id = request.id;
  reply.result = packed_result;
  answer(request, Outcome::kDone, Frame(pack_reply(reply)), {}, {}, applied);
}

void FakeWorker::answer_error(const WorkerRequest& request, Code code, const std::string& message) {
  answer(request, Outcome::kDone, Frame(pack_error(request.id, {code, message})));
}

void FakeWorker::confirm(const LeadershipQuestion& wanted) {
  LeadershipAnswer confirm{wanted.broker, wanted.read_context, {}};
  for (const PartitionId partition : wanted.partitions) {
    const bool is_known = partition.value < harness_.map.partition_count();
    const ReplicaPlace* const own = is_known ? harness_.map.placement(partition).find(hello.id) : nullptr;
    confirm.terms.push_back({partition, own == nullptr ? ReplicaId{} : own->id, term});
  }
  BundleWriter bundle;
  add(bundle, confirm);
  harness_.from_worker(*this, bundle);
}

void FakeWorker::tell(const RecoveryTold& told) {
  BundleWriter bundle;
  add(bundle, told);
  harness_.from_worker(*this, bundle);
}

void FakeWorker::tell(const RecoveryWritten& written) {
  BundleWriter bundle;
  add(bundle, written);
  harness_.from_worker(*this, bundle);
}

void FakeWorker::receive(const Frames& bundle) {
  BundleReader reader(bundle);
  while (const auto item = reader.next()) {
    if (!bulk::is_bulk_type(item->type)) {
      on_item(*item);
      continue;
    }
    const auto whole = bulk_->on_item(*item, reached_, harness_.now);
    ASSERT_TRUE(whole) << whole.error().message;
    if (*whole) on_item((*whole)->item());
  }
  EXPECT_FALSE(reader.broken());
}

/// One that joins goes by the number of a map that lacks it, and holds none.
void FakeWorker::on_map(const ClusterMap& offered) {
  if (!hello.joins || offered.find(hello.id) != nullptr) return hold(offered);
  hello.map_epoch = offered.epoch;
  hello.map_version = offered.version;
}

Frames FakeWorker::reached() { return alive && !reached_.empty() ? reached_.take() : Frames(); }

void FakeWorker::on_item(const BundleItem& item) {
  switch (static_cast<MessageType>(item.type)) {
    case MessageType::kWelcome:
      ++welcomes;
      welcome = *read_welcome(item);
      break;
    case MessageType::kRefused: {
      const auto refused = read_refused(item);
      if (refused->nonce.value != 0 && refused->nonce != hello.nonce) break;
      refusals.push_back(refused->reason);
      was_refused_for_good = refused->is_final;
      break;
    }
    case MessageType::kChallenge: {
      const auto challenge = read_challenge(item);
      if (challenge->nonce != hello.nonce || !alive) break;
      hello.token = challenge->token;
      is_challenged = true;
      break;
    }
    case MessageType::kForm: form = *read_form(item); break;
    case MessageType::kMapWanted: ++maps_wanted; break;
    case MessageType::kMapOffer: on_map(*read_map_offer(item)); break;
    case MessageType::kAllHold: ++all_holds; break;
    case MessageType::kJoinWanted: wishes.push_back(*read_join_wanted(item)); break;
    case MessageType::kRecoveryAsk: recovery_asks.push_back(*read_recovery_ask(item)); break;
    case MessageType::kRecoveryHeard: recovery_heard.push_back(*read_recovery_heard(item)); break;
    case MessageType::kRecoveryPlan: recovery_plans.push_back(*read_recovery_plan(item)); break;
    case MessageType::kRequest: requests.push_back(*read_worker_request(item)); break;
    case MessageType::kLeadershipQuestion: leadership_questions.push_back(*read_leadership_question(item)); break;
    default: ADD_FAILURE() << "unexpected item " << int{item.type};
  }
}

Harness::Harness(HarnessOptions wanted) : options(std::move(wanted)) {
  BrokerOptions broker_options;
  broker_options.k = options.k;
  broker_options.partitions = options.partitions;
  broker_options.limits = options.limits;
  broker_options.slow = options.slow;
  for (std::size_t i = 0; i < options.workers; ++i) {
    const std::string address = "127.0.0.1:" + std::to_string(9001 + i);
    add_worker(WorkerId{i + 1}, address);
    if (options.with_server_file) broker_options.servers.push_back(address);
  }
  ClusterSpec spec;
  spec.k = options.k;
  spec.partitions = options.partitions;
  for (const auto& worker : workers_) spec.workers.emplace_back(worker->hello.id, worker->hello.address);
  map = make_cluster_map(std::string(32, 'a'), spec);
  map.formed = true;
  broker = std::make_unique<Broker>(broker_options, *this, std::mt19937_64(options.seed), now);
}

FakeWorker& Harness::add_worker(WorkerId id, const std::string& address) {
  return *workers_.emplace_back(std::make_unique<FakeWorker>(*this, id, address));
}

FakeWorker& Harness::worker(WorkerId id) {
  const auto found =
      std::find_if(workers_.begin(), workers_.end(), [id](const auto& worker) { return worker->hello.id == id; });
  return **found;
}

std::string Harness::key_in(PartitionId wanted) const {
  for (int i = 0;; ++i) {
    std::string key = "key" + std::to_string(i);
    if (partition(key) == wanted) return key;
  }
}

void Harness::to_client(const ClientAddress& client, Frame reply) {
  const auto read = read_reply(reply.bytes());
  ASSERT_TRUE(read) << read.error().message;
  Received received;
  received.id = read->id;
  received.status = read->status;
  received.result = read->result;
  received.info = read->info;
  received.envelope_frames = client.envelope.size();
  replies_[std::string(client.routing_id)].push_back(std::move(received));
}

bool Harness::to_worker(const BackendAddress& connection, Frames bundle) {
  if (!backend_takes) return false;
  for (const auto& worker : workers_) {
    if (worker->connection == connection) {
      worker->receive(bundle);
      return true;
    }
  }
  return false;
}

void Harness::log(LogLevel, std::string_view event, const LogSubject& subject) {
  events.emplace_back(event);
  subjects.push_back(subject);
}

void Harness::make_cluster() {
  join();
  pass(milliseconds(2'000));
}

void Harness::join() {
  for (const auto& worker : workers_) worker->hold(map);
  for (std::uint32_t i = 0; i < map.partition_count(); ++i) {
    worker(map.partitions[i].preferred_leader).hello.leads.push_back({PartitionId{i}, Term{1}});
  }
  pass(milliseconds(150));
  for (const auto& worker : workers_) {
    if (worker->maps_wanted > 0) worker->offer_map();
  }
}

void Harness::pass(milliseconds time) {
  constexpr milliseconds kStep{10};
  for (milliseconds passed{0}; passed < time; passed += kStep) {
    now += std::min(kStep, time - passed);
    since_beat_ += kStep;
    if (since_beat_ >= milliseconds(100)) {
      since_beat_ = milliseconds(0);
      for (const auto& worker : workers_) {
        if (worker->alive) worker->say_hello();
      }
    }
    turn();
  }
}

void Harness::turn() {
  if (now >= broker->next_deadline()) broker->on_tick(now);
  broker->flush(now);
  report_reached();
  answer_challenges();
  answer_leadership_questions();
}

void Harness::report_reached() {
  for (bool is_more = true; is_more;) {
    is_more = false;
    for (const auto& worker : workers_) {
      const Frames reached = worker->reached();
      if (reached.empty()) continue;
      is_more = true;
      broker->on_worker_message(worker->connection, reached, now);
      broker->flush(now);
    }
  }
}

void Harness::answer_leadership_questions() {
  for (const auto& worker : workers_) {
    while (worker->alive && worker->confirms && worker->confirmed < worker->leadership_questions.size()) {
      const LeadershipQuestion wanted = worker->leadership_questions[worker->confirmed++];
      worker->confirm(wanted);
    }
  }
}

void Harness::answer_challenges() {
  for (const auto& worker : workers_) {
    if (std::exchange(worker->is_challenged, false) && worker->alive) worker->say_hello();
  }
}

std::uint64_t Harness::send(Command command, const std::string& packed_arguments, Options request_options,
                            const std::string& client) {
  const std::uint64_t id = next_id_++;
  send_raw({pack_request(id, command, packed_arguments, request_options)}, client);
  return id;
}

void Harness::send_raw(std::vector<std::string> sent, const std::string& client) {
  Frames frames = {Frame(client)};
  for (std::string& frame : sent) frames.emplace_back(std::move(frame));
  broker->on_client_message(frames, now);
  broker->flush(now);
  report_reached();
  answer_leadership_questions();
}

void Harness::from_worker(const FakeWorker& worker, BundleWriter& bundle) {
  broker->on_worker_message(worker.connection, bundle.take(), now);
  broker->flush(now);
  report_reached();
  answer_challenges();
  answer_leadership_questions();
}

Received Harness::reply(const std::string& client) {
  auto& all = replies_[client];
  EXPECT_EQ(all.size(), 1u) << "replies to " << client;
  if (all.empty()) return {};
  Received first = all.front();
  all.erase(all.begin());
  return first;
}

std::size_t Harness::requests_waiting() const {
  std::size_t waiting = 0;
  for (const auto& worker : workers_) waiting += worker->requests.size();
  return waiting;
}

}  // namespace trellis::test

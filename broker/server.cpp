#include "broker/server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <memory>
#include <random>
#include <set>
#include <unordered_map>
#include <zmq.hpp>

#include "broker/audit_log.hpp"
#include "broker/broker.hpp"
#include "broker/reply_queue.hpp"
#include "broker/user_connections.hpp"
#include "program/cluster_gate.hpp"
#include "program/connection_watch.hpp"
#include "program/log.hpp"
#include "program/metrics_server.hpp"
#include "program/poller.hpp"
#include "program/process.hpp"
#include "program/reconnect.hpp"
#include "program/resources.hpp"
#include "program/service_manager.hpp"
#include "program/signals.hpp"
#include "program/zmq_frames.hpp"
#include "protocol/access/access_records.hpp"

namespace trellis {
namespace {

/// Messages that a turn takes from one socket before it looks at the others.
constexpr int kMessagesPerTurnMax = 1000;
/// Below this a copy costs less than lending the memory.
constexpr std::size_t kCopyMax = 2048;
/// Requests end far sooner, so a client that has waited so long for its first answer was not heard.
constexpr std::chrono::seconds kUnansweredMax{60};
/// Messages that ZeroMQ keeps for one client; those of kCopyMax bytes and more are bounded in bytes as well.
constexpr int kFrontendSendMark = 4096;
/// Between attempts to send what waits for a client: doubles while it does not read.
constexpr std::chrono::milliseconds kRetryMin{1};
constexpr std::chrono::milliseconds kRetryMax{50};
/// A client's message: envelope and request.
constexpr std::size_t kClientFramesMax = 1'024;
/// What CURVE adds to a frame, which ZMQ_MAXMSGSIZE counts.
constexpr std::size_t kSealSize = 33;
/// Milliseconds that a client's handshake may take, where it shows a key.
constexpr int kClientHandshakeMax = 5'000;
/// What is said between processes of the cluster is never larger; a forged length is not believed.
constexpr std::int64_t kBundleSizeMax = 256 << 20;
/// What one message may add to its request: routing id, envelope, the frames' heads.
constexpr std::uint64_t kEnvelopeSizeMax = 1 << 20;
/// Workers, and what they leave behind while they reconnect.
constexpr std::size_t kBackendConnectionsMax = 4 * kWorkersMax;

/// At the end: for what is under way, and for replies on their way out.
constexpr std::chrono::milliseconds kDrainMax{1'000};
constexpr std::chrono::milliseconds kLingerMax{300};

struct Loan {
  Frame frame;
  std::shared_ptr<std::atomic<std::size_t>> lent;
};

zmq::message_t to_message(const Frame& frame, const std::shared_ptr<std::atomic<std::size_t>>& lent) {
  if (frame.size() < kCopyMax) return zmq::message_t(frame.data(), frame.size());
  auto loan = std::make_unique<Loan>(Loan{frame, lent});
  if (lent) *lent += frame.size();
  const auto give_back = [](void*, void* hint) {
    const std::unique_ptr<Loan> ended(static_cast<Loan*>(hint));
    if (ended->lent) *ended->lent -= ended->frame.size();
  };
  zmq::message_t message(const_cast<char*>(frame.data()), frame.size(), give_back, loan.get());
  static_cast<void>(loan.release());
  return message;
}

enum class Sent : std::uint8_t { kYes, kFull, kGone };

Sent send_part(zmq::socket_t& socket, zmq::message_t message, bool more) {
  const auto flags = more ? zmq::send_flags::dontwait | zmq::send_flags::sndmore : zmq::send_flags::dontwait;
  for (;;) {
    try {
      return socket.send(message, flags) ? Sent::kYes : Sent::kFull;
    } catch (const zmq::error_t& error) {
      if (error.num() == EHOSTUNREACH) return Sent::kGone;  // ROUTER_MANDATORY
      if (error.num() != EINTR) throw;                      // A signal is no error of a socket.
    }
  }
}

void set_up(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::linger, 0);
  // No ROUTER_HANDOVER: it leaves a descriptor behind each time, and lets a stranger take a worker's place by its
  // routing id.  Nobody needs it, since a routing id that was drawn is never drawn again.
  socket.set(zmq::sockopt::router_mandatory, true);
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::tcp_keepalive_idle, 30);
  socket.set(zmq::sockopt::tcp_keepalive_intvl, 10);
  socket.set(zmq::sockopt::tcp_keepalive_cnt, 3);
}

Result<void> bind_to(zmq::socket_t& socket, const Endpoint& endpoint, const char* what) {
  try {
    socket.bind(endpoint.zmq());
    return {};
  } catch (const zmq::error_t& error) {
    const std::string hint = error.num() == EADDRINUSE ? ": another program has it; end that one or choose another port"
                                                       : std::string(": ") + error.what();
    return Error{Code::kUnavailable, std::string("cannot bind ") + what + " " + endpoint.text() + hint};
  }
}

}  // namespace

class BrokerServer::Loop final : public BrokerOutput {
 public:
  Loop() : frontend_(context_, zmq::socket_type::router), backend_(context_, zmq::socket_type::router) {}

  Result<void> bind(const BrokerServerOptions& options);
  void run(const StopSignal& stop);

  void to_client(const ClientAddress& client, Frame reply) override;
  bool to_worker(const BackendAddress& worker, Frames bundle) override;
  void log(LogLevel level, std::string_view event, const LogSubject& subject) override {
    trellis::log(level, event, subject);
  }
  void on_cluster(const ClusterId& cluster) override { set_log_cluster(cluster); }
  std::string address_of(const Frame& request) const override { return trellis::address_of(request); }
  void on_users(const AccessRecords& records) override;
  void audit(const AuditEvent& event) override {
    if (audit_) audit_->write(event, now_);
  }
  std::uint64_t unix_time() const override { return static_cast<std::uint64_t>(std::time(nullptr)); }

 private:
  struct SlowClient {
    ReplyQueue queue;
    TimePoint next_try;
    std::chrono::milliseconds pause = kRetryMin;
    bool drop_logged = false;
  };

  Sent send_reply(const ClientAddress& client, const Frame& reply, const ReplyQueue* queue);
  void turn();
  void take_message(Frames& frames);
  ClusterGate::Found find_user(std::string_view public_key) const;
  void retry_slow_clients();
  /// False: the client has gone.
  bool retry(const std::string& routing_id, SlowClient& client);
  std::chrono::milliseconds time_to_wait() const;

  static constexpr Poller::Number kBackend = 0;
  static constexpr Poller::Number kFrontend = 1;
  static constexpr Poller::Number kGate = 2;

  zmq::context_t context_;
  Poller poller_;
  zmq::socket_t frontend_;
  zmq::socket_t backend_;
  std::optional<ClusterGate> gate_;  ///< Where the cluster has a key, as the next two.
  std::optional<UserConnections> connections_;
  std::set<std::uint64_t> users_;    ///< Those who may be connected.
  std::unique_ptr<AuditLog> audit_;  ///< Null: nobody asked for it.
  std::optional<ConnectionWatch> frontend_watch_;
  std::optional<ConnectionWatch> backend_watch_;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<MetricsServer> metrics_;  ///< Null: nobody asked for it.
  TimePoint now_;
  std::unordered_map<std::string, SlowClient> slow_;
  std::size_t waiting_clients_ = 0;
};

Result<void> BrokerServer::Loop::bind(const BrokerServerOptions& options) {
  set_up(frontend_);
  const std::size_t sealed = options.key ? kSealSize : 0;
  frontend_.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kRequestSizeMax + sealed));
  frontend_.set(zmq::sockopt::sndhwm, kFrontendSendMark);
  const std::size_t clients_max = files_for_clients(options.files);
  frontend_watch_.emplace(context_, frontend_, "the frontend",
                          ConnectionLimits{clients_max, std::max<std::size_t>(clients_max / 2, 1),
                                           kRequestSizeMax + kEnvelopeSizeMax, kUnansweredMax});
  set_up(backend_);
  backend_.set(zmq::sockopt::maxmsgsize, kBundleSizeMax);
  backend_watch_.emplace(context_, backend_, "the backend",
                         ConnectionLimits{kBackendConnectionsMax,
                                          kBackendConnectionsMax,
                                          static_cast<std::uint64_t>(kBundleSizeMax) + kEnvelopeSizeMax,
                                          {}});
  // ZeroMQ's heartbeats end a connection whose other end stopped without a word.  Not at the frontend: a client that
  // does not read for a while does not answer them either, and its replies are to wait.
  backend_.set(zmq::sockopt::heartbeat_ivl, 500);
  backend_.set(zmq::sockopt::heartbeat_timeout, 3000);
  set_reconnecting(backend_);
  if (options.key) {
    gate_.emplace(context_, *options.key);
    gate_->admit_members(backend_, "the backend");
    gate_->admit_users(frontend_, "the frontend", [this](std::string_view key) { return find_user(key); });
    frontend_.set(zmq::sockopt::handshake_ivl, kClientHandshakeMax);
    connections_.emplace();
  }
  if (!options.audit.empty()) {
    auto audit = AuditLog::open(options.audit);
    if (!audit) return audit.error();
    audit_ = std::move(*audit);
  }
  if (auto bound = bind_to(frontend_, options.frontend, "the frontend"); !bound) return bound;
  if (auto bound = bind_to(backend_, options.backend, "the backend"); !bound) return bound;
  if (options.metrics) {
    auto metrics = MetricsServer::listen(*options.metrics);
    if (!metrics) return metrics.error();
    metrics_ = std::move(*metrics);
  }
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device()};
  now_ = monotonic_now();
  broker_ = std::make_unique<Broker>(options.broker, *this, std::mt19937_64(seed), now_);
  return {};
}

void BrokerServer::Loop::run(const StopSignal& stop) {
  poller_.add(backend_);
  poller_.add(frontend_);
  poller_.guard(kBackend, Intake::kFramesMax, *backend_watch_);
  poller_.guard(kFrontend, kClientFramesMax, *frontend_watch_);
  if (gate_) poller_.add(gate_->questions());
  poller_.add(stop.fd());
  ServiceManager manager;
  while (!stop.requested()) {
    turn();
    manager.on_turn(now_);
  }
  manager.on_stopping();
  // What has been taken in is answered, as far as that takes no longer than kDrainMax; nothing new is taken in.
  poller_.remove(kFrontend);
  poller_.remove(stop.fd());
  const TimePoint until = monotonic_now() + kDrainMax;
  while (broker_->requests_under_way() > 0 && monotonic_now() < until) turn();
  frontend_.set(zmq::sockopt::linger, static_cast<int>(kLingerMax.count()));
}

std::chrono::milliseconds BrokerServer::Loop::time_to_wait() const {
  TimePoint until = broker_->next_deadline();
  if (waiting_clients_ > 0) {
    for (const auto& [id, client] : slow_) {
      if (!client.queue.empty()) until = std::min(until, client.next_try);
    }
  }
  const TimePoint now = monotonic_now();
  return until <= now ? std::chrono::milliseconds(0) : std::chrono::ceil<std::chrono::milliseconds>(until - now);
}

void BrokerServer::Loop::turn() {
  poller_.wait(time_to_wait());
  now_ = monotonic_now();
  poller_.receive_all(kBackend, kMessagesPerTurnMax, [this](Frames& frames) {
    const std::string from(frames[0].bytes());
    frames.erase(frames.begin());
    broker_->on_worker_message(from, frames, now_);
  });
  poller_.receive_all(kFrontend, kMessagesPerTurnMax, [this](Frames& frames) { take_message(frames); });
  if (gate_) {
    poller_.receive_all(kGate, kMessagesPerTurnMax, [this](Frames& question) { gate_->on_question(question, now_); });
  }
  frontend_watch_->tick(now_);
  backend_watch_->tick(now_);
  if (now_ >= broker_->next_deadline()) broker_->on_tick(now_);
  broker_->flush(now_);
  if (!slow_.empty()) retry_slow_clients();
  if (audit_) audit_->tick(now_);
  if (metrics_ && metrics_->is_due(now_)) {
    metrics_->publish(now_, broker_->metrics(now_) +
                                metrics_of("broker", {{"frontend", &*frontend_watch_}, {"backend", &*backend_watch_}}));
  }
}

ClusterGate::Found BrokerServer::Loop::find_user(std::string_view public_key) const {
  const Admission admission = broker_->admit(public_key);
  switch (admission.verdict) {
    case Admission::Verdict::kLetIn: return {ZapStatus::kLetIn, admission.user};
    case Admission::Verdict::kNotYet: return {ZapStatus::kNotYet, 0};
    case Admission::Verdict::kRefused: break;
  }
  return {};
}

void BrokerServer::Loop::on_users(const AccessRecords& records) {
  std::set<std::uint64_t> users{Asker::kMember};
  for (const User& user : records.users) users.insert(user.number);
  const bool is_first = users_.empty();
  const bool has_removed = !std::includes(users.begin(), users.end(), users_.begin(), users_.end());
  users_ = std::move(users);
  if (!connections_) return;
  const std::size_t ended = connections_->end_where_not([this](std::uint64_t user) { return users_.contains(user); });
  // Before the first users ZeroMQ lets those who came wait until their handshakes are over: they connect again.
  const auto is_unknown = [this](int descriptor) { return !connections_->is_known(descriptor); };
  if (is_first) frontend_watch_->end_where(now_, is_unknown);
  // Whose a connection is shows with its first message, and that may be on its way.  The client of one that ends
  // without, where it is a user's, connects again.
  if (has_removed) frontend_watch_->end_once_quiet(now_, is_unknown);
  if (ended > 0) trellis::log_info("ended " + std::to_string(ended) + " connections of users who were removed");
}

/// With keys the core knows a client by its connection too, and who it is.
void BrokerServer::Loop::take_message(Frames& frames) {
  if (!connections_) return broker_->on_client_message(frames, now_);
  const auto user = user_of(frames.back());
  const int descriptor = descriptor_of(frames.back());
  if (!user) return;  // The gate has named it.
  if (*user != Asker::kMember && !users_.contains(*user)) {
    ::shutdown(descriptor, SHUT_RDWR);  // It was removed, and has said nothing before.
    return;
  }
  std::string name = connections_->name_of(descriptor, frames.front().bytes(), *user);
  if (name.empty()) return;
  frames.front() = Frame(std::move(name));
  broker_->on_client_message(frames, now_, Asker{*user});
}

bool BrokerServer::Loop::to_worker(const BackendAddress& worker, Frames bundle) {
  poller_.look_at(kBackend);
  const Sent first = send_part(backend_, zmq::message_t(worker.data(), worker.size()), true);
  if (first != Sent::kYes) return false;
  for (std::size_t i = 0; i < bundle.size(); ++i) {
    send_part(backend_, to_message(bundle[i], nullptr), i + 1 < bundle.size());
  }
  return true;
}

Sent BrokerServer::Loop::send_reply(const ClientAddress& client, const Frame& reply, const ReplyQueue* queue) {
  poller_.look_at(kFrontend);
  const std::string_view routing_id = connections_ ? connections_->routing_id_of(client.routing_id) : client.routing_id;
  if (routing_id.empty()) return Sent::kGone;
  const Sent first = send_part(frontend_, zmq::message_t(routing_id.data(), routing_id.size()), true);
  if (first != Sent::kYes) return first;
  for (const Frame& frame : client.envelope) send_part(frontend_, to_message(frame, nullptr), true);
  send_part(frontend_, to_message(reply, queue == nullptr ? nullptr : queue->lent()), false);
  return Sent::kYes;
}

void BrokerServer::Loop::to_client(const ClientAddress& client, Frame reply) {
  auto slow = slow_.empty() ? slow_.end() : slow_.find(std::string(client.routing_id));
  if (slow == slow_.end() && reply.size() >= kCopyMax) slow = slow_.try_emplace(std::string(client.routing_id)).first;
  if (slow == slow_.end()) {
    if (send_reply(client, reply, nullptr) != Sent::kFull) return;  // Sent, or its client has gone.
    slow = slow_.try_emplace(std::string(client.routing_id)).first;
  } else if (slow->second.queue.empty() && slow->second.queue.may_lend(reply.size())) {
    if (send_reply(client, reply, &slow->second.queue) != Sent::kFull) return;
  }
  SlowClient& waiting = slow->second;
  if (waiting.queue.empty()) {
    ++waiting_clients_;
    waiting.pause = kRetryMin;
    waiting.next_try = now_ + kRetryMin;
  }
  if (waiting.queue.push(client.envelope, reply)) return;
  if (waiting.queue.empty()) --waiting_clients_;
  if (waiting.drop_logged) return;
  waiting.drop_logged = true;
  trellis::log_warning(
      "a client does not read its replies: more than " + std::to_string(waiting.queue.size()) +
      " bytes wait, further ones are dropped until it does; it has to read, or to ask for less at once");
}

void BrokerServer::Loop::retry_slow_clients() {
  for (auto client = slow_.begin(); client != slow_.end();) {
    SlowClient& slow = client->second;
    const bool gone = !slow.queue.empty() && now_ >= slow.next_try && !retry(client->first, slow);
    if (gone || slow.queue.idle()) {
      if (!slow.queue.empty()) --waiting_clients_;
      client = slow_.erase(client);
    } else {
      ++client;
    }
  }
}

bool BrokerServer::Loop::retry(const std::string& routing_id, SlowClient& client) {
  bool moved = false;
  while (!client.queue.empty()) {
    const ReplyQueue::Waiting& next = client.queue.front();
    if (!client.queue.may_lend(next.reply.size())) break;
    const Sent sent = send_reply({routing_id, next.envelope}, next.reply, &client.queue);
    if (sent == Sent::kGone) return false;
    if (sent == Sent::kFull) break;
    client.queue.pop();
    moved = true;
  }
  if (client.queue.empty()) {
    --waiting_clients_;
    if (client.queue.dropped() > 0 && client.drop_logged) {
      trellis::log_info("a client reads again; " + std::to_string(client.queue.dropped()) +
                        " of its replies were dropped");
      client.drop_logged = false;
    }
  }
  client.pause = moved ? kRetryMin : std::min(2 * client.pause, kRetryMax);
  client.next_try = now_ + client.pause;
  return true;
}

BrokerServer::BrokerServer(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
BrokerServer::~BrokerServer() = default;

Result<std::unique_ptr<BrokerServer>> BrokerServer::bind(const BrokerServerOptions& options) {
  auto loop = std::make_unique<Loop>();
  if (auto bound = loop->bind(options); !bound) return bound.error();
  return std::unique_ptr<BrokerServer>(new BrokerServer(std::move(loop)));
}

void BrokerServer::run(const StopSignal& stop) { loop_->run(stop); }

}  // namespace trellis

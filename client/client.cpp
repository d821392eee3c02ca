#include "client/client.hpp"

#include <netdb.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <zmq.hpp>

#include "program/reconnect.hpp"
#include "program/show_key.hpp"
#include "protocol/check.hpp"
#include "protocol/cluster/bulk.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;

/// Ends the connection to a broker whose kernel still holds it although nobody is there.  A broker that is silent is
/// passed over long before, by the call table.
constexpr int kHeartbeatEvery = 500;  // ms
/// ZeroMQ takes a frame for a sign of life when it has come to its end, and answers no ping before.  So the largest
/// request may leave, and the largest page arrive, over the slowest link: some 84 s.
constexpr int kHeartbeatTimeout = (kRequestSizeMax + kPageSizeMax) / (bulk::kSlowestLink / 1'000);  // ms
/// Below this a copy costs less than ZeroMQ's bookkeeping for borrowed memory.
constexpr std::size_t kCopyMax = 4096;
/// Messages taken from one socket before the others are looked at.
constexpr int kTurnMax = 1024;

TimePoint clock_now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return TimePoint(std::chrono::duration_cast<Duration>(since));
}

RandomSource system_random() {
  return [device = std::make_shared<std::random_device>()] {
    return static_cast<std::uint64_t>((*device)()) << 32 | (*device)();
  };
}

/// A broker that did not let this client in is tried again.
constexpr milliseconds kReopenAfter{300};
constexpr const char* kUnknownKey =
    " does not know this user's key: it was removed, or is of another cluster; an administrator adds users (`trellis "
    "user add NAME`)";
constexpr const char* kKeyWanted =
    " asks for a user's key: give it with -u FILE, TRELLIS_USER or ~/.config/trellis/user";
constexpr const char* kHandshakeEnded =
    " ended the handshake, as one does that asks for a user's key (-u FILE, TRELLIS_USER, ~/.config/trellis/user), or "
    "has no room for connections";
constexpr const char* kOtherCluster =
    " ended each handshake: the user's file is one of another cluster, or no worker has told this broker yet which "
    "users "
    "there are";
constexpr const char* kNoKeysThere = " asks for no key: leave it out (-u none, TRELLIS_USER=none)";

/// A message over the frame's own bytes, where they are many.
zmq::message_t to_message(const Frame& frame) {
  if (frame.size() <= kCopyMax) return zmq::message_t(frame.data(), frame.size());
  auto* keep = new Frame(frame);
  return zmq::message_t(
      const_cast<char*>(keep->data()), keep->size(), [](void*, void* kept) { delete static_cast<Frame*>(kept); }, keep);
}

/// A frame over the message's own bytes.
Frame to_frame(zmq::message_t message) {
  auto keep = std::make_shared<zmq::message_t>(std::move(message));
  const std::string_view bytes(keep->data<char>(), keep->size());
  return Frame(std::move(keep), bytes);
}

/// Why the host of tcp://HOST:PORT is not found, for people; empty: it is.
std::string name_problem(const std::string& endpoint) {
  constexpr std::string_view kScheme = "tcp://";
  const std::size_t port = endpoint.rfind(':');
  if (!endpoint.starts_with(kScheme) || port <= kScheme.size()) return {};
  std::string host = endpoint.substr(kScheme.size(), port - kScheme.size());
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  addrinfo* found = nullptr;
  const int failure = getaddrinfo(host.c_str(), nullptr, nullptr, &found);
  if (failure == 0) {
    freeaddrinfo(found);
    return {};
  }
  return "the host " + host + " of " + endpoint + " is not found: " + gai_strerror(failure) +
         "; is its name spelled right?";
}

}  // namespace

/// The sockets, and the table's output.
class Client::Sockets : public CallOutput {
 public:
  Sockets(std::vector<std::string> endpoints, Absent absent, std::optional<UserKey> user);
  ~Sockets() override { close(wake_fd_); }

  bool send(std::size_t broker, const Frame& request) override;
  void on_answer(std::uint64_t id, Answer answer) override { ended_.emplace_back(id, std::move(answer)); }

  void poll(milliseconds wait);
  void deliver();
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_fd_, &one, sizeof one);
  }

  /// The reply callbacks of the calls under way.
  std::unordered_map<std::uint64_t, OnAnswer> waiting_;
  CallTable table_;

 private:
  struct Link {
    zmq::socket_t dealer;
    zmq::socket_t monitor;
    std::string endpoint;
    std::optional<TimePoint> reopen_due{};      ///< ZeroMQ does not try again where a key was refused.
    std::optional<std::string> name_problem{};  ///< Looked for once: why its host is not found; empty: it is.
  };
  void connect(std::size_t broker, const std::string& endpoint);
  void take_events(TimePoint now, std::size_t broker);
  void on_key_refused(TimePoint now, std::size_t broker, const char* why);
  void reopen(TimePoint now, Link& link);
  void take_frames(TimePoint now, std::size_t broker);

  std::optional<UserKey> user_;
  bool tells_absence_;
  zmq::context_t context_{1};
  std::vector<Link> links_;
  std::vector<zmq::pollitem_t> items_;  ///< The wake-up, then a dealer and a monitor a broker.
  std::vector<std::pair<std::uint64_t, Answer>> ended_;
  int wake_fd_;
};

Client::Sockets::Sockets(std::vector<std::string> endpoints, Absent absent, std::optional<UserKey> user)
    : table_(endpoints, system_random(), *this),
      user_(std::move(user)),
      tells_absence_(absent == Absent::kTell),
      wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK(wake_fd_ >= 0);
  items_.push_back({nullptr, wake_fd_, ZMQ_POLLIN, 0});
  for (std::size_t i = 0; i < endpoints.size(); ++i) connect(i, endpoints[i]);
}

void Client::Sockets::connect(std::size_t broker, const std::string& endpoint) {
  Link link{zmq::socket_t(context_, zmq::socket_type::dealer), zmq::socket_t(context_, zmq::socket_type::pair),
            endpoint};
  link.dealer.set(zmq::sockopt::linger, 0);
  link.dealer.set(zmq::sockopt::sndhwm, 0);
  link.dealer.set(zmq::sockopt::rcvhwm, 0);
  link.dealer.set(zmq::sockopt::immediate, true);  // Nothing is queued for a broker that is not there.
  set_reconnecting(link.dealer);
  link.dealer.set(zmq::sockopt::heartbeat_ivl, kHeartbeatEvery);
  link.dealer.set(zmq::sockopt::heartbeat_timeout, kHeartbeatTimeout);
  if (user_) show_key(link.dealer, *user_);
  const std::string events = "inproc://events-" + std::to_string(broker);
  const int wanted = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED |
                     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
  CHECK(zmq_socket_monitor(link.dealer.handle(), events.c_str(), wanted) == 0);
  link.monitor.set(zmq::sockopt::linger, 0);
  link.monitor.connect(events);
  link.dealer.connect(endpoint);
  items_.push_back({link.dealer.handle(), 0, ZMQ_POLLIN, 0});
  items_.push_back({link.monitor.handle(), 0, ZMQ_POLLIN, 0});
  links_.push_back(std::move(link));
}

bool Client::Sockets::send(std::size_t broker, const Frame& request) {
  return links_[broker].dealer.send(to_message(request), zmq::send_flags::dontwait).has_value();
}

/// Waits until something has arrived, the table's next timer is due, or `wait` is over, and hands the table all of it.
void Client::Sockets::poll(milliseconds wait) {
  if (const auto due = table_.next_due()) {
    const auto left = std::chrono::ceil<milliseconds>(*due - clock_now());
    wait = std::clamp(left, milliseconds(0), wait);
  }
  for (const Link& link : links_) {
    if (!link.reopen_due) continue;
    const auto left = std::chrono::ceil<milliseconds>(*link.reopen_due - clock_now());
    wait = std::clamp(left, milliseconds(0), wait);
  }
  if (zmq_poll(items_.data(), static_cast<int>(items_.size()), wait.count()) < 0) CHECK(zmq_errno() == EINTR);
  const TimePoint now = clock_now();
  if (items_[0].revents != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = read(wake_fd_, &count, sizeof count);
  }
  for (std::size_t broker = 0; broker < links_.size(); ++broker) {
    take_frames(now, broker);
    take_events(now, broker);
    reopen(now, links_[broker]);
  }
  table_.on_tick(now);
}

void Client::Sockets::take_frames(TimePoint now, std::size_t broker) {
  for (int taken = 0; taken < kTurnMax; ++taken) {
    zmq::message_t message;
    if (!links_[broker].dealer.recv(message, zmq::recv_flags::dontwait)) return;
    // A reply is one frame; of anything else no part can be one.
    bool alone = !message.more();
    while (message.more()) {
      zmq::message_t next;
      if (!links_[broker].dealer.recv(next, zmq::recv_flags::dontwait)) break;
      alone = false;
      message = std::move(next);
    }
    if (alone) table_.on_frame(now, broker, to_frame(std::move(message)));
  }
}

/// A monitor's message is an event (u16 number, u32 value) and a frame with the address.
void Client::Sockets::take_events(TimePoint now, std::size_t broker) {
  zmq::message_t event;
  zmq::message_t address;
  while (links_[broker].monitor.recv(event, zmq::recv_flags::dontwait)) {
    if (event.more()) [[maybe_unused]]
      const auto got = links_[broker].monitor.recv(address, zmq::recv_flags::dontwait);
    std::uint16_t number = 0;
    std::uint32_t value = 0;
    if (event.size() < sizeof number + sizeof value) continue;
    std::memcpy(&number, event.data(), sizeof number);
    std::memcpy(&value, event.data<char>() + sizeof number, sizeof value);
    if (number == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) {
      // One that asks for keys may end it before this end has read so much of its greeting.
      table_.on_handshake_broken(broker, user_ ? kOtherCluster : kHandshakeEnded);
      if (!user_ && tells_absence_) on_key_refused(now, broker, kHandshakeEnded);
    }
    if (number == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) on_key_refused(now, broker, kUnknownKey);
    if (number == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) {
      const bool is_about_keys = value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH;
      if (is_about_keys) on_key_refused(now, broker, user_ ? kNoKeysThere : kKeyWanted);
      if (!is_about_keys) links_[broker].reopen_due = now + kReopenAfter;
    }
    if (number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) table_.on_connected(now, broker);
    if (number == ZMQ_EVENT_DISCONNECTED) table_.on_disconnected(now, broker);
    // An attempt has failed, as it does at once where nobody listens.
    if (number == ZMQ_EVENT_CONNECT_RETRIED && tells_absence_) {
      Link& link = links_[broker];
      if (!link.name_problem) link.name_problem = name_problem(link.endpoint);
      table_.on_refused(now, broker, *link.name_problem);
    }
  }
}

void Client::Sockets::on_key_refused(TimePoint now, std::size_t broker, const char* why) {
  Link& link = links_[broker];
  if (!link.reopen_due) link.reopen_due = now + kReopenAfter;
  table_.on_key_refused(now, broker, link.endpoint + why);
}

void Client::Sockets::reopen(TimePoint now, Link& link) {
  if (!link.reopen_due || now < *link.reopen_due) return;
  link.reopen_due.reset();
  link.dealer.disconnect(link.endpoint);
  link.dealer.connect(link.endpoint);
}

/// Calls the callbacks of the calls that have ended; they may begin new ones.
void Client::Sockets::deliver() {
  std::vector<std::pair<std::uint64_t, Answer>> ended;
  ended.swap(ended_);
  for (auto& [id, answer] : ended) {
    auto node = waiting_.extract(id);
    if (!node.empty()) node.mapped()(std::move(answer));
  }
}

Client::Client(std::vector<std::string> endpoints, Absent absent, std::optional<UserKey> user)
    : sockets_(std::make_unique<Sockets>(std::move(endpoints), absent, std::move(user))) {}
Client::~Client() = default;

std::uint64_t Client::start(Command command, std::string_view arguments, const Options& options, OnAnswer on_answer) {
  const std::uint64_t id = sockets_->table_.begin(clock_now(), command, arguments, options);
  sockets_->waiting_.emplace(id, std::move(on_answer));
  return id;
}

void Client::forget(std::uint64_t id) {
  sockets_->table_.forget(id);
  sockets_->waiting_.erase(id);
}

void Client::run(milliseconds wait) {
  sockets_->poll(wait);
  sockets_->deliver();
}

void Client::wake() { sockets_->wake(); }

Answer Client::call(Command command, std::string_view arguments, const Options& options,
                    const std::function<bool()>& interrupted) {
  run(milliseconds(0));  // Brokers may have come and gone since the last call.
  std::optional<Answer> answer;
  const std::uint64_t id = start(command, arguments, options, [&answer](Answer given) { answer = std::move(given); });
  while (!answer) {
    if (interrupted && interrupted()) {
      forget(id);
      Answer given_up;
      given_up.reply.status = Code::kDeadlineExceeded;
      given_up.reply.info.message = "interrupted before an answer came";
      return given_up;
    }
    run(milliseconds(1'000));
  }
  return std::move(*answer);
}

std::size_t Client::under_way() const { return sockets_->table_.under_way(); }

}  // namespace trellis

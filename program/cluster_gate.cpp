#include "program/cluster_gate.hpp"

#include <charconv>
#include <chrono>
#include <cstring>

#include "program/log.hpp"
#include "protocol/check.hpp"

namespace trellis {
namespace {

constexpr const char* kEndpoint = "inproc://zeromq.zap.01";
/// ZMQ_ZAP_ENFORCE_DOMAIN: released libraries of 4.3 know it, though its name stands among the drafts of the header.
constexpr int kZapEnforceDomain = 93;
/// Strangers come in floods, or not at all.
constexpr std::chrono::seconds kToldEvery{10};

}  // namespace

ClusterGate::ClusterGate(zmq::context_t& context, const ClusterKey& key)
    : questions_(context, zmq::socket_type::router), key_(key), public_bytes_(key_bytes(key.public_key)) {
  CHECK(!public_bytes_.empty());
  questions_.set(zmq::sockopt::linger, 0);
  questions_.bind(kEndpoint);
}

void ClusterGate::ask_for_keys(zmq::socket_t& bound, const std::string& port) {
  bound.set(zmq::sockopt::curve_server, true);
  bound.set(zmq::sockopt::curve_secretkey, key_.secret_key);
  bound.set(zmq::sockopt::zap_domain, port);
  // Should the gate ever not be there, nobody is let in, instead of everybody.
  const int enforced = 1;
  CHECK(zmq_setsockopt(bound.handle(), kZapEnforceDomain, &enforced, sizeof enforced) == 0);
}

void ClusterGate::admit_members(zmq::socket_t& bound, const std::string& port) { ask_for_keys(bound, port); }

void ClusterGate::admit_users(zmq::socket_t& bound, const std::string& port, Users users) {
  ask_for_keys(bound, port);
  users_[port] = std::move(users);
}

ClusterGate::Found ClusterGate::find(const ZapQuestion& question) const {
  if (question.public_key == public_bytes_) return {ZapStatus::kLetIn, 0};
  const auto users = users_.find(question.port);
  if (users == users_.end() || question.public_key.empty()) return {};
  return users->second(question.public_key);
}

void ClusterGate::on_question(const Frames& frames, TimePoint now) {
  const auto question = read_zap_question(frames);
  if (!question) return;  // libzmq asks so never.
  const Found found = find(*question);
  const bool is_let_in = found.status == ZapStatus::kLetIn;
  const std::string user = is_let_in ? std::to_string(found.user) : "";
  static_cast<void>(send(questions_, zap_answer(*question, found.status, is_let_in ? "" : "not known here", user)));
  if (!is_let_in) tell(*question, found, now);
}

void ClusterGate::tell(const ZapQuestion& question, const Found& found, TimePoint now) {
  const bool is_for_users = users_.contains(question.port);
  const auto told = refusal_told_.find(question.port);
  if (told != refusal_told_.end() && now - told->second < kToldEvery) return;
  refusal_told_[question.port] = now;
  std::string why = ", which has another key than this cluster's; a process of the cluster needs its --cluster-key";
  if (is_for_users) why = ", whose key is no user's; an administrator adds users (`trellis user add`)";
  if (found.status == ZapStatus::kNotYet) why = ": this broker has not heard who the users are; it tries again";
  log_warning(question.port + " refused " + question.address + why);
}

std::optional<std::uint64_t> user_of(const Frame& frame) {
  auto* const message = const_cast<zmq::message_t*>(static_cast<const zmq::message_t*>(frame.owner()));
  const char* const text = message == nullptr ? nullptr : zmq_msg_gets(message->handle(), "User-Id");
  if (text == nullptr) return std::nullopt;
  std::uint64_t user = 0;
  const char* const end = text + std::strlen(text);
  const auto read = std::from_chars(text, end, user);
  return read.ec == std::errc() && read.ptr == end && end != text ? std::optional(user) : std::nullopt;
}

void show_key(zmq::socket_t& connecting, const ClusterKey& key) {
  connecting.set(zmq::sockopt::curve_serverkey, key.public_key);
  connecting.set(zmq::sockopt::curve_publickey, key.public_key);
  connecting.set(zmq::sockopt::curve_secretkey, key.secret_key);
}

}  // namespace trellis

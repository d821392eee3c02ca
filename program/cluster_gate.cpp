#include "program/cluster_gate.hpp"

#include <chrono>

#include "program/log.hpp"
#include "protocol/check.hpp"

namespace trellis {
namespace {

constexpr const char* kEndpoint = "inproc://zeromq.zap.01";
constexpr const char* kVersion = "1.0";
/// ZMQ_ZAP_ENFORCE_DOMAIN: released libraries of 4.3 know it, though its name stands among the drafts of the header.
constexpr int kZapEnforceDomain = 93;
constexpr std::size_t kPublicKeySize = 32;
/// Strangers come in floods, or not at all.
constexpr std::chrono::seconds kToldEvery{10};

/// Frames of a question as a ROUTER gives it: who asks, nothing, and what RFC 27 lists.
enum Part : std::size_t {
  kAsker,
  kEmpty,
  kVersionPart,
  kRequest,
  kDomain,
  kAddress,
  kIdentity,
  kMechanism,
  kKey,
  kParts
};

Frame frame_of(std::string_view text) { return Frame(std::string(text)); }

}  // namespace

ClusterGate::ClusterGate(zmq::context_t& context, const ClusterKey& key)
    : questions_(context, zmq::socket_type::router), key_(key), public_bytes_(kPublicKeySize, '\0') {
  CHECK(zmq_z85_decode(reinterpret_cast<std::uint8_t*>(public_bytes_.data()), key_.public_key.c_str()) != nullptr);
  questions_.set(zmq::sockopt::linger, 0);
  questions_.bind(kEndpoint);
}

void ClusterGate::admit_members(zmq::socket_t& bound, const std::string& port) {
  bound.set(zmq::sockopt::curve_server, true);
  bound.set(zmq::sockopt::curve_secretkey, key_.secret_key);
  bound.set(zmq::sockopt::zap_domain, port);
  // Should the gate ever not be there, nobody is let in, instead of everybody.
  const int enforced = 1;
  CHECK(zmq_setsockopt(bound.handle(), kZapEnforceDomain, &enforced, sizeof enforced) == 0);
}

bool ClusterGate::is_member(const Frames& question) const {
  return question[kMechanism].bytes() == "CURVE" && question.size() == kParts &&
         question[kKey].bytes() == public_bytes_;
}

void ClusterGate::on_question(Frames& question, TimePoint now) {
  if (question.size() <= kMechanism) return;  // libzmq asks so never.
  const bool is_let_in = is_member(question);
  const Frames answer{question[kAsker],
                      frame_of(""),
                      frame_of(kVersion),
                      question[kRequest],
                      frame_of(is_let_in ? "200" : "400"),
                      frame_of(is_let_in ? "" : "no member of this cluster"),
                      frame_of(is_let_in ? "member" : ""),
                      frame_of("")};
  static_cast<void>(send(questions_, answer));
  if (is_let_in || (refusal_told_ && now - *refusal_told_ < kToldEvery)) return;
  refusal_told_ = now;
  log_warning(std::string(question[kDomain].bytes()) + " refused " + std::string(question[kAddress].bytes()) +
              ", which has another key than this cluster's; a process of the cluster needs its --cluster-key");
}

void show_key(zmq::socket_t& connecting, const ClusterKey& key) {
  connecting.set(zmq::sockopt::curve_serverkey, key.public_key);
  connecting.set(zmq::sockopt::curve_publickey, key.public_key);
  connecting.set(zmq::sockopt::curve_secretkey, key.secret_key);
}

}  // namespace trellis

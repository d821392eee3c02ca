#include "program/zmq_frames.hpp"

#include <memory>
#include <optional>

namespace trellis {
namespace {

/// Below this a copy costs less than the two allocations that lending takes.
constexpr std::size_t kCopyMax = 2048;

zmq::message_t to_message(const Frame& frame) {
  if (frame.size() < kCopyMax) return zmq::message_t(frame.data(), frame.size());
  auto lent = std::make_unique<Frame>(frame);
  const auto give_back = [](void*, void* hint) { delete static_cast<Frame*>(hint); };
  zmq::message_t message(const_cast<char*>(frame.data()), frame.size(), give_back, lent.get());
  static_cast<void>(lent.release());
  return message;
}

/// Receives one part, if one waits, and returns its size.  A signal that arrives meanwhile is no error: the caller's
/// loop looks at it.
std::optional<std::size_t> receive_part(zmq::socket_t& socket, zmq::message_t& message) {
  for (;;) {
    const int size = zmq_msg_recv(message.handle(), socket.handle(), ZMQ_DONTWAIT);
    if (size >= 0) return static_cast<std::size_t>(size);
    if (zmq_errno() == EAGAIN) return std::nullopt;
    if (zmq_errno() != EINTR) throw zmq::error_t();
  }
}

bool send_part(zmq::socket_t& socket, zmq::message_t message, zmq::send_flags flags) {
  for (;;) {
    try {
      return socket.send(message, flags).has_value();
    } catch (const zmq::error_t& error) {
      if (error.num() == EHOSTUNREACH) return false;  // ROUTER_MANDATORY: that peer has gone.
      if (error.num() != EINTR) throw;
    }
  }
}

/// Drops some of what is left of a message.
void discard(zmq::socket_t& socket, Intake& intake) {
  zmq::message_t part;
  for (std::size_t n = 0; n < Intake::kDiscardedAtOnce; ++n) {
    if (!receive_part(socket, part)) return;
    if (part.more()) continue;
    intake.is_discarding = false;
    return;
  }
}

}  // namespace

bool receive(zmq::socket_t& socket, Frames& frames, Intake& intake) {
  frames.clear();
  if (intake.is_discarding) {
    discard(socket, intake);
    return false;
  }
  for (;;) {
    auto message = std::make_shared<zmq::message_t>();
    // Once the first part is here, so are the others.
    const auto size = receive_part(socket, *message);
    if (!size) return false;
    const bool more = message->more();
    const std::string_view bytes(static_cast<const char*>(message->data()), *size);
    const bool is_too_much = frames.size() == intake.frames_max;
    if (is_too_much || (intake.wants_source && !more)) intake.source = zmq_msg_get(message->handle(), ZMQ_SRCFD);
    if (is_too_much) {
      frames.clear();
      intake.is_discarding = more;
      return false;
    }
    frames.emplace_back(std::move(message), bytes);
    if (!more) return true;
  }
}

std::string address_of(const Frame& frame) {
  auto* const message = const_cast<zmq::message_t*>(static_cast<const zmq::message_t*>(frame.owner()));
  const char* const address = message == nullptr ? nullptr : zmq_msg_gets(message->handle(), "Peer-Address");
  return address == nullptr ? std::string() : address;
}

int descriptor_of(const Frame& frame) {
  auto* const message = const_cast<zmq::message_t*>(static_cast<const zmq::message_t*>(frame.owner()));
  return message == nullptr ? -1 : zmq_msg_get(message->handle(), ZMQ_SRCFD);
}

bool send(zmq::socket_t& socket, const Frames& frames) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    auto flags = zmq::send_flags::dontwait;
    if (i + 1 < frames.size()) flags = flags | zmq::send_flags::sndmore;
    // Once the first part is taken, so are the others.
    if (!send_part(socket, to_message(frames[i]), flags)) return false;
  }
  return true;
}

}  // namespace trellis

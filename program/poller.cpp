#include "program/poller.hpp"

#include <cerrno>

#include "protocol/check.hpp"

namespace trellis {
namespace {

/// A signal can interrupt even this look: then the socket is received from, to be sure.
bool may_have_messages(zmq::socket_t& socket) {
  int events = 0;
  std::size_t size = sizeof events;
  if (zmq_getsockopt(socket.handle(), ZMQ_EVENTS, &events, &size) == 0) return (events & ZMQ_POLLIN) != 0;
  CHECK(zmq_errno() == EINTR);
  return true;
}

}  // namespace

Poller::Number Poller::add(zmq::socket_t& socket) {
  Socket added;
  added.socket = &socket;
  added.polled = polled_.size();
  sockets_.push_back(added);
  add(socket.get(zmq::sockopt::fd));
  return sockets_.size() - 1;
}

void Poller::guard(Number socket, std::size_t frames_max, ConnectionWatch& watch) {
  sockets_[socket].intake.frames_max = frames_max;
  sockets_[socket].watch = &watch;
}

bool Poller::receive_one(Socket& from) {
  Intake& intake = from.intake;
  const bool was_discarding = intake.is_discarding;
  intake.source = -1;
  intake.wants_source = from.watch != nullptr && from.watch->is_observing();
  const bool is_whole = receive(*from.socket, frames_, intake);
  if (is_whole && intake.wants_source) from.watch->on_message(intake.source);
  if (is_whole) return true;
  if (!was_discarding && intake.source >= 0 && from.watch != nullptr) from.watch->cut_off(intake.source);
  if (was_discarding || intake.is_discarding || intake.source >= 0) from.is_unsure = true;
  return false;
}

void Poller::add(int descriptor) { polled_.push_back({descriptor, POLLIN, 0}); }

void Poller::remove(Number socket) {
  polled_[sockets_[socket].polled].fd = -1;
  sockets_[socket].socket = nullptr;
  sockets_[socket].is_ready = false;
}

void Poller::remove(int descriptor) {
  for (pollfd& each : polled_) {
    if (each.fd == descriptor) each.fd = -1;
  }
}

void Poller::wait(std::chrono::milliseconds most) {
  for (Socket& each : sockets_) {
    if (each.socket == nullptr) continue;
    each.is_ready = each.is_unsure && may_have_messages(*each.socket);
    each.is_unsure = false;
    if (each.is_ready) most = std::chrono::milliseconds(0);
  }
  const int ready = ::poll(polled_.data(), polled_.size(), static_cast<int>(most.count()));
  CHECK(ready >= 0 || errno == EINTR);
  if (ready <= 0) return;
  for (Socket& each : sockets_) {
    if (each.socket != nullptr && polled_[each.polled].revents != 0) each.is_ready = true;
  }
}

}  // namespace trellis

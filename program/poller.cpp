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
  sockets_.push_back({&socket, polled_.size()});
  add(socket.get(zmq::sockopt::fd));
  return sockets_.size() - 1;
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

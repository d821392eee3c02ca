#include "program/socket_monitor.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>

#include "protocol/check.hpp"

namespace trellis {
namespace {

/// ZeroMQ closes sockets in its own time: the endpoint of a link that was closed is taken for a while, and the next
/// link to the same partner needs another one.
std::string next_endpoint(const std::string& name) {
  static std::atomic<std::uint64_t> count = 0;
  return "inproc://" + name + ", " + std::to_string(++count);
}

}  // namespace

SocketMonitor::SocketMonitor(zmq::context_t& context, zmq::socket_t& watched, const std::string& name, int events)
    : events_(context, zmq::socket_type::pair) {
  const std::string endpoint = next_endpoint(name);
  CHECK(zmq_socket_monitor(watched.handle(), endpoint.c_str(), events) == 0);
  events_.set(zmq::sockopt::rcvhwm, 0);  // ZeroMQ's own thread must never wait for this one.
  events_.set(zmq::sockopt::linger, 0);
  events_.connect(endpoint);
}

std::optional<SocketMonitor::Event> SocketMonitor::next() {
  zmq::message_t head;
  zmq::message_t address;
  try {
    if (!events_.recv(head, zmq::recv_flags::dontwait)) return std::nullopt;
    static_cast<void>(events_.recv(address, zmq::recv_flags::dontwait));
  } catch (const zmq::error_t& error) {
    if (error.num() == EINTR) return std::nullopt;  // It comes with the next look.
    throw;
  }
  Event event;
  CHECK(head.size() == sizeof event.kind + sizeof event.value);
  std::memcpy(&event.kind, head.data(), sizeof event.kind);
  std::memcpy(&event.value, static_cast<const char*>(head.data()) + sizeof event.kind, sizeof event.value);
  return event;
}

}  // namespace trellis

// SocketMonitor: what ZeroMQ tells of a socket's connections.  Thread: that of the socket.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <zmq.hpp>

namespace trellis {

class SocketMonitor {
 public:
  struct Event {
    std::uint16_t kind = 0;   ///< ZMQ_EVENT_...
    std::uint32_t value = 0;  ///< By its kind: a descriptor, an error, ...
  };

  /// Before the socket is bound or connected.
  /// @param name    for whoever looks at endpoints; several may have it
  /// @param events  ZMQ_EVENT_... that are wanted; all others are not even made
  SocketMonitor(zmq::context_t& context, zmq::socket_t& watched, const std::string& name, int events);

  /// The next event, if there is one.
  std::optional<Event> next();

 private:
  zmq::socket_t events_;
};

}  // namespace trellis

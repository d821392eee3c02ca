#include "program/refused_link.hpp"

namespace trellis {

RefusedLink::RefusedLink(zmq::context_t& context, zmq::socket_t& socket, std::string endpoint)
    : events_(context, socket, "handshakes with " + endpoint,
              ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH),
      endpoint_(std::move(endpoint)) {}

void RefusedLink::tick(zmq::socket_t& socket, TimePoint now) {
  while (events_.next()) {
    if (!due_) due_ = now + kTryAgainAfter;
  }
  if (!due_ || now < *due_) return;
  due_.reset();
  socket.disconnect(endpoint_);
  socket.connect(endpoint_);
}

}  // namespace trellis

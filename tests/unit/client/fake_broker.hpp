// A broker of a test's own: a ROUTER in a thread that answers each request as it is told.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <variant>
#include <zmq.hpp>

#include "protocol/command.hpp"
#include "protocol/reply.hpp"

namespace trellis {

class FakeBroker {
 public:
  /// What to answer; an empty string: nothing.
  using Handler = std::function<std::string(const Request&)>;

  /// Listens on `port` of 127.0.0.1; 0: one that is free.
  explicit FakeBroker(Handler handler, int port = 0) : handler_(std::move(handler)) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvtimeo, 5);
    socket_.set(zmq::sockopt::sndhwm, 0);
    socket_.bind("tcp://127.0.0.1:" + (port == 0 ? std::string("*") : std::to_string(port)));
    endpoint_ = socket_.get(zmq::sockopt::last_endpoint);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeBroker() {
    stop_ = true;
    thread_.join();
  }

  const std::string& endpoint() const { return endpoint_; }
  int port() const { return std::stoi(endpoint_.substr(endpoint_.rfind(':') + 1)); }
  int requests() const { return requests_; }

 private:
  void serve() {
    while (!stop_) {
      zmq::message_t address;
      zmq::message_t body;
      if (!socket_.recv(address)) continue;
      if (!socket_.recv(body)) continue;
      ++requests_;
      const auto request = read_request(body.to_string_view());
      const std::string reply = std::visit([this](const auto& read) { return answer(read); }, request);
      if (reply.empty()) continue;
      socket_.send(address, zmq::send_flags::sndmore);
      socket_.send(zmq::buffer(reply), zmq::send_flags::none);
    }
  }
  std::string answer(const Request& request) { return handler_(request); }
  std::string answer(const BadRequest& bad) { return pack_error(bad.id, bad.error); }

  Handler handler_;
  zmq::context_t context_{1};
  zmq::socket_t socket_{context_, zmq::socket_type::router};
  std::string endpoint_;
  std::atomic<bool> stop_{false};
  std::atomic<int> requests_{0};
  std::thread thread_;
};

inline std::string ok_reply(const Request& request) {
  Reply reply;
  reply.id = request.id;
  return pack_reply(reply);
}

}  // namespace trellis

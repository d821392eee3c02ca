// The loop with real sockets: what the transport promises to clients that behave, and to the others.
#include "broker/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <zmq.hpp>

#include "program/signals.hpp"
#include "protocol/command.hpp"
#include "protocol/packed.hpp"
#include "protocol/reply.hpp"

namespace trellis {
namespace {

using ::testing::HasSubstr;

std::string ping(std::uint64_t id) {
  std::string nothing;
  PackedWriter(nothing).array(0);
  return pack_request(id, Command::kPing, nothing, {});
}

class ServerFixture : public ::testing::Test {
 protected:
  ServerFixture() {
    std::random_device random;
    for (int attempt = 0; attempt < 50 && !server_; ++attempt) {
      options_.frontend.port = static_cast<std::uint16_t>(20'000 + random() % 30'000);
      options_.backend.port = static_cast<std::uint16_t>(options_.frontend.port + 1);
      if (auto bound = BrokerServer::bind(options_)) server_ = std::move(*bound);
    }
    thread_ = std::thread([this] { server_->run(stop_); });
  }
  ~ServerFixture() override { stop(); }

  void stop() {
    stop_.request();
    if (thread_.joinable()) thread_.join();
    server_.reset();
  }

  zmq::socket_t connect(zmq::socket_type type) {
    zmq::socket_t socket(context_, type);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::sndhwm, 0);
    socket.set(zmq::sockopt::rcvtimeo, 10'000);
    socket.connect(options_.frontend.zmq());
    return socket;
  }
  /// The status and id of the next reply; its last frame.
  static std::pair<Code, std::uint64_t> receive(zmq::socket_t& socket) {
    zmq::message_t message;
    do {
      if (!socket.recv(message)) return {Code::kInternal, 0};
    } while (message.more());
    const auto reply = read_reply(message.to_string_view());
    return reply ? std::pair{reply->status, reply->id} : std::pair{Code::kInternal, std::uint64_t{0}};
  }

  StopSignal stop_;
  BrokerServerOptions options_;
  zmq::context_t context_;

 private:
  std::unique_ptr<BrokerServer> server_;
  std::thread thread_;
};

TEST_F(ServerFixture, AnswersDealersRequestersAndRouters) {
  zmq::socket_t dealer = connect(zmq::socket_type::dealer);
  dealer.send(zmq::buffer(ping(1)), zmq::send_flags::none);
  EXPECT_EQ(receive(dealer), std::pair(Code::kOk, std::uint64_t{1}));
  zmq::socket_t requester = connect(zmq::socket_type::req);
  for (std::uint64_t id = 2; id < 5; ++id) {
    requester.send(zmq::buffer(ping(id)), zmq::send_flags::none);
    EXPECT_EQ(receive(requester), std::pair(Code::kOk, id));
  }
  zmq::socket_t correlating(context_, zmq::socket_type::req);
  correlating.set(zmq::sockopt::linger, 0);
  correlating.set(zmq::sockopt::req_correlate, 1);
  correlating.set(zmq::sockopt::rcvtimeo, 10'000);
  correlating.connect(options_.frontend.zmq());
  correlating.send(zmq::buffer(ping(9)), zmq::send_flags::none);
  EXPECT_EQ(receive(correlating), std::pair(Code::kOk, std::uint64_t{9}));
}

TEST_F(ServerFixture, APortInUseIsOneClearError) {
  const auto second = BrokerServer::bind(options_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("cannot bind the frontend " + options_.frontend.text()));
  EXPECT_THAT(second.error().message, HasSubstr("another program has it"));
}

TEST_F(ServerFixture, ARequestOf64MiBIsAnsweredAndALargerOneClosesTheConnection) {
  zmq::socket_t client = connect(zmq::socket_type::dealer);
  client.send(zmq::message_t(std::string(kRequestSizeMax, 'x')), zmq::send_flags::none);
  EXPECT_EQ(receive(client), std::pair(Code::kInvalidArgument, std::uint64_t{0}));
  client.send(zmq::message_t(std::string(kRequestSizeMax + 1, 'x')), zmq::send_flags::none);
  client.set(zmq::sockopt::rcvtimeo, 300);
  EXPECT_EQ(receive(client).first, Code::kInternal) << "no reply";
  zmq::socket_t next = connect(zmq::socket_type::dealer);
  next.send(zmq::buffer(ping(1)), zmq::send_flags::none);
  EXPECT_EQ(receive(next), std::pair(Code::kOk, std::uint64_t{1}));
}

TEST_F(ServerFixture, AClientThatDoesNotReadHoldsNobodyUpAndLosesOnlyWhatIsBeyondTheBound) {
  constexpr std::uint64_t kSent = 400'000;
  zmq::socket_t lazy(context_, zmq::socket_type::dealer);
  lazy.set(zmq::sockopt::linger, 0);
  lazy.set(zmq::sockopt::sndhwm, 0);
  lazy.set(zmq::sockopt::rcvhwm, 10);
  lazy.set(zmq::sockopt::rcvbuf, 4096);
  lazy.set(zmq::sockopt::rcvtimeo, 1'000);
  lazy.connect(options_.frontend.zmq());
  for (std::uint64_t id = 1; id <= kSent; ++id) lazy.send(zmq::buffer(ping(id)), zmq::send_flags::none);
  zmq::socket_t other = connect(zmq::socket_type::dealer);
  for (std::uint64_t id = 1; id <= 100; ++id) {
    other.send(zmq::buffer(ping(id)), zmq::send_flags::none);
    ASSERT_EQ(receive(other), std::pair(Code::kOk, id));
  }
  std::uint64_t received = 0;
  while (receive(lazy).first == Code::kOk) ++received;
  EXPECT_GE(received, kRepliesWaitingMax);
  lazy.send(zmq::buffer(ping(7)), zmq::send_flags::none);
  EXPECT_EQ(receive(lazy), std::pair(Code::kOk, std::uint64_t{7})) << "it is served again";
}

TEST_F(ServerFixture, AClientThatGoesAwayLeavesTheOthersInPeace) {
  for (int i = 0; i < 20; ++i) {
    zmq::socket_t short_lived = connect(zmq::socket_type::dealer);
    for (std::uint64_t id = 1; id <= 200; ++id) short_lived.send(zmq::buffer(ping(id)), zmq::send_flags::none);
    receive(short_lived);
  }
  zmq::socket_t client = connect(zmq::socket_type::dealer);
  client.send(zmq::buffer(ping(3)), zmq::send_flags::none);
  EXPECT_EQ(receive(client), std::pair(Code::kOk, std::uint64_t{3}));
}

TEST_F(ServerFixture, WhatIsUnderWayIsAnsweredBeforeItEnds) {
  zmq::socket_t client = connect(zmq::socket_type::dealer);
  std::string key;
  PackedWriter(key).array(1).str("a");
  Options options;
  options.timeout = std::chrono::milliseconds(300);
  client.send(zmq::buffer(pack_request(5, Command::kGet, key, options)), zmq::send_flags::none);
  client.send(zmq::buffer(ping(6)), zmq::send_flags::none);
  EXPECT_EQ(receive(client).second, 6u);
  stop();
  EXPECT_EQ(receive(client), std::pair(Code::kDeadlineExceeded, std::uint64_t{5}));
}

}  // namespace
}  // namespace trellis

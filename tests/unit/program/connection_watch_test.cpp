// Connections at a real port: bounds on how many, and on a message that does not end.
#include "program/connection_watch.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "program/poller.hpp"
#include "program/process.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kFramesMax = 100;

/// A ROUTER at a port of its own, and the loop around it.
struct Port {
  explicit Port(ConnectionLimits limits) : watch(context, socket, "the port", limits) {
    socket.set(zmq::sockopt::linger, 0);
    socket.bind("tcp://127.0.0.1:*");
    endpoint = socket.get(zmq::sockopt::last_endpoint);
    number = poller.add(socket);
    poller.guard(number, kFramesMax, watch);
  }
  /// Turns of the loop until it holds; at most 10 s.
  template <typename Holds>
  bool run_until(const Holds& holds) {
    for (const TimePoint end = monotonic_now() + std::chrono::seconds(10); monotonic_now() < end;) {
      poller.wait(milliseconds(10));
      poller.receive_all(number, 1'000, [this](Frames& frames) {
        ++messages;
        last_frames = frames.size();
        last_sender = frames.front().bytes();
      });
      watch.tick(monotonic_now());
      if (holds()) return true;
    }
    return false;
  }
  std::uint16_t port() const { return static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))); }

  zmq::context_t context;
  zmq::socket_t socket{context, zmq::socket_type::router};
  ConnectionWatch watch;
  Poller poller;
  Poller::Number number = 0;
  std::string endpoint;
  std::size_t messages = 0;
  std::size_t last_frames = 0;
  std::string last_sender;
};

int connect_to(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return descriptor;
}

zmq::socket_t client_of(Port& port) {
  zmq::socket_t client(port.context, zmq::socket_type::dealer);
  client.set(zmq::sockopt::linger, 0);
  client.set(zmq::sockopt::sndhwm, 0);
  client.connect(port.endpoint);
  return client;
}

void say(int descriptor, std::string_view bytes) {
  static_cast<void>(::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

/// What a DEALER says first (ZMTP 3.0, NULL). ZeroMQ itself sends nothing before a message is whole.
std::string greeting() {
  std::string bytes = "\xff" + std::string(8, '\0') + "\x7f\x03" + std::string(1, '\0') + "NULL";
  bytes.resize(64, '\0');
  std::string ready = "\x05READY\x0bSocket-Type" + std::string(3, '\0') + "\x06" + "DEALER";
  return bytes + "\x04" + static_cast<char>(ready.size()) + ready;
}

TEST(ConnectionWatch, KnowsWhoIsThereAndWhoHasGone) {
  Port port({.connections_max = 10, .per_address_max = 10, .message_size_max = 1'000});
  const int first = connect_to(port.port());
  const int second = connect_to(port.port());
  EXPECT_TRUE(port.run_until([&] { return port.watch.connections() == 2; }));
  ::close(first);
  EXPECT_TRUE(port.run_until([&] { return port.watch.connections() == 1; }));
  ::close(second);
  EXPECT_TRUE(port.run_until([&] { return port.watch.connections() == 0; }));
  EXPECT_EQ(port.watch.refused(), 0u);
}

TEST(ConnectionWatch, EndsThoseThatItIsToldTo) {
  Port port({.connections_max = 10, .per_address_max = 10, .message_size_max = 1'000});
  const int one = connect_to(port.port());
  const int other = connect_to(port.port());
  EXPECT_TRUE(port.run_until([&] { return port.watch.connections() == 2; }));
  std::vector<int> asked;
  const auto first_only = [&](int descriptor) {
    asked.push_back(descriptor);
    return asked.size() == 1;
  };
  EXPECT_EQ(port.watch.end_where(monotonic_now(), first_only), 1u);
  EXPECT_EQ(asked.size(), 2u);
  EXPECT_TRUE(port.run_until([&] { return port.watch.connections() == 1; }));
  ::close(one);
  ::close(other);
}

TEST(ConnectionWatch, EndsThoseThatItIsToldToOnceTheyAreQuiet) {
  Port port({.connections_max = 10, .per_address_max = 10, .message_size_max = 1'000});
  const int silent = connect_to(port.port());
  zmq::socket_t client = client_of(port);
  ASSERT_TRUE(port.run_until([&] { return port.watch.connections() == 2; }));
  port.watch.end_once_quiet(monotonic_now(), [](int) { return true; });
  const TimePoint began = monotonic_now();
  std::size_t sent = 0;
  EXPECT_TRUE(port.run_until([&] {
    client.send(zmq::str_buffer("asks"), zmq::send_flags::none);
    ++sent;
    return port.watch.connections() == 1;
  }));
  EXPECT_GE(monotonic_now() - began, ConnectionWatch::kQuietLooks * ConnectionWatch::kLookEvery);
  EXPECT_TRUE(port.run_until([&] { return port.messages == sent; })) << "none is lost";
  ::close(silent);
}

/// Its first message has been taken in meanwhile.
TEST(ConnectionWatch, EndsNoneThatIsNotToEndAnyMore) {
  Port port({.connections_max = 10, .per_address_max = 10, .message_size_max = 1'000});
  const int silent = connect_to(port.port());
  ASSERT_TRUE(port.run_until([&] { return port.watch.connections() == 1; }));
  bool is_to_end = true;
  port.watch.end_once_quiet(monotonic_now(), [&](int) { return is_to_end; });
  is_to_end = false;
  const TimePoint end = monotonic_now() + 2 * ConnectionWatch::kQuietLooks * ConnectionWatch::kLookEvery;
  EXPECT_TRUE(port.run_until([&] { return monotonic_now() >= end; }));
  EXPECT_EQ(port.watch.connections(), 1u);
  ::close(silent);
}

TEST(ConnectionWatch, EndsTheNewestBeyondWhatThereIsRoomFor) {
  Port port({.connections_max = 4, .per_address_max = 10, .message_size_max = 1'000});
  std::vector<int> open;
  for (int i = 0; i < 6; ++i) open.push_back(connect_to(port.port()));
  EXPECT_TRUE(port.run_until([&] { return port.watch.refused() == 2 && port.watch.connections() == 4; }));
  for (const int each : open) ::close(each);
}

TEST(ConnectionWatch, EndsTheNewestBeyondWhatOneAddressMayHave) {
  Port port({.connections_max = 100, .per_address_max = 3, .message_size_max = 1'000});
  std::vector<int> open;
  for (int i = 0; i < 5; ++i) open.push_back(connect_to(port.port()));
  EXPECT_TRUE(port.run_until([&] { return port.watch.refused() == 2 && port.watch.connections() == 3; }));
  for (const int each : open) ::close(each);
}

/// ZeroMQ takes the second one, and drops all that it says.
TEST(ConnectionWatch, TellsOfAClientWithTheRoutingIdOfAnother) {
  Port port(
      {.connections_max = 10, .per_address_max = 10, .message_size_max = 10'000, .unanswered_max = milliseconds(300)});
  const auto client = [&](const char* routing_id) {
    zmq::socket_t made(port.context, zmq::socket_type::dealer);
    made.set(zmq::sockopt::linger, 0);
    made.set(zmq::sockopt::routing_id, routing_id);
    made.connect(port.endpoint);
    made.send(zmq::buffer(std::string(500, 'x')), zmq::send_flags::none);
    return made;
  };
  const zmq::socket_t first = client("mine");
  ASSERT_TRUE(port.run_until([&] { return port.messages == 1; }));
  port.socket.send(zmq::str_buffer("mine"), zmq::send_flags::sndmore);
  port.socket.send(zmq::str_buffer("an answer"), zmq::send_flags::none);
  const zmq::socket_t second = client("mine");
  EXPECT_TRUE(port.run_until([&] { return port.watch.unanswered() == 1; }));
  EXPECT_EQ(port.messages, 1u) << "the second is not heard";
}

TEST(ConnectionWatch, WhoWasAnsweredOnceOrSaysNothingIsLeftAlone) {
  Port port(
      {.connections_max = 10, .per_address_max = 10, .message_size_max = 10'000, .unanswered_max = milliseconds(100)});
  zmq::socket_t silent = client_of(port);
  zmq::socket_t answered = client_of(port);
  answered.set(zmq::sockopt::rcvtimeo, 10'000);
  answered.send(zmq::buffer(std::string(500, 'x')), zmq::send_flags::none);
  ASSERT_TRUE(port.run_until([&] { return port.messages == 1; }));
  port.socket.send(zmq::buffer(port.last_sender), zmq::send_flags::sndmore);
  port.socket.send(zmq::str_buffer("an answer"), zmq::send_flags::none);
  const TimePoint end = monotonic_now() + milliseconds(600);  // Six times as long as it would take.
  EXPECT_TRUE(port.run_until([&] { return monotonic_now() >= end; }));
  EXPECT_EQ(port.watch.unanswered(), 0u);
}

TEST(ConnectionWatch, CutsOffWhoseMessageDoesNotEnd) {
  Port port({.connections_max = 10, .per_address_max = 10, .message_size_max = 100'000});
  const int endless = connect_to(port.port());
  say(endless, greeting());
  // A short frame with more to come.
  const std::string part = "\x01\xc8" + std::string(200, 'x');
  EXPECT_TRUE(port.run_until([&] {
    for (int i = 0; i < 50; ++i) say(endless, part);
    return port.watch.cut_off() == 1;
  }));
  EXPECT_EQ(port.messages, 0u);
  ::close(endless);
}

TEST(ConnectionWatch, WhoSendsMuchInMessagesThatEndIsLeftAlone) {
  Port port({.connections_max = 10, .per_address_max = 10, .message_size_max = 20'000});
  zmq::socket_t client = client_of(port);
  const std::string part(10'000, 'x');
  std::size_t sent = 0;
  EXPECT_TRUE(port.run_until([&] {
    for (int i = 0; i < 10; ++i, ++sent) client.send(zmq::buffer(part), zmq::send_flags::none);
    return port.messages > 1'000;
  }));
  EXPECT_EQ(port.watch.cut_off(), 0u);
  EXPECT_TRUE(port.run_until([&] { return port.messages == sent; })) << "none is lost";
}

TEST(ConnectionWatch, AMessageOfTooManyFramesIsDroppedAndItsSenderCutOff) {
  Port port({.connections_max = 10, .per_address_max = 10, .message_size_max = 1'000'000});
  zmq::socket_t other = client_of(port);
  zmq::socket_t flood = client_of(port);
  for (std::size_t i = 0; i < kFramesMax - 2; ++i) flood.send(zmq::str_buffer("x"), zmq::send_flags::sndmore);
  flood.send(zmq::str_buffer("x"), zmq::send_flags::none);
  EXPECT_TRUE(port.run_until([&] { return port.messages == 1; }));
  EXPECT_EQ(port.last_frames, kFramesMax) << "with the routing id: as many as are allowed";
  for (std::size_t i = 0; i < 250'000; ++i) flood.send(zmq::str_buffer("x"), zmq::send_flags::sndmore);
  flood.send(zmq::str_buffer("x"), zmq::send_flags::none);
  EXPECT_TRUE(port.run_until([&] { return port.watch.cut_off() == 1; }));
  other.send(zmq::str_buffer("others go on"), zmq::send_flags::none);
  EXPECT_TRUE(port.run_until([&] { return port.messages == 2; }));
  EXPECT_EQ(port.last_frames, 2u);
}

}  // namespace
}  // namespace trellis

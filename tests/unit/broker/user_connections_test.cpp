// Replies go to the connection that their request came by, and to no later one.
#include "broker/user_connections.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>

namespace trellis {
namespace {

/// A listener of this machine, and connections to it.
class Listener {
 public:
  Listener() : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(descriptor_, 16), 0);
  }
  ~Listener() {
    for (const int each : clients_) ::close(each);
    ::close(descriptor_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// The descriptor of this end.
  int accept() {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size);
    clients_.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_EQ(::connect(clients_.back(), reinterpret_cast<sockaddr*>(&address), size), 0);
    return ::accept(descriptor_, nullptr, nullptr);
  }

 private:
  int descriptor_;
  std::vector<int> clients_;
};

TEST(UserConnections, ANameStandsForItsConnectionWhileThatIsOpen) {
  Listener listener;
  UserConnections connections;
  const int descriptor = listener.accept();
  const std::string name = connections.name_of(descriptor, "id", 7);
  EXPECT_EQ(connections.name_of(descriptor, "id", 7), name);
  EXPECT_EQ(connections.routing_id_of(name), "id");
  EXPECT_TRUE(connections.is_known(descriptor));
  ::close(descriptor);
  EXPECT_FALSE(connections.is_known(descriptor));
  EXPECT_EQ(connections.routing_id_of(name), "") << "it has gone";
  EXPECT_EQ(connections.name_of(descriptor, "id", 7), "");
  EXPECT_EQ(connections.routing_id_of("short"), "");
}

TEST(UserConnections, WhoComesUnderTheSameRoutingIdIsAnother) {
  Listener listener;
  UserConnections connections;
  const int first = listener.accept();
  const std::string before = connections.name_of(first, "chosen", 7);
  const int second = listener.accept();
  ASSERT_EQ(::dup2(second, first), first);  // As the kernel does, which gives a descriptor again.
  const std::string after = connections.name_of(first, "chosen", 8);
  EXPECT_NE(after, before);
  EXPECT_EQ(connections.routing_id_of(before), "");
  EXPECT_EQ(connections.routing_id_of(after), "chosen");
  ::close(first);
  ::close(second);
}

TEST(UserConnections, ThoseOfWhomIsRemovedAreEnded) {
  Listener listener;
  UserConnections connections;
  const int adas = listener.accept();
  const int bobs = listener.accept();
  const std::string ada = connections.name_of(adas, "a", 1);
  const std::string bob = connections.name_of(bobs, "b", 2);
  EXPECT_EQ(connections.end_where_not([](std::uint64_t user) { return user == 2; }), 1u);
  char byte = 0;
  EXPECT_EQ(::recv(adas, &byte, 1, MSG_DONTWAIT), 0) << "it was shut down";
  EXPECT_EQ(connections.routing_id_of(ada), "");
  EXPECT_EQ(connections.routing_id_of(bob), "b");
  ::close(adas);
  ::close(bobs);
}

TEST(UserConnections, ThoseThatHaveGoneAreForgotten) {
  Listener listener;
  UserConnections connections;
  std::set<std::string> names;
  for (std::size_t i = 0; i < 10 * UserConnections::kForgottenMin; ++i) {
    const int descriptor = listener.accept();
    EXPECT_TRUE(names.insert(connections.name_of(descriptor, std::to_string(i), 1)).second);
    ::close(descriptor);
  }
  EXPECT_EQ(connections.end_where_not([](std::uint64_t) { return false; }), 0u) << "none of them is open";
}

}  // namespace
}  // namespace trellis

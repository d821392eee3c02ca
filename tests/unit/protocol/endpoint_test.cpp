#include "protocol/endpoint.hpp"

#include <gtest/gtest.h>

namespace trellis {
namespace {

TEST(Endpoint, IsTheSameWithAndWithoutItsScheme) {
  const auto plain = read_endpoint("127.0.0.1:7400");
  ASSERT_TRUE(plain);
  EXPECT_EQ(*plain, (Endpoint{"127.0.0.1", 7400}));
  EXPECT_EQ(*plain, *read_endpoint("tcp://127.0.0.1:7400"));
  EXPECT_EQ(plain->text(), "127.0.0.1:7400");
  EXPECT_EQ(plain->zmq(), "tcp://127.0.0.1:7400");
}

TEST(Endpoint, MayNameAHostAnIpv6AddressOrAllInterfaces) {
  EXPECT_TRUE(read_endpoint("my-host.example.org:1"));
  EXPECT_EQ(read_endpoint("[::1]:65535")->host, "[::1]");
  EXPECT_TRUE(read_endpoint("*:7400"));
}

TEST(Endpoint, IsRefusedWhereItIsNone) {
  for (const char* text :
       {"", ":", "host", "host:", ":7400", "host:0", "host:65536", "host:-1", "host:+1", "host: 1", "host:1x",
        "ho st:1", "::1:7400", "[]:1", "[::1:1", "udp://host:1", "tcp://", "tcp://:1", "tcp://host:1/"}) {
    EXPECT_FALSE(read_endpoint(text)) << text;
  }
  EXPECT_FALSE(read_endpoint(std::string(254, 'a') + ":1"));
}

TEST(Port, IsDigitsFrom1To65535) {
  EXPECT_EQ(*read_port("1"), 1);
  EXPECT_EQ(*read_port("65535"), 65535);
  for (const char* text : {"", "0", "65536", "7410 ", "0x10", "port"}) EXPECT_FALSE(read_port(text)) << text;
}

}  // namespace
}  // namespace trellis

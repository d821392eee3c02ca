// Which hosts a gateway answers to.
#include "gateway/hosts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trellis {
namespace {

TEST(Hosts, LoopbackAndTheListeningAddressAreKnown) {
  const Hosts hosts({"192.0.2.7", 7480}, {});
  for (const char* host : {"localhost", "LOCALHOST:7480", "localhost.", "127.0.0.1:80", "[::1]", "[::1]:7480",
                           "192.0.2.7", "192.0.2.7:7480", ""}) {
    EXPECT_TRUE(hosts.admit(host)) << host;
  }
  for (const char* host : {"rebound.example", "rebound.example:7480", "192.0.2.8", "localhost.rebound.example", "[::2]",
                           "127.0.0.1.rebound.example", "x"}) {
    EXPECT_FALSE(hosts.admit(host)) << host;
  }
}

TEST(Hosts, NamesThatWereToldAreKnownToo) {
  const Hosts hosts({"127.0.0.1", 7480}, {"Db.Example.org", "[2001:db8::7]"});
  EXPECT_TRUE(hosts.admit("db.example.org:443"));
  EXPECT_TRUE(hosts.admit("[2001:db8::7]:443"));
  EXPECT_FALSE(hosts.admit("other.example.org"));
}

TEST(Hosts, AtAWildcardEveryAddressIsKnownAndNoName) {
  const Hosts hosts({"0.0.0.0", 7480}, {});
  EXPECT_TRUE(hosts.admit("198.51.100.3:7480"));
  EXPECT_TRUE(hosts.admit("[2001:db8::7]"));
  EXPECT_FALSE(hosts.admit("rebound.example"));
  EXPECT_FALSE(hosts.admit("1.2.3"));
}

TEST(Hosts, ARefusalNamesTheOption) {
  EXPECT_EQ(Hosts::refusal("db:80").status, 421);
  EXPECT_THAT(Hosts::refusal("db:80").body, testing::HasSubstr("--host \\\"db\\\""));
}

TEST(Hosts, AnOptionIsANameWithoutAPort) {
  EXPECT_EQ(host_problem("db.example.org"), "");
  EXPECT_EQ(host_problem("[2001:db8::7]"), "");
  for (const char* wrong : {"", "db:80", "http://db", "a b", "[::1]:80"}) EXPECT_NE(host_problem(wrong), "") << wrong;
}

}  // namespace
}  // namespace trellis

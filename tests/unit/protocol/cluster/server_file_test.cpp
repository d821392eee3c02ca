// Server files: what is taken, and how wrong lines are told.
#include "protocol/cluster/server_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trellis {
namespace {

using ::testing::ElementsAre;

std::string problem_of(std::string_view text) {
  const auto read = read_server_file(text, "servers.txt");
  return read ? "none" : read.error().message;
}

TEST(ServerFile, ListsAddressesInTheOrderOfItsLines) {
  const auto read =
      read_server_file("# mine\n127.0.0.1 9002\r\n\n  127.0.0.1\t9001 # first\nhost-3 9003", "servers.txt");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(*read, ElementsAre("127.0.0.1:9002", "127.0.0.1:9001", "host-3:9003"));
}

TEST(ServerFile, AByteOrderMarkInFrontIsTaken) {
  const auto read = read_server_file(
      "\xef\xbb\xbf"
      "127.0.0.1 9001\r\n",
      "servers.txt");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(*read, ElementsAre("127.0.0.1:9001"));
}

TEST(ServerFile, NamesFileLineAndReasonOfWhatIsWrong) {
  EXPECT_EQ(problem_of("127.0.0.1 9001\n127.0.0.1\n"), "servers.txt:2: a line is `address port`, this one has 1 word");
  EXPECT_EQ(problem_of("a 1 2"), "servers.txt:1: a line is `address port`, this one has 3 words");
  EXPECT_EQ(problem_of("a 1\n\nb 2\na 1\n"), "servers.txt:4: a:1 stands in line 1 already");
  EXPECT_THAT(problem_of("a 0"), ::testing::StartsWith("servers.txt:1: "));
  EXPECT_THAT(problem_of("a 65536"), ::testing::StartsWith("servers.txt:1: "));
  EXPECT_THAT(problem_of("a 12x"), ::testing::StartsWith("servers.txt:1: "));
  EXPECT_THAT(problem_of("# nothing\n\n"), ::testing::StartsWith("servers.txt: no worker is listed"));
}

TEST(ServerFile, HoldsAtMost256Workers) {
  std::string text;
  for (int i = 1; i <= 256; ++i) text += "a " + std::to_string(i) + "\n";
  EXPECT_TRUE(read_server_file(text, "servers.txt"));
  EXPECT_EQ(problem_of(text + "a 257\n"), "servers.txt:257: a cluster has at most 256 workers");
}

}  // namespace
}  // namespace trellis

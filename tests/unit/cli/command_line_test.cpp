// Which words are the program's, which the command's.
#include "cli/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trellis {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = CommandLine::Kind;

constexpr std::string_view kTools[] = {"load", "up"};

CommandLine split(const std::vector<std::string>& words) { return split_command_line(words, kTools); }

TEST(CommandLine, WithoutACommandItIsTheShellAndEveryWordASetting) {
  const CommandLine line = split({"-b", "127.0.0.1:7400", "--json", "--timeout", "100"});
  EXPECT_EQ(line.kind, Kind::kShell);
  EXPECT_THAT(line.flags, ElementsAre("-b", "127.0.0.1:7400", "--json", "--timeout", "100"));
}

TEST(CommandLine, FlagsMayStandBeforeAndAfterTheCommand) {
  const CommandLine line = split({"--timeout", "9", "-b", "a:1", "get", "k", "--broker=b:2", "--stale"});
  EXPECT_EQ(line.kind, Kind::kCommand);
  EXPECT_THAT(line.flags, ElementsAre("-b", "a:1", "--broker=b:2"));
  EXPECT_THAT(line.words, ElementsAre("--timeout", "9", "get", "k", "--stale"));
}

TEST(CommandLine, AToolTakesAllItsWords) {
  const CommandLine line = split({"--json", "load", "-b", "a:1", "-"});
  EXPECT_EQ(line.kind, Kind::kTool);
  EXPECT_THAT(line.flags, ElementsAre("--json", "load", "-b", "a:1", "-"));
}

TEST(CommandLine, KeysInitMakesAKeyAndListsNothing) {
  EXPECT_EQ(split({"keys", "init", "folder"}).kind, Kind::kTool);
  EXPECT_THAT(split({"-b", "a:1", "keys", "init", "folder"}).flags, ElementsAre("-b", "a:1", "keys", "init", "folder"));
  EXPECT_EQ(split({"keys", "init"}).kind, Kind::kTool) << "the folder is missing";
  EXPECT_EQ(split({"keys", "\"init\""}).kind, Kind::kCommand);
  EXPECT_EQ(split({"keys", "initial", "LIMIT", "3"}).kind, Kind::kCommand);
}

TEST(CommandLine, WordsWithADashStayWithTheCommand) {
  const CommandLine line = split({"set", "k", "-5"});
  EXPECT_THAT(line.words, ElementsAre("set", "k", "-5"));
  EXPECT_THAT(line.flags, IsEmpty());
}

TEST(CommandLine, AFlagsValueIsNotTakenForTheCommand) {
  for (const char* flag : {"--ttl", "--return", "--if-version", "--limit", "--timeout"}) {
    EXPECT_EQ(split({flag, "load", "put", "k", "1"}).kind, Kind::kCommand) << flag;
  }
}

TEST(CommandLine, BehindTwoDashesNothingIsAFlag) {
  const CommandLine line = split({"get", "--", "--broker"});
  EXPECT_THAT(line.words, ElementsAre("get", "--", "--broker"));
  EXPECT_THAT(line.flags, IsEmpty());
}

TEST(CommandLine, AFileNamedLikeAToolIsNoTool) {
  EXPECT_EQ(split({"get", "load"}).kind, Kind::kCommand);
  EXPECT_EQ(split({"-b", "up", "get", "k"}).kind, Kind::kCommand);
}

TEST(CommandLine, NoticesHelpAndJson) {
  EXPECT_TRUE(split({"get", "--help"}).help);
  EXPECT_TRUE(split({"get", "k", "--json"}).json);
  EXPECT_FALSE(split({"get", "--", "--json"}).json);
}

}  // namespace
}  // namespace trellis

// The page's console: the shell's grammar in, the shell's print out.
#include "gateway/console.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>

#include "protocol/json.hpp"

namespace trellis {
namespace {

using testing::HasSubstr;

/// Replies are views of bytes that somebody else keeps.
std::list<std::string> held;

Reply reply_of(std::string_view json, bool more = false) {
  Reply reply;
  reply.status = Code::kOk;
  reply.result = held.emplace_back(*parse_json(json));
  reply.info.more = more;
  return reply;
}

TEST(Console, ALineIsReadAndPrintedAsInTheShell) {
  ConsoleRun run("get user:0", false);
  ASSERT_TRUE(run.next_arguments());
  EXPECT_EQ(to_json(*run.next_arguments()), R"(["user:0"])");
  run.on_reply(reply_of(R"({"name": "Mary"})"));
  EXPECT_FALSE(run.next_arguments());
  EXPECT_THAT(run.response().body, HasSubstr(R"(\"user:0\" -> [ name -> )"));
  EXPECT_THAT(run.response().body, HasSubstr("\"code\": 0, \"more\": false"));
}

TEST(Console, WhatIsWrongIsToldAndAsksNothing) {
  ConsoleRun run("DEL person1", false);
  EXPECT_FALSE(run.next_arguments());
  EXPECT_THAT(run.response().body, HasSubstr("DELETE KEY removes a record"));
  EXPECT_THAT(run.response().body, HasSubstr("\"code\": 2"));
}

TEST(Console, HelpAndExitAskNothing) {
  EXPECT_THAT(ConsoleRun("HELP", false).response().body, HasSubstr("GET KEY"));
  EXPECT_THAT(ConsoleRun("EXIT", false).response().body, HasSubstr("this console"));
  EXPECT_THAT(ConsoleRun("  ", false).response().body, HasSubstr("\"out\": \"\""));
}

TEST(Console, AListingIsCutBehindItsFirstPageUnlessAllIsAskedFor) {
  ConsoleRun first("KEYS", false);
  first.on_reply(reply_of(R"(["a", "b"])", true));
  EXPECT_FALSE(first.next_arguments());
  EXPECT_THAT(first.response().body, HasSubstr("\"more\": true"));

  ConsoleRun all("KEYS", true);
  all.on_reply(reply_of(R"(["a", "b"])", true));
  ASSERT_TRUE(all.next_arguments());
  all.on_reply(reply_of(R"(["c"])"));
  EXPECT_FALSE(all.next_arguments());
  EXPECT_THAT(all.response().body, HasSubstr(R"("out": "a\nb\nc\n")"));
  EXPECT_THAT(all.response().body, HasSubstr("\"more\": false"));
}

}  // namespace
}  // namespace trellis

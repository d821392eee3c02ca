#include "client/statement/printer.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "protocol/notation/notation.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

std::string packed(std::string_view notation) {
  auto value = parse_value(notation);
  EXPECT_TRUE(value) << notation << ": " << value.error().reason;
  return *value;
}

/// What a line prints when it is answered with these replies, page by page: the texts and the exit code.
std::string printed(std::string_view line, const std::vector<Reply>& replies, bool json = false) {
  const auto statement = parse_statement(line);
  EXPECT_TRUE(statement) << line << statement.error().message;
  Printer printer(*statement, json);
  std::string out;
  for (const Reply& reply : replies) {
    const Printed text = printer.on_reply(reply);
    out += (text.err.empty() ? "" : "2> " + text.err) + text.out;
  }
  EXPECT_FALSE(printer.next_page());
  return out + "exit " + std::to_string(printer.exit_code());
}

/// The same for one reply OK, whose result is written in a notation.
std::string answered(std::string_view line, std::string_view result, bool json = false) {
  const std::string value = packed(result);
  Reply reply;
  reply.result = value;
  return printed(line, {reply}, json);
}

Reply error(Code code, std::string message) {
  Reply reply;
  reply.status = code;
  reply.info.message = std::move(message);
  return reply;
}

TEST(Printer, AChangeOfOnePlacePrintsWhatItCameTo) {
  EXPECT_EQ(answered("SET k.a 1", "[true]"), "OK\nexit 0");
  EXPECT_EQ(answered("DELETE k.a", "[true]"), "OK\nexit 0");
  EXPECT_EQ(answered("DELETE k.a", "[false]"), "NOT FOUND\nexit 1");
  EXPECT_EQ(answered("POP k.l.0", "[\"x\"]"), "k.l.0 -> \"x\"\nexit 0");
  EXPECT_EQ(answered("POP k.l.0", "[null]"), "NOT FOUND\nexit 1");
  EXPECT_EQ(answered("INCREMENT k.n", "[7]"), "7\nexit 0");
  EXPECT_EQ(answered("INCREMENT k.n", "[7]", true), "7\nexit 0");
  EXPECT_EQ(answered("APPEND k.l 1", "[3]"), "3\nexit 0");
  EXPECT_EQ(answered("MERGE k {}", "[true]"), "OK\nexit 0");
  EXPECT_EQ(answered("PATCH k [[\"pop\", [\"a\"]]]", "[null]"), "( null )\nexit 0");
  EXPECT_EQ(answered("HAS k.a", "1"), "true\nexit 0");
  EXPECT_EQ(printed("HAS k.a", {error(Code::kNotFound, "nothing")}), "false\nexit 1");
}

TEST(Printer, WhatIsLeftIsATimeThatExpireTakes) {
  EXPECT_EQ(answered("TTL k", "59312"), "59.312s\nexit 0");
  EXPECT_EQ(answered("TTL k", "null"), "for good\nexit 0");
  EXPECT_EQ(answered("TTL k", "59312", true), "59312\nexit 0");
  EXPECT_EQ(printed("TTL nobody", {error(Code::kNotFound, "")}), "NOT FOUND\nexit 1");
  EXPECT_EQ(answered("EXPIRE k 60s", "true"), "OK\nexit 0");
  EXPECT_EQ(answered("PERSIST nobody", "false"), "NOT FOUND\nexit 1");
  const std::string one = packed("1");
  Reply reply;
  reply.result = one;
  reply.info.version = 7;
  reply.info.ttl_ms = 1'500;
  EXPECT_EQ(printed("GET k --info", {reply}), "k -> 1\nversion: 7\nttl: 1.5s\nexit 0");
  EXPECT_EQ(printed("GET k --info", {reply}, true), "{\"result\": 1, \"version\": 7, \"ttl_ms\": 1500}\nexit 0");
}

TEST(Printer, EveryRowOfTheTable) {
  EXPECT_EQ(answered("PUT k 1", "true"), "OK\nexit 0");
  EXPECT_EQ(answered("SET k 1", "false"), "OK\nexit 0");
  EXPECT_EQ(answered("GET person1", "[ name -> \"John\" | age -> 22 ]"),
            "person1 -> [ name -> \"John\" | age -> 22 ]\nexit 0");
  EXPECT_EQ(answered("GET k", "12"), "k -> 12\nexit 0");
  EXPECT_EQ(printed("GET nobody", {error(Code::kNotFound, "no key nobody")}), "NOT FOUND\nexit 1");
  EXPECT_EQ(printed("QUERY person1.nothing", {error(Code::kNotFound, "")}), "NOT FOUND\nexit 1");
  EXPECT_EQ(answered("QUERY person2.address.number", "12"), "person2.address.number -> 12\nexit 0");
  EXPECT_EQ(answered("QUERY person2.address", "[ street -> \"Panepistimiou\" | number -> 12 ]"),
            "person2.address -> [ street -> \"Panepistimiou\" | number -> 12 ]\nexit 0");
  EXPECT_EQ(answered("HAS person1", "true"), "true\nexit 0");
  EXPECT_EQ(answered("HAS person1", "false"), "false\nexit 1");
  EXPECT_EQ(answered("DELETE person1", "true"), "OK\nexit 0");
  EXPECT_EQ(answered("DELETE person1", "false"), "NOT FOUND\nexit 1");
  EXPECT_EQ(answered("POP person1", "[]"), "person1 -> []\nexit 0");
  EXPECT_EQ(printed("POP person1", {error(Code::kNotFound, "")}), "NOT FOUND\nexit 1");
  EXPECT_EQ(answered("COMPUTE 2*15", "30.0"), "30\nexit 0");
  EXPECT_EQ(answered("COMPUTE 1+1", "2.0"), "2\nexit 0");
  EXPECT_EQ(answered("COMPUTE 1+1", "0.024024024024024024"), "0.024024024024024024\nexit 0");
  EXPECT_EQ(answered("COMPUTE 1+1", "-0.0"), "0\nexit 0");
  EXPECT_EQ(
      printed("COMPUTE 2*x WHERE x = QUERY person2.nothing", {error(Code::kNotFound, "x: nothing at person2.nothing")}),
      "2> ERROR: x: nothing at person2.nothing\nexit 1");
  EXPECT_EQ(printed("COMPUTE 2*x WHERE x = QUERY person2.name",
                    {error(Code::kInvalidArgument, "x: person2.name is a string, not a number")}),
            "2> ERROR: x: person2.name is a string, not a number\nexit 2");
  EXPECT_EQ(answered("KEYS", "(\"a\" | \"b c\" | bytes(\"/w==\"))"), "a\n\"b c\"\n\"\\xff\"\nexit 0");
  EXPECT_EQ(answered("KEYS", "()"), "exit 0");
  EXPECT_EQ(answered("SCAN", "((\"a\" | 1) | (\"b c\" | []))"), "a -> 1\n\"b c\" -> []\nexit 0");
  EXPECT_EQ(answered("COUNT per", "3"), "3\nexit 0");
  EXPECT_EQ(answered("PING", "\"PONG\""), "PONG\nexit 0");
}

TEST(Printer, MembersAreATable) {
  EXPECT_EQ(
      answered("MEMBERS",
               "([id -> \"00000000000000aa\" | address -> \"127.0.0.1:9001\" | zone -> \"rack-1\" | state -> \"up\" | "
               "membership -> "
               "\"leaving\" | moves_left -> 3 | last_heartbeat_ms -> 12 "
               "| partitions -> 16 | leads -> 5 | keys -> 1000 | bytes -> 1572864] | [id -> \"00000000000000ab\" | "
               "address -> \"127.0.0.1:19002\" | state -> \"suspect\" | last_heartbeat_ms -> 1540 | partitions -> 16 | "
               "leads -> 11 | keys -> 0 | bytes -> 0])"),
      "id                address          zone    state    membership             last heartbeat  partitions  leads  "
      "keys     size\n"
      "00000000000000aa  127.0.0.1:9001   rack-1  up       leaving, 3 moves left       12 ms ago          16      5  "
      "1000  1.5 MiB\n"
      "00000000000000ab  127.0.0.1:19002  -       suspect  -                           1.5 s ago          16     11  "
      "   0      0 B\nexit 0");
}

TEST(Printer, AMoveIsALineWithWhatItWaitsForBelow) {
  EXPECT_EQ(answered("MOVES", "()"), "nothing moves\nexit 0");
  EXPECT_EQ(
      answered("MOVES",
               "([partition -> 7 | from -> \"a:1\" | to -> \"b:1\" | step -> \"sending\" | bytes -> 4096 | sent -> "
               "1024 | rate -> 512 | time_left_ms -> 6000 | note -> \"\"] | [partition -> 8 | to -> \"b:1\" | step "
               "-> \"waiting\" | note -> \"b:1 is down\"])"),
      "partition 7: a:1 -> b:1, sending, 1.0 KiB of 4.0 KiB, 512 B/s, 6.0 s left\n"
      "partition 8: - -> b:1, waiting, 0 B of 0 B\n"
      "  b:1 is down\nexit 0");
}

TEST(Printer, ADryRunIsAPlan) {
  EXPECT_EQ(
      answered("MEMBER_REMOVE a:1 --dry-run",
               "[replicas -> 1 | bytes -> 2048 | tolerates_before -> 1 | tolerates_during -> 1 | tolerates_after "
               "-> 0 | transfers -> ([partition -> 7 | from -> \"a:1\" | to -> \"b:1\" | bytes -> 2048]) | workers "
               "-> ([address -> \"a:1\" | replicas_before -> 1 | bytes_before -> 2048 | memory_before -> 4096])]"),
      "replicas to move: 1, 2.0 KiB\n"
      "failures tolerated: 1 now, 1 on the way, 0 afterwards\n"
      "address  replicas  then     size  then   memory  then\n"
      "a:1             1     0  2.0 KiB   0 B  4.0 KiB     -\n"
      "partition 7: a:1 -> b:1, 2.0 KiB\n"
      "nothing was changed\nexit 0");
}

TEST(Printer, LocateIsALine) {
  const std::string location =
      "[partition -> 7 | replicas -> (\"a\" | \"b\" | \"c\") | leader -> \"b\" | addresses -> [ a -> "
      "\"127.0.0.1:9001\" | b -> "
      "\"127.0.0.1:9002\" | c -> \"127.0.0.1:9003\"]]";
  EXPECT_EQ(answered("LOCATE person1", location),
            "partition 7, leader 127.0.0.1:9002, replicas 127.0.0.1:9001 127.0.0.1:9002 127.0.0.1:9003\nexit 0");
  EXPECT_EQ(answered("LOCATE person1", "[partition -> 7 | replicas -> (\"a\") | leader -> null | addresses -> []]"),
            "partition 7, leader none, replicas a\nexit 0");
}

TEST(Printer, StatusIsANameAndValueALine) {
  EXPECT_EQ(answered("STATUS", "[cluster -> \"0123\" | k -> 2 | guaranteed -> true | version -> \"0.1.0\"]"),
            "cluster: 0123\nk: 2\nguaranteed: true\nversion: 0.1.0\nexit 0");
  EXPECT_EQ(answered("STATUS", "[cluster -> null]"), "cluster: null\nexit 0");
}

TEST(Printer, PagesFollowEachOther) {
  const auto statement = parse_statement("KEYS per");
  Printer printer(*statement, false);
  const std::string first = packed("(\"person1\" | \"person2\")");
  Reply reply;
  reply.result = first;
  reply.info.more = true;
  EXPECT_EQ(printer.on_reply(reply).out, "person1\nperson2\n");
  EXPECT_EQ(printer.next_page(), packed("(\"per\" | 1000 | \"person2\")"));
  const std::string second = packed("(\"person3\")");
  reply.result = second;
  reply.info.more = false;
  EXPECT_EQ(printer.on_reply(reply).out, "person3\n");
  EXPECT_FALSE(printer.next_page());
}

TEST(Printer, JsonPagesAreOneLine) {
  const std::string first = packed("((\"a\" | 1) | (\"b\" | {}))");
  const std::string second = packed("((\"c\" | \"x\"))");
  Reply page;
  page.result = first;
  page.info.more = true;
  Reply last;
  last.result = second;
  EXPECT_EQ(printed("SCAN", {page, last}, true), "[[\"a\", 1], [\"b\", {}], [\"c\", \"x\"]]\nexit 0");
  EXPECT_EQ(answered("SCAN", "()", true), "[]\nexit 0");
  EXPECT_EQ(printed("SCAN", {page, error(Code::kUnavailable, "gone")}, true),
            "[[\"a\", 1], [\"b\", {}]2> {\"status\": \"UNAVAILABLE\", \"message\": \"gone\"}\n]\nexit 3");
}

TEST(Printer, APageThatDoesNotGoOnEndsIt) {
  const std::string first = packed("(\"a\")");
  Reply reply;
  reply.result = first;
  reply.info.more = true;
  EXPECT_EQ(printed("KEYS", {reply, reply}), "a\n2> ERROR: the reply to KEYS is not as docs/protocol.md says\nexit 4");
}

TEST(Printer, JsonIsTheResultAlone) {
  EXPECT_EQ(answered("GET person1", "[ name -> \"John\" | height -> 2.0 ]", true),
            "{\"name\": \"John\", \"height\": 2.0}\nexit 0");
  EXPECT_EQ(answered("PUT k 1", "true", true), "true\nexit 0");
  EXPECT_EQ(answered("DELETE k", "false", true), "false\nexit 1");
  EXPECT_EQ(answered("KEYS", "(\"a\" | bytes(\"/w==\"))", true), "[\"a\", {\"$binary\": \"/w==\"}]\nexit 0");
  EXPECT_EQ(answered("PING", "\"PONG\"", true), "\"PONG\"\nexit 0");
  EXPECT_EQ(answered("COUNT", "3", true), "3\nexit 0");
  EXPECT_EQ(answered("COMPUTE 1+1", "2.0", true), "2.0\nexit 0");
  EXPECT_EQ(answered("STATUS", "[cluster -> null | k -> 2]", true), "{\"cluster\": null, \"k\": 2}\nexit 0");
  EXPECT_EQ(printed("GET nobody", {error(Code::kNotFound, "no such key")}, true),
            "2> {\"status\": \"NOT_FOUND\", \"message\": \"no such key\"}\nnull\nexit 1");
  EXPECT_EQ(answered("GET k --json", "12"), "12\nexit 0");
}

TEST(Printer, ErrorsSayWhatIsWrong) {
  EXPECT_EQ(printed("PUT k 1 --if-absent", {error(Code::kAlreadyExists, "the key k is there already")}),
            "2> ERROR: the key k is there already\nexit 4");
  EXPECT_EQ(printed("PUT k 1", {error(Code::kUnavailable, "1 of 3 replicas is up, 2 are needed")}),
            "2> ERROR: 1 of 3 replicas is up, 2 are needed\nexit 3");
  EXPECT_EQ(printed("DELETE k", {error(Code::kUnavailable, "1 of 3 replicas is up, 2 are needed")}),
            "2> ERROR: DELETE cannot be reliably executed: 1 of 3 replicas is up, 2 are needed\nexit 3");
  EXPECT_EQ(printed("DELETE k", {error(Code::kUnavailable, "DELETE cannot be reliably executed: x")}),
            "2> ERROR: DELETE cannot be reliably executed: x\nexit 3");
  EXPECT_EQ(printed("DELETE k", {error(Code::kUnavailable, "1 of 3 replicas is up, 2 are needed")}, true),
            "2> {\"status\": \"UNAVAILABLE\", \"message\": \"DELETE cannot be reliably executed: 1 of 3 replicas is "
            "up, 2 are "
            "needed\"}\nnull\nexit 3");
  EXPECT_EQ(printed("PUT k 1", {error(Code::kDeadlineExceeded, "")}), "2> ERROR: DEADLINE_EXCEEDED\nexit 3");
  EXPECT_EQ(printed("PUT k 1", {error(Code::kInternal, "a\nb")}), "2> ERROR: a\\nb\nexit 4");
}

TEST(Printer, WarningsStandBeforeTheAnswer) {
  const std::string value = packed("12");
  Reply reply;
  reply.result = value;
  reply.info.warnings = {"2 of 3 workers are down, k=2: correct output cannot be guaranteed"};
  EXPECT_EQ(printed("GET k", {reply}),
            "2> WARNING: 2 of 3 workers are down, k=2: correct output cannot be guaranteed\nk -> 12\nexit 0");
  EXPECT_EQ(printed("GET k", {reply}, true),
            "2> {\"status\": \"WARNING\", \"message\": \"2 of 3 workers are down, k=2: correct output cannot be "
            "guaranteed\"}\n12\nexit 0");
  Reply marked;
  marked.result = value;
  marked.info.guaranteed = false;
  marked.info.missing_partitions = {3, 7};
  EXPECT_EQ(printed("COUNT", {marked}),
            "2> WARNING: this answer could not be confirmed by a majority\n"
            "WARNING: no replica is left of partition 3, 7: its keys are missing from the answer\n12\nexit 0");
}

TEST(Printer, AListingOfAPartSaysSoOnce) {
  const std::string first = packed("(\"a\")");
  const std::string second = packed("(\"b\")");
  Reply page;
  page.result = first;
  page.info.more = true;
  page.info.filtered = true;
  Reply last;
  last.result = second;
  last.info.filtered = true;
  constexpr const char* kText = "only keys that this user may read are in the answer";
  EXPECT_EQ(printed("KEYS", {page, last}), "2> WARNING: " + std::string(kText) + "\na\nb\nexit 0");
  EXPECT_EQ(printed("KEYS --info", {page, last}, true),
            "2> {\"status\": \"WARNING\", \"message\": \"" + std::string(kText) +
                "\"}\n{\"result\": [\"a\", \"b\"], \"filtered\": true}\nexit 0");
}

TEST(Printer, RepliesThatAreNotAsTheProtocolSays) {
  for (const char* line : {"PUT k 1", "HAS k", "DELETE k", "KEYS", "SCAN", "MEMBERS", "LOCATE k", "STATUS", "COUNT"}) {
    for (const char* result : {"\"x\"", "(1 | 2)"}) {
      if (std::string_view(line) == "MEMBERS" && *result == '(') continue;
      EXPECT_NE(answered(line, result).find("is not as docs/protocol.md says\nexit 4"), std::string::npos) << line;
    }
  }
}

TEST(Printer, TextOfRepliesStaysOneLineOfUtf8) {
  std::string status;
  PackedWriter(status).map(1).str("na\xffme").str("a\x1b[2J");
  Reply reply;
  reply.result = status;
  EXPECT_EQ(printed("STATUS", {reply}), "na\xef\xbf\xbdme: a\\u001b[2J\nexit 0");
}

TEST(Printer, HelpAndExitNeedNoReply) {
  Printer help(*parse_statement("HELP get"), false);
  EXPECT_EQ(help.on_local().out,
            "GET KEY\nprints a record\n--stale  from any replica, perhaps not the newest\n"
            "--info   its version too, for --if-version\n");
  Printer unknown(*parse_statement("HELP nope"), false);
  EXPECT_EQ(unknown.on_local().err, "ERROR: there is no command NOPE; HELP lists the commands\n");
  EXPECT_EQ(unknown.exit_code(), 2);
  EXPECT_EQ(Printer(*parse_statement("EXIT"), false).on_local().out, "");
}

TEST(Printer, InfoTellsTheVersion) {
  const std::string value = packed("12");
  Reply reply;
  reply.result = value;
  reply.info.version = 17;
  EXPECT_EQ(printed("GET k --info", {reply}), "k -> 12\nversion: 17\nexit 0");
  EXPECT_EQ(printed("GET k --info", {reply}, true), "{\"result\": 12, \"version\": 17}\nexit 0");
  EXPECT_EQ(printed("GET k", {reply}, true), "12\nexit 0");
  const std::string yes = packed("true");
  reply.result = yes;
  EXPECT_EQ(printed("PUT k 1 --info", {reply}), "OK\nversion: 17\nexit 0");
  EXPECT_EQ(printed("PUT k 1 --info --json", {reply}), "{\"result\": true, \"version\": 17}\nexit 0");
  EXPECT_EQ(printed("GET k --info --json", {error(Code::kNotFound, "no key k")}),
            "2> {\"status\": \"NOT_FOUND\", \"message\": \"no key k\"}\n{\"result\": null}\nexit 1");
  EXPECT_EQ(answered("KEYS --info", "(\"a\" | \"b\")", true), "{\"result\": [\"a\", \"b\"]}\nexit 0");
  EXPECT_EQ(answered("KEYS --info", "()", true), "{\"result\": []}\nexit 0");
  reply.info.version.reset();
  reply.info.guaranteed = false;
  EXPECT_EQ(printed("HAS k --info --json", {reply}),
            "2> {\"status\": \"WARNING\", \"message\": \"this answer could not be confirmed by a majority\"}\n"
            "{\"result\": true, \"guaranteed\": false}\nexit 0");
}

TEST(Printer, ALimitEndsTheListing) {
  const std::string keys = packed("(\"a\" | \"b\")");
  Reply page;
  page.result = keys;
  page.info.more = true;
  EXPECT_EQ(printed("KEYS --limit 2", {page}), "a\nb\nexit 0");
  EXPECT_EQ(printed("KEYS --limit 2", {page}, true), "[\"a\", \"b\"]\nexit 0");
  Printer three(*parse_statement("KEYS --limit 3"), false);
  three.on_reply(page);
  EXPECT_EQ(three.next_page(), pack_page("", 1, "b"));
}

TEST(Printer, ErrorsWithoutAStatement) {
  EXPECT_EQ(print_error(invalid_argument("what"), true).out, "null\n");
  EXPECT_EQ(print_error(invalid_argument("what"), true).err,
            "{\"status\": \"INVALID_ARGUMENT\", \"message\": \"what\"}\n");
}

}  // namespace
}  // namespace trellis

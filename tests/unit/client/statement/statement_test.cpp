#include "client/statement/statement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/statement/foreign_words.hpp"
#include "client/statement/help.hpp"
#include "protocol/json.hpp"
#include "protocol/notation/notation.hpp"

namespace trellis {
namespace {

std::string describe(const Result<Statement>& statement) {
  if (!statement) {
    EXPECT_EQ(statement.error().code, Code::kInvalidArgument);
    return "ERROR: " + statement.error().message;
  }
  switch (statement->kind) {
    case Statement::Kind::kNothing: return "nothing";
    case Statement::Kind::kHelp: return "HELP " + statement->subject;
    case Statement::Kind::kExit: return "EXIT";
    case Statement::Kind::kRequest: break;
  }
  std::string out = std::string(name_of(statement->command)) + " " + print_value(statement->arguments);
  if (statement->options.stale) out += " stale";
  if (statement->options.if_absent) out += " if_absent";
  if (statement->options.if_version) out += " if_version=" + std::to_string(*statement->options.if_version);
  if (statement->options.ttl_ms) out += " ttl_ms=" + std::to_string(*statement->options.ttl_ms);
  if (statement->options.timeout != kTimeoutDefault)
    out += " timeout=" + std::to_string(statement->options.timeout.count());
  if (statement->json) out += " json";
  return out;
}

/// The request that a line makes: COMMAND ( argument | ... ) options
std::string line(std::string_view text) { return describe(parse_statement(text)); }
std::string words(std::vector<std::string> given) { return describe(parse_words(given)); }

TEST(Members, AreNamedByAddressOrId) {
  EXPECT_EQ(line("MEMBER REMOVE 127.0.0.1:9003"), "MEMBER_REMOVE ( \"127.0.0.1:9003\" )");
  EXPECT_EQ(line("member_keep 00000000000000ab"), "MEMBER_KEEP ( \"00000000000000ab\" )");
  EXPECT_EQ(words({"member", "remove", "127.0.0.1:9003"}), "MEMBER_REMOVE ( \"127.0.0.1:9003\" )");
  EXPECT_THAT(line("MEMBER REMOVE"), ::testing::HasSubstr("expected a worker's address or id"));
  EXPECT_THAT(line("MEMBER DROP x"), ::testing::HasSubstr("MEMBER takes REMOVE or KEEP"));
  EXPECT_EQ(parse_statement("MEMBER REMOVE a:1 --allow-fewer")->options.allow_fewer, true);
  EXPECT_THAT(line("GET k --allow-fewer"), ::testing::HasSubstr("--allow-fewer belongs to MEMBER_REMOVE"));
}

TEST(Settings, AreNamesAndNumbers) {
  EXPECT_EQ(line("SETTINGS"), "SETTINGS ()");
  EXPECT_EQ(line("SETTINGS k=3"), "SETTINGS ( [ k -> 3 ] )");
  EXPECT_EQ(words({"settings", "k=3"}), "SETTINGS ( [ k -> 3 ] )");
  EXPECT_THAT(line("SETTINGS k"), ::testing::HasSubstr("expected NAME=NUMBER"));
  EXPECT_EQ(line("SETTINGS moves=4 move-rate=64MiB"), "SETTINGS ( [ moves -> 4 | move_rate -> 67108864 ] )");
  EXPECT_EQ(line("SETTINGS move-rate=off"), "SETTINGS ( [ move_rate -> 0 ] )");
  EXPECT_EQ(line("SETTINGS move-rate=1kib"), "SETTINGS ( [ move_rate -> 1024 ] )");
  EXPECT_EQ(line("SETTINGS repair-after=10m"), "SETTINGS ( [ repair_after_ms -> 600000 ] )");
  EXPECT_THAT(line("SETTINGS move-rate=18446744073709551615KiB"), ::testing::HasSubstr("a size as 64MiB, or off"));
  EXPECT_EQ(line("MOVES"), "MOVES ()");
  EXPECT_EQ(parse_statement("SETTINGS k=3 --dry-run")->options.dry_run, true);
  EXPECT_THAT(line("GET k --dry-run"),
              ::testing::HasSubstr("--dry-run belongs to MEMBER_REMOVE, SETTINGS and RECOVER"));
}

/// The range of a listing, as it is typed.
std::string range_of(std::string_view text) {
  const auto statement = parse_statement(text);
  if (!statement) return "ERROR: " + statement.error().message;
  std::string out = statement->subject;
  const auto add = [&out](std::string_view name, const std::optional<std::string>& value) {
    if (value) out.append(" ").append(name).append(" ").append(*value);
  };
  add("matching", statement->range.match);
  add("from", statement->range.at_least);
  add("to", statement->range.below);
  if (statement->range.reverse) out += " reverse";
  if (statement->limit) out += " limit " + std::to_string(*statement->limit);
  return out;
}

TEST(Statement, APathStandsWhereAKeyAloneDid) {
  EXPECT_EQ(line("SET person2.address.number 13"),
            R"(PATCH ( "person2" | ( ( "set" | ( "address" | "number" ) | 13 ) ) ))");
  EXPECT_EQ(line("PUT k.a : { b : 1 }"), R"(PATCH ( "k" | ( ( "set" | ( "a" ) | [ b -> 1 ] ) ) ))");
  EXPECT_EQ(line("put k.list.0 -> \"x\""), R"(PATCH ( "k" | ( ( "set" | ( "list" | 0 ) | "x" ) ) ))");
  EXPECT_EQ(line("DELETE k.a"), R"(PATCH ( "k" | ( ( "remove" | ( "a" ) ) ) ))");
  EXPECT_EQ(line("POP \"my.key\".tags.0"), R"(PATCH ( "my.key" | ( ( "pop" | ( "tags" | 0 ) ) ) ))");
  EXPECT_EQ(line("HAS k.a"), R"(QUERY ( ( "k" | "a" ) ))");
  EXPECT_EQ(line("SET \"k.a\" 1"), R"(SET ( "k.a" | 1 ))") << "a key with a dot is quoted";
  EXPECT_EQ(words({"put", "kk.a", "5"}), R"(PATCH ( "kk" | ( ( "set" | ( "a" ) | 5 ) ) ))");
  EXPECT_EQ(words({"put", "\"kk.a\"", "5"}), R"(PUT ( "kk.a" | 5 ))");
  EXPECT_EQ(words({"delete", "k.a"}), R"(PATCH ( "k" | ( ( "remove" | ( "a" ) ) ) ))");
}

TEST(Statement, ChangesInPlaceHaveNamesOfTheirOwn) {
  EXPECT_EQ(line("INCREMENT k.n"), R"(PATCH ( "k" | ( ( "increment" | ( "n" ) | 1 ) ) ))");
  EXPECT_EQ(line("incr counter by -2.5"), R"(PATCH ( "counter" | ( ( "increment" | () | -2.5 ) ) ))");
  EXPECT_EQ(line("INCREMENT k BY x"), "ERROR: BY takes a number: INCREMENT person2.visits BY 5");
  EXPECT_EQ(line("APPEND k.tags \"x\""), R"(PATCH ( "k" | ( ( "append" | ( "tags" ) | "x" ) ) ))");
  EXPECT_EQ(line("MERGE k {\"a\": 33, \"old\": null}"),
            R"(PATCH ( "k" | ( ( "merge" | () | [ a -> 33 | old -> null ] ) ) ))");
  EXPECT_EQ(line("PATCH k [[\"increment\", [\"n\"], 1], [\"set\", [\"seen\"], true]]"),
            R"(PATCH ( "k" | ( ( "increment" | ( "n" ) | 1 ) | ( "set" | ( "seen" ) | true ) ) ))");
  EXPECT_THAT(line("PATCH k [[\"put\", [], 1]]"), ::testing::HasSubstr("unknown name"));
  EXPECT_EQ(words({"increment", "k.n", "by", "3"}), R"(PATCH ( "k" | ( ( "increment" | ( "n" ) | 3 ) ) ))");
  EXPECT_EQ(words({"append", "k.tags", "some words"}),
            R"(PATCH ( "k" | ( ( "append" | ( "tags" ) | "some words" ) ) ))");
  EXPECT_EQ(words({"patch", "k", "[[\"pop\", [\"a\"]]]"}), R"(PATCH ( "k" | ( ( "pop" | ( "a" ) ) ) ))");
}

TEST(Statement, ListingsTakePatternsRangesAndADirection) {
  EXPECT_EQ(range_of("KEYS user:*:name"), " matching user:*:name");
  EXPECT_EQ(range_of("SCAN ?[a-z].x*"), " matching ?[a-z].x*") << "no key, so a dot is a dot";
  EXPECT_EQ(range_of("KEYS \"user:*\""), "user:*") << "in quotes it is a prefix";
  EXPECT_EQ(range_of("KEYS FROM a TO b"), " from a to b");
  EXPECT_EQ(range_of("keys to \"b c\" from a"), " from a to b c");
  EXPECT_EQ(range_of("SCAN user: REVERSE LIMIT 10"), "user: reverse limit 10");
  EXPECT_EQ(range_of("COUNT per* FROM person2"), " matching per* from person2");
  EXPECT_EQ(range_of("KEYS \"reverse\""), "reverse");
  EXPECT_EQ(range_of("KEYS from TO"), " from TO") << "which is a key there";
  EXPECT_EQ(range_of("KEYS a b"),
            "ERROR: expected FROM, TO, REVERSE or LIMIT, found \"b\": KEYS [PREFIX | PATTERN] "
            "[FROM KEY] [TO KEY] [REVERSE] [LIMIT N]");
  EXPECT_EQ(range_of("KEYS FROM"),
            "ERROR: FROM takes the first key: KEYS FROM a TO b; a prefix that is such a word "
            "stands in quotes");
  EXPECT_EQ(range_of("COUNT LIMIT 3"), "ERROR: LIMIT belongs to KEYS and SCAN");
  EXPECT_EQ(range_of("KEYS LIMIT 0"), "ERROR: LIMIT takes how many to print, from 1 on: KEYS LIMIT 100");
  EXPECT_EQ(range_of("KEYS a[b").substr(0, 41), "ERROR: match: a [ without its ] at byte 1");
  const auto words = parse_words(std::vector<std::string>{"keys", "user:*", "from", "user:a", "reverse"});
  ASSERT_TRUE(words);
  EXPECT_EQ(words->range.match, "user:*");
  EXPECT_EQ(words->range.at_least, "user:a");
  EXPECT_TRUE(words->range.reverse);
}

TEST(Statement, EveryRowOfTheTable) {
  const std::string put = "PUT ( \"person1\" | [ name -> \"John\" | age -> 22 ] )";
  EXPECT_EQ(line(R"(PUT "person1" -> [ "name" -> "John" | "age" -> 22 ])"), put);
  EXPECT_EQ(line(R"(PUT person1 -> [ name -> "John" | age -> 22 ])"), put);
  EXPECT_EQ(line(R"(PUT "person1" : { "name" : "John" ; "age" : 22 })"), put);
  EXPECT_EQ(line(R"(PUT {"person1": {"name": "John", "age": 22}})"), put);
  EXPECT_EQ(line(R"(PUT {'person1': {'name': 'John', 'age': 22}})"), put);
  EXPECT_EQ(line(R"(PUT person1 {"name": "John", "age": 22})"), put);
  EXPECT_EQ(line(R"(PUT person1 [ name -> "John" | age -> 22 ])"), put);
  EXPECT_EQ(line(R"(SET person1 {"name": "John", "age": 22})"), "SET" + put.substr(3));
  EXPECT_EQ(line("SET k 12"), "SET ( \"k\" | 12 )");
  EXPECT_EQ(line("SET k \"some text\""), "SET ( \"k\" | \"some text\" )");
  EXPECT_EQ(line("SET k word"), "SET ( \"k\" | \"word\" )");
  EXPECT_EQ(line("GET person1"), "GET ( \"person1\" )");
  EXPECT_EQ(line("QUERY person1.nothing"), "QUERY ( ( \"person1\" | \"nothing\" ) )");
  EXPECT_EQ(line("QUERY person2.address.number"), "QUERY ( ( \"person2\" | \"address\" | \"number\" ) )");
  EXPECT_EQ(line("HAS person1"), "HAS ( \"person1\" )");
  EXPECT_EQ(line("DELETE person1"), "DELETE ( \"person1\" )");
  EXPECT_EQ(line("POP person1"), "POP ( \"person1\" )");
  EXPECT_EQ(line("COMPUTE 2*(x+3) WHERE x = QUERY person2.address.number"),
            "COMPUTE ( \"2*(x+3)\" | [ x -> ( \"person2\" | \"address\" | \"number\" ) ] )");
  EXPECT_EQ(line("COMPUTE 2/(x+3*(y+z)) WHERE x = QUERY person2.address.number AND y = QUERY person1.age AND z = QUERY "
                 "person3.height"),
            "COMPUTE ( \"2/(x+3*(y+z))\" | [ x -> ( \"person2\" | \"address\" | \"number\" ) | y -> ( \"person1\" | "
            "\"age\" ) | z -> ( \"person3\" | \"height\" ) ] )");
  EXPECT_EQ(line("COMPUTE 1+1"), "COMPUTE ( \"1+1\" )");
  EXPECT_EQ(line("KEYS"), "KEYS ()");
  EXPECT_EQ(line("KEYS per"), "KEYS ( \"per\" )");
  EXPECT_EQ(line("LIST KEYS"), "KEYS ()");
  EXPECT_EQ(line("LIST KEYS per"), "KEYS ( \"per\" )");
  EXPECT_EQ(line("LIST_KEYS"), "KEYS ()");
  EXPECT_EQ(line("SCAN per"), "SCAN ( \"per\" )");
  EXPECT_EQ(line("COUNT per"), "COUNT ( \"per\" )");
  EXPECT_EQ(line("COUNT"), "COUNT ()");
  EXPECT_EQ(line("MEMBERS"), "MEMBERS ()");
  EXPECT_EQ(line("LIST MEMBERS"), "MEMBERS ()");
  EXPECT_EQ(line("LIST_MEMBERS"), "MEMBERS ()");
  EXPECT_EQ(line("LOCATE person1"), "LOCATE ( \"person1\" )");
  EXPECT_EQ(line("STATUS"), "STATUS ()");
  EXPECT_EQ(line("PING"), "PING ()");
  EXPECT_EQ(line("HELP"), "HELP ");
  EXPECT_EQ(line("HELP GET"), "HELP GET");
  EXPECT_EQ(line("HELP LIST KEYS"), "HELP LIST KEYS");
  EXPECT_EQ(line("EXIT"), "EXIT");
  EXPECT_EQ(line("QUIT"), "EXIT");
}

TEST(Statement, AnyCaseAndATrailingSemicolon) {
  EXPECT_EQ(line("get person1;"), "GET ( \"person1\" )");
  EXPECT_EQ(line("  Get   person1 ; "), "GET ( \"person1\" )");
  EXPECT_EQ(line("list keys;"), "KEYS ()");
  EXPECT_EQ(line("SET k word;"), "SET ( \"k\" | \"word\" )");
  EXPECT_EQ(line("SET k \"a;\";"), "SET ( \"k\" | \"a;\" )");
  EXPECT_EQ(line("compute x where X = query a.b and y_2 = Query c"),
            "COMPUTE ( \"x\" | [ X -> ( \"a\" | \"b\" ) | y_2 -> ( \"c\" ) ] )");
  EXPECT_EQ(line("exit;"), "EXIT");
  for (const char* blank : {"", " ", "\t", ";", " ; ;"}) EXPECT_EQ(line(blank), "nothing");
}

TEST(Statement, KeysAreBareOrQuoted) {
  EXPECT_EQ(line("GET \"person1\""), "GET ( \"person1\" )");
  EXPECT_EQ(line("GET 'my key'"), "GET ( \"my key\" )");
  EXPECT_EQ(line("GET “my key”"), "GET ( \"my key\" )");
  EXPECT_EQ(line("GET \"a\\\"b\\x41\""), "GET ( \"a\\\"bA\" )");
  EXPECT_EQ(line("GET \"\\xff\""), "GET ( bytes(\"/w==\") )");
  EXPECT_EQ(line("GET 12"), "GET ( \"12\" )");
  EXPECT_EQ(line("PUT \"my key\" -> 1"), "PUT ( \"my key\" | 1 )");
  EXPECT_EQ(line("KEYS \"\""), "KEYS ()");
  EXPECT_EQ(line("KEYS \"\\xff\""), "KEYS ( bytes(\"/w==\") )");
  EXPECT_EQ(parse_statement("GET \"my key\"")->text, "\"my key\"");
  EXPECT_EQ(parse_statement("GET \"my_key\"")->text, "my_key");
  EXPECT_EQ(parse_statement("GET \"my key\"")->subject, "my key");
}

TEST(Statement, BareDigitsInAPathAreAPositionAndQuotedOnesAKey) {
  EXPECT_EQ(line("QUERY a.0.b"), "QUERY ( ( \"a\" | 0 | \"b\" ) )");
  EXPECT_EQ(line("QUERY a.\"0\""), "QUERY ( ( \"a\" | \"0\" ) )");
  EXPECT_EQ(line("QUERY 12.3"), "QUERY ( ( \"12\" | 3 ) )");
  EXPECT_EQ(line("QUERY a.007"), "QUERY ( ( \"a\" | \"007\" ) )");
  EXPECT_EQ(line("QUERY a.18446744073709551615"), "QUERY ( ( \"a\" | 18446744073709551615 ) )");
  EXPECT_EQ(line("QUERY a.18446744073709551616"), "QUERY ( ( \"a\" | \"18446744073709551616\" ) )");
  EXPECT_EQ(line("QUERY \"my.key\".sub"), "QUERY ( ( \"my.key\" | \"sub\" ) )");
  EXPECT_EQ(line("QUERY a.-1"), "QUERY ( ( \"a\" | \"-1\" ) )");
  EXPECT_EQ(line("QUERY a"), "QUERY ( ( \"a\" ) )");
  EXPECT_EQ(parse_statement("QUERY \"my.key\".\"sub\".\"7\".7")->text, "\"my.key\".sub.\"7\".7");
}

TEST(Statement, OptionsStandBehindTheCommandOrItsOperands) {
  EXPECT_EQ(line("PUT k 1 --if-absent"), "PUT ( \"k\" | 1 ) if_absent");
  EXPECT_EQ(line("PUT --if-absent k 1"), "PUT ( \"k\" | 1 ) if_absent");
  EXPECT_EQ(line("SET k word --if-version 17 --timeout 100;"), "SET ( \"k\" | \"word\" ) if_version=17 timeout=100");
  EXPECT_EQ(line("PUT k -> [ a -> 1 ] --if-version=0"), "PUT ( \"k\" | [ a -> 1 ] ) if_version=0");
  EXPECT_EQ(line("DELETE k --if-version 3"), "DELETE ( \"k\" ) if_version=3");
  EXPECT_EQ(line("GET k --stale --json"), "GET ( \"k\" ) stale json");
  EXPECT_EQ(line("KEYS --stale"), "KEYS () stale");
  EXPECT_EQ(line("COMPUTE x WHERE x = QUERY a --stale"), "COMPUTE ( \"x\" | [ x -> ( \"a\" ) ] ) stale");
  EXPECT_EQ(line("COMPUTE 1 --1 --timeout 50"), "COMPUTE ( \"1 --1\" ) timeout=50");
  EXPECT_EQ(line("PING --timeout 600000"), "PING () timeout=600000");
}

TEST(Statement, TimesAreNumbersWithAUnit) {
  EXPECT_EQ(line("EXPIRE k 60s"), "EXPIRE ( \"k\" | 60000 )");
  EXPECT_EQ(line("expire \"a key\" 1.5m --if-version 7"), "EXPIRE ( \"a key\" | 90000 ) if_version=7");
  EXPECT_EQ(line("PERSIST k"), "EXPIRE ( \"k\" | null )");
  EXPECT_EQ(line("TTL k"), "TTL ( \"k\" )");
  EXPECT_EQ(words({"expire", "k", "2h"}), "EXPIRE ( \"k\" | 7200000 )");
  EXPECT_EQ(words({"persist", "k"}), "EXPIRE ( \"k\" | null )");
  for (const char* wrong : {"EXPIRE k", "EXPIRE k 60", "EXPIRE k 0s", "EXPIRE k soon"}) {
    EXPECT_EQ(line(wrong), "ERROR: EXPIRE takes a time behind the key: EXPIRE k 60s") << wrong;
  }
  EXPECT_NE(line("PERSIST k 60s").find("expected nothing more"), std::string::npos);
  EXPECT_NE(words({"expire", "k", "60s", "x"}).find("expected nothing more"), std::string::npos);
  EXPECT_NE(line("PUT k 1 --ttl 500ms").find("ttl_ms=500"), std::string::npos);
  EXPECT_EQ(line("PUT k 1 --ttl 60"), "ERROR: --ttl takes how long the document stays: --ttl 60s");
  EXPECT_EQ(line("GET k --ttl 60s"), "ERROR: --ttl belongs to PUT, SET and PATCH");
}

TEST(Statement, OptionsThatDoNotBelongAreRefused) {
  EXPECT_EQ(line("PUT k 1 --stale"),
            "ERROR: --stale belongs to reads: GET, HAS, TTL, QUERY, COMPUTE, KEYS, SCAN and COUNT");
  EXPECT_EQ(line("GET k --if-absent"), "ERROR: --if-absent belongs to PUT, SET and PATCH");
  EXPECT_EQ(line("POP k --if-version 1"), "ERROR: --if-version belongs to PUT, SET, DELETE, PATCH and EXPIRE");
  EXPECT_EQ(line("PUT k 1 --strict"), "ERROR: --strict and --return belong to PATCH");
  EXPECT_EQ(line("PUT k.a 1 --strict").substr(0, 5), "PATCH");
  EXPECT_EQ(line("PUT k 1 --if-version 1 --if-absent"),
            "ERROR: --if-absent and --if-version exclude each other: a key that is absent has no version");
  EXPECT_EQ(line("GET k --timeout 0"), "ERROR: --timeout takes milliseconds from 1 to 600000: --timeout 5000");
  EXPECT_EQ(line("GET k --timeout"), "ERROR: --timeout takes milliseconds from 1 to 600000: --timeout 5000");
  EXPECT_EQ(line("GET k --timeout 600001"), "ERROR: --timeout takes milliseconds from 1 to 600000: --timeout 5000");
  EXPECT_EQ(line("PUT k 1 --if-version x"), "ERROR: --if-version takes the version that is expected: --if-version 17");
  EXPECT_EQ(line("GET k --stake"),
            "ERROR: unknown option \"--stake\"; the nearest is --stale (a key that begins with -- stands in quotes)");
  EXPECT_EQ(line("GET k --colour"),
            "ERROR: unknown option \"--colour\"; known are --if-absent, --if-present, --if-version N, --strict, "
            "--return document, --ttl TIME, --stale, --timeout MS, --limit N, --allow-fewer, --dry-run, --info and "
            "--json (a key "
            "that begins with "
            "-- stands in quotes)");
}

TEST(Statement, DefaultsGiveWay) {
  StatementDefaults defaults;
  defaults.options.timeout = std::chrono::milliseconds(100);
  defaults.options.stale = true;
  defaults.json = true;
  EXPECT_EQ(describe(parse_statement("GET k", defaults)), "GET ( \"k\" ) stale timeout=100 json");
  EXPECT_EQ(describe(parse_statement("PUT k 1 --timeout 200", defaults)), "PUT ( \"k\" | 1 ) timeout=200 json");
}

TEST(Statement, UnknownCommandsNameTheNearest) {
  EXPECT_EQ(line("GTE k"), "ERROR: unknown command \"GTE\"; the nearest is GET, and HELP lists them all");
  EXPECT_EQ(line("delte k"), "ERROR: unknown command \"delte\"; the nearest is DELETE, and HELP lists them all");
  EXPECT_EQ(line("LIST_KEY"), "ERROR: unknown command \"LIST_KEY\"; the nearest is LIST_KEYS, and HELP lists them all");
  for (const char* record : {"a -> 1", "a : { b : 1 }", "a: { b : 1 }", "{\"a\": 1}"}) {
    EXPECT_THAT(line(record), testing::EndsWith("; to store a record, put PUT in front of it")) << record;
  }
  EXPECT_EQ(line("xyzzy"), "ERROR: unknown command \"xyzzy\"; HELP lists the commands");
  EXPECT_EQ(line("LIST"), "ERROR: LIST takes KEYS or MEMBERS: LIST KEYS, LIST MEMBERS");
  EXPECT_EQ(nearest_command("comptue"), "COMPUTE");
}

TEST(Statement, ACommandThatWritesIsProposedForASlipOnly) {
  EXPECT_EQ(nearest_command("DELET"), "DELETE");
  EXPECT_EQ(nearest_command("POOP"), "POP");
  for (const char* word : {"DEL", "DELL", "PUSH", "RESET", "SELECT", "PURGE", "UPDATE", "TOP2"}) {
    const std::string_view nearest = nearest_command(word);
    for (const char* write : {"PUT", "SET", "DELETE", "POP"}) EXPECT_NE(nearest, write) << word;
  }
}

TEST(Statement, WordsFromElsewhereGetTheirMeaning) {
  EXPECT_EQ(line("DEL k"), "ERROR: unknown command \"DEL\"; DELETE KEY removes a record; HELP lists all commands");
  EXPECT_EQ(line("ls").substr(0, 50), "ERROR: unknown command \"ls\"; KEYS lists the keys, ");
  EXPECT_EQ(line("setex k").substr(0, 57), "ERROR: unknown command \"setex\"; PUT KEY DOCUMENT --ttl 60");
  EXPECT_EQ(line("exit()").substr(0, 52), "ERROR: unknown command \"exit()\"; EXIT ends the shell");
  EXPECT_EQ(line("?"), "ERROR: unknown command \"?\"; HELP lists the commands");
  for (const char* word : {"rm", "add-worker", "backup", "info", "load", "flushall", "incrby"}) {
    EXPECT_TRUE(meaning_of(word)) << word;
    EXPECT_EQ(line(word).find("the nearest is"), std::string::npos) << word;
  }
  // A word of ours means what it means here.
  for (const CommandHelp& help : command_helps()) EXPECT_FALSE(meaning_of(help.name)) << help.name;
}

TEST(Statement, PlainSignsStandInBareKeys) {
  EXPECT_EQ(line("GET user:0"), "GET ( \"user:0\" )");
  EXPECT_EQ(line("GET a/b@c+d%e~f=g$h&i!j#k"), "GET ( \"a/b@c+d%e~f=g$h&i!j#k\" )");
  EXPECT_EQ(line("KEYS user:"), "KEYS ( \"user:\" )");
  EXPECT_EQ(line("KEYS user: --stale"), "KEYS ( \"user:\" ) stale");
  EXPECT_EQ(line("QUERY user:0.name"), "QUERY ( ( \"user:0\" | \"name\" ) )");
  EXPECT_EQ(line("SET user:0 5"), "SET ( \"user:0\" | 5 )");
  EXPECT_EQ(line("PUT user:0:x {\"a\": 1}"), "PUT ( \"user:0:x\" | [ a -> 1 ] )");
}

TEST(Statement, AColonThatNoKeyFollowsEndsTheKey) {
  for (const char* typed : {"PUT person1 : { a : 1 }", "PUT person1: { a : 1 }", "PUT person1:{ a : 1 }",
                            "PUT person1{ a : 1 }", "PUT person1->[ a -> 1 ]", "PUT person1 ->[ a -> 1 ]"}) {
    EXPECT_EQ(line(typed), "PUT ( \"person1\" | [ a -> 1 ] )") << typed;
  }
  EXPECT_EQ(line("PUT user:0: 5"), "PUT ( \"user:0\" | 5 )");
  EXPECT_EQ(line("PUT user:0 -> 5"), "PUT ( \"user:0\" | 5 )");
}

TEST(Statement, ACommentLineIsNothing) {
  EXPECT_EQ(line("# PUT k 1"), "nothing");
  EXPECT_EQ(line("   #"), "nothing");
}

TEST(Statement, DigitsWithZerosInFrontAreRefused) {
  const std::string advice =
      "00123 is the number 123, which keeps no zeros in front: type 123, or the text in quotes, ";
  EXPECT_EQ(line("SET zip 00123"), "ERROR: " + advice + "\"00123\" (in the system's shell '\"00123\"')");
  EXPECT_EQ(words({"put", "zip", "00123"}), "ERROR: " + advice + "\"00123\" (in the system's shell '\"00123\"')");
  EXPECT_EQ(words({"put", "zip", "\"00123\""}), "PUT ( \"zip\" | \"00123\" )");
  EXPECT_EQ(words({"put", "zip", "0"}), "PUT ( \"zip\" | 0 )");
  EXPECT_EQ(words({"put", "zip", "000"}).substr(0, 27), "ERROR: 000 is the number 0,");
  EXPECT_EQ(words({"put", "zip", "0.5"}), "PUT ( \"zip\" | 0.5 )");
  EXPECT_EQ(words({"put", "zip", "-10"}), "PUT ( \"zip\" | -10 )");
}

TEST(Statement, ALimitAsksForNoMoreThanThat) {
  EXPECT_EQ(line("SCAN per --limit 3"), "SCAN ( \"per\" | 3 | null )");
  EXPECT_EQ(line("KEYS --limit=5000"), "KEYS ( \"\" | 1000 | null )");
  EXPECT_EQ(parse_statement("KEYS --limit 5000")->limit, 5000u);
  EXPECT_EQ(line("COUNT per --limit 3"), "ERROR: --limit belongs to KEYS and SCAN");
  EXPECT_EQ(line("KEYS --limit 0"), "ERROR: --limit takes how many to print, from 1 on: --limit 100");
  EXPECT_EQ(line("KEYS --limit"), "ERROR: --limit takes how many to print, from 1 on: --limit 100");
}

TEST(Statement, WhatIsMissingOrTooMuch) {
  EXPECT_EQ(line("GET"), "ERROR: expected a key: GET KEY");
  EXPECT_EQ(
      line("GET a b"),
      "ERROR: column 7: expected nothing more, found \"b\"; what has blanks or special characters stands in quotes");
  EXPECT_EQ(line("GET my.key"),
            "ERROR: column 5: the key \"my.key\" has to stand in quotes: a dot separates the steps of a path, "
            "which QUERY takes");
  EXPECT_EQ(line("GET a*"),
            "ERROR: column 5: the key \"a*\" has to stand in quotes: bare keys are made of A-Z a-z 0-9 and "
            "_ - : / @ + % ~ = $ & ! #");
  EXPECT_EQ(line("GET {a}").substr(0, 55), "ERROR: column 5: the key \"{a}\" has to stand in quotes: ");
  EXPECT_EQ(line("GET \"\""), "ERROR: a key has 1 to 4096 bytes, this one has 0");
  EXPECT_EQ(line("GET " + std::string(4097, 'x')), "ERROR: a key has 1 to 4096 bytes, this one has 4097");
  EXPECT_EQ(line("PUT " + std::string(4097, 'x') + " 1"), "ERROR: a key has 1 to 4096 bytes, this one has 4097");
  EXPECT_EQ(line("PUT"), "ERROR: expected a key and a value: PUT KEY -> DOCUMENT");
  EXPECT_EQ(line("SET k"), "ERROR: expected a value behind the key \"k\": SET KEY VALUE");
  EXPECT_EQ(line("SET k:12"), "ERROR: expected a value behind the key \"k:12\": SET KEY VALUE");
  EXPECT_EQ(line("SET k some text"),
            "ERROR: column 12: expected nothing more, found \"text\"; what has blanks or special characters stands in "
            "quotes");
  EXPECT_EQ(line("PUT k -> John"), "ERROR: column 10: the bare word \"John\" is no value; put a string in quotes");
  EXPECT_EQ(line("PUT k -> [ name -> John ]"),
            "ERROR: column 20: the bare word \"John\" is no value; put a string in quotes");
  EXPECT_EQ(line("PUT {\"a\": 1, \"b\": 2}"), "ERROR: expected one record in { }, found 2; trellis load takes many");
  EXPECT_EQ(line("QUERY"), "ERROR: expected a path: QUERY PATH");
  EXPECT_EQ(line("QUERY a."), "ERROR: column 9: expected a key, found the end of the line");
  EXPECT_EQ(line("QUERY a..b").substr(0, 17), "ERROR: column 9: ");
  EXPECT_EQ(line("QUERY a.\"\\xff\""), "ERROR: a name in a path is UTF-8 text; only the key may hold other bytes");
  EXPECT_EQ(line("PING x").substr(0, 41), "ERROR: column 6: expected nothing more, f");
  EXPECT_EQ(line("EXIT now").substr(0, 16), "ERROR: column 6:");
  EXPECT_EQ(line("SET k 18446744073709551616").substr(0, 45), "ERROR: column 7: the number is out of range: ");
}

TEST(Statement, ComputeNeedsItsParts) {
  EXPECT_EQ(line("COMPUTE").substr(0, 30), "ERROR: expected an expression:");
  EXPECT_EQ(line("COMPUTE WHERE x = QUERY a").substr(0, 30), "ERROR: expected an expression:");
  EXPECT_EQ(line("COMPUTE x WHERE"), "ERROR: expected WHERE x = QUERY PATH AND y = QUERY PATH; a name is missing");
  EXPECT_EQ(line("COMPUTE x WHERE x QUERY a"),
            "ERROR: expected WHERE x = QUERY PATH AND y = QUERY PATH; = QUERY is missing behind x");
  EXPECT_EQ(line("COMPUTE x WHERE x = a.b"),
            "ERROR: expected WHERE x = QUERY PATH AND y = QUERY PATH; = QUERY is missing behind x");
  EXPECT_EQ(line("COMPUTE x WHERE x = QUERY"),
            "ERROR: expected WHERE x = QUERY PATH AND y = QUERY PATH; the path of x is missing");
  EXPECT_EQ(line("COMPUTE x WHERE x = QUERY a AND x = QUERY b"), "ERROR: the variable x stands twice");
  EXPECT_EQ(line("COMPUTE x WHERE x = QUERY a y = QUERY b").substr(0, 17), "ERROR: column 29:");
  EXPECT_EQ(line("COMPUTE " + std::string(4097, '1')),
            "ERROR: an expression has at most 4096 bytes, this one has 4097");
  // A name that only begins like the keyword.
  EXPECT_EQ(line("COMPUTE where_x+1 WHERE where_x=QUERY a"), "COMPUTE ( \"where_x+1\" | [ where_x -> ( \"a\" ) ] )");
}

TEST(Words, DoTheSameAsALine) {
  EXPECT_EQ(words({"get", "person1"}), "GET ( \"person1\" )");
  EXPECT_EQ(words({"put", "person1", R"({"name": "John"})"}), "PUT ( \"person1\" | [ name -> \"John\" ] )");
  EXPECT_EQ(words({"put", R"(person1 -> [ name -> "John" ])"}), "PUT ( \"person1\" | [ name -> \"John\" ] )");
  EXPECT_EQ(words({"put", R"({"person1": {"name": "John"}})"}), "PUT ( \"person1\" | [ name -> \"John\" ] )");
  EXPECT_EQ(words({"put", "person1", "->", "[ a -> 1 ]"}), "PUT ( \"person1\" | [ a -> 1 ] )");
  EXPECT_EQ(words({"query", "person2.address.number"}), "QUERY ( ( \"person2\" | \"address\" | \"number\" ) )");
  EXPECT_EQ(words({"compute", "2*x", "where", "x", "=", "query", "person2.address.number"}),
            "COMPUTE ( \"2*x\" | [ x -> ( \"person2\" | \"address\" | \"number\" ) ] )");
  EXPECT_EQ(words({"compute", "2*x where x = query a"}), "COMPUTE ( \"2*x\" | [ x -> ( \"a\" ) ] )");
  EXPECT_EQ(words({"compute", "1", "--1"}), "COMPUTE ( \"1 --1\" )");
  EXPECT_EQ(words({"GET person1;"}), "GET ( \"person1\" )");
  EXPECT_EQ(words({"list", "keys"}), "KEYS ()");
  EXPECT_EQ(words({"keys", "per"}), "KEYS ( \"per\" )");
  EXPECT_EQ(words({"status"}), "STATUS ()");
  EXPECT_EQ(words({"help", "list", "keys"}), "HELP list keys");
  EXPECT_EQ(words({}), "nothing");
}

TEST(Words, AreTakenAsTheyAre) {
  EXPECT_EQ(words({"get", "my key"}), "GET ( \"my key\" )");
  EXPECT_EQ(words({"get", "my:key/é"}), "GET ( \"my:key/é\" )");
  EXPECT_EQ(words({"get", "\"my.key/é\""}), "GET ( \"my.key/é\" )");
  EXPECT_EQ(words({"get", "\xff"}), "GET ( bytes(\"/w==\") )");
  EXPECT_EQ(words({"get", "\"my key\""}), "GET ( \"my key\" )");
  EXPECT_EQ(words({"get", "'my key'"}), "GET ( \"my key\" )");
  EXPECT_EQ(words({"set", "k", "some text"}), "SET ( \"k\" | \"some text\" )");
  EXPECT_EQ(words({"set", "k", "don't"}), "SET ( \"k\" | \"don't\" )");
  EXPECT_EQ(words({"set", "k", ""}), "SET ( \"k\" | \"\" )");
  EXPECT_EQ(words({"set", "k", "-5"}), "SET ( \"k\" | -5 )");
  EXPECT_EQ(words({"set", "k", "\"12\""}), "SET ( \"k\" | \"12\" )");
  EXPECT_EQ(words({"query", "my key.sub name.\"a.b\""}), "QUERY ( ( \"my key\" | \"sub name\" | \"a.b\" ) )");
  EXPECT_EQ(words({"get", "--", "--stale"}), "GET ( \"--stale\" )");
}

TEST(Words, OptionsStandAnywhere) {
  EXPECT_EQ(words({"--stale", "get", "k"}), "GET ( \"k\" ) stale");
  EXPECT_EQ(words({"get", "--timeout", "100", "k"}), "GET ( \"k\" ) timeout=100");
  EXPECT_EQ(words({"put", "k", "1", "--if-absent", "--json"}), "PUT ( \"k\" | 1 ) if_absent json");
  EXPECT_EQ(words({"compute", "x where x = query a", "--stale"}), "COMPUTE ( \"x\" | [ x -> ( \"a\" ) ] ) stale");
  EXPECT_EQ(words({"--json", "get k"}), "GET ( \"k\" ) json");
}

TEST(Words, Errors) {
  EXPECT_EQ(words({"get"}), "ERROR: expected more: GET KEY");
  EXPECT_EQ(words({"get", ""}), "ERROR: a key has 1 to 4096 bytes, this one has 0");
  EXPECT_EQ(words({"get", "a", "b"}), "ERROR: expected nothing more, found \"b\": GET KEY");
  EXPECT_EQ(words({"set", "k", "hello", "world"}), "ERROR: the value is several words; put it in quotes");
  EXPECT_EQ(words({"set", "k", "[1, 2"}).substr(0, 37), "ERROR: column 6: a bracket is missing");
  EXPECT_EQ(words({"set", "k", "18446744073709551616"}).substr(0, 44), "ERROR: column 1: the number is out of range:");
  EXPECT_EQ(words({"put", "k"}), "ERROR: expected a value behind the key \"k\": PUT KEY -> DOCUMENT");
  EXPECT_EQ(
      words({"get", "kk.a"}),
      "ERROR: the key \"kk.a\" has to stand in quotes of its own, '\"kk.a\"', since a dot separates the steps of a "
      "path, which QUERY takes");
  EXPECT_EQ(words({"gte", "k"}), "ERROR: unknown command \"gte\"; the nearest is GET, and HELP lists them all");
  EXPECT_EQ(words({"get", "k", "--nope"}).substr(0, 30), "ERROR: unknown option \"--nope\"");
}

TEST(Statement, WhatGetPrintsIsARecordThatPutTakes) {
  for (const char* record : {"k -> 12", "\"my key\" -> [ a -> ( 1 | 2.0 | [] | () ) | \"b c\" -> null ]",
                             "12 -> \"x;\"", "\"--stale\" -> true", "\"\\xff\" -> bytes(\"AA==\")", "k -> nan"}) {
    const auto put = parse_statement(std::string("PUT ") + record);
    ASSERT_TRUE(put) << record << put.error().message;
    EXPECT_EQ(put->text + " -> " + print_value(parse_records(record)->front().document), record);
  }
}

TEST(Help, KnowsEveryCommandAndItsAliases) {
  const auto all = help_text("");
  ASSERT_TRUE(all);
  for (const CommandHelp& help : command_helps()) {
    EXPECT_NE(all->find(help.name), std::string::npos) << help.name;
    EXPECT_TRUE(help_text(help.name));
    EXPECT_TRUE(parse_statement(help.name) || parse_statement(std::string(help.name) + " k 1") ||
                parse_statement(std::string(help.name) + " k") || parse_statement(std::string(help.name) + " k 60s") ||
                parse_statement(std::string(help.name) + " k [[\"pop\", [\"a\"]]]"))
        << help.name;
  }
  EXPECT_EQ(help_text("list keys")->substr(0, 4), "KEYS");
  EXPECT_EQ(help_text("geet").error().message, "there is no command GEET; the nearest is GET, and HELP lists them all");
}

}  // namespace
}  // namespace trellis

// What each operation of a PATCH does, and where it refuses.
#include "protocol/patch/patcher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/json.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

using ::testing::HasSubstr;

std::string packed(std::string_view json) {
  auto value = parse_json(json);
  EXPECT_TRUE(value) << json << ": " << value.error().reason;
  return value ? *value : std::string();
}

struct Mode {
  Dialect dialect = Dialect::kOwn;
  bool strict = false;
};

/// "document results", or the message.  An empty document is none.
std::string patched_packed(std::string_view document, std::string_view operations, Mode mode = {}) {
  const auto read = read_operations(operations, mode.dialect);
  if (!read) return read.error().message;
  const auto before = document.empty() ? std::nullopt : std::optional(document);
  Patcher patcher({"k", before, *read, mode.dialect, mode.strict});
  if (const auto done = patcher.run(); !done) {
    EXPECT_EQ(done.error().code, Code::kFailedPrecondition);
    return done.error().message;
  }
  std::string after;
  for (const std::string_view part : patcher.document()) after += part;
  EXPECT_EQ(after.size(), patcher.document_size());
  EXPECT_TRUE(after.empty() || check_document(after));
  EXPECT_TRUE(patcher.is_changed() || after == document);
  return (after.empty() ? "nothing" : to_json(after)) + " " + to_json(patcher.results());
}

std::string patched(std::string_view document, std::string_view operations, Mode mode = {}) {
  return patched_packed(document.empty() ? "" : packed(document), packed(operations), mode);
}

std::string strictly(std::string_view document, std::string_view operations) {
  return patched(document, operations, {Dialect::kOwn, true});
}

std::string as_rfc6902(std::string_view document, std::string_view operations) {
  return patched(document, operations, {Dialect::kPointer, false});
}

TEST(Patch, SetsAndMakesMapsOnTheWay) {
  EXPECT_EQ(patched(R"({"a": 1})", R"([["set", ["a"], 2], ["set", ["b", "c"], "x"]])"),
            R"({"a": 2, "b": {"c": "x"}} [false, true])");
  EXPECT_EQ(patched("", R"([["set", ["a", "b"], 1]])"), R"({"a": {"b": 1}} [true])") << "the document, too";
  EXPECT_EQ(patched("[1, 2]", R"([["set", [2], 3], ["set", [0], 0]])"), "[0, 2, 3] [true, false]");
  EXPECT_EQ(patched(R"({"7": 1})", R"([["set", [7], 2]])"), R"({"7": 2} [false])") << "on a map an int is a key";
  EXPECT_EQ(patched("1", R"([["set", [], {"a": 1}]])"), R"({"a": 1} [false])");
}

TEST(Patch, IncrementsIntegersExactlyWithin64Bits) {
  EXPECT_EQ(patched(R"({"n": 1})", R"([["increment", ["n"], 2], ["increment", ["m"], -1]])"),
            R"({"n": 3, "m": -1} [3, -1])");
  EXPECT_EQ(patched("", R"([["increment", [], 5]])"), "5 [5]") << "a document that is a counter";
  EXPECT_EQ(patched("18446744073709551614", R"([["increment", [], 1]])"),
            "18446744073709551615 [18446744073709551615]");
  EXPECT_THAT(patched("18446744073709551615", R"([["increment", [], 1]])"), HasSubstr("64 bits"));
  EXPECT_THAT(patched("-9223372036854775808", R"([["increment", [], -1]])"), HasSubstr("64 bits"));
  EXPECT_EQ(patched("1", R"([["increment", [], 0.5]])"), "1.5 [1.5]");
  EXPECT_EQ(patched(R"({"s": "x"})", R"([["increment", ["s"], 1]])"),
            "operation 1 (increment) at k.s: a string is there, not a number");
}

TEST(Patch, AppendsInsertsRemovesAndPops) {
  EXPECT_EQ(patched("{}", R"([["append", ["l"], 1], ["append", ["l"], 2], ["insert", ["l", 0], 0]])"),
            R"({"l": [0, 1, 2]} [1, 2, 3])");
  EXPECT_EQ(patched(R"({"l": [1, 2], "a": 1})", R"([["pop", ["l", 0]], ["remove", ["a"]], ["remove", ["a"]]])"),
            R"({"l": [2]} [1, true, false])");
  EXPECT_EQ(patched("[]", R"([["pop", [0]], ["pop", [7]]])"), "[] [null, null]") << "an empty queue";
  EXPECT_EQ(patched("", R"([["remove", ["a"]]])"), "nothing [false]") << "and no document is made";
  EXPECT_THAT(patched("[1]", R"([["insert", [2], 0]])"), HasSubstr("beyond the end: the list there has 1"));
  EXPECT_THAT(patched("{}", R"([["insert", [0], 0]])"), HasSubstr("into a map"));
}

TEST(Patch, CopiesAndMoves) {
  EXPECT_EQ(patched(R"({"a": {"x": [1]}})", R"([["copy", ["b"], ["a"]], ["append", ["b", "x"], 2]])"),
            R"({"a": {"x": [1]}, "b": {"x": [1, 2]}} [true, 2])")
      << "a copy is a value of its own";
  EXPECT_EQ(patched(R"({"a": {"x": 1}})", R"([["move", ["b", "c"], ["a", "x"]]])"),
            R"({"a": {}, "b": {"c": 1}} [true])");
  EXPECT_THAT(patched(R"({"a": {}})", R"([["move", ["a", "b"], ["a"]]])"), HasSubstr("into itself"));
  EXPECT_THAT(patched(R"({"1": []})", R"([["move", [1, "a"], ["1"]]])"), HasSubstr("into itself"))
      << "a position names the key in its digits";
  EXPECT_EQ(patched(R"({"1": 5, "b": 6})", R"([["move", [1], ["1"]]])"),
            patched(R"({"1": 5, "b": 6})", R"([["test", [1], 5]])"))
      << "there it is already";
  EXPECT_THAT(patched("{}", R"([["copy", ["a"], ["b"]]])"), HasSubstr("nothing is at k.b"));
}

TEST(Patch, MergesAsTheAppendixOfRfc7396Says) {
  const char* const kExamples[][3] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a": "c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a": "b", "b": "c"})"},
      {R"({"a":"b"})", R"({"a":null})", "{}"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b": "c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a": "c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a": ["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a": {"b": "d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a": [1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c", "d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", "null", "null"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"e": null, "a": 1})"},
      {"[1,2]", R"({"a":"b","c":null})", R"({"a": "b"})"},
      {"{}", R"({"a":{"bb":{"ccc":null}}})", R"({"a": {"bb": {}}})"},
  };
  for (const auto& [document, patch, after] : kExamples) {
    EXPECT_EQ(patched(document, R"([["merge", [], )" + std::string(patch) + "]]"), std::string(after) + " [true]");
  }
}

TEST(Patch, TestsByValue) {
  const auto holds = [](std::string_view document, std::string_view value) {
    return patched(document, "[[\"test\", [], " + std::string(value) + "]]").find("operation") != 0;
  };
  EXPECT_TRUE(holds(R"({"a": 1, "b": [1, {"x": 2.0, "y": null}]})", R"({"b": [1, {"y": null, "x": 2}], "a": 1.0})"));
  EXPECT_FALSE(holds("-1", "18446744073709551615"));
  EXPECT_FALSE(holds("9007199254740993", "9007199254740992.0"));
  EXPECT_TRUE(holds(R"({"$float": "nan"})", R"({"$float": "nan"})"));
  EXPECT_FALSE(holds("[1, 2]", "[1]"));
  EXPECT_FALSE(holds(R"({"a": 1})", R"({"b": 1})"));
  EXPECT_FALSE(holds(R"("x")", "1"));
}

TEST(Patch, DoesAllOrSaysWhatFailed) {
  EXPECT_EQ(patched(R"({"name": "Ada"})", R"([["set", ["a"], 1], ["set", ["name", "x"], 1]])"),
            "operation 2 (set) at k.name.x: a string is at k.name, and a path leads into lists and maps");
  EXPECT_EQ(patched(R"({"l": []})", R"([["set", ["l", "x"], 1]])"),
            "operation 1 (set) at k.l.x: a list is at k.l, and its elements are named by positions");
  EXPECT_EQ(patched("{}", R"([["set", ["l", 0, "a"], 1]])"),
            "operation 1 (set) at k.l.0.a: nothing is at k.l, and a position leads into a list that is there");
  EXPECT_EQ(patched("{}", R"([["replace", ["x"], 1]])"), "operation 1 (replace) at k.x: nothing is at k.x");
  EXPECT_EQ(patched("", R"([["test", ["x"], 1]])"), "operation 1 (test) at k.x: nothing is at k");
}

TEST(Patch, MessagesAreNotEndless) {
  std::string name;
  for (int i = 0; i < 10'000; ++i) name += "\u00e9";
  const std::string message = patched("{}", R"([["replace", [")" + name + R"("], 1]])");
  EXPECT_LT(message.size(), 1'000u);
  EXPECT_TRUE(is_utf8(message));
}

TEST(Patch, StrictMakesNothingOnTheWay) {
  EXPECT_EQ(strictly("{}", R"([["set", ["a"], 1]])"), R"({"a": 1} [true])") << "the last step may be new";
  for (const char* operation :
       {R"(["set", ["a", "b"], 1])", R"(["increment", ["a"], 1])", R"(["append", ["a"], 1])", R"(["remove", ["a"]])",
        R"(["pop", ["a"]])", R"(["merge", ["a"], {}])", R"(["copy", ["x", "y"], []])"}) {
    EXPECT_THAT(strictly("{}", "[" + std::string(operation) + "]"), HasSubstr("nothing is at k.")) << operation;
  }
}

TEST(Patch, RefusesWhatIsWrongWhateverTheDocument) {
  const auto refused = [](std::string_view json, Dialect dialect = Dialect::kOwn) {
    const auto read = read_operations(packed(json), dialect);
    return read ? "taken" : read.error().message;
  };
  EXPECT_THAT(refused("{}"), HasSubstr("an array"));
  EXPECT_THAT(refused("[]"), HasSubstr("1 to 1000"));
  EXPECT_THAT(refused(R"([["put", ["a"], 1]])"), HasSubstr("unknown name \"put\"; known are set, "));
  EXPECT_THAT(refused(R"([["add", ["a"], 1]])"), HasSubstr("unknown name"));
  EXPECT_THAT(refused(R"([["set", ["a"]]])"), HasSubstr("set has 3 elements"));
  EXPECT_THAT(refused(R"([["pop", ["a"], 1]])"), HasSubstr("pop has 2 elements"));
  EXPECT_THAT(refused(R"([["set", "a", 1]])"), HasSubstr("a path must be an array"));
  EXPECT_THAT(refused(R"([["set", [-1], 1]])"), HasSubstr("step 1"));
  EXPECT_THAT(refused(R"([["remove", []]])"), HasSubstr("DELETE"));
  EXPECT_THAT(refused(R"([["increment", ["a"], "1"]])"), HasSubstr("a number"));
  EXPECT_THAT(refused(R"([["insert", ["a"], 1]])"), HasSubstr("position"));
  EXPECT_THAT(refused(R"([["merge", ["a"], {}]])", Dialect::kPointer), HasSubstr("add"));
  EXPECT_THAT(refused(R"([["remove", [1]]])", Dialect::kPointer), HasSubstr("each step"));
}

TEST(Patch, MeansWhatRfc6902SaysWithPointers) {
  EXPECT_EQ(as_rfc6902(R"({"foo": ["bar", "baz"]})", R"([["add", ["foo", "1"], "qux"], ["add", ["foo", "-"], 1]])"),
            R"({"foo": ["bar", "qux", "baz", 1]} [true, true])");
  EXPECT_EQ(as_rfc6902(R"({"1": "a"})", R"([["replace", ["1"], "b"], ["add", ["-"], 2]])"),
            R"({"1": "b", "-": 2} [true, true])");
  EXPECT_EQ(as_rfc6902(R"({"foo": ["all", "grass", "cows", "eat"]})", R"([["move", ["foo", "3"], ["foo", "1"]]])"),
            R"({"foo": ["all", "cows", "eat", "grass"]} [true])");
  EXPECT_THAT(as_rfc6902(R"({"foo": "bar"})", R"([["add", ["baz", "bat"], 1]])"), HasSubstr("nothing is at k.baz"));
  EXPECT_THAT(as_rfc6902("[1]", R"([["replace", ["01"], 1]])"), HasSubstr("positions"));
  EXPECT_THAT(as_rfc6902("[1]", R"([["add", ["2"], 1]])"), HasSubstr("beyond the end"));
  EXPECT_THAT(as_rfc6902("[1]", R"([["remove", ["-"]]])"), HasSubstr("nothing is at"));
  EXPECT_THAT(as_rfc6902("1", R"([["add", ["a"], 1]])"), HasSubstr("a path leads into")) << "never below a scalar";
}

TEST(Patch, HoldsTheLimitsOfDocumentsAtTheEdge) {
  std::string text;
  PackedWriter(text).str(std::string(kDocumentSizeMax - 5, 'x'));
  ASSERT_EQ(text.size(), kDocumentSizeMax);
  std::string set;
  PackedWriter(set).array(1).array(3).str("set").array(0).packed(text);
  EXPECT_THAT(patched_packed("", set), HasSubstr("[true]"));
  set.clear();
  PackedWriter(set).array(1).array(3).str("set").array(1).str("a").packed(text);
  EXPECT_THAT(patched_packed("", set), HasSubstr("at most 16777216 are allowed"));

  const auto nested = [](int levels) { return std::string(static_cast<std::size_t>(levels), '\x91') + '\xc0'; };
  const auto append = [&nested](int levels) {
    std::string operations;
    PackedWriter(operations).array(1).array(3).str("append").array(0).packed(nested(levels));
    return patched_packed("\x90", operations);
  };
  EXPECT_THAT(append(kNestingMax - 1), HasSubstr("[1]"));
  EXPECT_THAT(append(kNestingMax), HasSubstr("more than 128 levels"));
}

TEST(Patch, HasAtMostAThousandOperations) {
  const auto many = [](std::size_t count) {
    std::string operations;
    PackedWriter writer(operations);
    writer.array(count);
    for (std::size_t i = 0; i < count; ++i) writer.array(3).str("increment").array(0).natural(1);
    return operations;
  };
  EXPECT_THAT(patched_packed("\x05", many(kPatchOperationsMax)), HasSubstr("1005 ["));
  EXPECT_THAT(patched_packed("\x05", many(kPatchOperationsMax + 1)), HasSubstr("1 to 1000 operations"));
}

TEST(Patch, WalksNoMoreThanItsLimit) {
  // Each copy is a container that has to be walked anew.
  std::string document;
  PackedWriter writer(document);
  writer.map(2).str("a").map(1).str("x").str(std::string(6 << 20, 'x')).str("b").nil();
  std::string operations;
  PackedWriter steps(operations);
  steps.array(24);
  for (int i = 0; i < 12; ++i) {
    steps.array(3).str("copy").array(1).str("b").array(1).str("a");
    steps.array(3).str("increment").array(2).str("b").str("n").natural(1);
  }
  EXPECT_THAT(patched_packed(document, operations), HasSubstr("more than 64 MiB"));

  // And what paths alone would cost is known before the log.
  std::string merged;
  PackedWriter map(merged);
  const std::size_t count = kPatchWalkMax / Places::kBytesEach;
  map.array(1).array(3).str("merge").array(0).map(count);
  for (std::size_t i = 0; i < count; ++i) map.str(std::to_string(i)).nil();
  const auto read = read_operations(merged, Dialect::kOwn);
  ASSERT_TRUE(read);
  const auto checked = check_operations(*read);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Code::kInvalidArgument);
  EXPECT_THAT(checked.error().message, HasSubstr("64 MiB"));
}

}  // namespace
}  // namespace trellis

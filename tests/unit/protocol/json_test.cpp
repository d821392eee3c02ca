#include "protocol/json.hpp"

#include <gtest/gtest.h>

#include "protocol/document.hpp"
#include "protocol/limits.hpp"
#include "tests/unit/protocol/random_document.hpp"

namespace trellis {
namespace {

/// JSON read and written again; or COLUMN: reason.
std::string again(std::string_view json) {
  const auto document = parse_json(json);
  if (!document) return std::to_string(document.error().column) + ": " + document.error().reason;
  EXPECT_TRUE(check_document(*document)) << json;
  return to_json(*document);
}

/// JSON as GET would print it.
std::string shown(std::string_view json) {
  const auto document = parse_json(json);
  return document ? print_value(*document) : again(json);
}

TEST(Json, KeepsTypesAndOrder) {
  for (const char* json :
       {R"({"name": "John", "age": 22})", R"({"b": 1, "a": [1, 2.0, -3, true, false, null, "x", {}, []]})",
        "18446744073709551615", "-9223372036854775808", "2.0", "0.1", "1e+22", "-0.0", "\"\"",
        R"("\"\\\n\u0000\u001f/é😀")"}) {
    EXPECT_EQ(again(json), json);
  }
  EXPECT_EQ(again(" { \"a\" :\t1 ,\r\n\"b\":[ ] } "), R"({"a": 1, "b": []})");
}

TEST(Json, MarksWhatItHasNoNotationFor) {
  EXPECT_EQ(shown(R"({"$float": "nan"})"), "nan");
  EXPECT_EQ(shown(R"([{"$float": "inf"}, {"$float": "-inf"}])"), "( inf | -inf )");
  EXPECT_EQ(shown(R"({"$binary": "aGk="})"), "bytes(\"aGk=\")");
  EXPECT_EQ(shown(R"({"$$binary": "aGk="})"), "[ \"$binary\" -> \"aGk=\" ]");
  EXPECT_EQ(shown(R"({"$$$x": {"$$y": 1}})"), "[ \"$$x\" -> [ \"$y\" -> 1 ] ]");
  EXPECT_EQ(shown(R"({"$binary": "aGk=", "b": 1})"), "[ \"$binary\" -> \"aGk=\" | b -> 1 ]");
  for (const char* json : {R"({"$binary": "aGk="})", R"({"$$binary": 1})", R"({"$float": "nan"})", R"({"$$": 1})",
                           R"({"$a": 1, "$b": 2})"}) {
    EXPECT_EQ(again(json), json);
  }
}

TEST(Json, RefusesWhatIsNoJson) {
  EXPECT_EQ(again(""), "1: expected a value, found the end of the line");
  EXPECT_EQ(again("{"), "2: expected a key in double quotes, found the end of the line");
  EXPECT_EQ(again("[1, 2"), "6: a bracket is missing: the [ at column 1 is never closed");
  EXPECT_EQ(again("[1 2]"), "4: expected , or ], found \"2\"");
  EXPECT_EQ(again("[1,]"), "4: expected a value, found \"]\"");
  EXPECT_EQ(again("{'a': 1}").substr(0, 2), "2:");
  EXPECT_EQ(again("{a: 1}"), "2: expected a key in double quotes, found \"a\"");
  EXPECT_EQ(again("{\"a\" 1}"), "6: expected : after the key, found \"1\"");
  EXPECT_EQ(again("1 2"), "3: expected nothing more after the value, found \"2\"");
  EXPECT_EQ(again("\"a\tb\""), "3: a control character in a string has to be escaped, as \\u0009");
  EXPECT_EQ(again(R"("\x41")"), "2: there is no such escape; JSON has \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uhhhh");
  EXPECT_EQ(again("\"\xff\"").substr(0, 21), "2: this is no UTF-8; ");
  for (const char* json : {"01", "+1", ".5", "5.", "1e", "-", "--1", "0x1", "NaN", "nan", "None", "True", "1.e5", "'a'",
                           "[1;2]", "(1)", "{\"a\": 1;}", "\xc2\xa0"}) {
    EXPECT_FALSE(parse_json(json)) << json;
  }
}

TEST(Json, RefusesKeysTwiceAndNumbersOutOfRange) {
  EXPECT_EQ(again(R"({"a": 1, "b": 2, "a": 3})"), "18: the same key twice in one map");
  EXPECT_EQ(again(R"({"$a": 1, "$a": 3})"), "11: the same key twice in one map");
  EXPECT_EQ(again("18446744073709551616").substr(0, 30), "1: the number is out of range:");
  EXPECT_EQ(again("1e309").substr(0, 30), "1: the number is out of range:");
}

TEST(Json, RefusesMarkersThatSayNothing) {
  EXPECT_EQ(again(R"({"$binary": 1})"), "1: $binary takes a string of base64, padded with = to a multiple of 4");
  EXPECT_EQ(again(R"({"$binary": "a"})"), "1: $binary takes a string of base64, padded with = to a multiple of 4");
  EXPECT_EQ(again(R"({"$binary": {"$binary": "aGk="}})"),
            "1: $binary takes a string of base64, padded with = to a multiple of 4");
  EXPECT_EQ(again(R"({"$float": "1"})"), "1: $float takes \"nan\", \"inf\" or \"-inf\"");
  EXPECT_EQ(again(R"([{"$x": 1}])"),
            "2: the only key of a map begins with $ and is neither $binary nor $float; write one more $");
}

TEST(Json, NestingHasALimit) {
  const auto nested = [](int depth, const std::string& open, const std::string& inside, const std::string& close) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += open;
    text += inside;
    for (int i = 0; i < depth; ++i) text += close;
    return text;
  };
  EXPECT_TRUE(parse_json(nested(kNestingMax, "[", "", "]")));
  EXPECT_EQ(again(nested(kNestingMax + 1, "[", "", "]")), "129: nested deeper than 128");
  EXPECT_TRUE(parse_json(nested(kNestingMax, "{\"a\":", "1", "}")));
  EXPECT_FALSE(parse_json(nested(kNestingMax + 1, "{\"a\":", "1", "}")));
  EXPECT_FALSE(parse_json(nested(kNestingMax + 1, "{\"$$a\":", "1", "}")));
  EXPECT_FALSE(parse_json(nested(1'000'000, "{\"$binary\":", "1", "}")));
  // A marker is no map.
  EXPECT_TRUE(parse_json(nested(kNestingMax, "[", "{\"$binary\": \"\"}", "]")));
}

TEST(Json, PrintsFloat32AsTheFloat64OfEqualValue) {
  std::string document;
  PackedWriter(document).float32(0.1f);
  EXPECT_EQ(to_json(document), "0.10000000149011612");
}

TEST(Json, RoundTrips) {
  testing::RandomDocuments random(11);
  for (int i = 0; i < 20'000; ++i) {
    const std::string document = random.next();
    const std::string json = to_json(document);
    const auto read = parse_json(json);
    ASSERT_TRUE(read) << json << "\n" << read.error().column << ": " << read.error().reason;
    ASSERT_EQ(*read, document) << json;
  }
}

}  // namespace
}  // namespace trellis

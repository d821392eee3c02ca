// Keys from documents.
#include "cli/load/key_rule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/notation/notation.hpp"

namespace trellis {
namespace {

using testing::HasSubstr;

/// The key of a document in braces, or what is wrong with it.
std::string key_of(std::string_view fields, std::string_view document) {
  const auto rule = KeyRule::from_fields(fields);
  if (!rule) return rule.error().message;
  std::string key;
  return rule->append_key(*parse_value(document), 1, key).value_or(key);
}

TEST(KeyRule, TakesFields) {
  EXPECT_EQ(key_of("_id", "{\"_id\": \"ann\", \"age\": 3}"), "ann");
  EXPECT_EQ(key_of("_id.$oid", "{\"_id\": {\"$oid\": \"5f\"}}"), "5f");
  EXPECT_EQ(key_of("First Name", "{\"First Name\": \"Ann\"}"), "Ann");
  EXPECT_EQ(key_of("tags.1", "{\"tags\": [\"a\", \"b\"]}"), "b");
  EXPECT_EQ(key_of("years.2024", "{\"years\": {\"2024\": \"x\"}}"), "x");
  EXPECT_EQ(key_of("\"a.b\".\"c,d\"", "{\"a.b\": {\"c,d\": \"x\"}}"), "x");
}

TEST(KeyRule, JoinsSeveral) {
  EXPECT_EQ(key_of("country,address.city", "{\"address\": {\"city\": \"Athens\"}, \"country\": \"GR\"}"), "GR:Athens");
}

TEST(KeyRule, TakesEveryValueThatIsOne) {
  EXPECT_EQ(key_of("a,b,c,d,e", "{\"a\": 12, \"b\": -3, \"c\": 0.5, \"d\": true, \"e\": bytes(\"/w==\")}"),
            "12:-3:0.5:true:\xff");
}

TEST(KeyRule, SaysWhatIsMissing) {
  EXPECT_EQ(key_of("a.b", "{\"a\": {}}"), "there is no a.b in this record, which would be its key");
  EXPECT_EQ(key_of("a", "12"), "there is no a in this record, which would be its key");
  EXPECT_EQ(key_of("a", "{\"a\": {\"b\": 1}}"),
            "a is a map here, which is no key; a dot leads inside, as in --key-field 'a.b'");
  EXPECT_EQ(key_of("a", "{\"a\": [1]}"),
            "a is a list here, which is no key; a dot leads inside, as in --key-field 'a.0'");
  EXPECT_THAT(key_of("_id", R"({"_id": {"$oid": "5f1"}})"), HasSubstr("--key-field '_id.$oid'"));
  EXPECT_EQ(key_of("a", "{\"a\": {}}"), "a is a map here, which is no key");
  EXPECT_THAT(key_of("a", "{\"a\": null}"), HasSubstr("no key"));
}

TEST(KeyRule, SaysWhatIsNoListOfFields) {
  for (const char* fields : {"", ".", "a.", ".a", "a,", ",a", "a,,b", "\"a", "\"a\"b"}) {
    EXPECT_THAT(key_of(fields, "{}"), HasSubstr("names no fields: ")) << fields;
  }
}

TEST(KeyRule, CountsPositions) {
  std::string key;
  EXPECT_FALSE(KeyRule::from_positions().append_key("\x01", 7, key));
  EXPECT_EQ(key, "7");
}

}  // namespace
}  // namespace trellis

// Values of arrays and streams, in whatever pieces they come and however wrong they are.
#include "cli/load/json_splitter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cli/load/splitter_harness.hpp"

namespace trellis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Split split_json(std::string_view text, std::size_t step = 1'000'000, std::size_t size_max = kPieceSizeMax) {
  JsonSplitter splitter(size_max);
  return split(splitter, text, step);
}

TEST(JsonSplitter, GoesIntoArrays) {
  const Split found = split_json("[{\"a\": [1, {}]},\n {\"b\": 2} , 3,\"x\", [4, 5], null]");
  EXPECT_THAT(found.records, ElementsAre("{\"a\": [1, {}]}", "{\"b\": 2}", "3", "\"x\"", "[4, 5]", "null"));
  EXPECT_THAT(found.places, ElementsAre("1:2", "2:2", "2:13", "2:15", "2:20", "2:28"));
  EXPECT_THAT(found.wrong, IsEmpty());
}

TEST(JsonSplitter, TakesValuesThatFollowOneAnother) {
  const Split found = split_json("{\n  \"a\": 1\n}\n{\"b\": 2}{\"c\": 3}\n[ {} , {} ] [] [7]");
  EXPECT_THAT(found.records, ElementsAre("{\n  \"a\": 1\n}", "{\"b\": 2}", "{\"c\": 3}", "{}", "{}", "7"));
  EXPECT_THAT(found.wrong, IsEmpty());
}

TEST(JsonSplitter, BracketsAndQuotesInStringsMeanNothing) {
  const std::string text = R"([{"a": "]}\"{", 'b': '"[', "c": "\\"}, {"d": bytes("AA==")}])";
  EXPECT_THAT(split_json(text).records,
              ElementsAre(R"({"a": "]}\"{", 'b': '"[', "c": "\\"})", R"({"d": bytes("AA==")})"));
}

TEST(JsonSplitter, DoesNotDependOnHowTheTextArrives) {
  const std::string text = "[\n  {\"a\": \"x\\\"]\"},\n  {\"b\": [1,\n  {\"c\": 2},\n  {\"d\": 3}\n] {\"e\": 1} ] , 5";
  const Split whole = split_json(text);
  EXPECT_FALSE(whole.records.empty());
  EXPECT_FALSE(whole.wrong.empty());
  for (std::size_t step = 1; step < text.size(); ++step) {
    const Split stepped = split_json(text, step);
    EXPECT_EQ(stepped.records, whole.records) << "step " << step;
    EXPECT_EQ(stepped.places, whole.places) << "step " << step;
    EXPECT_EQ(stepped.wrong, whole.wrong) << "step " << step;
  }
}

TEST(JsonSplitter, AMissingBracketCostsTheValueThatMissesIt) {
  const Split found = split_json("[\n  {\"a\": 1},\n  {\"b\": [2},\n  {\"c\": {},\n  {\"d\": 4}\n]\n");
  EXPECT_THAT(found.records, ElementsAre("{\"a\": 1}", "{\"d\": 4}"));
  EXPECT_THAT(found.wrong,
              ElementsAre("3:3: a bracket is missing in the value that begins here: } stands where ] was expected",
                          "4:3: a bracket is missing in the value that begins here: ] stands where } was expected"));
}

TEST(JsonSplitter, AMissingBracketOfAPrettyPrintedValueCostsNoOther) {
  const Split found = split_json("{\n  \"a\": {\n    \"x\": 1\n}\n{\n  \"b\": 2\n}\n");
  EXPECT_THAT(found.records, ElementsAre("{\n  \"b\": 2\n}"));
  EXPECT_THAT(found.wrong, ElementsAre("1:1: the value that begins here is never closed"));
}

TEST(JsonSplitter, OnOneLineNobodyKnowsWhereTheNextValueBegins) {
  const Split found = split_json("[{\"a\": 1}, {\"b\": [2}, {\"c\": 3}]");
  EXPECT_THAT(found.records, ElementsAre("{\"a\": 1}"));
  EXPECT_THAT(found.wrong, ElementsAre(HasSubstr("what follows it cannot be told apart and is not read")));
}

TEST(JsonSplitter, CommasThatAreMissingOrTooManyAreWrongAndCostNoValue) {
  const Split found = split_json("[{} {}, , 1,] , }");
  EXPECT_THAT(found.records, ElementsAre("{}", "{}", "1"));
  EXPECT_THAT(found.wrong, ElementsAre("1:5: a , is missing in front of this value", HasSubstr("1:9: expected a value"),
                                       HasSubstr("1:15: expected a value"), "1:17: this } closes nothing"));
}

TEST(JsonSplitter, AnArrayThatIsCutOffIsSaidToBe) {
  const Split found = split_json("\n [{\"a\": 1}, ");
  EXPECT_THAT(found.records, ElementsAre("{\"a\": 1}"));
  EXPECT_THAT(found.wrong, ElementsAre("2:2: the [ of this array is never closed: the file is not whole"));
}

TEST(JsonSplitter, AValueThatIsTooLargeCostsNoOther) {
  const std::string text = "[\n{\"a\": \"" + std::string(300, 'x') + "\"},\n{\"b\": 1}\n]";
  for (const std::size_t step : {1u, 7u, 1000u}) {
    const Split found = split_json(text, step, 100);
    if (step == 1000) continue;  // All of it was there at once, so nothing was to be bounded.
    EXPECT_THAT(found.records, ElementsAre("{\"b\": 1}"));
    EXPECT_THAT(found.wrong, ElementsAre(HasSubstr("2:1: the value that begins here has more than 100 bytes")));
  }
}

TEST(JsonSplitter, ManyValuesThatAreNotClosedEndItInTheEnd) {
  std::string text = "[\n";
  for (int i = 0; i < 3 * JsonSplitter::kUnclosedMax; ++i) text += "{\"a\": {},\n";
  const Split found = split_json(text + "{\"b\": 1}\n]");
  EXPECT_EQ(found.wrong.size(), JsonSplitter::kUnclosedMax + 1u);
  EXPECT_THAT(found.wrong.back(), HasSubstr("is not read"));
}

}  // namespace
}  // namespace trellis

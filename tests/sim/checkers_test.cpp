#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "protocol/cluster/cluster_map.hpp"
#include "sim/checker/checker.hpp"
#include "sim/checker/counter_check.hpp"
#include "sim/checker/final_state.hpp"
#include "sim/checker/listing_check.hpp"
#include "sim/checker/version_check.hpp"
#include "tests/sim/histories.hpp"

namespace trellis::sim {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string first_reason(const std::vector<Violation>& violations) {
  return violations.empty() ? "" : violations.front().reason;
}
std::string listing_verdict(std::string_view lines) { return first_reason(check_listings(history_of(lines))); }

std::string counter_verdict(std::string_view lines) { return first_reason(check_counters(history_of(lines))); }

TEST(Counters, EveryIncrementIsInTheNumberOnce) {
  EXPECT_EQ(counter_verdict(R"(
0 1 a PATCH "n" "+1" => OK "\x91\x01"
2 3 b PATCH "n" "+1" => OK "\x91\x02"
2 4 c GET "n" => OK "\x01"
5 6 c GET "n" => OK "\x02")"),
            "");
  EXPECT_THAT(counter_verdict(R"(
0 1 a PATCH "n" "+1" => OK "\x91\x01"
2 3 c GET "n" => OK "\x02")"),
              HasSubstr("outside 1 to 1"))
      << "applied twice";
  EXPECT_THAT(counter_verdict(R"(
0 1 a PATCH "n" "+1" => OK "\x91\x01"
2 3 c GET "n" => NOT_FOUND)"),
              HasSubstr("outside 1 to 1"))
      << "lost";
  EXPECT_THAT(counter_verdict(R"(
0 3 a PATCH "n" "+1" => OK "\x91\x01"
0 3 b PATCH "n" "+1" => OK "\x91\x01")"),
              HasSubstr("same number"));
}

TEST(Counters, AnIncrementOfUnknownOutcomeMayBeInItOnce) {
  EXPECT_EQ(counter_verdict(R"(
0 - a PATCH "n" "+1" => UNKNOWN
2 3 c GET "n" => OK "\x01"
4 5 a PATCH "n" "+1" => OK "\x91\x02")"),
            "");
  EXPECT_THAT(counter_verdict(R"(
0 - a PATCH "n" "+1" => UNKNOWN
2 3 c GET "n" => OK "\x02")"),
              HasSubstr("outside 0 to 1"));
}

TEST(Counters, AllAttemptsOfASessionsWriteAreOne) {
  EXPECT_EQ(counter_verdict(R"(
0 - a PATCH "n" "+1" session="s" seq=1 => UNKNOWN
2 3 b PATCH "n" "+1" => OK "\x91\x02"
4 5 a PATCH "n" "+1" session="s" seq=1 => OK "\x91\x01")"),
            "");
  EXPECT_THAT(counter_verdict(R"(
0 1 a PATCH "n" "+1" session="s" seq=1 => OK "\x91\x01"
4 5 a PATCH "n" "+1" session="s" seq=1 => OK "\x91\x02")"),
              HasSubstr("two numbers"));
}

TEST(HistoryText, ReadsBackWhatItWrote) {
  History history = random_history({.seed = 3, .operations = 200, .keys = 12, .listings = 0.2});
  history.operations[0].key = std::string("\x00\"\\ =>\xff", 7);
  history.operations[1].batch = 4;
  history.operations[1].item = 2;
  history.partitions = 16;
  std::stringstream text;
  write_history(text, history);
  const Result<History> again = read_history(text);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->partitions, 16u);
  ASSERT_EQ(again->operations.size(), history.operations.size());
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    EXPECT_EQ(to_text(again->operations[i]), to_text(history.operations[i]));
  }
}

TEST(HistoryText, TakesTheEscapesOfJson) {
  const Result<Operation> op = read_operation(R"(0 1 c GET "\u00e9\n\/\"" => NOT_FOUND)");
  ASSERT_TRUE(op) << op.error().message;
  EXPECT_EQ(op->key, "\xe9\n/\"");
}

TEST(HistoryText, SaysWhatIsWrongAndWhere) {
  const auto error = [](const std::string& line) {
    std::istringstream in("trellis-history 1\n\n" + line + "\n");
    const Result<History> history = read_history(in);
    return history ? "" : history.error().message;
  };
  EXPECT_EQ(error(R"(0 1 c GET "k" => NOT_FOUND)"), "");
  EXPECT_THAT(error(R"(0 1 c GET "k)"), HasSubstr("line 3: a closing quote"));
  EXPECT_THAT(error(R"(0 1 c GETT "k" => OK)"), HasSubstr("GETT"));
  EXPECT_THAT(error(R"(0 1 c GET "k" => OKAY)"), HasSubstr("OKAY"));
  EXPECT_THAT(error(R"(0 1 c GET "k" => OK)"), HasSubstr("without the document"));
  EXPECT_THAT(error(R"(5 1 c GET "k" => NOT_FOUND)"), HasSubstr("before its call"));
  EXPECT_THAT(error(R"(5 - c GET "k" => NOT_FOUND)"), HasSubstr("without a time of return"));
  EXPECT_THAT(error(R"(x 1 c GET "k" => NOT_FOUND)"), HasSubstr("a number should stand"));
  EXPECT_THAT(error(R"(0 1 c PUT "k" "v" if_older => OK)"), HasSubstr("if_older"));
  EXPECT_THAT(error(R"(0 1 c PUT "k" "\q" => OK)"), HasSubstr("escape"));
  EXPECT_THAT(error(R"(0 1 c PUT "k")"), HasSubstr("ends too early"));
}

TEST(Listings, NeverMissAKeyThatWasThereThroughout) {
  constexpr std::string_view kPut = "0 1 a PUT \"b\" \"1\" => OK true\n";
  EXPECT_EQ(listing_verdict(std::string(kPut) + R"(2 3 a KEYS "" => OK "b")"), "");
  EXPECT_THAT(listing_verdict(std::string(kPut) + R"(2 3 a KEYS "" => OK)"), HasSubstr("missed"));
  EXPECT_THAT(listing_verdict(std::string(kPut) + R"(2 3 a SCAN "b" after="a" => OK)"), HasSubstr("missed"));
  EXPECT_EQ(listing_verdict(std::string(kPut) + R"(2 3 a KEYS "" after="b" => OK)"), "");
  EXPECT_EQ(listing_verdict(std::string(kPut) + R"(1 3 a KEYS "" => OK)"), "") << "the PUT may come later";
  EXPECT_EQ(listing_verdict(std::string(kPut) + R"(2 3 a KEYS "" => OK unguaranteed)"), "");
  EXPECT_EQ(listing_verdict(std::string(kPut) + "2 3 a KEYS \"\" => OK\n" + R"(1 - b DELETE "b" => UNKNOWN)"), "");
}

TEST(Listings, MissNoKeyAtTheBorderOfAPage) {
  constexpr std::string_view kPuts = R"(0 1 a PUT "a" "1" => OK true
                                        0 1 a PUT "b" "1" => OK true
                                        0 1 a PUT "c" "1" => OK true
                                        )";
  EXPECT_EQ(listing_verdict(std::string(kPuts) + R"(2 3 a KEYS "" limit=2 => OK "a" "b" more
                                                    4 5 a KEYS "" limit=2 after="b" => OK "c")"),
            "");
  EXPECT_THAT(listing_verdict(std::string(kPuts) + R"(2 3 a KEYS "" limit=1 => OK "a" more
                                                      4 5 a KEYS "" limit=1 after="a" => OK "c")"),
              HasSubstr("\"b\" was there throughout"));
}

TEST(Listings, NeverShowAKeyThatWasNotThereAtAll) {
  EXPECT_THAT(listing_verdict(R"(0 1 a KEYS "" => OK "b")"), HasSubstr("never written"));
  EXPECT_THAT(listing_verdict(R"(0 1 a KEYS "" => OK "b"
                                 2 3 a PUT "b" "1" => OK true)"),
              HasSubstr("not there at all"));
  EXPECT_THAT(listing_verdict(R"(0 1 a PUT "b" "1" => OK true
                                 2 3 a DELETE "b" => OK true
                                 4 5 a KEYS "" => OK "b")"),
              HasSubstr("not there at all"));
  EXPECT_EQ(listing_verdict(R"(0 1 a PUT "b" "1" => OK true
                               2 5 a DELETE "b" => OK true
                               4 5 a KEYS "" => OK "b")"),
            "");
  EXPECT_THAT(listing_verdict(R"(0 1 a PUT "b" "1" => OK true
                                 4 5 a SCAN "" => OK "b" "2")"),
              HasSubstr("nobody had written"));
}

TEST(Listings, AreInOrderWithinBoundsAndWithoutDoubles) {
  constexpr std::string_view kPuts = R"(0 1 a PUT "a" "1" => OK true
                                        0 1 a PUT "b" "1" => OK true
                                        )";
  EXPECT_THAT(listing_verdict(std::string(kPuts) + R"(2 3 a KEYS "" => OK "b" "a")"), HasSubstr("out of order"));
  EXPECT_THAT(listing_verdict(std::string(kPuts) + R"(2 3 a KEYS "" => OK "a" "a" "b")"), HasSubstr("twice"));
  EXPECT_THAT(listing_verdict(std::string(kPuts) + R"(2 3 a KEYS "" limit=1 => OK "a" "b")"), HasSubstr("limit"));
  EXPECT_THAT(listing_verdict(std::string(kPuts) + R"(2 3 a KEYS "b" => OK "a" "b")"), HasSubstr("prefix"));
  EXPECT_THAT(listing_verdict(std::string(kPuts) + R"(2 3 a KEYS "" after="a" => OK "a" "b")"), HasSubstr("after"));
  EXPECT_THAT(listing_verdict(std::string(kPuts) + R"(2 3 a KEYS "" => OK more)"), HasSubstr("empty page"));
}

TEST(Count, LiesBetweenWhatWasThereAndWhatMayHaveBeen) {
  constexpr std::string_view kPuts = R"(0 1 a PUT "a" "1" => OK true
                                        0 - a PUT "b" "1" => UNKNOWN
                                        )";
  EXPECT_THAT(listing_verdict(std::string(kPuts) + R"(2 3 a COUNT "" => OK 0)"), HasSubstr("outside 1 to 2"));
  EXPECT_EQ(listing_verdict(std::string(kPuts) + R"(2 3 a COUNT "" => OK 1)"), "");
  EXPECT_EQ(listing_verdict(std::string(kPuts) + R"(2 3 a COUNT "" => OK 2)"), "");
  EXPECT_THAT(listing_verdict(std::string(kPuts) + R"(2 3 a COUNT "" => OK 3)"), HasSubstr("outside 1 to 2"));
  EXPECT_THAT(listing_verdict(std::string(kPuts) + R"(2 3 a COUNT "b" => OK 2)"), HasSubstr("outside 0 to 1"));
}

TEST(Versions, GrowOverAllKeysOfAPartition) {
  const auto verdict = [](std::string_view lines, std::uint32_t partitions) {
    return first_reason(check_versions(history_of(lines, partitions)));
  };
  constexpr std::string_view kBackwards = R"(0 1 a PUT "a" "1" => OK true version=9
                                             2 3 a PUT "b" "1" => OK true version=8)";
  EXPECT_THAT(verdict(kBackwards, 1), HasSubstr("not larger"));
  EXPECT_EQ(verdict(kBackwards, 0), "") << "partitions are not known";
  EXPECT_EQ(verdict(R"(0 2 a PUT "a" "1" => OK true version=9
                       2 3 a PUT "b" "1" => OK true version=8)",
                    1),
            "")
      << "at the same time";
  EXPECT_THAT(verdict(R"(0 5 a PUT "a" "1" => OK true version=9
                         0 5 a PUT "b" "1" => OK true version=9)",
                      1),
              HasSubstr("two keys"));
  EXPECT_THAT(verdict(R"(0 5 a PUT "a" "1" => OK true version=9
                         0 5 a PUT "a" "2" => OK false version=9)",
                      0),
              HasSubstr("same version"));
}

TEST(FinalState, LosesNothingAcknowledgedAndBringsNothingBack) {
  const History history = history_of(R"(0 1 a PUT "kept" "1" => OK true version=1
                                        2 3 a PUT "gone" "1" => OK true version=2
                                        4 5 a DELETE "gone" => OK true
                                        6 - a PUT "open" "1" => UNKNOWN)");
  const auto is_right = [&](const std::map<std::string, FinalDocument>& state) {
    return check(with_final_state(history, state)).is_right();
  };
  EXPECT_TRUE(is_right({{"kept", {"1", 1}}}));
  EXPECT_TRUE(is_right({{"kept", {"1", 1}}, {"open", {"1", 5}}}));
  EXPECT_FALSE(is_right({}));
  EXPECT_FALSE(is_right({{"kept", {"1", 2}}}));
  EXPECT_FALSE(is_right({{"kept", {"1", 1}}, {"gone", {"1", 2}}}));
  EXPECT_FALSE(is_right({{"kept", {"1", 1}}, {"stranger", {"1", 2}}}));
}

}  // namespace
}  // namespace trellis::sim

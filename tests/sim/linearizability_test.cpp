#include "sim/checker/linearizability.hpp"

#include <gtest/gtest.h>

#include "sim/checker/checker.hpp"
#include "tests/sim/histories.hpp"

namespace trellis::sim {
namespace {

std::string verdict(std::string_view lines) {
  const History history = history_of(lines);
  return to_text(check(history), history);
}
#define EXPECT_RIGHT(lines) EXPECT_EQ(verdict(lines).substr(0, 5), "right") << verdict(lines)
#define EXPECT_WRONG(lines) EXPECT_EQ(verdict(lines).substr(0, 5), "WRONG")

TEST(Linearizability, AcceptsAReadThatSeesAWriteUnderWay) {
  EXPECT_RIGHT(R"(0 100 a PUT "k" "1" => OK true version=1
                  10 20 b GET "k" => OK "1" version=1
                  5 9 c GET "k" => NOT_FOUND)");
}

TEST(Linearizability, RefusesAStaleRead) {
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 3 a PUT "k" "2" => OK false version=2
                  4 5 b GET "k" => OK "1" version=1)");
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true
                  2 3 a PUT "k" "2" => OK false
                  4 5 b GET "k" => OK "1")");
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  4 5 b GET "k" => NOT_FOUND)");
}

TEST(Linearizability, RefusesReadsThatGoBackInTime) {
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 99 a PUT "k" "2" => OK false version=2
                  4 5 b GET "k" => OK "2" version=2
                  6 7 c GET "k" => OK "1" version=1)");
}

TEST(Linearizability, RefusesALostUpdate) {
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 5 a PUT "k" "2" if_version=1 => OK false version=2
                  2 6 b PUT "k" "3" if_version=1 => OK false version=3)");
  EXPECT_WRONG(R"(0 9 a PUT "k" "1" if_absent => OK true version=1
                  0 9 b PUT "k" "2" if_absent => OK true version=2)");
}

TEST(Linearizability, RefusesADeleteTakenBack) {
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 3 a DELETE "k" => OK true
                  4 5 b GET "k" => OK "1" version=1)");
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 3 a DELETE "k" => OK true
                  4 5 b PUT "k" "2" => OK false version=2)");
}

TEST(Linearizability, RefusesWhatIsPoppedTwice) {
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 5 a POP "k" => OK "1" version=1
                  2 6 b POP "k" => OK "1" version=1)");
  EXPECT_RIGHT(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 5 a POP "k" => OK "1" version=1
                  2 6 b POP "k" => NOT_FOUND)");
}

TEST(Linearizability, RefusesIfVersionOnTheWrongVersion) {
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 3 a PUT "k" "2" => OK false version=4
                  4 5 b PUT "k" "3" if_version=1 => OK false version=5)");
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  4 5 b PUT "k" "3" if_version=1 => FAILED_PRECONDITION)");
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  4 5 b DELETE "k" if_version=2 => OK true)");
}

TEST(Linearizability, LetsAWriteOfUnknownOutcomeHappenOnceAtAnyTimeOrNever) {
  EXPECT_RIGHT(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 3 b PUT "k" "2" => DEADLINE_EXCEEDED
                  4 5 c GET "k" => OK "1" version=1
                  60 70 c GET "k" => OK "2" version=2)");
  EXPECT_RIGHT(R"(0 - b DELETE "k" => UNKNOWN
                  0 1 a PUT "k" "1" => OK true version=1
                  4 5 c GET "k" => OK "1" version=1
                  6 7 c GET "k" => NOT_FOUND)");
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 3 b PUT "k" "2" => DEADLINE_EXCEEDED
                  4 5 c GET "k" => OK "2" version=2
                  6 7 c GET "k" => OK "1" version=1)");
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 3 b DELETE "k" => UNKNOWN
                  4 5 c GET "k" => NOT_FOUND
                  6 7 d PUT "k" "2" => OK true version=2
                  8 9 c GET "k" => NOT_FOUND)");
  EXPECT_WRONG(R"(4 5 c GET "k" => OK "1" version=1
                  6 - a PUT "k" "1" => UNKNOWN)");
}

TEST(Linearizability, RefusesAWriteThatWasRefusedAndHappenedAllTheSame) {
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => UNAVAILABLE
                  2 3 a GET "k" => OK "1" version=1)");
}

TEST(Linearizability, CountsTheAttemptsOfASessionAsOneWrite) {
  EXPECT_RIGHT(R"(0 1 a PUT "k" "1" session="s" seq=1 => DEADLINE_EXCEEDED
                  2 3 b GET "k" => OK "1" version=1
                  4 5 b DELETE "k" => OK true
                  6 7 a PUT "k" "1" session="s" seq=1 => OK true version=1
                  8 9 b GET "k" => NOT_FOUND)");
}

TEST(Linearizability, RefusesARetryThatIsDoneAgain) {
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" session="s" seq=1 => DEADLINE_EXCEEDED
                  2 3 b GET "k" => OK "1" version=1
                  4 5 b DELETE "k" => OK true
                  6 7 a PUT "k" "1" session="s" seq=1 => OK true version=3
                  8 9 b GET "k" => OK "1" version=3)");
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" session="s" seq=1 => OK true version=1
                  2 3 a PUT "k" "1" session="s" seq=1 => OK false version=2)");
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" session="s" seq=1 => OK true version=1
                  2 3 a PUT "k" "2" session="s" seq=1 => OK false version=2)");
}

TEST(Linearizability, KnowsAWriteWhoseReplyWasTooLargeToKeep) {
  EXPECT_RIGHT(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 3 a POP "k" session="s" seq=1 => UNKNOWN
                  4 5 a POP "k" session="s" seq=1 => FAILED_PRECONDITION
                  6 7 a HAS "k" => OK false)");
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  4 5 a POP "k" session="s" seq=1 => FAILED_PRECONDITION
                  6 7 a HAS "k" => OK true version=1)");
}

TEST(Linearizability, KnowsAReadOfABatchWhoseReplyWasTooLargeToKeep) {
  EXPECT_RIGHT(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 3 a PUT "j" "2" batch=1 => OK true version=2
                  2 3 a GET "k" batch=1 item=1 => FAILED_PRECONDITION)");
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 3 a GET "k" => FAILED_PRECONDITION)");
}

TEST(Linearizability, TakesTheItemsOfABatchInTheirOrder) {
  EXPECT_RIGHT(R"(0 9 a PUT "k" "1" batch=1 => OK true version=1
                  0 9 a GET "k" batch=1 item=1 => OK "1" version=1
                  0 9 a DELETE "k" batch=1 item=2 => OK true
                  0 9 a GET "k" batch=1 item=3 => NOT_FOUND)");
  EXPECT_WRONG(R"(0 9 a PUT "k" "1" batch=1 => OK true version=1
                  0 9 a GET "k" batch=1 item=1 => NOT_FOUND)");
}

TEST(Linearizability, RefusesVersionsThatDoNotGrow) {
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=7
                  2 3 a PUT "k" "2" => OK false version=7)");
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=7
                  2 3 a DELETE "k" => OK true
                  4 5 a PUT "k" "2" => OK true version=5)");
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=7
                  2 3 b GET "k" => OK "1" version=8)");
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=5
                  2 3 b PUT "k" "2" => UNKNOWN
                  4 5 c PUT "k" "3" => OK false version=6
                  6 7 d GET "k" => OK "3" version=6
                  8 9 d GET "k" => OK "2" version=6)");
}

TEST(Linearizability, LooksIntoDocumentsForQuery) {
  // {"n": 1} and {"n": 2}
  EXPECT_RIGHT(R"(0 1 a PUT "k" "\x81\xa1n\x01" => OK true version=1
                  2 3 a QUERY "k" "n" => OK "\x01" version=1
                  2 3 a QUERY "k" "m" => NOT_FOUND
                  4 5 a PUT "k" "\x81\xa1n\x02" => OK false version=2
                  6 7 a QUERY "k" "n" => OK "\x02" version=2)");
  EXPECT_WRONG(R"(0 1 a PUT "k" "\x81\xa1n\x01" => OK true
                  4 5 a PUT "k" "\x81\xa1n\x02" => OK false
                  6 7 a QUERY "k" "n" => OK "\x01")");
  EXPECT_WRONG(R"(0 1 a PUT "k" "\x81\xa1n\x01" => OK true
                  6 7 a QUERY "k" "n" => NOT_FOUND)");
}

TEST(Linearizability, TakesAListingForAReadOfEachKey) {
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 99 a DELETE "k" => OK true
                  3 4 b KEYS "" => OK
                  5 6 c KEYS "" => OK "k")");
}

TEST(Linearizability, ChecksStaleReadsByLess) {
  EXPECT_RIGHT(R"(0 1 a PUT "k" "1" => OK true version=1
                  2 3 a PUT "k" "2" => OK false version=2
                  4 5 b GET "k" stale => OK "1" version=1
                  4 5 b GET "k" => OK "1" version=1 unguaranteed)");
  EXPECT_WRONG(R"(0 1 a PUT "k" "1" => OK true version=1
                  4 5 b GET "k" stale => OK "2" version=1)");
}

TEST(Linearizability, ShowsTheFewOperationsThatMatter) {
  std::string lines;
  for (int i = 1; i <= 300; ++i) {
    const int at = i * 10;
    lines += std::to_string(at) + ' ' + std::to_string(at + 5) + " a PUT \"k\" \"" + std::to_string(i) + "\" => OK " +
             (i == 1 ? "true" : "false") + " version=" + std::to_string(i) + '\n';
  }
  lines += "2006 2007 b GET \"k\" => OK \"77\" version=77\n";
  const LinearizabilityVerdict verdict = check_linearizability(history_of(lines));
  ASSERT_EQ(verdict.violations.size(), 1u);
  EXPECT_LE(verdict.violations[0].operations.size(), 3u) << to_text(verdict.violations[0], history_of(lines));
}

TEST(Linearizability, AcceptsWhatARightStoreAnswers) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    RandomHistory shape{.seed = seed, .operations = 300, .clients = 2 + seed % 20, .keys = 1 + seed % 5};
    shape.documents = seed % 3 == 0 ? 3 : 0;
    shape.unknown = 0.1 * static_cast<double>(seed % 4);
    shape.listings = seed % 2 ? 0.1 : 0;
    const History history = random_history(shape);
    const Verdict verdict = check(history);
    ASSERT_TRUE(verdict.is_right()) << "seed " << seed << '\n' << to_text(verdict, history);
  }
}

TEST(Linearizability, AcceptsItAlsoWhereVersionsWereNotRecorded) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    History history = random_history({.seed = seed, .operations = 200, .clients = 2 + seed % 8, .keys = 3});
    for (Operation& op : history.operations) op.version.reset();
    const Verdict verdict = check(history);
    ASSERT_TRUE(verdict.is_right()) << "seed " << seed << '\n' << to_text(verdict, history);
  }
}

TEST(Linearizability, AgreesWithBruteForceOnSmallHistories) {
  std::mt19937_64 random(7);
  std::size_t wrong = 0;
  for (std::uint64_t seed = 1; seed <= 6000; ++seed) {
    RandomHistory shape{.seed = seed, .operations = 6, .clients = 3, .keys = 1};
    shape.documents = seed % 2 ? 2 : 0;
    shape.unknown = seed % 3 ? 0.3 : 0;
    shape.delay_max = 20;
    History history = random_history(shape);
    for (Operation& op : history.operations) {
      op.session.clear();
      if (seed % 5 == 0) op.version.reset();
    }
    if (seed % 4) history = mutated(std::move(history), random);
    if (seed % 4 == 2) history = mutated(std::move(history), random);
    const bool is_right = has_order_by_brute_force(history);
    wrong += !is_right;
    const LinearizabilityVerdict verdict = check_linearizability(history);
    ASSERT_TRUE(verdict.undecided.empty());
    std::string text;
    for (const Operation& op : history.operations) text += to_text(op) + '\n';
    for (const Violation& violation : verdict.violations) text += to_text(violation, history);
    ASSERT_EQ(verdict.violations.empty(), is_right) << "seed " << seed << '\n' << text;
  }
  EXPECT_GT(wrong, 1500u);
  EXPECT_LT(wrong, 5000u);
}

TEST(Linearizability, FindsMostMutationsOfLongHistories) {
  std::mt19937_64 random(11);
  std::size_t found = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const History history =
        mutated(random_history({.seed = seed, .operations = 300, .clients = 6, .keys = 2, .unknown = 0.05}), random);
    const Verdict verdict = check(history);
    EXPECT_TRUE(verdict.undecided.empty());
    found += !verdict.violations.empty();
  }
  EXPECT_GT(found, 140u);
}

TEST(Linearizability, BearsHundredsOfUnknownWritesAtATime) {
  std::mt19937_64 random(13);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const History history =
        random_history({.seed = seed, .operations = 3000, .clients = 60, .keys = 1, .unknown = 0.3});
    EXPECT_TRUE(check(history).is_right()) << "seed " << seed;
    EXPECT_TRUE(check(mutated(history, random)).undecided.empty()) << "seed " << seed;
  }
}

TEST(Linearizability, ChecksALargeHistoryInSeconds) {
  const History history =
      random_history({.seed = 5, .operations = 100'000, .clients = 50, .keys = 40, .unknown = 0.02});
  EXPECT_TRUE(check(history).is_right());
}

}  // namespace
}  // namespace trellis::sim

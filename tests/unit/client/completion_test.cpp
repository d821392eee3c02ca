// What Tab offers.
#include "client/completion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace trellis {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> kCommands = {"GET", "PUT", "POP", "PING", "QUERY", "HELP"};

Completion press_tab(std::string_view line, const std::set<std::string>& keys = {}) {
  return complete(line, kCommands, [&keys](std::string_view prefix) {
    std::vector<std::string> found;
    for (const std::string& key : keys) {
      if (key.starts_with(prefix)) found.push_back(key);
    }
    return found;
  });
}

TEST(Completion, FinishesACommandInTheCaseThatIsTyped) {
  EXPECT_EQ(press_tab("G").insert, "GET ");
  EXPECT_EQ(press_tab("ge").insert, "get ");
  EXPECT_EQ(press_tab("  qu").insert, "query ");
  EXPECT_EQ(press_tab("HELP Q").insert, "QUERY ");
}

TEST(Completion, OffersTheChoiceWhereThereIsOne) {
  const Completion completion = press_tab("P");
  EXPECT_EQ(completion.insert, "");
  EXPECT_THAT(completion.candidates, ElementsAre("PUT", "POP", "PING"));
}

TEST(Completion, GoesAsFarAsTheKeysAgree) {
  const Completion completion = press_tab("GET pe", {"person1", "person2"});
  EXPECT_EQ(completion.replace, 2u);
  EXPECT_EQ(completion.insert, "person");
  EXPECT_EQ(press_tab("get person1", {"person1"}).insert, "person1 ");
  EXPECT_EQ(press_tab("QUERY person1", {"person1"}).insert, "person1") << "a path goes on";
}

TEST(Completion, QuotesAKeyThatNeedsIt) {
  EXPECT_EQ(press_tab("GET my", {"my key"}).insert, "\"my key\" ");
  EXPECT_EQ(press_tab("GET \"my k", {"my key"}).insert, "\"my key\" ");
}

TEST(Completion, CutsNoCharacterInHalf) {
  const Completion completion = press_tab("GET \"x", {"x\xc3\xa4", "x\xc3\xb6"});
  EXPECT_THAT(completion.insert, "") << "they part inside the second character";
  EXPECT_EQ(completion.candidates.size(), 2u);
}

TEST(Completion, HasNothingForWhatIsUnknown) {
  EXPECT_THAT(press_tab("XYZ").candidates, IsEmpty());
  EXPECT_THAT(press_tab("GET zzz", {"person1"}).candidates, IsEmpty());
}

}  // namespace
}  // namespace trellis

// What Tab offers.
#include "cli/shell/completion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace trellis {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> kCommands = {"GET", "PUT", "POP", "PING", "QUERY", "HELP"};

using Fields = std::map<std::string, std::vector<std::string>>;

/// @param fields  path as typed -> names of the fields there
Completion press_tab(std::string_view line, const std::set<std::string>& keys = {}, const Fields& fields = {}) {
  const auto find_keys = [&keys](std::string_view prefix) {
    std::vector<std::string> found;
    for (const std::string& key : keys) {
      if (key.starts_with(prefix)) found.push_back(key);
    }
    return found;
  };
  const auto find_fields = [&fields](std::string_view path) {
    const auto at = fields.find(std::string(path));
    return at == fields.end() ? std::vector<std::string>() : at->second;
  };
  return complete(line, kCommands, {find_keys, find_fields});
}

TEST(Completion, FinishesTheStepsOfAPath) {
  const Fields fields = {{"person2", {"name", "address"}},
                         {"person2.address", {"street", "number", "7", "a b"}},
                         {"\"my.key\"", {"sub", "list"}}};
  EXPECT_EQ(press_tab("QUERY person2.a", {}, fields).insert, "address");
  EXPECT_EQ(press_tab("COMPUTE x WHERE x = QUERY person2.address.nu", {}, fields).insert, "number");
  EXPECT_EQ(press_tab("QUERY \"my.key\".l", {}, fields).insert, "list");
  EXPECT_THAT(press_tab("QUERY person2.", {}, fields).candidates, ElementsAre("address", "name"));
  // Digits are a key only in quotes, and so what has a blank.
  EXPECT_THAT(press_tab("QUERY person2.address.", {}, fields).candidates,
              ElementsAre("\"7\"", "\"a b\"", "\"number\"", "\"street\""));
  EXPECT_EQ(press_tab("QUERY person2.address.\"a", {}, fields).insert, "\"a b\"");
  EXPECT_THAT(press_tab("QUERY nobody.", {}, fields).candidates, IsEmpty());
  // A key is no path where none is taken.
  EXPECT_THAT(press_tab("GET person2.a", {}, fields).candidates, IsEmpty());
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

TEST(Completion, LeavesBareWhatTheShellReadsBare) {
  EXPECT_EQ(press_tab("GET us", {"user:0", "user:1"}).insert, "user:");
  EXPECT_EQ(press_tab("QUERY a/", {"a/b@c"}).insert, "a/b@c");
  EXPECT_EQ(press_tab("PUT user", {"user:"}).insert, "\"user:\"") << "the colon would be the record's";
  EXPECT_EQ(press_tab("GET x", {"x->y"}).insert, "\"x->y\" ");
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

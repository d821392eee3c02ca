// The table of commands, and that docs/protocol.md says the same.
#include "protocol/command_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "protocol/access/access_changes.hpp"
#include "tests/support/doc_page.hpp"

namespace trellis {
namespace {

using ::testing::HasSubstr;

const auto kRows = table_below(doc_page("protocol.md"), "## Commands");

/// What the page says of a command's arguments; "as `KEYS`" is what it says of those.
std::string arguments_told(std::string_view name) {
  for (const auto& cells : kRows) {
    if (cells.at(0) != "`" + std::string(name) + "`") continue;
    if (cells.at(1).starts_with("as `")) return arguments_told(code_in(cells.at(1)).front());
    return cells.at(1);
  }
  return "nothing";
}

TEST(CommandTable, NamesAreDifferentAndReadBack) {
  std::set<std::string_view> names;
  for (const CommandRow& row : command_rows()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(command_of(row.name), row.command);
  }
  EXPECT_EQ(command_of("get"), std::nullopt) << "in capitals to the letter";
}

TEST(CommandTable, EachRowAgreesWithItself) {
  for (const CommandRow& row : command_rows()) {
    EXPECT_TRUE(row.options.has(Option::kTimeout)) << row.name;
    EXPECT_EQ(row.options.has(Option::kConsistency), row.effect == Effect::kReads) << row.name;
    const bool changes_users = is_about_access(row.command) && row.result == ResultType::kBoolean;
    const bool is_exactly_once = row.effect == Effect::kWrites || row.effect == Effect::kItems || changes_users;
    for (const Option option : {Option::kSession, Option::kSeq, Option::kFloor}) {
      EXPECT_EQ(row.options.has(option), is_exactly_once) << row.name;
    }
    EXPECT_TRUE(row.shell.usage.empty() || row.shell.usage.starts_with(row.name)) << row.shell.usage;
    if (row.reach == Reach::kOneKey) {
      EXPECT_TRUE(row.effect == Effect::kReads || row.effect == Effect::kWrites) << row.name;
      EXPECT_TRUE(row.signature == Signature::kKey || row.signature == Signature::kRecord ||
                  row.signature == Signature::kPath || row.signature == Signature::kChanges ||
                  row.signature == Signature::kLifetime)
          << row.name;
    }
  }
}

TEST(CommandTable, ProtocolPageHasARowForEachCommandInItsOrder) {
  ASSERT_EQ(kRows.size(), command_rows().size());
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    EXPECT_EQ(kRows[i].at(0), "`" + std::string(command_rows()[i].name) + "`");
  }
}

TEST(CommandTable, ProtocolPageNamesTheArgumentsInTheirOrder) {
  for (const CommandRow& row : command_rows()) {
    const std::string told = arguments_told(row.name);
    const auto arguments = row_of(row.signature).arguments;
    EXPECT_EQ(told.empty(), arguments.empty()) << row.name;
    std::size_t at = 0;
    for (const Argument& argument : arguments) {
      at = told.find(argument.name, at);
      ASSERT_NE(at, std::string::npos) << row.name << " takes " << argument.name << ", the page says " << told;
    }
  }
}

TEST(CommandTable, ProtocolPageSaysWhichOptionsBelongToWhichCommands) {
  std::string page = doc_page("protocol.md");
  std::replace(page.begin(), page.end(), '\n', ' ');  // A sentence may be wrapped anywhere.
  for (const OptionRow& row : option_rows()) {
    const std::string name = "`" + std::string(row.name) + "`";
    if (row.option == Option::kSeq || row.option == Option::kFloor) {  // They go with the session.
      EXPECT_THAT(page, HasSubstr(name));
      continue;
    }
    const bool is_of_all = names_with(row.option) == names_where([](Command) { return true; });
    EXPECT_THAT(page, HasSubstr(name + " belongs to " + (is_of_all ? "every command" : names_with(row.option))));
  }
}

TEST(CommandTable, ProtocolPageSaysWhichCommandsStandInABatch) {
  EXPECT_THAT(arguments_told("BATCH"), HasSubstr("commands " + names_where(is_on_one_key) + ";"));
}

TEST(CommandTable, ANameAloneStandsWithoutAnd) {
  EXPECT_EQ(names_where([](Command command) { return command == Command::kGet; }), "GET");
  EXPECT_EQ(names_where([](Command) { return false; }), "");
}

}  // namespace
}  // namespace trellis

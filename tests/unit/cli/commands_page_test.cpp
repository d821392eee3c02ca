// docs/commands.md shows every word that the shell takes, and none that it does not.
#include <gtest/gtest.h>

#include <set>

#include "client/statement/help.hpp"
#include "client/statement/statement.hpp"
#include "tests/support/doc_page.hpp"

namespace trellis {
namespace {

TEST(CommandsPage, ShowsEveryCommandOfTheShell) {
  std::set<std::string> shown;
  for (const auto& cells : table_below(doc_page("commands.md"), "## The shell, and standard input")) {
    for (const std::string& typed : code_in(cells.at(0))) shown.insert(typed.substr(0, typed.find(' ')));
  }
  for (const CommandHelp& help : command_helps()) EXPECT_TRUE(shown.contains(std::string(help.name))) << help.name;
  for (const std::string& word : shown) {
    EXPECT_TRUE(word == "LIST" || help_text(word)) << word << " is on the page, and nothing that HELP knows";
  }
}

}  // namespace
}  // namespace trellis

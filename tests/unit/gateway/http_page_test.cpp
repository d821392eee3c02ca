// docs/http.md has a row for every route, with its command and parameters; and the page's console knows the commands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "gateway/page_files.hpp"
#include "gateway/routes.hpp"
#include "tests/support/doc_page.hpp"

namespace trellis {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string title_of(const Route& route) {
  return "`" + std::string(name_of(route.method)) + " " + std::string(route.pattern) + "`";
}

TEST(HttpPage, HasARowForEachRoute) {
  std::map<std::string, std::vector<std::string>> told;
  for (auto& cells : table_below(doc_page("http.md"), "## Routes")) told[cells.at(0)] = cells;
  EXPECT_EQ(told.size(), routes().size());
  for (const Route& route : routes()) {
    ASSERT_TRUE(told.contains(title_of(route))) << title_of(route);
    const auto& cells = told[title_of(route)];
    EXPECT_EQ(cells.at(1), route.service == Service::kCluster ? name_of(route.command) : "") << title_of(route);
    for (const Parameter& parameter : parameters_of(route)) {
      const bool is_of_many = parameter.name == "consistency" || parameter.name == "timeout_ms";
      if (is_of_many) continue;
      EXPECT_THAT(cells.at(2), HasSubstr(std::string(parameter.name) + "=")) << title_of(route);
    }
  }
}

TEST(HttpPage, TheConsoleCompletesTheShellsCommands) {
  const auto file = page_file("commands.js");
  ASSERT_TRUE(file);
  const std::string text(file->text);
  const std::size_t second = text.find("KEY_COMMANDS");
  ASSERT_NE(second, std::string::npos);
  for (const char* name : {"\"PUT\", ", "\"QUERY\", ", "\"LOCATE\", "}) {
    EXPECT_LT(text.find(name), second);
    EXPECT_NE(text.find(name, second), std::string::npos) << name << "takes a key";
  }
  EXPECT_LT(text.find("\"KEYS\", "), second);
  EXPECT_EQ(text.find("\"KEYS\", ", second), std::string::npos) << "it takes a prefix";
  EXPECT_THAT(text, Not(HasSubstr("BATCH"))) << "it is for programs";
}

}  // namespace
}  // namespace trellis

// Statements over several lines.
#include "cli/shell/open_brackets.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

#include "client/statement/statement.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

/// How many of the lines make up the first statement.
std::size_t lines_taken(std::initializer_list<std::string> lines, std::string* statement = nullptr) {
  OpenBrackets brackets;
  std::size_t taken = 0;
  for (const std::string& line : lines) {
    brackets.add(line);
    ++taken;
    if (!brackets.are_open()) break;
  }
  if (statement != nullptr) *statement = brackets.take();
  return taken;
}

TEST(OpenBrackets, APastedDocumentIsOneStatement) {
  std::string whole;
  EXPECT_EQ(lines_taken({"PUT p {", "  \"name\": \"Mary\",", "  \"tags\": [", "    1,", "    2", "  ]", "}", "GET p"},
                        &whole),
            7u);
  EXPECT_TRUE(parse_statement(whole));
  EXPECT_EQ(parse_statement(whole)->arguments,
            parse_statement("PUT p {\"name\": \"Mary\", \"tags\": [1, 2]}")->arguments);
}

TEST(OpenBrackets, ArrowsListsAndFormulasGoOnToo) {
  EXPECT_EQ(lines_taken({"set p -> [ a -> (", "1 |", "2 ) |", "b -> 3 ]", "x"}), 4u);
  EXPECT_EQ(lines_taken({"COMPUTE 2 * (", "1 + 2", ")", "x"}), 3u);
}

TEST(OpenBrackets, AWholeLineIsOneStatement) {
  EXPECT_EQ(lines_taken({"PUT p {\"a\": 1}", "x"}), 1u);
  EXPECT_EQ(lines_taken({"", "x"}), 1u);
  EXPECT_EQ(lines_taken({"KEYS", "x"}), 1u);
}

TEST(OpenBrackets, BracketsInStringsAndKeysAreNone) {
  EXPECT_EQ(lines_taken({"PUT p {\"a\": \"[{(\"}", "x"}), 1u);
  EXPECT_EQ(lines_taken({"PUT p {\"a\": \"\\\"[\"}", "x"}), 1u);
  EXPECT_EQ(lines_taken({"SET p \"(\"", "x"}), 1u);
}

TEST(OpenBrackets, WhatIsWrongAlreadyDoesNotSwallowTheNextLines) {
  EXPECT_EQ(lines_taken({"GET p[", "x"}), 1u);
  EXPECT_EQ(lines_taken({"PUT p ] {", "x"}), 1u);
  EXPECT_EQ(lines_taken({"PUT p { \"a", "x"}), 1u);
  EXPECT_EQ(lines_taken({"nonsense {", "x"}), 1u);
}

TEST(OpenBrackets, ACommentBetweenLinesIsLeftOut) {
  std::string whole;
  EXPECT_EQ(lines_taken({"PUT p {", "# the name }", "\"a\": 1 }", "x"}, &whole), 3u);
  EXPECT_TRUE(parse_statement(whole));
}

TEST(OpenBrackets, EndWhereARequestCouldNotHoldMore) {
  OpenBrackets brackets;
  brackets.add("PUT p {");
  brackets.add(std::string(kRequestSizeMax - 10, ' '));
  EXPECT_TRUE(brackets.are_open());
  brackets.add("12345");
  EXPECT_FALSE(brackets.are_open());
}

TEST(OpenBrackets, BeginAnewOnceTaken) {
  OpenBrackets brackets;
  brackets.add("PUT p {");
  EXPECT_EQ(brackets.take(), "PUT p {");
  EXPECT_TRUE(brackets.is_empty());
  EXPECT_FALSE(brackets.are_open());
}

}  // namespace
}  // namespace trellis

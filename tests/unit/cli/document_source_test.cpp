// put KEY - and put KEY @FILE.
#include "cli/document_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "client/statement/statement.hpp"

namespace trellis {
namespace {

using testing::ElementsAre;
using Words = std::vector<std::string>;

class DocumentSource : public testing::Test {
 protected:
  ~DocumentSource() override { std::filesystem::remove(path_); }
  void write(std::string_view text) { std::ofstream(path_, std::ios::binary) << text; }
  const std::string path_ = testing::TempDir() + "document-" + std::to_string(getpid());
};

TEST_F(DocumentSource, AFileStandsForTheDocument) {
  write("{\n  \"a\": [1, 2]\n}\n");
  const auto words = read_document_source({"put", "k", "@" + path_, "--if-absent"});
  ASSERT_TRUE(words);
  EXPECT_THAT(*words, ElementsAre("put", "k", "{\n  \"a\": [1, 2]\n}", "--if-absent"));
  const auto statement = parse_words(*words);
  ASSERT_TRUE(statement) << statement.error().message;
  EXPECT_EQ(statement->arguments, parse_statement("PUT k {\"a\": [1, 2]}")->arguments);
}

TEST_F(DocumentSource, AFileThatIsNotThereIsNamed) {
  const auto words = read_document_source({"put", "k", "@/nowhere/at/all"});
  ASSERT_FALSE(words);
  EXPECT_EQ(words.error().message,
            "cannot read /nowhere/at/all: No such file or directory; a text that begins with @ stands in "
            "quotes, '\"@/nowhere/at/all\"'");
}

TEST_F(DocumentSource, AnEmptyFileIsNoDocument) {
  for (const char* nothing : {"", "\n"}) {
    write(nothing);
    const auto words = read_document_source({"put", "k", "@" + path_});
    ASSERT_FALSE(words);
    EXPECT_EQ(words.error().code, Code::kInvalidArgument);
    EXPECT_EQ(words.error().message, path_ + " is empty, and nothing was stored; the empty text is '\"\"'");
  }
}

TEST_F(DocumentSource, OnlyTheDocumentOfAPutIsRead) {
  for (const Words& words : {Words{"get", "@x"}, Words{"put", "@x"}, Words{"keys", "a", "@x"}, Words{"put", "k", "@"},
                             Words{"put", "k", "\"@x\""}, Words{"put", "k", "->", "@x"}}) {
    const auto same = read_document_source(words);
    ASSERT_TRUE(same) << testing::PrintToString(words);
    EXPECT_EQ(*same, words);
  }
}

}  // namespace
}  // namespace trellis

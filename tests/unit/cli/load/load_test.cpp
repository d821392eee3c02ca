// Whole loads: a file, the parsing thread, and a broker of the test's own.
#include "cli/load/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>

#include "protocol/packed.hpp"
#include "tests/unit/client/fake_broker.hpp"

namespace trellis {
namespace {

using testing::HasSubstr;

/// Stores what BATCHes put, each (seq, item) once.
class Store {
 public:
  std::string answer(const Request& request) {
    std::string result;
    const auto items = read_batch(request.arguments);
    if (!items) return pack_error(request.id, items.error());
    PackedWriter writer(result);
    writer.array(items->size());
    for (const BatchItem& item : *items) {
      if (const auto put = read_put(item.arguments)) documents[std::string(put->key)] = std::string(put->document);
      writer.array(3).str("OK").boolean(true).map(0);
    }
    Reply reply;
    reply.id = request.id;
    reply.result = result;
    return pack_reply(reply);
  }
  std::map<std::string, std::string> documents;
};

class LoadTest : public testing::Test {
 protected:
  LoadTest() : path_(testing::TempDir() + "load_test." + std::to_string(getpid()) + ".txt") {}
  ~LoadTest() override { unlink(path_.c_str()); }

  LoadResult load_text(const std::string& text, bool strict = false) {
    std::ofstream(path_) << text;
    FakeBroker broker([this](const Request& request) { return store_.answer(request); });
    Client client({broker.endpoint()});
    testing::internal::CaptureStderr();
    LoadOptions options;
    options.file = path_;
    options.strict = strict;
    const LoadResult result = *load(client, options);
    stderr_ = testing::internal::GetCapturedStderr();
    return result;
  }

  std::string path_;
  Store store_;
  std::string stderr_;
};

TEST_F(LoadTest, LoadsEveryRecordAndTheLastOfAKeyWins) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "k" + std::to_string(i % 7'000) + " -> [ n -> " + std::to_string(i) + " ]\n";
  const LoadResult result = load_text(text);
  EXPECT_EQ(result.records, 20'000u);
  EXPECT_EQ(result.exit_code, 0);
  ASSERT_EQ(store_.documents.size(), 7'000u);
  PackedReader document(store_.documents.at("k123"));
  document.read_map(), document.read_str();
  EXPECT_EQ(document.read_uint(), 14'123u);
}

TEST_F(LoadTest, AWrongLineIsReportedAndTheRestIsLoaded) {
  const LoadResult result = load_text("a -> [ x -> 1 ]\n\nb -> [ x -> \nc -> [ x -> 3 ]");
  EXPECT_EQ(result.records, 2u);
  EXPECT_EQ(result.errors, 1u);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(stderr_, HasSubstr(path_ + ":3:"));
  EXPECT_THAT(to_text(result), HasSubstr("loaded 2 records, 1 errors, in "));
}

TEST_F(LoadTest, StrictStopsAtTheFirstWrongLine) {
  const LoadResult result = load_text("a -> [ x -> 1 ]\nb -> [\nc -> [ x -> 3 ]\n", true);
  EXPECT_EQ(result.records, 1u);
  EXPECT_EQ(result.exit_code, 1);
}

TEST_F(LoadTest, AFileThatIsNotThereIsOneClearLine) {
  Client client({"tcp://127.0.0.1:1"});
  LoadOptions options;
  options.file = "/nowhere/data.txt";
  const auto result = load(client, options);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("/nowhere/data.txt: No such file"));
}

TEST_F(LoadTest, WithoutAClusterItGivesUpWhenPatienceIsOver) {
  std::ofstream(path_) << "a -> [ x -> 1 ]\n";
  Client client({"tcp://127.0.0.1:1"});
  testing::internal::CaptureStderr();
  LoadOptions options;
  options.file = path_;
  options.patience = std::chrono::milliseconds(300);
  EXPECT_EQ(load(client, options)->exit_code, 3);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("no broker could be reached"));
}

}  // namespace
}  // namespace trellis

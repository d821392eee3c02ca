// Lines and batches from files and pipes, however their bytes arrive.
#include "client/record_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <thread>

namespace trellis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(ends_), 0); }
  ~Pipe() {
    close(ends_[0]);
    end();
  }
  int fd() const { return ends_[0]; }
  void put(std::string_view bytes) const {
    EXPECT_EQ(write(ends_[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  void end() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

std::vector<std::string> all_lines(int fd) {
  LineReader reader(fd);
  std::vector<std::string> lines;
  while (const auto line = reader.next()) lines.emplace_back(*line);
  return lines;
}

TEST(LineReader, TakesLinesInAnyPieces) {
  Pipe pipe;
  std::thread writer([&pipe] {
    for (const char* piece : {"a", "b\n", "\ncd\ne", "f"}) pipe.put(piece);
    pipe.end();
  });
  EXPECT_THAT(all_lines(pipe.fd()), ElementsAre("ab", "", "cd", "ef"));
  writer.join();
}

TEST(LineReader, TakesLinesLongerThanItsChunks) {
  Pipe pipe;
  const std::string line(3 * LineReader::kChunkSize + 5, 'x');
  std::thread writer([&] {
    pipe.put(line);
    pipe.put("\nend\n");
    pipe.end();
  });
  EXPECT_THAT(all_lines(pipe.fd()), ElementsAre(line, "end"));
  writer.join();
}

TEST(LineReader, CountsTheBytesItHasTaken) {
  Pipe pipe;
  pipe.put("ab\ncd");
  pipe.end();
  LineReader reader(pipe.fd());
  reader.next();
  EXPECT_EQ(reader.position(), 3u);
  reader.next();
  EXPECT_EQ(reader.position(), 5u);
  EXPECT_EQ(reader.next(), std::nullopt);
}

TEST(LineReader, EndsWhenItIsToldToStop) {
  const Pipe silent;
  const int stop = eventfd(1, 0);
  LineReader reader(silent.fd(), stop);
  EXPECT_EQ(reader.next(), std::nullopt);
  close(stop);
}

TEST(RecordReader, FillsBatchesInTheOrderOfTheFile) {
  Pipe pipe;
  std::string text;
  for (int i = 0; i < 1'200; ++i) text += "k" + std::to_string(i) + " -> 1\n";
  pipe.put(text);
  pipe.end();
  RecordReader reader(pipe.fd(), "f", false);
  std::vector<std::size_t> sizes;
  std::uint64_t line = 0;
  while (const auto batch = reader.next()) {
    sizes.push_back(batch->records());
    for (const std::uint64_t at : batch->lines) ASSERT_EQ(at, ++line);
  }
  EXPECT_THAT(sizes, ElementsAre(500, 500, 200));
}

TEST(RecordReader, AWrongLineLeavesNoTraceInItsBatch) {
  const auto batch_of = [](std::string_view text) {
    Pipe pipe;
    pipe.put(text);
    pipe.end();
    return *RecordReader(pipe.fd(), "f", false).next();
  };
  const RecordBatch good = batch_of("a -> 1\nb -> [ c -> 2 ]\n");
  const RecordBatch mixed = batch_of("{\"x\": 1, \"y\": [}\na -> 1\nb -> [ d -> 3\nb -> [ c -> 2 ]\nk\n");
  EXPECT_EQ(mixed.arguments, good.arguments);
  EXPECT_EQ(mixed.keys, good.keys);
  EXPECT_THAT(mixed.lines, ElementsAre(2, 4));
  EXPECT_EQ(mixed.mistakes.size(), 3u);
}

TEST(RecordReader, ASilentPipeHoldsNoRecordBack) {
  const Pipe pipe;
  pipe.put("a -> 1\n");
  RecordReader reader(pipe.fd(), "f", false);
  const auto batch = reader.next();  // The pipe is still open.
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->records(), 1u);
}

TEST(RecordReader, ReportsWrongLinesWithTheirPlace) {
  Pipe pipe;
  pipe.put("a -> 1\nb -> [\n");
  pipe.end();
  RecordReader reader(pipe.fd(), "data.txt", false);
  const auto batch = reader.next();
  ASSERT_TRUE(batch);
  EXPECT_THAT(batch->mistakes, ElementsAre(HasSubstr("data.txt:2:")));
  EXPECT_FALSE(reader.next());
}

}  // namespace
}  // namespace trellis

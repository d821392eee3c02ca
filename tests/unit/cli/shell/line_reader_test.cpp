// Lines from files and pipes, however their bytes arrive.
#include "cli/shell/line_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <thread>

#include "tests/unit/cli/load/splitter_harness.hpp"
#include "tests/unit/cli/pipe.hpp"

namespace trellis {
namespace {

using testing::ElementsAre;

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
  const std::string line(3 * InputWindow::kChunkSize + 5, 'x');
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

TEST(LineSplitter, ALineThatIsTooLongCostsNoOther) {
  const std::string text = "a\n" + std::string(300, 'x') + "\nb\n" + std::string(300, 'y');
  for (const std::size_t step : {1u, 7u, 50u, 10'000u}) {
    LineSplitter splitter(100);
    const Split found = split(splitter, text, step);
    EXPECT_THAT(found.records, ElementsAre("a", "b"));
    EXPECT_THAT(found.places, ElementsAre("1:1", "3:1"));
    EXPECT_THAT(found.wrong, ElementsAre("2:1: a line of more than 100 bytes", "4:1: a line of more than 100 bytes"));
  }
}

}  // namespace
}  // namespace trellis

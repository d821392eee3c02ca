// bench-parse: what reading a data file costs the loader before anything is sent: lines, records, packed batches.
//
// Prints records a second; under callgrind its instructions are those of the parser alone (bench/README.md).
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>

#include "cli/load/record_reader.hpp"

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3 || (argc == 3 && !trellis::KeyRule::from_fields(argv[2]))) {
    std::fputs("usage: bench-parse FILE [KEY-FIELD]\n", stderr);
    return 2;
  }
  const int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    std::fprintf(stderr, "bench-parse: %s: %s\n", argv[1], std::strerror(errno));
    return 1;
  }
  const auto begun = std::chrono::steady_clock::now();
  trellis::RecordRules rules;
  if (argc == 3) rules.key = *trellis::KeyRule::from_fields(argv[2]);
  trellis::RecordReader reader(std::make_unique<trellis::FileSource>(fd), argv[1], rules, true);
  std::size_t batches = 0;
  std::size_t records = 0;
  std::size_t bytes = 0;
  while (const auto batch = reader.next()) {
    for (const std::string& mistake : batch->mistakes) std::fprintf(stderr, "%s\n", mistake.c_str());
    ++batches;
    records += batch->records();
    bytes += batch->bytes;
  }
  close(fd);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  std::printf("%zu records, %zu batches, %zu bytes, %.3f s, %.0f records/s\n", records, batches, bytes, seconds,
              static_cast<double>(records) / seconds);
}

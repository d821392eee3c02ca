// bench-log-open FOLDER GIB [GROUPS] [LIVE-MIB]: how long a worker's log of that size takes to open, and its entries to
// be read.  The log is written first, where the folder holds none: entries of 100 bytes of GROUPS groups (64), 64 in a
// batch, of which the newest LIVE-MIB (64) are still needed.  What was written is in the system's cache or not, as it
// happens; `echo 3 > /proc/sys/vm/drop_caches` before a second run makes it cold.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>

#include "worker/background_thread.hpp"
#include "worker/log/disk_log.hpp"
#include "worker/log/file_disk.hpp"
#include "worker/log/threaded_log_writer.hpp"

namespace trellis {
namespace {

constexpr std::size_t kPayload = 100;
constexpr std::uint64_t kEntriesInBatch = 64;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

[[noreturn]] void give_up(const Error& error) {
  std::cerr << "bench-log-open: " << error.message << '\n';
  std::exit(1);
}

/// A log on a folder, with all that it needs.
struct OpenLog {
  std::unique_ptr<FileDisk> disk;
  ThreadedLogWriter writer;
  BackgroundThread background;
  std::mt19937_64 random{7};
  std::unique_ptr<DiskLog> log;

  explicit OpenLog(const std::string& folder) {
    auto opened = FileDisk::open_folder(folder);
    if (!opened) give_up(opened.error());
    disk = std::move(*opened);
    DiskLogSettings settings;
    settings.bytes_max = kLogBytesMax;  // Nothing is moved.
    auto made = DiskLog::open(
        *disk, writer, background, [this] { return random(); }, settings);
    if (!made) give_up(made.error());
    log = std::move(*made);
  }

  void write() {
    log->start_write();
    while (log->is_writing()) {
      if (auto done = log->finish_write(); !done) give_up(done.error());
    }
  }
};

void fill(const std::string& folder, std::uint64_t bytes, std::uint32_t groups, std::uint64_t live) {
  OpenLog open(folder);
  const std::string payload(kPayload, 'x');
  const std::uint64_t entries_live = live / kPayload / groups;
  std::uint64_t index = 0;
  while (open.log->room().written < bytes) {
    open.log->begin_turn();
    ++index;
    for (std::uint32_t group = 0; group < groups; ++group) {
      open.log->append({group}, {index}, {1, 1}, payload);
      if ((group + 1) % kEntriesInBatch == 0 || group + 1 == groups) open.write();
    }
    // The first group keeps what it has, so that no segment becomes free.
    if (index % 1000 != 0 || index <= entries_live) continue;
    for (std::uint32_t group = 1; group < groups; ++group) open.log->cut({group}, {index - entries_live});
  }
  open.write();
}

void measure(const std::string& folder, std::uint32_t groups) {
  const auto begin = std::chrono::steady_clock::now();
  const OpenLog open(folder);
  std::cout << "opened: " << open.log->room().bytes / (1 << 20) << " MiB in " << seconds_since(begin) << " s\n";
  const auto read_begin = std::chrono::steady_clock::now();
  std::uint64_t entries = 0;
  for (std::uint32_t group = 0; group < groups; ++group) {
    const auto count = [&entries](LogIndex, const EntryHead&, std::string_view) -> Result<void> {
      ++entries;
      return {};
    };
    if (auto read = open.log->entries({group}, count); !read) give_up(read.error());
  }
  std::cout << "read: " << entries << " entries of " << groups << " groups in " << seconds_since(read_begin) << " s\n";
}

}  // namespace
}  // namespace trellis

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: bench-log-open FOLDER GIB [GROUPS] [LIVE-MIB]\n";
    return 2;
  }
  const std::string folder = argv[1];
  const auto groups = static_cast<std::uint32_t>(argc > 3 ? std::atoi(argv[3]) : 64);
  const auto live = std::uint64_t(argc > 4 ? std::atoi(argv[4]) : 64) << 20;
  const bool is_new = !std::filesystem::exists(folder) || std::filesystem::is_empty(folder);
  if (is_new) {
    trellis::fill(folder, static_cast<std::uint64_t>(std::atof(argv[2]) * (1ull << 30)), groups, live);
    std::cout << "written\n";
  }
  trellis::measure(folder, groups);
}

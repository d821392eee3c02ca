#include "program/resources.hpp"

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <new>

/// jemalloc's, in the programs that are linked with it.
extern "C" [[gnu::weak]] int mallctl(const char* name, void* old, std::size_t* old_size, void* now, std::size_t size);

namespace trellis {
namespace {

/// Written before, since nothing can be made of nothing.
char last_line[256];
int last_line_size = 0;

void end_with_the_last_line() {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, last_line, static_cast<std::size_t>(last_line_size));
  _exit(1);
}

}  // namespace

std::size_t allow_all_files() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(limit.rlim_cur);
}

HeapBytes heap_bytes() {
  if (mallctl == nullptr) return {};
  // Its figures are as of the last time that this was written.
  std::uint64_t epoch = 1;
  std::size_t size = sizeof epoch;
  mallctl("epoch", &epoch, &size, &epoch, size);
  const auto figure = [](const char* name) {
    std::size_t bytes = 0;
    std::size_t size_of_bytes = sizeof bytes;
    return mallctl(name, &bytes, &size_of_bytes, nullptr, 0) == 0 ? bytes : 0;
  };
  // What threads keep for their next allocations counts as allocated; 4096 stands for all arenas together.
  const std::size_t allocated = figure("stats.allocated");
  return {allocated - std::min(allocated, figure("stats.arenas.4096.tcache_bytes")), figure("stats.resident")};
}

std::optional<DiskBytes> disk_bytes(const std::string& folder) {
  struct statvfs disk {};
  if (statvfs(folder.c_str(), &disk) != 0) return std::nullopt;
  return DiskBytes{disk.f_frsize * disk.f_bavail, disk.f_frsize * disk.f_blocks};
}

void end_where_memory_runs_out(const char* program) {
  last_line_size = std::snprintf(
      last_line, sizeof last_line,
      "%s: out of memory: the system gives no more; raise its limit (MemoryMax, ulimit -v), or ask for less at once\n",
      program);
  std::set_new_handler(end_with_the_last_line);
}

}  // namespace trellis

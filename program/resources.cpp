#include "program/resources.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <new>

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

void end_where_memory_runs_out(const char* program) {
  last_line_size = std::snprintf(
      last_line, sizeof last_line,
      "%s: out of memory: the system gives no more; raise its limit (MemoryMax, ulimit -v), or ask for less at once\n",
      program);
  std::set_new_handler(end_with_the_last_line);
}

}  // namespace trellis

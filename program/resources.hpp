// What a process may take of its machine: open files, and memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace trellis {

/// Raises the soft limit of open files to the hard one: many systems give a process 1,024 and let it have a million.
/// @returns how many it may open now
std::size_t allow_all_files();

/// How many of them clients may take: the rest is kept for workers, peers, files and whoever looks at metrics.
constexpr std::size_t files_for_clients(std::size_t files) {
  const std::size_t kept = files / 4 < 1'024 ? files / 4 : 1'024;
  return files - kept;
}

/// What the allocator has given out, and what it holds of the machine for that, in bytes; zeros where it does not tell,
/// as that of sanitizers.
struct HeapBytes {
  std::uint64_t allocated = 0;
  std::uint64_t resident = 0;
};
HeapBytes heap_bytes();

/// The file system that a folder is on; nothing where it cannot be told.
struct DiskBytes {
  std::uint64_t free = 0;  ///< For who is not root.
  std::uint64_t size = 0;
};
std::optional<DiskBytes> disk_bytes(const std::string& folder);

/// From now on a process that gets no more memory ends with one line that says so and exit code 1, on whichever thread.
void end_where_memory_runs_out(const char* program);

}  // namespace trellis

// Disk: the folder in which the log's files lie, as the log sees it.
//
// file_disk.hpp keeps them in a folder, the simulator in memory, with all that a disk may do to them.  What was written
// is durable after sync() of its file; that a file came, went or changed its name is durable when the call returns.
// Threading: all functions may be called from any thread; one thread at a time writes a file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace trellis {

/// Errors of all functions name the file: kResourceExhausted where the disk is full, else kInternal.
class DiskFile {
 public:
  virtual ~DiskFile() = default;
  /// Bytes, when it was opened or last written.
  virtual std::uint64_t size() const = 0;
  virtual Result<void> write_at(std::uint64_t offset, std::string_view bytes) = 0;
  /// Makes it `size` bytes long, of zeros where nothing was written, and takes the room for them; durable at once.
  virtual Result<void> reserve(std::uint64_t size) = 0;
  /// Writes zeros; they need not be durable before sync().
  virtual Result<void> zero(std::uint64_t offset, std::uint64_t size) = 0;
  virtual Result<void> sync() = 0;
  /// Fills `out`, which lies within the file.
  virtual Result<void> read(std::uint64_t offset, char* out, std::size_t count) const = 0;
};

class Disk {
 public:
  virtual ~Disk() = default;
  virtual Result<std::vector<std::string>> list() const = 0;
  virtual Result<std::shared_ptr<DiskFile>> open(const std::string& name) = 0;
  /// An empty file, in the place of an earlier one of that name.
  virtual Result<std::shared_ptr<DiskFile>> create(const std::string& name) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove(const std::string& name) = 0;
};

}  // namespace trellis

// LogWriter: carries a log's writes to the disk, one at a time, on the loop's thread or beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"
#include "protocol/types.hpp"
#include "worker/log/disk.hpp"

namespace trellis {

/// Pieces, each of which is durable before the next is written.
struct LogWrite {
  struct Piece {
    std::shared_ptr<DiskFile> file;
    std::uint64_t offset = 0;
    std::string_view bytes;
  };
  std::vector<Piece> pieces;
};

class LogWriter {
 public:
  virtual ~LogWriter() = default;
  /// Only while none is under way.  The bytes stay until finish() has said that they are durable.
  virtual void start(LogWrite write) = 0;
  /// True: the write under way is durable, told once.  Error: the disk has failed.
  virtual Result<bool> finish() = 0;
  /// How long the last one took.
  virtual Duration took() const = 0;
};

}  // namespace trellis

// Where the bytes of a data file come from: a file descriptor, as it is or decompressed.
//
// A source is used by one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "cli/load/decompressor.hpp"
#include "protocol/result.hpp"

namespace trellis {

class InputSource {
 public:
  virtual ~InputSource() = default;
  /// Reads at most `room` bytes, at least one unless the file has ended: then 0.  Waits where there are none yet.
  virtual Result<std::size_t> read(char* to, std::size_t room) = 0;
  /// Whether read() would return at once, at the latest after `wait`.
  virtual bool is_ready_within(std::chrono::milliseconds wait) = 0;
  /// How far in the file the reader is, for progress, if the last `unread` bytes that it was given do not count.
  virtual std::uint64_t position(std::size_t unread) const = 0;
};

/// A file, pipe or terminal.
class FileSource final : public InputSource {
 public:
  /// @param fd       stays the caller's
  /// @param stop_fd  once this can be read, the file is taken to end; -1: never
  explicit FileSource(int fd, int stop_fd = -1) : fd_(fd), stop_fd_(stop_fd) {}
  Result<std::size_t> read(char* to, std::size_t room) override;
  bool is_ready_within(std::chrono::milliseconds wait) override;
  std::uint64_t position(std::size_t unread) const override { return read_ - unread; }

 private:
  int fd_;
  int stop_fd_;
  std::uint64_t read_ = 0;
};

/// What is in a compressed file, or the file itself where its first bytes are no compressed file's.
class PlainSource final : public InputSource {
 public:
  explicit PlainSource(std::unique_ptr<InputSource> file) : file_(std::move(file)) {}
  Result<std::size_t> read(char* to, std::size_t room) override;
  bool is_ready_within(std::chrono::milliseconds wait) override;
  std::uint64_t position(std::size_t unread) const override;

 private:
  static constexpr std::size_t kChunkSize = 256 << 10;

  Result<void> look_at_first_bytes();
  /// Reads on behind what is left in the chunk.  False at the end of the file.
  Result<bool> fill();
  std::size_t hand_out(char* to, std::size_t room);

  std::unique_ptr<InputSource> file_;
  std::unique_ptr<Decompressor> decompressor_;  ///< None: the file is plain.
  bool looked_ = false;
  bool file_ended_ = false;
  std::unique_ptr<char[]> chunk_;
  std::size_t begin_ = 0;  ///< Where that begins which lies in the chunk and has not been taken.
  std::size_t end_ = 0;
};

}  // namespace trellis

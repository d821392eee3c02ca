// The part of a text file that has been read and not been taken yet: it slides over the file, so that files may be
// larger than memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "cli/load/input_source.hpp"

namespace trellis {

class InputWindow {
 public:
  static constexpr std::size_t kChunkSize = 1 << 20;

  explicit InputWindow(std::unique_ptr<InputSource> source) : source_(std::move(source)) {}

  /// Holds until the next fill().
  std::string_view text() const { return {buffer_.get() + begin_, end_ - begin_}; }
  /// Drops bytes at the front of text().
  void take(std::size_t count) { begin_ += count; }
  /// Reads one chunk more.  At the end of the file, or where reading fails, there is none.
  void fill();
  /// Nothing follows text().
  bool at_end() const { return at_end_; }
  bool is_ready_within(std::chrono::milliseconds wait) { return at_end_ || source_->is_ready_within(wait); }
  /// Bytes of the file up to what has been taken.
  std::uint64_t position() const { return source_->position(end_ - begin_); }
  /// Why reading ended before the end of the file.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  void make_room();

  std::unique_ptr<InputSource> source_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;  ///< Where that begins which has not been taken.
  std::size_t end_ = 0;    ///< Where that ends which has been read.
  bool at_end_ = false;
  std::optional<Error> failure_;
};

}  // namespace trellis

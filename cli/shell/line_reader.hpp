// Lines of a file descriptor, without their ends.
#pragma once

#include <optional>
#include <string_view>

#include "cli/load/input_window.hpp"
#include "cli/load/line_splitter.hpp"

namespace trellis {

class LineReader {
 public:
  /// @param stop_fd  once this can be read, the file is taken to end; -1: never
  explicit LineReader(int fd, int stop_fd = -1) : window_(std::make_unique<FileSource>(fd, stop_fd)) {}
  /// The next line; the view holds until the next call.  Nothing at the end, or where reading failed.
  std::optional<std::string_view> next();
  /// Bytes of the file consumed so far.
  std::uint64_t position() const { return window_.position(); }
  /// Why reading ended before the end of the file.
  const std::optional<Error>& failure() const { return failure_ ? failure_ : window_.failure(); }

 private:
  InputWindow window_;
  LineSplitter splitter_;
  std::optional<Error> failure_;
};

}  // namespace trellis

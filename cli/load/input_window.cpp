#include "cli/load/input_window.hpp"

#include <algorithm>
#include <cstring>

namespace trellis {

void InputWindow::fill() {
  if (at_end_) return;
  make_room();
  const auto got = source_->read(buffer_.get() + end_, kChunkSize);
  if (got) end_ += *got;
  if (!got) failure_ = got.error();
  at_end_ = !got || *got == 0;
}

/// Moves what was not taken to the front, with room for one chunk behind it.
void InputWindow::make_room() {
  const std::size_t kept = end_ - begin_;
  if (kept + kChunkSize > capacity_) {
    capacity_ = std::max(2 * capacity_, kept + kChunkSize);
    auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
    if (kept > 0) std::memcpy(larger.get(), buffer_.get() + begin_, kept);
    buffer_ = std::move(larger);
  } else if (kept > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, kept);
  }
  begin_ = 0;
  end_ = kept;
}

}  // namespace trellis

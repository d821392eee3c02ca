#include "cli/load/input_source.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace trellis {

/// read(2), which signals do not end.
Result<std::size_t> FileSource::read(char* to, std::size_t room) {
  while (true) {
    pollfd both[] = {{fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
    if (poll(both, 2, -1) >= 0) {
      if (both[1].revents != 0) return std::size_t{0};
      const ssize_t got = ::read(fd_, to, room);
      if (got >= 0) {
        read_ += static_cast<std::size_t>(got);
        return static_cast<std::size_t>(got);
      }
    }
    if (errno != EINTR) return Error{Code::kInternal, std::strerror(errno)};
  }
}

bool FileSource::is_ready_within(std::chrono::milliseconds wait) {
  pollfd both[] = {{fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
  return poll(both, 2, static_cast<int>(wait.count())) != 0;
}

Result<std::size_t> PlainSource::read(char* to, std::size_t room) {
  if (auto looked = look_at_first_bytes(); !looked) return looked.error();
  if (decompressor_ == nullptr) return begin_ < end_ ? Result(hand_out(to, room)) : file_->read(to, room);
  while (true) {
    const auto step = decompressor_->step({chunk_.get() + begin_, end_ - begin_}, to, room);
    if (!step) return step.error();
    begin_ += step->taken;
    if (step->written > 0) return step->written;
    if (step->taken > 0 && begin_ < end_) continue;
    const auto more = fill();
    if (!more) return more.error();
    if (*more) continue;
    if (begin_ < end_ || !decompressor_->may_end()) {
      return invalid_argument("the compressed data ends early; the file is not whole");
    }
    return std::size_t{0};
  }
}

bool PlainSource::is_ready_within(std::chrono::milliseconds wait) {
  return begin_ < end_ || file_ended_ || file_->is_ready_within(wait);
}

std::uint64_t PlainSource::position(std::size_t unread) const {
  return decompressor_ == nullptr ? file_->position(unread + (end_ - begin_)) : file_->position(end_ - begin_);
}

Result<void> PlainSource::look_at_first_bytes() {
  if (looked_) return {};
  looked_ = true;
  chunk_ = std::make_unique_for_overwrite<char[]>(kChunkSize);
  while (end_ < Decompressor::kFirstBytes && !file_ended_) {
    if (const auto more = fill(); !more) return more.error();
  }
  decompressor_ = Decompressor::for_file_beginning_with({chunk_.get(), end_});
  return {};
}

Result<bool> PlainSource::fill() {
  if (file_ended_) return false;
  std::memmove(chunk_.get(), chunk_.get() + begin_, end_ - begin_);
  end_ -= std::exchange(begin_, 0);
  const auto got = file_->read(chunk_.get() + end_, kChunkSize - end_);
  if (!got) return got.error();
  end_ += *got;
  file_ended_ = *got == 0;
  return *got > 0;
}

std::size_t PlainSource::hand_out(char* to, std::size_t room) {
  const std::size_t count = std::min(room, end_ - begin_);
  std::memcpy(to, chunk_.get() + begin_, count);
  begin_ += count;
  return count;
}

}  // namespace trellis

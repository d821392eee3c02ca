#include "client/record_reader.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace trellis {
namespace {

/// read(2), which signals do not end; 0, the end of the file, as soon as `stop_fd` (-1: none) can be read.
ssize_t read_or_stop(int fd, int stop_fd, char* to, std::size_t count) {
  while (true) {
    pollfd both[] = {{fd, POLLIN, 0}, {stop_fd, POLLIN, 0}};
    if (poll(both, 2, -1) >= 0) {
      if (both[1].revents != 0) return 0;
      const ssize_t got = read(fd, to, count);
      if (got >= 0) return got;
    }
    if (errno != EINTR) return -1;
  }
}

}  // namespace

std::optional<std::string_view> LineReader::next() {
  while (!find_end()) {
    if (end_ - begin_ > kLineSizeMax) {
      failure_ = invalid_argument("a line of more than " + std::to_string(kLineSizeMax) + " bytes");
      return std::nullopt;
    }
    if (!at_end_ && fill()) continue;
    if (failure_ || begin_ == end_) return std::nullopt;
    const std::string_view rest(buffer_.get() + begin_, end_ - begin_);  // The last line has no end.
    position_ += rest.size();
    begin_ = end_;
    return rest;
  }
  const std::string_view line(buffer_.get() + begin_, scanned_ - begin_);
  position_ += line.size() + 1;
  begin_ = ++scanned_;
  found_end_ = false;
  return line;
}

bool LineReader::has_more_within(std::chrono::milliseconds wait) {
  if (at_end_ || find_end()) return true;
  pollfd both[] = {{fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
  return poll(both, 2, static_cast<int>(wait.count())) != 0;
}

/// Whether the end of the next line has been read.  Looks at each byte once.
bool LineReader::find_end() {
  if (found_end_ || scanned_ == end_) return found_end_;
  const char* const from = buffer_.get() + scanned_;
  const auto* const found = static_cast<const char*>(std::memchr(from, '\n', end_ - scanned_));
  found_end_ = found != nullptr;
  scanned_ = found_end_ ? static_cast<std::size_t>(found - buffer_.get()) : end_;
  return found_end_;
}

/// Drops what was returned and reads one chunk more.  False at the end of the file.
bool LineReader::fill() {
  make_room();
  const ssize_t got = read_or_stop(fd_, stop_fd_, buffer_.get() + end_, kChunkSize);
  if (got > 0) end_ += static_cast<std::size_t>(got);
  if (got < 0) failure_ = Error{Code::kInternal, std::strerror(errno)};
  at_end_ = got <= 0;
  return got > 0;
}

/// Moves what was not returned to the front, with room for one chunk behind it.
void LineReader::make_room() {
  const std::size_t kept = end_ - begin_;
  if (kept + kChunkSize > capacity_) {
    capacity_ = std::max(2 * capacity_, kept + kChunkSize);
    auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
    if (kept > 0) std::memcpy(larger.get(), buffer_.get() + begin_, kept);
    buffer_ = std::move(larger);
  } else if (kept > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, kept);
  }
  scanned_ -= begin_;
  begin_ = 0;
  end_ = kept;
}

namespace {

/// Puts the records of one line into a batch.
class LineTarget final : public RecordTarget {
 public:
  LineTarget(RecordBatch& batch, std::uint64_t line) : batch_(batch), line_(line) {}
  std::string& on_key(std::string_view key) override { return batch_.begin(key, line_); }

 private:
  RecordBatch& batch_;
  std::uint64_t line_;
};

}  // namespace

RecordReader::RecordReader(int fd, std::string file, bool strict, int stop_fd)
    : lines_(fd, stop_fd), file_(std::move(file)), strict_(strict) {}

std::optional<RecordBatch> RecordReader::next() {
  RecordBatch batch;
  batch.reserve(kBatchRecordsMax, batch_size_ + batch_size_ / 8);
  const std::uint64_t begin = lines_.position();
  while (!stopped_ && batch.records() < kBatchRecordsMax && batch.arguments.size() < kBatchSizeMax &&
         batch.mistakes.size() < kBatchRecordsMax) {
    const bool empty = batch.records() == 0 && batch.mistakes.empty();
    if (!empty && !lines_.has_more_within(kSilenceMax)) break;
    const auto line = lines_.next();
    if (!line) break;
    ++line_;
    take(*line, batch);
  }
  batch.bytes = lines_.position() - begin;
  if (batch.bytes == 0 && batch.records() == 0) return std::nullopt;
  batch.seal();
  batch_size_ = batch.arguments.size();
  return batch;
}

void RecordReader::take(std::string_view line, RecordBatch& batch) {
  const RecordBatch::Mark before = batch.mark();
  LineTarget target(batch, line_);
  const auto error = parser_.read(line, target);
  if (!error) return;
  batch.take_back(before);
  batch.mistakes.push_back(file_ + ":" + std::to_string(line_) + ":" + std::to_string(error->column) + ": " +
                           error->reason);
  stopped_ = strict_;
}

}  // namespace trellis

#include "client/record_reader.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "protocol/notation.hpp"

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
  while (true) {
    const std::size_t end = buffer_.find('\n', scanned_);
    if (end != std::string::npos) {
      const std::string_view line = std::string_view(buffer_).substr(begin_, end - begin_);
      position_ += line.size() + 1;
      begin_ = scanned_ = end + 1;
      return line;
    }
    scanned_ = buffer_.size();
    if (buffer_.size() - begin_ > kLineSizeMax) {
      failure_ = invalid_argument("a line of more than " + std::to_string(kLineSizeMax) + " bytes");
      return std::nullopt;
    }
    if (!at_end_ && fill()) continue;
    if (failure_ || begin_ == buffer_.size()) return std::nullopt;
    const std::string_view rest = std::string_view(buffer_).substr(begin_);  // The last line has no end.
    position_ += rest.size();
    begin_ = buffer_.size();
    return rest;
  }
}

bool LineReader::has_more_within(std::chrono::milliseconds wait) const {
  if (at_end_ || buffer_.find('\n', scanned_) != std::string::npos) return true;
  pollfd both[] = {{fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
  return poll(both, 2, static_cast<int>(wait.count())) != 0;
}

/// Drops what was returned and reads one chunk more.  False at the end of the file.
bool LineReader::fill() {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  const std::size_t had = buffer_.size();
  buffer_.resize(had + kChunkSize);
  const ssize_t got = read_or_stop(fd_, stop_fd_, buffer_.data() + had, kChunkSize);
  buffer_.resize(had + static_cast<std::size_t>(got > 0 ? got : 0));
  if (got < 0) failure_ = Error{Code::kInternal, std::strerror(errno)};
  at_end_ = got <= 0;
  return got > 0;
}

RecordReader::RecordReader(int fd, std::string file, bool strict, int stop_fd)
    : lines_(fd, stop_fd), file_(std::move(file)), strict_(strict) {}

std::optional<RecordBatch> RecordReader::next() {
  RecordBatch batch;
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
  return batch;
}

void RecordReader::take(std::string_view line, RecordBatch& batch) {
  auto records = parse_records(line);
  if (records) {
    for (const Record& record : *records) batch.add(record.key, record.document, line_);
    return;
  }
  const ParseError& error = records.error();
  batch.mistakes.push_back(file_ + ":" + std::to_string(line_) + ":" + std::to_string(error.column) + ": " +
                           error.reason);
  stopped_ = strict_;
}

}  // namespace trellis

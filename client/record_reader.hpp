// Reading a data file: bytes -> lines -> records -> batches, as a stream, so that files may be larger than memory.
//
// A wrong line becomes a mistake of the batch that is being filled; in strict mode it ends the file.  One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "client/record_batch.hpp"
#include "protocol/notation.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// Lines of a file descriptor, without their ends.
class LineReader {
 public:
  static constexpr std::size_t kChunkSize = 1 << 20;
  /// A record of the largest document, written with escapes throughout, is shorter.
  static constexpr std::size_t kLineSizeMax = 128 << 20;

  /// @param stop_fd  once this can be read, the file is taken to end; -1: never
  explicit LineReader(int fd, int stop_fd = -1) : fd_(fd), stop_fd_(stop_fd) {}
  /// The next line; the view holds until the next call.  Nothing at the end, or where reading failed.
  std::optional<std::string_view> next();
  /// Whether next() has something to return, at the latest after `wait`.
  bool has_more_within(std::chrono::milliseconds wait);
  /// Bytes of the file consumed so far.
  std::uint64_t position() const { return position_; }
  /// Why reading ended before the end of the file.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  bool find_end();
  bool fill();
  void make_room();

  int fd_;
  int stop_fd_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;    ///< Of what has not been returned yet.
  std::size_t end_ = 0;      ///< Of what has been read.
  std::size_t scanned_ = 0;  ///< No line ends from begin_ up to here.
  bool found_end_ = false;   ///< A line ends right here, at scanned_.
  bool at_end_ = false;
  std::uint64_t position_ = 0;
  std::optional<Error> failure_;
};

class RecordReader {
 public:
  static constexpr std::size_t kBatchRecordsMax = 500;
  static constexpr std::size_t kBatchSizeMax = 256 << 10;  ///< Bytes; one larger record is a batch of its own.
  /// A batch that is not full goes out when a pipe has been silent for so long.
  static constexpr std::chrono::milliseconds kSilenceMax{50};

  /// @param file  its name in reports
  RecordReader(int fd, std::string file, bool strict, int stop_fd = -1);
  /// The next batch, or nothing at the end.  A batch may hold mistakes alone.
  std::optional<RecordBatch> next();
  /// Strict mode met a wrong line and ended there.
  bool stopped() const { return stopped_; }
  const std::optional<Error>& failure() const { return lines_.failure(); }

 private:
  void take(std::string_view line, RecordBatch& batch);

  LineReader lines_;
  RecordParser parser_;
  std::size_t batch_size_ = 0;  ///< Of the last batch; the next one will have about as many bytes.
  std::string file_;
  bool strict_;
  bool stopped_ = false;
  std::uint64_t line_ = 0;
};

}  // namespace trellis

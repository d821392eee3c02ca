// Reading a data file: bytes -> pieces -> records -> batches, as a stream, so that files may be larger than memory.
//
// A wrong piece becomes a mistake of the batch that is being filled; in strict mode it ends the file.  One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "cli/load/file_format.hpp"
#include "cli/load/input_window.hpp"
#include "cli/load/record_batcher.hpp"
#include "protocol/result.hpp"

namespace trellis {

class RecordReader {
 public:
  /// A batch that is not full goes out when a pipe has been silent for so long.
  static constexpr std::chrono::milliseconds kSilenceMax{50};

  /// @param source  as the file is, compressed or not
  /// @param file    its name in reports
  /// @param rules   must outlive the reader
  RecordReader(std::unique_ptr<InputSource> source, std::string file, const RecordRules& rules, bool strict);
  /// The next batch, or nothing at the end.  A batch may hold mistakes alone.
  std::optional<RecordBatch> next();
  /// Strict mode met a wrong piece and ended there.
  bool stopped() const { return stopped_; }
  /// Why reading ended before the end of the file.
  const std::optional<Error>& failure() const { return window_.failure(); }
  /// Why the file as a whole is not taken: it is not as its rules say.
  std::optional<std::string> refusal() const { return is_refused() ? maker_->refusal() : std::nullopt; }
  /// Whether what is read as lines begins like a table.
  bool may_be_table() const { return may_be_table_; }

 private:
  bool is_refused() const { return maker_ != nullptr && maker_->refusal().has_value(); }
  bool is_over() const { return stopped_ || ended_ || is_refused(); }
  Piece next_piece();
  /// Finds out what the file is.  False: more of it has to be read.
  bool begin();
  void take(const Piece& piece);
  void add_mistake(const TextPlace& place, const std::string& reason);

  InputWindow window_;
  std::string file_;
  const RecordRules& rules_;
  const bool strict_;
  std::unique_ptr<Splitter> splitter_;  ///< Both from begin() on.
  std::unique_ptr<RecordMaker> maker_;
  RecordBatcher batcher_;
  bool may_be_table_ = false;
  bool ended_ = false;
  bool stopped_ = false;
  std::uint64_t position_ = 0;  ///< In the file, of the end of the last batch.
};

}  // namespace trellis

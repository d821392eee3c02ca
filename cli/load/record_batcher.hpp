// Records into batches, as they are read: a batch never holds more than the protocol allows, wherever its records come
// from, and what is wrong with a piece of the file costs the records of that piece alone.
//
// Invariant: the batches that come out hold the records of the pieces that were kept, in the order of the file.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "cli/load/record_batch.hpp"
#include "protocol/limits.hpp"
#include "protocol/notation/notation.hpp"

namespace trellis {

class RecordBatcher final : public RecordTarget {
 public:
  static constexpr std::size_t kBatchRecordsMax = 500;
  /// Bytes; one record may go beyond it, which still is less than a request may have.
  static constexpr std::size_t kBatchSizeMax = 256 << 10;
  static_assert(kBatchSizeMax + kDocumentSizeMax + kKeySizeMax + 1024 < kRequestSizeMax);

  /// @param key_prefix  stands in front of each key
  explicit RecordBatcher(std::string key_prefix) : key_prefix_(std::move(key_prefix)) { begin_batch(); }

  /// A piece of the file begins, which stands on this line.
  void begin_piece(std::uint64_t line);
  std::string& on_key(std::string_view key) override;
  /// What the target of a piece's records has to say against them, if anything.
  const std::optional<std::string>& objection() const { return objection_; }
  /// The piece's records are forgotten.
  void drop_piece();
  /// Something is wrong, as FILE:LINE:COLUMN: reason.
  void add_mistake(std::string mistake) { current_.mistakes.push_back(std::move(mistake)); }

  /// Something waits that is not in a full batch.
  bool holds_some() const { return current_.records() > 0 || !current_.mistakes.empty(); }
  /// A batch is to go, and nothing more into it.
  bool has_full_batch() const { return !full_.empty() || is_full(); }
  /// The next batch in the order of the file, full or not.  Between pieces alone.
  RecordBatch take_batch();

 private:
  bool is_full() const {
    return current_.records() >= kBatchRecordsMax || current_.arguments.size() >= kBatchSizeMax ||
           current_.mistakes.size() >= kBatchRecordsMax;
  }
  void begin_batch();
  std::string& on_prefixed_key(std::string_view key);

  const std::string key_prefix_;
  std::string key_;
  std::deque<RecordBatch> full_;
  RecordBatch current_;
  std::size_t batch_size_ = 0;  ///< Bytes of the last batch; the next one will have about as many.
  std::uint64_t line_ = 0;
  std::size_t full_before_ = 0;  ///< Where the piece at hand began: batches that were full,
  RecordBatch::Mark mark_;       ///< and what was in the one behind them.
  std::optional<std::string> objection_;
};

}  // namespace trellis

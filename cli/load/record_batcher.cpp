#include "cli/load/record_batcher.hpp"

#include <utility>

namespace trellis {

void RecordBatcher::begin_piece(std::uint64_t line) {
  line_ = line;
  full_before_ = full_.size();
  mark_ = current_.mark();
  objection_.reset();
}

std::string& RecordBatcher::on_key(std::string_view key) {
  if (is_full()) {
    full_.push_back(std::move(current_));
    begin_batch();
  }
  if (!key_prefix_.empty()) return on_prefixed_key(key);
  if (key.empty() || key.size() > kKeySizeMax) {
    objection_ = "a key has 1 to " + std::to_string(kKeySizeMax) + " bytes, this one has " + std::to_string(key.size());
  }
  return current_.begin(key, line_);
}

std::string& RecordBatcher::on_prefixed_key(std::string_view key) {
  key_.assign(key_prefix_).append(key);
  if (key_.size() > kKeySizeMax) {
    objection_ = "a key has 1 to " + std::to_string(kKeySizeMax) + " bytes, this one has " +
                 std::to_string(key_.size()) + " with its prefix";
  }
  return current_.begin(key_, line_);
}

void RecordBatcher::drop_piece() {
  if (full_.size() > full_before_) {
    current_ = std::move(full_[full_before_]);
    full_.resize(full_before_);
  }
  current_.take_back(mark_);
}

RecordBatch RecordBatcher::take_batch() {
  RecordBatch batch;
  if (full_.empty()) {
    batch = std::move(current_);
    begin_batch();
  } else {
    batch = std::move(full_.front());
    full_.pop_front();
  }
  batch.seal();
  batch_size_ = batch.arguments.size();
  return batch;
}

void RecordBatcher::begin_batch() {
  current_ = RecordBatch();
  current_.reserve(kBatchRecordsMax, batch_size_ + batch_size_ / 8);
}

}  // namespace trellis

// ProposalBatch: the log entries that a partition proposes at once, and the bounds of what may be in them.
//
// Commands share log entries, up to kTogetherBytesMax in one; a larger command has an entry to itself.
// Threading: belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <vector>

#include "worker/state/apply_estimate.hpp"
#include "worker/state/entry.hpp"

namespace trellis {

class ProposalBatch {
 public:
  static constexpr std::size_t kItemsMax = kCommandsPerEntryMax;
  static constexpr std::size_t kBytesMax = 8 << 20;
  static constexpr std::size_t kTogetherBytesMax = 128 << 10;
  /// Applying takes no longer, by estimate, but for its last command.
  static constexpr Effort kEffortMax = 10 * kEffortMillisecond;

  /// @param state  in which all that was proposed before is applied
  explicit ProposalBatch(const StateMachine& state) : estimate_(state) {}

  bool empty() const { return items_ == 0; }
  bool has_room() const { return items_ < kItemsMax && bytes_ < kBytesMax && effort() < kEffortMax; }
  /// What applying it takes, by estimate.
  Effort effort() const { return estimate_.effort(); }

  /// Adds a command, which stays where it is until take().
  /// @param reply_room  bytes that its reply may still hold
  /// @return which of the batch's log entries it is in
  std::size_t add(const Entry& entry, std::size_t reply_room) {
    const std::size_t size = encoded_size(entry);
    if (!together_.empty() && together_bytes_ + size > kTogetherBytesMax) close();
    together_.push_back(&entry);
    together_bytes_ += size;
    bytes_ += size;
    ++items_;
    estimate_.add(entry, reply_room);
    return log_entries_.size();
  }

  std::vector<CommandBuffer> take() && {
    close();
    return std::move(log_entries_);
  }

 private:
  void close() {
    log_entries_.emplace_back(encoded_size(together_));
    encode(together_, log_entries_.back().data());
    together_.clear();
    together_bytes_ = 0;
  }

  ApplyEstimate estimate_;
  std::vector<CommandBuffer> log_entries_;
  std::vector<const Entry*> together_;
  std::size_t together_bytes_ = 0;
  std::size_t bytes_ = 0;
  std::size_t items_ = 0;
};

}  // namespace trellis

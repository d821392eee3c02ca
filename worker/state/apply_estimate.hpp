// ApplyEstimate: what applying entries will take, estimated before they are proposed.
//
// Applying cannot stop in the middle, so the leader puts no more into one proposal than a turn has room for.  A write
// takes as long as its bytes; a read in the log as long as its document, which may be one that an entry before it
// writes: the largest of those stands for all. Threading: belongs to one thread at a time.
#pragma once

#include <algorithm>

#include "protocol/effort.hpp"
#include "worker/state/entry.hpp"
#include "worker/state/state_machine.hpp"

namespace trellis {

class ApplyEstimate {
 public:
  /// @param state  in which all that was proposed before is applied
  explicit ApplyEstimate(const StateMachine& state) : state_(state) {}

  /// Adds the entry that is proposed next.
  /// @param reply_room  bytes that its reply may still hold: a result beyond is not copied
  void add(const Entry& entry, std::size_t reply_room) {
    effort_ += kItemEffort;
    if (entry.kind == EntryKind::kPut) {
      effort_ += copy_effort(entry.content.size());
      largest_ = std::max(largest_, entry.content.size());
      unindexed_ += entry.content.size();
    } else if (entry.kind == EntryKind::kPatch) {
      patch(entry);
    } else if (entry.kind == EntryKind::kExpire) {
      effort_ += copy_effort(std::max(largest_, state_.size_of(entry.key)));  // For room beside it, the first time.
    } else if (entry.kind == EntryKind::kRemoveDue) {
      effort_ += entry.seq * kRemovalEffort;
    } else if (entry.kind == EntryKind::kGet || entry.kind == EntryKind::kQuery) {
      const std::size_t size = std::max(largest_, state_.size_of(entry.key));
      effort_ += entry.kind == EntryKind::kGet ? get(size, reply_room) : query(size);
    }
  }
  Effort effort() const { return effort_; }

 private:
  /// Copied into the reply, and to be remembered.
  Effort get(std::size_t size, std::size_t reply_room) {
    const Effort kept = size <= SessionLimits().content_size_max ? copy_effort(size) : 0;
    if (in_replies_ + size > reply_room) return kept;
    in_replies_ += size;
    return kept + copy_effort(size);
  }
  /// The document is walked and copied once, and may become larger by all that the operations bring.
  void patch(const Entry& entry) {
    const std::size_t size = std::max(largest_, state_.size_of(entry.key)) + entry.content.size();
    effort_ += walk_effort(size) + copy_effort(size);
    largest_ = std::max(largest_, std::min(size, kDocumentSizeMax));
    unindexed_ += size;
  }
  /// The first QUERY of a document indexes it.
  Effort query(std::size_t size) {
    const std::size_t indexed = std::min(size, unindexed_);
    unindexed_ -= indexed;
    return read_effort(indexed) + walk_effort(FieldIndex::kContainerSizeMin);
  }

  const StateMachine& state_;
  Effort effort_ = 0;
  std::size_t largest_ = 0;     ///< Bytes, of the documents that are written.
  std::size_t in_replies_ = 0;  ///< Bytes, of results.
  std::size_t unindexed_ = 0;   ///< Bytes of those that no QUERY stands behind yet.
};

}  // namespace trellis

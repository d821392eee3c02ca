// What the copies of one BATCH were answered, item by item.
//
// A copy may be done in part, where some workers are away, and the next copy in another part.  So an item keeps the
// first answer that it gets from any of them: a refusal ("nothing was done") speaks for its copy alone, and "no answer
// in time" for none.
//
// Items on one key take effect in the order they stand, also over copies: a read whose copy was refused a write of the
// same key saw a moment without that write, and one whose copy was refused an earlier read of it (which did not fit
// into the reply) saw a moment before the one that a later copy's answer to that read will be of.  Either counts only
// as long as no copy has done better.
#pragma once

#include <string_view>
#include <vector>

#include "protocol/frame.hpp"
#include "protocol/reply.hpp"

namespace trellis {

/// "Nothing was done."
bool is_refusal(Code status);

class BatchAnswers {
 public:
  /// @param request  the BATCH as it was sent
  explicit BatchAnswers(std::string_view request);

  /// Takes the reply to one copy, whose status is OK.  Returns whether that copy has come to its end: no item of it is
  /// without an outcome.
  bool take(const Frame& frame, const Reply& reply);
  /// Whether a reply was taken and has left no item without an answer.
  bool is_complete() const { return !items_.empty() && answered_ == items_.size(); }
  bool is_empty() const { return items_.empty(); }
  /// The reply made of all.  Items without an answer keep what was said of them last; where that was a refusal, and
  /// `instead` is given, it takes the refusal's place.
  std::string pack(std::uint64_t id, const Error* instead) const;

 private:
  struct Item {
    Frame packed;  ///< [status, result, info]: the answer, or what was said last.
    Code status = Code::kUnavailable;
    bool is_guaranteed = true;
    bool is_answered = false;
  };
  /// An item as it was asked: which others are on its key, and whether it writes.
  struct Asked {
    std::size_t key = 0;  ///< Items with the same number are on the same key.
    bool writes = false;
  };
  std::vector<Asked> asked_;
  std::size_t keys_ = 0;
  std::vector<Item> items_;
  std::size_t answered_ = 0;
  std::vector<std::string> warnings_;  ///< Warnings of the last reply.
};

}  // namespace trellis

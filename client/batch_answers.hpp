// What the copies of one BATCH were answered, item by item.
//
// A copy may be done in part, where some workers are away, and the next copy in another part.  So an item keeps the
// first answer that it gets from any of them: a refusal ("nothing was done") speaks for its copy alone, and "no answer
// in time" for none.
//
// Items on one key take effect in the order they stand, also over copies, of which nobody knows which was done first.
// So all reads of a key are taken from one copy: the one that was answered most of the writes of that key, and among
// those the first that was answered most of its reads.  They count as answered once it did all the writes, and are
// dropped where a write that it was refused is known to be done.
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
  /// How much of a key a copy was answered; more is better.
  struct Standing {
    std::size_t writes = 0;
    std::size_t reads = 0;
    auto operator<=>(const Standing&) const = default;
  };
  struct Key {
    std::size_t writes = 0;       ///< Asked for.
    std::size_t writes_done = 0;  ///< Answered, by any copy.
    Standing reads_from;          ///< That of the copy which the reads were taken from.
  };

  void add(std::size_t key, bool writes);
  void take_writes(std::vector<Item>& copy);
  void take_reads(std::vector<Item>& copy, const std::vector<Standing>& standings);
  std::vector<Standing> standings_of(const std::vector<Item>& copy) const;

  std::vector<Asked> asked_;
  std::vector<Key> keys_;
  std::vector<Item> items_;
  std::size_t answered_ = 0;
  std::vector<std::string> warnings_;  ///< Warnings of the last reply.
};

}  // namespace trellis

// SessionWindow: the last writes of sessions with the answers to them, in log order.
//
//   number          0 ......... first ......... content_first ......... next
//                   forgotten | answers without  | answers with all that
//                             | large content    | they hold
//
// What is forgotten, and when, is its owner's to say (worker/state/session_table.hpp).  Documents in answers (of POP,
// say) count against a total; beyond it the oldest are dropped, while it stays known that the write was applied.
//
// Records lie in chunks in log order; a full chunk never changes and is shared with frozen views, the last one is
// copied by the first write after a freeze.  The index beside them is not frozen, but built anew when restored.
// Cost: O(1) a write, about 64 bytes a small one.
// Threading: the window belongs to one thread at a time; a FrozenWindow is immutable and may be read by any.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/frame.hpp"
#include "protocol/limits.hpp"
#include "protocol/result.hpp"
#include "worker/state/session_index.hpp"

namespace trellis {

/// What an answer holds besides code and version.
enum class AnswerKind : std::uint8_t { kNil, kFalse, kTrue, kContent, kDropped };

/// What a write came to, as compact as it can be remembered.  Messages are made anew from it and the entry.
struct WriteAnswer {
  Code code = Code::kOk;
  AnswerKind kind = AnswerKind::kNil;
  std::uint64_t version = 0;  ///< The version of the document written, read, or in a condition's way; 0: none.
  Frame content;              ///< kContent: one packed value.
};

/// Which write of a session.
struct WriteName {
  std::string_view session;
  std::uint64_t seq = 0;
  std::uint16_t item = 0;
};

/// A write with its answer, as it goes into snapshots and comes out of them.
struct RememberedWrite {
  WriteName name;
  std::uint64_t fingerprint = 0;
  WriteAnswer answer;
};

struct SessionLimits {
  std::size_t writes_max = kRememberedWritesMin;
  std::size_t sessions_max = kSessionsWithFloorsMin;
  std::size_t content_size_max = 64 << 10;   ///< Bytes of one answer.
  std::size_t content_total_max = 16 << 20;  ///< Bytes of all.
};

namespace sessions {

struct Record;
struct Chunk;

/// A chunk of records, and apart from it their contents, which are dropped sooner.
struct Segment {
  std::shared_ptr<Chunk> chunk;
  std::shared_ptr<std::vector<Frame>> contents;  ///< Null where there are none.
};

}  // namespace sessions

/// The window at one moment.
class FrozenWindow {
 public:
  std::uint64_t first() const { return first_; }
  /// Number of writes remembered.
  std::size_t size() const { return static_cast<std::size_t>(next_ - first_); }
  /// In log order; views hold during the call.
  void for_each(const std::function<void(const RememberedWrite&)>& visit) const;

 private:
  friend class SessionWindow;
  std::vector<sessions::Segment> segments_;
  std::uint64_t first_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t content_first_ = 0;
};

class SessionWindow {
 public:
  /// @param first  the number that the first write gets
  explicit SessionWindow(SessionLimits limits, std::uint64_t first = 0)
      : limits_(limits), first_(first), content_first_(first), next_(first) {}

  static std::uint64_t hash_of(const WriteName& name);
  /// The number of that write, where it is remembered.
  std::optional<std::uint64_t> find(const WriteName& name, std::uint64_t hash) const;
  /// Views hold until the next change.
  RememberedWrite at(std::uint64_t number) const;
  /// The first must be there.
  WriteName first_name() const;
  std::uint64_t fingerprint_at(std::uint64_t number) const;

  /// Adds a write that is not there yet.  Contents beyond their bounds are dropped.
  void append(const RememberedWrite& write, std::uint64_t hash);
  /// @param name  of the first
  void forget_first(const WriteName& name);

  FrozenWindow freeze();

  std::uint64_t first() const { return first_; }
  std::size_t size() const { return static_cast<std::size_t>(next_ - first_); }
  /// Bytes of all answers' contents: never more than the limits' `content_total_max`.
  std::size_t content_bytes() const { return content_total_; }
  /// Bytes of memory that all of it takes.  Looks at each 256th write.
  std::size_t memory() const;

 private:
  const sessions::Segment& segment_of(std::uint64_t number) const;
  const sessions::Record& record(std::uint64_t number) const;
  sessions::Segment& open_segment();
  void pass_content();

  SessionLimits limits_;
  std::deque<sessions::Segment> segments_;
  bool last_is_frozen_ = false;  ///< The last segment is shared with a frozen view.
  SessionIndex index_;
  std::uint64_t first_;
  std::uint64_t content_first_;
  std::uint64_t next_;
  std::size_t content_total_ = 0;
};

}  // namespace trellis

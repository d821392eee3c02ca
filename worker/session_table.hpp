// SessionTable: the first answer to each write, so that a write which is sent again is answered and not done again.
//
// Part of the replicated state: what it holds depends on the log alone, never on when it was frozen or restored.
//
//   number          0 ......... first ......... content_first ......... next
//                   forgotten | answers without  | answers with all that
//                             | large content    | they hold
//
// Remembered are the last `writes_max` writes in log order.  For sessions of the brokers' own there are floors: what
// lies below is answered, and is never applied again, nor remembered any longer.  A session's floor is kept as long as
// one of the last `writes_max` writes is its.  Documents in answers (of POP, say) count against a total; beyond it the
// oldest are dropped, while it stays known that the write was applied.
//
// Records lie in chunks in log order; a full chunk never changes and is shared with frozen views, the last one is
// copied by the first write after a freeze.  The index beside them is not frozen, but built anew when restored.
// Cost: O(1) a write, about 64 bytes a small one.
// Threading: the table belongs to one thread at a time; a FrozenSessions is immutable and may be read by any.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/frame.hpp"
#include "protocol/limits.hpp"
#include "protocol/result.hpp"
#include "worker/entry.hpp"

namespace trellis {

/// What an answer holds besides code and version.
enum class AnswerKind : std::uint8_t { kNil, kFalse, kTrue, kContent, kDropped };

/// What a write came to, as compact as it can be remembered.  Messages are made anew from it and the entry.
struct WriteAnswer {
  Code code = Code::kOk;
  AnswerKind kind = AnswerKind::kNil;
  std::uint64_t version = 0;  ///< Of the document written, read, or in the way of a condition; 0: of none.
  Frame content;              ///< kContent: one packed value.
};

/// A write with its answer, as it goes into snapshots and comes out of them.
struct RememberedWrite {
  std::string_view session;
  bool own_session = false;
  std::uint16_t item = 0;
  std::uint64_t seq = 0;
  std::uint64_t fingerprint = 0;
  WriteAnswer answer;
};

/// A broker's own session.
struct OwnSession {
  std::string name;
  std::uint64_t floor = 0;       ///< All seqs below are answered.
  std::uint64_t lost_below = 0;  ///< Seqs below may have been forgotten while nobody had said they were answered.
  std::uint64_t last_write = 0;  ///< The number of its last write.
  bool operator==(const OwnSession&) const = default;
};

struct SessionLimits {
  std::size_t writes_max = kRememberedWritesMin;
  std::size_t content_size_max = 64 << 10;   ///< Bytes of one answer.
  std::size_t content_total_max = 16 << 20;  ///< Bytes of all.
};

namespace sessions {

struct Record;
struct Chunk;

/// Hash -> number of a record: open addressing with linear probing, 8 bytes a slot.  Numbers are kept in 32 bits, which
/// is enough to tell those of one window apart.
class Index {
 public:
  void add(std::uint64_t hash, std::uint64_t number);
  void remove(std::uint64_t hash, std::uint64_t number);
  /// Calls `matches` with the low bits of each number under that hash until it returns true.
  template <typename Matches>
  bool find(std::uint64_t hash, Matches matches) const;

 private:
  void grow();

  std::vector<std::uint64_t> slots_;  ///< Upper half: tag, its lowest bit set.  Lower half: number.  0: empty.
  std::size_t used_ = 0;
};

/// A chunk of records, and apart from it their contents, which are dropped sooner.
struct Segment {
  std::shared_ptr<Chunk> chunk;
  std::shared_ptr<std::vector<Frame>> contents;  ///< Null where there are none.
};

}  // namespace sessions

/// The table at one moment.
class FrozenSessions {
 public:
  std::uint64_t first() const { return first_; }
  /// Number of writes remembered.
  std::size_t size() const { return static_cast<std::size_t>(next_ - first_); }
  /// In the order of their names.
  const std::vector<OwnSession>& own_sessions() const { return own_; }
  /// In log order; views hold during the call.
  void for_each(const std::function<void(const RememberedWrite&)>& visit) const;

 private:
  friend class SessionTable;
  std::vector<sessions::Segment> segments_;
  std::vector<OwnSession> own_;
  std::uint64_t first_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t content_first_ = 0;
};

class SessionTable {
 public:
  explicit SessionTable(SessionLimits limits = {}) : limits_(limits) {}
  SessionTable(SessionTable&&) = default;
  SessionTable& operator=(SessionTable&&) = default;

  enum class Verdict : std::uint8_t {
    kNew,       ///< Apply it, and remember its answer.
    kRepeated,  ///< It was applied: `answer` is what it came to (kDropped: its content is no longer there).
    kOther,     ///< Another request was applied under this identity.
    kTooOld,    ///< An own session's, so long ago that it is not known any more whether it was applied.
  };
  struct Finding {
    Verdict verdict = Verdict::kNew;
    std::uint64_t hash = 0;  ///< Of the identity, for remember().
    WriteAnswer answer;      ///< kRepeated.
  };

  /// Whether the entry, which has a session, was applied before.
  Finding find(const Entry& entry) const;
  /// The entry was applied.  `hash` comes from find(), which has just called it new.
  void remember(const Entry& entry, std::uint64_t hash, const WriteAnswer& answer);

  /// Whether remember() keeps an answer's content of so many bytes.
  bool keeps(std::size_t content_size) const { return content_size <= limits_.content_size_max; }

  /// What the table holds now, without copying the records.
  FrozenSessions freeze();

  /// Number of writes remembered: never more than the limits' `writes_max`.
  std::size_t size() const { return static_cast<std::size_t>(next_ - first_); }
  /// Bytes of all answers' contents: never more than the limits' `content_total_max`.
  std::size_t content_bytes() const { return content_total_; }
  /// Number of own sessions, expired ones that wait for the next sweep among them: never more than `writes_max` and
  /// kSweepEvery together.
  std::size_t own_sessions() const { return own_.size(); }
  /// In writes.
  static constexpr std::uint64_t kSweepEvery = 4096;

  /// Begins an empty table as it was when its first write had number `first`; then restore() each write, in order.
  /// Errors: kInvalidArgument where it is no table that could have been frozen.
  static Result<SessionTable> begin_restore(std::uint64_t first, std::uint64_t next, std::vector<OwnSession> own,
                                            SessionLimits limits = {});
  Result<void> restore(const RememberedWrite& write);

 private:
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };
  using OwnSessions = std::unordered_map<std::string, OwnSession, NameHash, std::equal_to<>>;

  const sessions::Segment& segment_of(std::uint64_t number) const;
  const sessions::Record& record(std::uint64_t number) const;
  RememberedWrite remembered(std::uint64_t number) const;
  std::optional<std::uint64_t> find_record(std::string_view session, bool own, std::uint64_t seq, std::uint16_t item,
                                           std::uint64_t hash) const;

  const OwnSession* find_own(std::string_view name) const;
  OwnSession& touch_own(std::string_view name);
  bool is_expired(const OwnSession& session) const { return session.last_write + limits_.writes_max < next_; }
  bool is_answered(std::uint64_t number) const;

  sessions::Segment& open_segment();
  void append(const RememberedWrite& write, std::uint64_t hash);
  void forget_old();
  void forget_first();
  void drop_content();
  void pass_content();
  void sweep_own();

  SessionLimits limits_;
  std::deque<sessions::Segment> segments_;
  bool last_is_frozen_ = false;  ///< The last segment is shared with a frozen view.
  sessions::Index index_;
  OwnSessions own_;
  mutable const OwnSession* own_cached_ = nullptr;  ///< The one last looked for; nodes of own_ do not move.
  std::uint64_t first_ = 0;
  std::uint64_t content_first_ = 0;
  std::uint64_t next_ = 0;
  std::size_t content_total_ = 0;
};

}  // namespace trellis

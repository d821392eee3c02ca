// SessionTable: the first answer to each write, so that a write which is sent again is answered and not done again.
//
// Part of the replicated state: what it holds depends on the log alone, never on when it was frozen or restored.
//
// Clients' sessions and the brokers' own are kept apart, each in a book of its own, so that neither takes the other's
// room.  A book remembers the last `writes_max` writes in log order, and of the last `sessions_max` sessions that say
// floors the floor and the highest seq that was forgotten.  So a copy of a write which is not remembered any more is
// known for one: it lies below the floor of its session, or not above what was forgotten, and is refused.  Any other
// write that is not remembered is new.  Of a session without floors nothing but its remembered writes is known.
//
// What lies below the floor of its session makes room at once, as soon as nothing older stands in front of it: nobody
// waits for its answer.  A copy that is still under way is refused, and does nothing.
// Threading: the table belongs to one thread at a time; a FrozenSessions is immutable and may be read by any.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/result.hpp"
#include "worker/state/entry.hpp"
#include "worker/state/session_floors.hpp"
#include "worker/state/session_window.hpp"

namespace trellis {

/// Whose sessions a book is of.
enum class Owner : std::uint8_t { kBroker = 0, kClient = 1 };

/// A book at one moment.
struct FrozenBook {
  FrozenWindow writes;
  FrozenFloors floors;
};

/// The table at one moment.
struct FrozenSessions {
  FrozenBook brokers;
  FrozenBook clients;
};

/// The sessions of brokers, or of clients.
class SessionBook {
 public:
  explicit SessionBook(SessionLimits limits, std::uint64_t first = 0)
      : limits_(limits), writes_(limits, first), floors_(limits.sessions_max) {}

  const SessionWindow& writes() const { return writes_; }
  const SessionFloors& floors() const { return floors_; }
  /// Whether this write, which is not remembered, was perhaps applied.
  /// @param session  where its session is among the floors, here and below
  bool is_past(const Entry& entry, SessionFloors::Position session) const;

  void remember(const RememberedWrite& write, std::uint64_t hash, SessionFloors::Position session,
                std::optional<std::uint64_t> floor);
  bool keeps(std::size_t content_size) const { return content_size <= limits_.content_size_max; }
  /// Bytes of memory that all of it takes.
  std::size_t memory() const { return writes_.memory() + floors_.memory(); }

  FrozenBook freeze() { return {writes_.freeze(), floors_.freeze()}; }
  /// As in a snapshot: first the sessions, then the writes, each in the order of their view.  Errors: kInvalidArgument
  /// where it is no book that could have been frozen.
  Result<void> restore(const SessionFloor& session);
  Result<void> restore(const RememberedWrite& write);

 private:
  bool forget_first();

  SessionLimits limits_;
  SessionWindow writes_;
  SessionFloors floors_;
};

class SessionTable {
 public:
  /// Numbers of the writes that come first, where the table is to be restored.
  struct Beginning {
    std::uint64_t brokers = 0;
    std::uint64_t clients = 0;
  };
  explicit SessionTable(SessionLimits limits = {}) : SessionTable(limits, {}) {}
  SessionTable(SessionLimits limits, Beginning first)
      : brokers_(limits, first.brokers), clients_(limits, first.clients) {}

  enum class Verdict : std::uint8_t {
    kNew,       ///< Apply it, and remember its answer.
    kRepeated,  ///< It was applied: `answer` is what it came to (kDropped: its content is no longer there).
    kOther,     ///< Another request was applied under this identity.
    kTooOld,    ///< So long ago that it is not known any more whether it was applied.
  };
  struct Finding {
    Verdict verdict = Verdict::kNew;
    std::uint64_t hash = 0;  ///< kNew: the hash of the identity, and where its session is, for remember().
    SessionFloors::Position session = SessionFloors::kNone;
    WriteAnswer answer;  ///< kRepeated.
  };

  /// Whether the entry, which has a session, was applied before.
  Finding find(const Entry& entry) const;
  /// The entry was applied, which find() has just called new.
  void remember(const Entry& entry, const Finding& found, const WriteAnswer& answer);

  /// Whether remember() keeps the content of an answer to this entry, of so many bytes.
  bool keeps(const Entry& entry, std::size_t content_size) const { return book_of(entry).keeps(content_size); }

  /// What the table holds now, without copying the records.
  FrozenSessions freeze() { return {brokers_.freeze(), clients_.freeze()}; }

  const SessionBook& brokers() const { return brokers_; }
  const SessionBook& clients() const { return clients_; }
  /// For restoring.
  SessionBook& book_of(Owner owner) { return owner == Owner::kBroker ? brokers_ : clients_; }
  /// Number of writes remembered.
  std::size_t size() const { return brokers_.writes().size() + clients_.writes().size(); }
  /// Bytes of memory that all of it takes.
  std::size_t memory() const { return brokers_.memory() + clients_.memory(); }

 private:
  const SessionBook& book_of(const Entry& entry) const { return entry.broker_session ? brokers_ : clients_; }

  SessionBook brokers_;
  SessionBook clients_;
};

}  // namespace trellis

// SessionFloors: of each session that says floors, what a late copy of a write is told by once the write is forgotten.
//
//   seq   0 .......... floor .......... forgotten .......... whatever its sender comes to
//         nobody sends | some that were  | if it is not
//         these again  | remembered are  | remembered, it
//                      | not any more    | is new
//
// A copy that is not remembered and lies below the floor, or not above the highest seq that was forgotten, was perhaps
// applied.  (The two may also lie the other way round.)
//
// Kept are the last `sessions_max` sessions, in the order of their last writes; the one that has not written for the
// longest makes room for a new one.
//
// Sessions lie in slots of fixed size, in chunks that are shared with frozen views and copied by the first write after
// a freeze.  What tells their order stands in the slots as a number, and beside them as a list.
// Cost: O(1) a write; about 130 bytes a session.
// Threading: belongs to one thread at a time; FrozenFloors are immutable and may be read by any.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/limits.hpp"
#include "worker/state/session_index.hpp"

namespace trellis {

/// A session as it goes into snapshots and comes out of them.
struct SessionFloor {
  std::string name;
  std::uint64_t floor = 0;                 ///< The lowest seq that its sender may still send again.
  std::optional<std::uint64_t> forgotten;  ///< The highest seq of a write that is not remembered any more.
  bool operator==(const SessionFloor&) const = default;
};

namespace sessions {

struct Slot {
  std::uint64_t floor = 0;
  std::optional<std::uint64_t> forgotten;
  std::uint64_t written = 0;  ///< Higher than that of all sessions that wrote before.
  std::uint8_t name_size = 0;
  std::array<char, kSessionSizeMax> name_bytes{};

  std::string_view name() const { return {name_bytes.data(), name_size}; }
  /// Whether a write with this seq, which is not remembered, was perhaps applied.
  bool is_past(std::uint64_t seq) const { return seq < floor || (forgotten && seq <= *forgotten); }
};

constexpr std::uint32_t kSlotsPerChunk = 64;
using Slots = std::array<Slot, kSlotsPerChunk>;

}  // namespace sessions

/// The floors at one moment.
class FrozenFloors {
 public:
  std::size_t size() const { return size_; }
  /// In the order of their last writes.  Takes long where there are many.
  std::vector<SessionFloor> in_order() const;

 private:
  friend class SessionFloors;
  std::vector<std::shared_ptr<const sessions::Slots>> chunks_;
  std::size_t size_ = 0;
};

class SessionFloors {
 public:
  /// @param sessions_max  at least 1
  explicit SessionFloors(std::size_t sessions_max) : sessions_max_(sessions_max) {}

  /// Where a session is, until the next one is added.
  using Position = std::uint32_t;
  static constexpr Position kNone = ~Position{0};

  /// kNone: the session is not kept.
  Position position_of(std::string_view name) const {
    if (last_found_ != kNone && at(last_found_).name() == name) return last_found_;
    return look_for(name);
  }
  /// Holds until the next change.
  const sessions::Slot& at(Position position) const {
    return (*chunks_[position / sessions::kSlotsPerChunk].slots)[position % sessions::kSlotsPerChunk];
  }
  /// The same by its name; null: it is not kept.
  const sessions::Slot* find(std::string_view name) const {
    const Position position = position_of(name);
    return position == kNone ? nullptr : &at(position);
  }
  /// The session of that name, which is there or is kept from now on, writes, and says this floor.  Floors do not go
  /// down.
  void on_write(Position position, std::string_view name, std::uint64_t floor);
  /// A write of it, which is kept, was forgotten.
  void on_forgotten(Position position, std::uint64_t seq);

  std::size_t size() const { return links_.size(); }
  /// Bytes of memory that all of it takes.
  std::size_t memory() const {
    return index_.memory() + chunks_.size() * sizeof(sessions::Slots) + links_.capacity() * sizeof(Link);
  }
  FrozenFloors freeze();

  /// Adds a session that is not there yet, behind all others.  False: it is there, or there is no room.
  bool restore(const SessionFloor& session);

 private:
  struct Chunk {
    std::shared_ptr<sessions::Slots> slots;
    bool is_frozen = false;  ///< Shared with a view.
  };
  /// The list, the session that has not written for the longest in front.
  struct Link {
    Position before = kNone;
    Position after = kNone;
  };

  sessions::Slot& writable(Position position);
  Position look_for(std::string_view name) const;
  Position add(std::string_view name);
  Position place_for_one_more();
  void unlink(Position at);
  void link_last(Position at);

  std::size_t sessions_max_;
  std::vector<Chunk> chunks_;
  std::vector<Link> links_;  ///< One a slot that is in use: those in front of it are, too.
  Position oldest_ = kNone;
  Position newest_ = kNone;
  std::uint64_t written_ = 0;
  SessionIndex index_;
  /// Where the session is that was asked for last: a write asks several times, and so does the next one of its session.
  mutable Position last_found_ = kNone;
};

}  // namespace trellis

// GroupClock: a replica's clock of its group's time (worker/state/group_time.hpp).
//
//   leader    advances the time by its own steady clock, from what it had heard on
//   others    keep the newest that they heard: the highest time of the highest term
//
// So a change of leader takes from the time what the new leader had not heard, and a group without a leader stands
// still: documents go late by that, and never early by more than the leaders' clocks differ in speed.  Never is a time
// taken for its being the highest of all terms: a leader that leads no more runs on for a while, and what the next one
// dated by its own, slower time would then go early.
// While it leads, a clock takes in nothing: documents were dated by what it said already.
//
// Pure.
#pragma once

#include <algorithm>
#include <optional>

#include "protocol/types.hpp"
#include "worker/state/group_time.hpp"

namespace trellis {

class GroupClock {
 public:
  /// Somebody says that the group's time was this: a leader, a peer that heard one, an entry, or this worker's own
  /// folder.
  void hear(const GroupTime& said) {
    if (!since_) heard_ = std::max(heard_, said);
  }
  /// This replica leads, in a term higher than all it heard from, and has applied all that earlier ones committed.
  void lead(Term term, TimePoint now) {
    heard_.term = term.value;
    since_ = now;
    base_ = std::chrono::milliseconds(heard_.ms);
  }
  /// It leads no more.
  void follow(TimePoint now) {
    heard_ = at(now);
    since_.reset();
  }
  bool is_leading() const { return since_.has_value(); }

  /// The time, rounded down; where this replica does not lead, what it heard last.
  GroupTime at(TimePoint now) const {
    if (!since_) return heard_;
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(elapsed(now)).count();
    return {heard_.term, static_cast<std::uint64_t>(ms)};
  }
  /// The time, rounded up, as a document is dated by it.
  GroupTime after(TimePoint now) const {
    if (!since_) return heard_;
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(elapsed(now)).count();
    return {heard_.term, static_cast<std::uint64_t>(ms)};
  }

 private:
  Duration elapsed(TimePoint now) const { return base_ + (now - *since_); }

  GroupTime heard_;                 ///< While it leads: the term alone counts.
  std::optional<TimePoint> since_;  ///< It leads since then,
  Duration base_{};                 ///< and the time was this.
};

}  // namespace trellis

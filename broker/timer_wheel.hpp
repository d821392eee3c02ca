// TimerWheel: hundreds of thousands of timers, set and cleared at a constant, small cost.
//
// A hashed wheel (Varghese and Lauck, SOSP 1987, scheme 6): a timer hangs in the slot of its due time, modulo one turn
// of the wheel; what is due in a later turn is passed over.  Timers are members of the objects that they wake, so
// setting one allocates nothing.  A timer never fires early.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "protocol/types.hpp"

namespace trellis {

/// Part of the object that it wakes, which must stay where it is while the timer is set.
struct Timer {
  Timer* previous = nullptr;
  Timer* next = nullptr;  ///< Null: not set.
  TimePoint due;
  std::uint64_t owner = 0;  ///< Handed back when it fires.
};

class TimerWheel {
 public:
  explicit TimerWheel(TimePoint now);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  /// Sets it, or moves it.
  void set(Timer& timer, TimePoint due, std::uint64_t owner);
  void clear(Timer& timer);
  /// The owners of all timers that are due, which are cleared.  They may be gone by the time they are looked at.
  void take_due(TimePoint now, std::vector<std::uint64_t>& owners);
  /// When the next timer is due, or `limit` if that is sooner.  Looks only as far as `limit`.
  TimePoint next_due(TimePoint limit) const;

 private:
  static constexpr std::uint64_t kSlots = 8192;
  static constexpr std::uint64_t kSlotMicroseconds = 1024;  ///< One turn of the wheel: 8.4 s.
  static std::uint64_t tick_of(TimePoint time);

  std::array<Timer, kSlots> heads_;  ///< Rings.
  std::uint64_t tick_;               ///< All before is done.
};

}  // namespace trellis

// FreezeGuard: notices that the broker did not run for a while (SIGSTOP, a suspended machine, a host that took its
// time).
//
// What its frontend then reads lay in sockets for nobody knows how long: its client may have given up, and sent a copy
// by another broker, long ago.  Such a copy must not be sent on with a fresh deadline.  All of it does not come in the
// first turn, since ZeroMQ's own thread slept as well: it comes within kOldFor.  What workers said meanwhile is as good
// as ever, since it names what it answers.
// Threading: none.
#pragma once

#include <algorithm>
#include <chrono>

#include "protocol/types.hpp"

namespace trellis {

class FreezeGuard {
 public:
  /// Events are at most half a heartbeat apart; a gap like this one is none of the broker's own making.
  static constexpr std::chrono::milliseconds kFrozenAfter{1'000};
  static constexpr std::chrono::milliseconds kOldFor{1'000};

  explicit FreezeGuard(TimePoint now) : last_(now), old_until_(now) {}

  /// The time of an event.  Returns whether the broker has just woken.
  bool on_event(TimePoint now) {
    const bool woke = now - last_ > kFrozenAfter;
    if (woke) old_until_ = now + kOldFor;
    last_ = std::max(last_, now);
    return woke;
  }
  /// Whether what the frontend reads now may be old.
  bool is_doubtful(TimePoint now) const { return now < old_until_; }

 private:
  TimePoint last_;
  TimePoint old_until_;
};

}  // namespace trellis

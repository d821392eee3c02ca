// RoundTrip: how long a message to a partner and its answer take, measured by stamps in what is said anyway.
//
// Each message carries when it was sent, by its sender's clock, and gives back the last such time that came from the
// other side, with how long it was held here.  So nobody compares two clocks, and no message is sent for this alone:
//
//   a: sent 100 ──▶ b at its 7000
//                   b: sent 7030, echo 100, held 30 ──▶ a at its 150:  the round trip took 150 - 100 - 30 = 20
//
// What counts is the quickest of the last one to two seconds: a partner that stood still for a moment answers late what
// it was asked meanwhile, and that says nothing of the way to it.  A longer way shows after two seconds at most.
//
// What an earlier incarnation of this process sent is none of its own: its clock may have been another, and began
// anywhere.  So an echo counts only if it is of a time since this one began.
//
// What lay here unread while this process stood still was on its way no longer for it: after such a time only echoes of
// what was sent since then are measured.
//
// Clocks need not run at one speed.  What a quick one has held may be longer than the slow one saw it away: then the
// way is too short for these clocks to tell, and counts as nothing.  It counts all the same: with no such measurement
// heard an odd one before it would hold for ever.
// Threading: none.
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/types.hpp"

namespace trellis {

struct Stamps {
  std::uint64_t sent = 0;  ///< Microseconds of the sender's clock.  0: none.
  std::uint64_t echo = 0;  ///< The last `sent` that it has heard of the receiver.  0: none.
  std::uint64_t held = 0;  ///< Microseconds from when it heard that until this was sent.
  bool operator==(const Stamps&) const = default;
};

class RoundTrip {
 public:
  /// What is measured beyond this counts as this: one odd answer must not stop elections for minutes.
  static constexpr Duration kMost = std::chrono::seconds(3);
  /// The quickest round trip within such a time counts, together with the quickest of the time before.
  static constexpr Duration kWindow = std::chrono::seconds(1);
  /// No clock runs so many times as fast as another.
  static constexpr std::uint64_t kClockSpeedMax = 2;

  /// @param start  of this incarnation
  explicit RoundTrip(TimePoint start) : start_(start), measured_since_(start) {}

  /// For the next message to this partner.
  Stamps stamps(TimePoint now) const;
  /// A message of this partner came.  Stamps that cannot be (an echo of what was never sent) count for nothing.
  void on_stamps(const Stamps& stamps, TimePoint now);
  /// This process stood still until now: what comes next may have waited for it.
  void on_woken(TimePoint now) { measured_since_ = now; }

  /// Zero: not measured yet.
  Duration value() const;
  /// When the latest message was sent that the partner is known to have heard; nothing: none.
  std::optional<TimePoint> heard_there() const { return heard_there_; }

 private:
  void note(Duration took, TimePoint now);

  TimePoint start_;
  TimePoint measured_since_;  ///< What was sent before tells that it was heard, but not how long that took.
  std::uint64_t theirs_ = 0;  ///< The last stamp that came,
  TimePoint theirs_at_;       ///< and when.
  std::optional<TimePoint> heard_there_;
  TimePoint window_began_;
  std::optional<Duration> quickest_;         ///< In this window,
  std::optional<Duration> quickest_before_;  ///< and in the one before it.
};

/// A time as it stands in a stamp.
std::uint64_t to_stamp(TimePoint time);

}  // namespace trellis

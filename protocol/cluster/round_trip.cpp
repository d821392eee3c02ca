#include "protocol/cluster/round_trip.hpp"

#include <algorithm>

namespace trellis {

std::uint64_t to_stamp(TimePoint time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 1));
}

Stamps RoundTrip::stamps(TimePoint now) const {
  Stamps stamps;
  stamps.sent = to_stamp(now);
  if (theirs_ == 0) return stamps;
  stamps.echo = theirs_;
  stamps.held = static_cast<std::uint64_t>(std::max<std::int64_t>((now - theirs_at_).count(), 0));
  return stamps;
}

void RoundTrip::on_stamps(const Stamps& stamps, TimePoint now) {
  if (stamps.sent != theirs_ && stamps.sent != 0) {
    theirs_ = stamps.sent;
    theirs_at_ = now;
  }
  const std::uint64_t here = to_stamp(now);
  if (stamps.echo == 0 || stamps.echo > here || stamps.held / kClockSpeedMax > here - stamps.echo) return;
  const TimePoint sent{Duration(static_cast<std::int64_t>(stamps.echo))};
  if (sent < heard_there_.value_or(start_)) return;  // It was overtaken, or an earlier incarnation's.
  heard_there_ = sent;
  if (sent < measured_since_) return;
  const std::uint64_t away = here - stamps.echo;
  note(Duration(static_cast<std::int64_t>(away - std::min(stamps.held, away))), now);
}

void RoundTrip::note(Duration took, TimePoint now) {
  if (!quickest_ || now - window_began_ >= kWindow) {
    quickest_before_ = now - window_began_ < 2 * kWindow ? quickest_ : std::nullopt;
    quickest_.reset();
    window_began_ = now;
  }
  quickest_ = std::min(quickest_.value_or(kMost), took);
}

Duration RoundTrip::value() const {
  if (!quickest_) return Duration::zero();
  return std::min(*quickest_, quickest_before_.value_or(kMost));
}

}  // namespace trellis

#include "worker/peers.hpp"

#include <algorithm>

namespace trellis {

void Peers::on_speaker(const Speaker& speaker, TimePoint now) {
  Peer& peer = peers_.try_emplace(speaker.id, start_).first->second;
  peer.round_trip.on_stamps(speaker.stamps, now);
  peer.heard_at = now;
  peer.leaving = speaker.leaving;
  if (speaker.full) {
    full_.insert(speaker.id);
  } else {
    full_.erase(speaker.id);
  }
  peer.welcomed_at.reset();
  if (speaker.unwelcome_ms == Speaker::kNeverWelcomed) return;
  peer.welcomed_at = now - std::chrono::milliseconds(speaker.unwelcome_ms);
}

void Peers::on_welcome(TimePoint when, Duration round_trip) {
  welcomed_at_ = std::max(welcomed_at_.value_or(when), when);
  broker_round_trip_ = round_trip;
}

void Peers::on_woken(TimePoint now) {
  awake_since_ = now;
  for (auto& [id, peer] : peers_) peer.round_trip.on_woken(now);
}

Speaker Peers::greeting(WorkerId id, Speaker self, TimePoint now) const {
  if (welcomed_at_) {
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now - *welcomed_at_).count();
    self.unwelcome_ms = static_cast<std::uint32_t>(std::clamp<std::int64_t>(since, 0, Speaker::kNeverWelcomed - 1));
  }
  const auto peer = peers_.find(id);
  self.stamps = peer == peers_.end() ? RoundTrip(start_).stamps(now) : peer->second.round_trip.stamps(now);
  return self;
}

bool Peers::is_heard(WorkerId id, TimePoint now) const {
  const auto at = peers_.find(id);
  if (at == peers_.end() || at->second.leaving) return false;
  const Peer& peer = at->second;
  const Duration most = kSilentAfter + peer.round_trip.value();
  const auto heard_there = peer.round_trip.heard_there();
  return now - peer.heard_at <= most && heard_there && now - *heard_there <= most;
}

bool Peers::can_lead(WorkerId id, TimePoint now) const {
  if (!is_heard(id, now)) return false;
  const auto& welcomed_at = peers_.at(id).welcomed_at;
  // One that was never welcomed may have started just now: what counts is whether anybody has brokers at present.
  return !is_unwelcome(welcomed_at ? now - *welcomed_at : unwelcome_after() + kWelcomedLater, now);
}

bool Peers::is_unwelcome(Duration since, TimePoint now) const {
  if (since < unwelcome_after()) return false;
  const auto is_later = [&](TimePoint welcomed_at) { return since - (now - welcomed_at) >= kWelcomedLater; };
  if (welcomed_at_ && is_later(*welcomed_at_)) return true;
  return std::any_of(peers_.begin(), peers_.end(), [&](const auto& each) {
    const Peer& peer = each.second;
    // It said so a while ago, a round trip at most: so much longer may nobody have welcomed it by now.
    return peer.welcomed_at && is_later(*peer.welcomed_at - peer.round_trip.value());
  });
}

Duration Peers::silence_of(WorkerId id, TimePoint now) const {
  const auto peer = peers_.find(id);
  return now - std::max(awake_since_, peer == peers_.end() ? start_ : peer->second.heard_at);
}

Duration Peers::round_trip(WorkerId id) const {
  const auto peer = peers_.find(id);
  return peer == peers_.end() ? Duration::zero() : peer->second.round_trip.value();
}

Duration Peers::round_trip_max(TimePoint now) const {
  Duration most{};
  for (const auto& [id, peer] : peers_) {
    const Duration round_trip = peer.round_trip.value();
    const auto heard_there = peer.round_trip.heard_there();
    // What it has heard of this worker was on its way there, and word of it on its way back.
    if (!heard_there || now - std::max(*heard_there, awake_since_) > kForgottenAfter + 2 * round_trip) continue;
    if (now - peer.heard_at <= kForgottenAfter + round_trip) most = std::max(most, round_trip);
  }
  return most;
}

}  // namespace trellis

// Peers: what this worker knows of its peers, and of brokers: who is heard, who hears, how far apart they are.
//
// A peer is heard while it speaks and shows that it hears this worker (by the echo of a stamp): one that is cut off one
// way only is no place for leadership either.
//
// Brokers and leadership.  A leader that no broker hears serves nobody, however well its peers hear it.  So each worker
// tells its peers how long ago a broker welcomed it, and one that has been unwelcome for kUnwelcomeAfter and
// kUnwelcomeRoundTrips, while
// somebody was welcomed at least kWelcomedLater after it, is out of the brokers' hearing: it leads nothing until it is
// heard again.  Where no member has brokers, all have been unwelcome for as long, and nothing changes.
//
// Loop thread only; pure.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "protocol/cluster/round_trip.hpp"
#include "protocol/types.hpp"
#include "worker/peer_messages.hpp"

namespace trellis {

class Peers {
 public:
  /// A peer that has been silent for so long, and a round trip, is not handed leadership.
  static constexpr std::chrono::milliseconds kSilentAfter{500};
  static constexpr std::chrono::milliseconds kUnwelcomeAfter{1'000};
  /// To kUnwelcomeAfter come so many round trips to the brokers.  On a link that is full a few packets may be lost one
  /// after the other, and TCP waits twice as long each time: that is no cut.
  static constexpr int kUnwelcomeRoundTrips = 10;
  static constexpr std::chrono::milliseconds kWelcomedLater{500};
  /// The round trip to one that has been silent for so long, and that round trip, is no concern of elections: it takes
  /// part in none, and those that are left need not wait as if it did.  Nor is it to one that speaks on and has heard
  /// nothing for so long, a replica that does not know that it has left its group, say: what it gives back it has held
  /// ever longer, by a clock that may run slower than this one.
  static constexpr std::chrono::milliseconds kForgottenAfter{1'500};

  explicit Peers(TimePoint start) : start_(start), awake_since_(start) {}

  void on_speaker(const Speaker& speaker, TimePoint now);
  /// A broker, so far away, welcomed what this worker said; as of `when`.
  void on_welcome(TimePoint when, Duration round_trip = {});
  /// This worker stood still until now: that is no sign of others.
  void on_woken(TimePoint now);

  /// What the next message to this peer begins with.
  Speaker greeting(WorkerId peer, Speaker self, TimePoint now) const;

  /// Whether it speaks and hears, and does not leave.
  bool is_heard(WorkerId peer, TimePoint now) const;
  /// Whether leadership can be handed to it: it is heard, and within hearing of the brokers.
  bool can_lead(WorkerId peer, TimePoint now) const;
  /// Whether this worker is within hearing of the brokers.
  bool can_lead(TimePoint now) const {
    return !is_unwelcome(now - std::max(awake_since_, welcomed_at_.value_or(awake_since_)), now);
  }

  /// Whether its disk had no room for what grows when it last spoke.
  bool is_full(WorkerId peer) const { return full_.contains(peer); }
  bool is_any_full() const { return !full_.empty(); }
  /// For how long it has said nothing; since this worker's start, or its waking, where it was not heard since then.
  Duration silence_of(WorkerId peer, TimePoint now) const;

  /// Zero where it was not measured.
  Duration round_trip(WorkerId peer) const;
  /// To the peer that is furthest away, of those that spoke lately.
  Duration round_trip_max(TimePoint now) const;

 private:
  struct Peer {
    explicit Peer(TimePoint start) : round_trip(start) {}

    TimePoint heard_at;
    bool leaving = false;
    std::optional<TimePoint> welcomed_at;  ///< By a broker.
    RoundTrip round_trip;
  };
  Duration unwelcome_after() const { return kUnwelcomeAfter + kUnwelcomeRoundTrips * broker_round_trip_; }
  bool is_unwelcome(Duration since, TimePoint now) const;

  TimePoint start_;
  TimePoint awake_since_;
  std::optional<TimePoint> welcomed_at_;  ///< By a broker,
  Duration broker_round_trip_{};          ///< which is so far away.
  std::map<WorkerId, Peer> peers_;
  std::set<WorkerId> full_;
};

}  // namespace trellis

// Fences: what a partition keeps for backups: frozen states, and on its leader the hold behind the newest fence.
//
// A fence is an entry of the group's log.  Each replica freezes its documents where it applies one, so all of them hold
// the same under the same name (index and term), and any can serve it.  The leader proposes a fence alone, and nothing
// behind it while it holds: until it is told to go on, or its time is over.  A backup asks all leaders whether they
// still hold after the last of its fences was applied; where all do, the states at the fences are that of the whole
// cluster in the moment in which it asked.
//
// Invariants: what is frozen lives for kKeptFor from when somebody last wanted it, kKeptMax at most.  A hold that was
// let go, or whose time is over, holds never again.
// Threading: the loop's, but for freeing what take_obsolete() returned.
#pragma once

#include <chrono>
#include <list>
#include <optional>
#include <vector>

#include "protocol/fence.hpp"
#include "protocol/types.hpp"
#include "worker/trie/trie.hpp"

namespace trellis {

struct FrozenFence {
  FenceName name;
  FrozenTrie documents;
  std::uint64_t time_ms = 0;  ///< The group's time then: what expires has the rest of its time from there.
  TimePoint kept_until;
};

class Fences {
 public:
  static constexpr std::size_t kKeptMax = 4;
  static constexpr std::chrono::minutes kKeptFor{5};
  static constexpr std::chrono::milliseconds kHeldFor{200};
  /// Beyond that a leader that is far from the others holds for as long as a fence takes to be applied, and a question
  /// to come: three round trips.
  static constexpr int kRoundTripsHeld = 3;

  /// As the leader, which is about to propose this fence.
  void hold(const FenceName& fence, TimePoint now, Duration round_trip) {
    held_ = Held{fence, now + kHeldFor + kRoundTripsHeld * round_trip};
  }
  bool is_holding(TimePoint now) const { return held_ && now < held_->until; }
  bool is_holding(const FenceName& fence, TimePoint now) const { return is_holding(now) && held_->fence == fence; }
  /// When a hold ended since the last call, by its time or by let_go().
  bool take_ended(TimePoint now) {
    if (!held_ || now < held_->until) return false;
    held_.reset();
    return true;
  }
  void let_go(const FenceName& fence) {
    if (held_ && held_->fence == fence) held_.reset();
  }
  /// It leads no more.
  void let_go() { held_.reset(); }

  void keep(FrozenFence frozen) {
    frozen_.push_back(std::move(frozen));
    if (frozen_.size() <= kKeptMax) return;
    obsolete_.push_back(std::move(frozen_.front().documents));
    frozen_.pop_front();
  }
  /// Null: it is not here.  Who finds it wants it for longer.
  const FrozenFence* find(const FenceName& fence, TimePoint now) {
    for (FrozenFence& each : frozen_) {
      if (each.name != fence) continue;
      each.kept_until = now + kKeptFor;
      return &each;
    }
    return nullptr;
  }
  void drop(const FenceName& fence) {
    drop_where([&](const FrozenFence& each) { return each.name == fence; });
  }
  void drop_old(TimePoint now) {
    if (frozen_.empty()) return;
    drop_where([now](const FrozenFence& each) { return now >= each.kept_until; });
  }
  std::size_t size() const { return frozen_.size(); }
  /// Bytes of keys and documents that are frozen: with what was written since, the most that it may take.
  std::size_t bytes() const {
    std::size_t bytes = 0;
    for (const FrozenFence& each : frozen_) bytes += each.documents.bytes();
    return bytes;
  }
  /// To be freed off the loop, since that takes as long as what was written since.
  std::vector<FrozenTrie> take_obsolete() { return std::exchange(obsolete_, {}); }

 private:
  struct Held {
    FenceName fence;
    TimePoint until;
  };

  template <typename Condition>
  void drop_where(const Condition& is_dropped) {
    for (auto at = frozen_.begin(); at != frozen_.end();) {
      if (!is_dropped(*at)) {
        ++at;
        continue;
      }
      obsolete_.push_back(std::move(at->documents));
      at = frozen_.erase(at);
    }
  }

  std::optional<Held> held_;
  std::list<FrozenFence> frozen_;  ///< In the order of their entries.
  std::vector<FrozenTrie> obsolete_;
};

}  // namespace trellis

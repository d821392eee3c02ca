// Lag: how far a leader's followers are behind, in entries and in time.
//
// The time is that of a mark: an index that was the log's last when the mark was set.  Once a follower holds it, the
// mark moves on to what is last then.  So a follower that keeps up under load, always a few entries behind, has a lag
// of a few milliseconds, and one that has stopped has one that grows.
// A new leader has yet to hear what a follower holds: until then all before its own first entry counts as held.
// Pure: it is handed indexes and the time.
#pragma once

#include <cstdint>
#include <map>

#include "protocol/types.hpp"

namespace trellis {

class Lag {
 public:
  struct Follower {
    std::uint64_t entries = 0;
    Duration behind{};
  };

  /// A new leadership: nothing is known of followers.  @param first  its own first entry
  void begin(LogIndex first) {
    clear();
    before_ = LogIndex{first.value > 0 ? first.value - 1 : 0};
  }
  /// The leadership has ended.
  void clear() {
    marks_.clear();
    followers_.clear();
  }
  /// At every tick.  @param last  of the leader's log  @param held  the last entry that the follower is known to hold;
  /// 0: nothing is known yet
  void on_tick(WorkerId follower, LogIndex last, LogIndex held, TimePoint now);
  /// As of the last tick.
  const std::map<WorkerId, Follower>& followers() const { return followers_; }

 private:
  struct Mark {
    LogIndex index;
    TimePoint set;
  };
  LogIndex before_;  ///< The last entry that an earlier leader wrote.
  std::map<WorkerId, Mark> marks_;
  std::map<WorkerId, Follower> followers_;
};

}  // namespace trellis

// DiskTrend: when the disk of a worker's folder is full, if what takes its room goes on as it did lately.
//
// What grows is of two kinds.  The log grows up to its bound, and no further, so it does not fill a disk for ever; all
// else (snapshots of more and more documents, files of others on the same disk) has no bound that is known here.
//
//   free bytes  = what the log still takes, at its pace, up to its bound  +  what the rest takes, at its pace
//
// Paces are those of the last minute, ten minutes and hour, each in thirds, and the slowest third counts: what was
// written once is no trend.  A pace says something of the next kFarthest times as long as it was seen, no more: of an
// hour, a day.  A snapshot that is being written counts as room that is free, since it takes the place of another.
// Rejected: one look now and one a second later, which takes a new file of the log for a disk that is full in an hour.
//
// A pure value: it is handed what was seen, and the time.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "protocol/types.hpp"

namespace trellis {

/// Bytes.
struct DiskUse {
  std::uint64_t free = 0;        ///< On the file system.
  std::uint64_t log = 0;         ///< What the log's files take, and
  std::uint64_t log_bound = 0;   ///< what they may.
  std::uint64_t unfinished = 0;  ///< What snapshots take that are being written.
};

class DiskTrend {
 public:
  static constexpr std::chrono::seconds kLookEvery{5};
  static constexpr std::array<std::chrono::seconds, 3> kSpans{std::chrono::minutes(1), std::chrono::minutes(10),
                                                              std::chrono::hours(1)};
  static constexpr int kFarthest = 24;

  bool is_due(TimePoint now) const { return looks_.empty() || now - looks_.back().time >= kLookEvery; }
  void on_look(TimePoint now, const DiskUse& use);
  /// How long from the last look on; nothing where nothing grows, or for longer than can be told.
  std::optional<std::chrono::duration<double>> full_in() const;

 private:
  struct Look {
    TimePoint time;
    double apart_from_log = 0;  ///< Bytes that would be free without the log, and unfinished snapshots.
    double log = 0;
  };
  /// The last one that is at least so old; null: there is none.
  const Look* look_before(std::chrono::seconds age) const;
  std::optional<std::chrono::duration<double>> full_in(std::chrono::seconds span) const;

  std::deque<Look> looks_;  ///< Those of the longest span, oldest first.
  DiskUse last_;
};

}  // namespace trellis

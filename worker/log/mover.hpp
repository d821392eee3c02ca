// Mover: writes what is left in the oldest segment anew, so that it becomes free.
//
// That is done where little is left in it, so that what is written twice is a small share of what is written; and
// where the log takes most of what it may, whatever is left.  Before it comes to that, whoever keeps most in the oldest
// segment is told to make a snapshot (LogRoom::holder).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "worker/log/collected.hpp"
#include "worker/log/place_reader.hpp"

namespace trellis {

class Mover {
 public:
  /// Where the log takes such a share of what it may, snapshots are wanted.
  static constexpr double kSnapshotsWantedFrom = 0.5;
  /// And from here on, whatever is left in the oldest segment is written anew.
  static constexpr double kAllIsMovedFrom = 0.75;

  explicit Mover(const OmittedLogRules& omitted) : omitted_(omitted) {}

  /// Looks at the oldest segment.  @param share  of the bytes that the log may take, what it does
  void look(const LogContents& contents, const std::deque<OpenSegment>& segments, double share);
  bool has_work() const { return !waiting_.empty(); }
  /// Adds some of what has to move.  To be called while `contents` and `collected` are all that there is.
  Result<void> move_some(const LogContents& contents, const std::deque<OpenSegment>& segments, Collected& collected);
  /// The group with most in the oldest segment, where a snapshot of it is wanted.
  std::optional<PartitionId> holder() const { return holder_; }

 private:
  void find_holder(const LogContents& contents, std::uint32_t file, std::uint64_t left);

  std::deque<EntryIndex::Key> waiting_;
  std::uint32_t file_ = 0;         ///< That they lie in.
  std::uint32_t holder_of_ = 0;    ///< The file that holder_ holds back, and
  std::uint64_t holder_when_ = 0;  ///< how many entries were left in it then.
  std::optional<PartitionId> holder_;
  OmittedLogRules omitted_;
};

}  // namespace trellis

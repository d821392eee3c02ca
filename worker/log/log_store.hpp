// LogStore: where a worker's replicas keep log, term and vote, and the worker its few records; batches that become
// durable as one.
//
// Everything that one turn of the loop collects is one batch, written with one sync.  At most one batch is under way;
// what comes meanwhile is collected for the next.  A batch that fails leaves nobody knowing what the disk holds, so the
// store has then failed for good (docs/libraft.md, R10) and the worker stops.
//
// Used by the loop's thread alone; an implementation may write in a thread of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace trellis {

struct HardState {
  std::uint64_t term = 0;
  std::uint64_t vote = 0;
  bool operator==(const HardState&) const = default;
};

/// What stands in the log beside an entry's payload.
struct EntryHead {
  std::uint64_t term = 0;
  std::uint8_t type = 0;
  bool operator==(const EntryHead&) const = default;
};

/// How much of the disk a log takes, and what keeps it from taking less.
struct LogRoom {
  std::uint64_t bytes = 0;     ///< All segments', spare ones included.
  std::uint64_t bound = 0;     ///< What the segments in use may come to.
  std::uint64_t segments = 0;  ///< That hold something which is needed.
  std::uint64_t needed = 0;    ///< Bytes of entries, in them.
  std::uint64_t written = 0;   ///< Bytes, since the start.
  std::uint64_t payload = 0;   ///< Bytes of entries among them, each counted once.
  /// The group with most in the oldest segment, where that has to go: a snapshot of it would make room.
  std::optional<PartitionId> holder;
  /// What that snapshot would leave of the group's log for late followers is needed as room, too.
  bool is_pressing = false;
  /// The disk has no room for another segment, or the log has reached its bound: what grows must not be taken in.
  bool is_full = false;
};

class LogStore {
 public:
  virtual ~LogStore() = default;

  // Collecting.
  virtual void append(PartitionId group, LogIndex index, const EntryHead& head, std::string_view payload) = 0;
  /// Forgets the group's entries from this one on.
  virtual void truncate(PartitionId group, LogIndex from) = 0;
  /// Forgets the group's entries before this one.
  virtual void cut(PartitionId group, LogIndex first) = 0;
  virtual void put_hard_state(PartitionId group, const HardState& state) = 0;
  /// A record, in the place of an earlier one of that name.
  virtual void put(std::string_view name, std::string_view value) = 0;
  /// Forgets the records whose names lie in [from, to).
  virtual void remove(std::string_view from, std::string_view to) = 0;
  /// Whether there is anything to be written.
  virtual bool has_collected() const = 0;

  /// Begins to make the collected batch durable, or makes it durable at once.  Only while is_writing() is false.
  virtual void start_write() = 0;
  virtual bool is_writing() const = 0;
  /// How long the last batch took to become durable; while is_writing() is false.
  virtual Duration write_took() const = 0;
  /// True once the batch under way is durable, which ends is_writing().  Error: the store has failed.
  virtual Result<bool> finish_write() = 0;

  // Reading: sees what is durable.
  virtual Result<std::optional<HardState>> hard_state(PartitionId group) = 0;
  virtual Result<std::optional<std::string>> get(std::string_view name) = 0;
  using RecordVisitor = std::function<Result<void>(std::string_view name, std::string_view value)>;
  /// Calls `visit` for each record whose name lies in [from, to), in order, until it returns an error.
  virtual Result<void> scan(std::string_view from, std::string_view to, const RecordVisitor& visit) = 0;
  using EntryVisitor = std::function<Result<void>(LogIndex index, const EntryHead& head, std::string_view payload)>;
  /// Calls `visit` for each entry of the group, in order, until it returns an error.
  virtual Result<void> entries(PartitionId group, const EntryVisitor& visit) = 0;

  /// A turn of the loop begins: what was done beside it is taken up.
  virtual void begin_turn() {}
  /// Time passed.  What the store has to write for its own sake shows in has_collected().
  /// @param needed  bytes of the replicated states and of what stays of the log behind them, which it may take twice
  virtual void on_tick(TimePoint /*now*/, std::uint64_t /*needed*/) {}
  virtual LogRoom room() const { return {}; }
  /// Bytes of memory that the index of entries and the named records take.
  virtual std::uint64_t memory() const { return 0; }
};

}  // namespace trellis

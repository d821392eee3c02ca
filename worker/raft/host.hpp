// What a replica needs from the worker around it, and what it tells the partition it belongs to.
//
// Both are implemented once for production and simulation alike (worker/shard, worker/partition): only the log store,
// the network and the background below them differ.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/result.hpp"
#include "protocol/types.hpp"
#include "worker/log/log_store.hpp"
#include "worker/raft/message.hpp"

namespace trellis {

/// Batches of the log store are numbered from 1, in the order in which they are written.
using BatchNumber = std::uint64_t;

class ReplicaHost {
 public:
  virtual ~ReplicaHost() = default;

  virtual LogStore& log_store() = 0;
  /// The batch that is collected now.
  virtual BatchNumber collecting_batch() const = 0;
  /// The last batch that is durable.
  virtual BatchNumber durable_batch() const = 0;

  virtual TimePoint now() const = 0;
  virtual std::uint64_t random() = 0;

  /// Sends once `after` is durable (at once if it is already).  May be lost.
  virtual void send(const ReplicaPlace& to, RaftMessage message, BatchNumber after) = 0;
  /// Runs `work` off the loop, then `done` on it, in a later turn.
  virtual void run_in_background(std::function<void()> work, std::function<void()> done) = 0;
  /// For whoever measures: so many entries joined the batch that is collected.
  virtual void on_entries_collected(std::size_t) {}
  /// A peer said what no honest one says; it was dropped.  For people.
  virtual void on_message_refused(PartitionId, const std::string& /*why*/) {}
  /// Whether this turn has room for one more piece of a large AppendEntries to be put to the library, and for one that
  /// has become durable to be finished, which is when it is applied.  If not, the replica is woken in the next turn.
  virtual bool may_take_in_piece(PartitionId) { return true; }
  virtual bool may_finish_piece(PartitionId) { return true; }
  /// The replica has work for this turn: call its settle().
  virtual void wake(PartitionId group) = 0;
};

/// A moment of the state, frozen; writes itself to where snapshots lie.
class SnapshotJob {
 public:
  virtual ~SnapshotJob() = default;
  /// Off the loop.  Returns the descriptor of the durable snapshot.
  virtual Result<std::string> write() = 0;
};

/// The partition that a replica belongs to: the replicated state, and those who wait for it.
class ReplicaOwner {
 public:
  virtual ~ReplicaOwner() = default;

  /// A committed command, in log order.  An error is a broken entry: the replica cannot go on.
  virtual Result<void> apply(LogIndex index, std::string_view command) = 0;
  /// Freezes the state as of the last applied entry, in constant time.  nullptr: not now.
  virtual std::unique_ptr<SnapshotJob> freeze(LogIndex index, Term term) = 0;
  /// Becomes the state that `descriptor` names.
  virtual Result<void> restore(std::string_view descriptor) = 0;
  /// A snapshot with this descriptor is recorded, durably; earlier ones are not needed any more.
  virtual void on_snapshot_recorded(std::string_view descriptor) = 0;
  virtual void on_snapshot_failed(const Error& error) = 0;

  virtual void on_leader(Term term) = 0;
  /// Everything proposed and not yet applied is now perhaps applied.
  virtual void on_step_down() = 0;
};

}  // namespace trellis

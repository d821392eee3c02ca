// Snapshot files: the whole state of one partition as bytes, checked from end to end when read.
//
//   file       = "TRLSNAP" | format version (u8 = 4) | block*
//   block      = kind (u8) | payload size (u32) | checksum (u64) | payload
//
//   kind         payload
//   1 head       partition (u32) | index (u64) | term (u64) | documents (u64) | document bytes (u64)
//                | book of the brokers' sessions | book of the clients'
//                | what worker/state/system_records.hpp packs (bytes)
//                | time (term u64 | ms u64): the newest that stood in an entry
//   2 sessions   session*: those that say floors, each kind in the order of their last writes
//   3 writes     write*: each kind in log order
//   4 documents  (version (u64) | key (bytes) | document (bytes) | expires (u8) | deadline (u64, if it does))*,
//                in the order of the keys
//   5 end        empty
//
//   book       = number of the first write (u64) | writes (u64) | sessions (u64)
//   session    = owner (u8) | name (bytes) | floor (u64) | a write was forgotten (u8) | the highest seq that was (u64)
//   write      = owner (u8) | code (u8) | answer kind (u8) | item (u16) | seq (u64) | fingerprint (u64) | version (u64)
//                | session (bytes) | content (bytes)
//   bytes      = size (u32) | as many bytes
//
// Blocks come in the order of their kinds; of kinds 2 to 4 there are as many as it takes, and the broker sessions
// and writes come before the clients'. A block's checksum is XXH3-64 of its payload, seeded by the block's kind, size
// and position in the file, so no block passes for another; the whole file's is in the descriptor. Numbers are
// little-endian. Replicas that froze the same state write the same bytes. Version 3, which has neither time nor
// deadlines, is read as well.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.hpp"
#include "protocol/types.hpp"
#include "worker/snapshot/snapshot_store.hpp"
#include "worker/state/state_machine.hpp"

namespace trellis {

/// All that raft carries of a snapshot: which file it is, and what that file must be.
struct SnapshotDescriptor {
  std::string name;  ///< In the SnapshotStore.
  PartitionId partition;
  LogIndex index;              ///< The last entry in it, and
  Term term;                   ///< that entry's term.
  std::uint64_t size = 0;      ///< Bytes.
  std::uint64_t checksum = 0;  ///< XXH3-64 of the whole file.

  bool operator==(const SnapshotDescriptor&) const = default;
};

/// A name that tells partition, index and term; `maker` keeps apart what several workers, or several incarnations,
/// wrote.
std::string snapshot_name(PartitionId partition, LogIndex index, Term term, std::uint64_t maker);
/// Whether it names a snapshot of that partition.
bool is_snapshot_of(std::string_view name, PartitionId partition);

/// Format version, then the fields.
std::string encode(const SnapshotDescriptor& descriptor);
/// Error: kInvalidArgument.
Result<SnapshotDescriptor> read_snapshot_descriptor(std::string_view bytes);

/// Writes a frozen state to the store and commits it.  Takes long: meant for a background thread.
Result<SnapshotDescriptor> write_snapshot(const FrozenState& state, PartitionId partition, LogIndex index, Term term,
                                          const std::string& name, SnapshotStore& store);

/// Reads a snapshot back and builds the state that it holds.  Everything is verified: a state is returned only where
/// every byte was what the descriptor and the file itself promise.  Memory beyond the state is bounded, whatever the
/// file holds.  Takes long: meant for a background thread.  Errors: kInvalidArgument (the message says what is wrong,
/// and at which byte), and those of the store.
Result<StateMachine> read_snapshot(const SnapshotDescriptor& descriptor, const SnapshotStore& store,
                                   SessionLimits limits = {});

}  // namespace trellis

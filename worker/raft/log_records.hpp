// What stands in the log store: keys and values, drawn once.
//
//   key                                  value
//   'V'                                  format version of the store (u64 = 2)
//   'H' group                            term u64 | vote u64
//   'L' group index                      term u64 | type u8 | payload
//   'S' group                            index u64 | term u64 | configuration index u64 | configuration | descriptor
//   'C' group                            commit index u64: a hint, never synced for its own sake
//   'R' group                            replica id u64 | term u64 | index u64 | deleted u64: LocalReplica below
//
//   configuration = count u32 | (replica id u64 | worker id u64 | role u8)*
//
// group (u32) and index (u64) in keys are big-endian, so that keys sort as numbers do; values are little-endian.  The
// keys of worker/membership.* stand beside these.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/cluster/replica_place.hpp"
#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace trellis::records {

std::string hard_state_key(PartitionId group);
std::string entry_key(PartitionId group, std::uint64_t index);
/// One past the last possible entry of the group.
std::string entries_end(PartitionId group);
std::string snapshot_key(PartitionId group);
std::string commit_key(PartitionId group);

/// The index in an entry's key, which must be one.
std::uint64_t index_of(std::string_view entry_key);

struct HardState {
  std::uint64_t term = 0;  ///< 0: that of a replica that was made, and has heard nothing yet.
  std::uint64_t vote = 0;
};
std::string pack(const HardState& state);
Result<HardState> read_hard_state(std::string_view value);

struct EntryHead {
  static constexpr std::size_t kSize = 9;
  std::uint64_t term = 0;
  std::uint8_t type = 0;
};
std::string pack(const EntryHead& head);
/// Reads the head; the payload is what follows kSize bytes.
Result<EntryHead> read_entry_head(std::string_view value);

struct ConfigurationMember {
  ReplicaPlace place;
  std::uint8_t role = 0;
};

struct SnapshotRecord {
  std::uint64_t index = 0;
  std::uint64_t term = 0;
  std::uint64_t configuration_index = 0;
  std::vector<ConfigurationMember> configuration;
  std::string descriptor;  ///< It names the file that holds the state; opaque here.
};
std::string pack(const SnapshotRecord& record);
Result<SnapshotRecord> read_snapshot_record(std::string_view value);

/// Which replica of a group this worker holds.  Without a record it holds the one that the cluster began with.
struct LocalReplica {
  ReplicaId held;           ///< 0: none.
  std::uint64_t term = 0;   ///< The term of the entry by which it was added; 0: it was there from the beginning.
  std::uint64_t index = 0;  ///< The index of the same.
  ReplicaId deleted;        ///< The highest that was deleted here; 0: none was.
};
std::string local_replica_key(PartitionId group);
std::string pack(const LocalReplica& local);
Result<LocalReplica> read_local_replica(std::string_view value);

std::string pack_number(std::uint64_t number);
Result<std::uint64_t> read_number(std::string_view value);

}  // namespace trellis::records

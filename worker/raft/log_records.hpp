// What replicas keep in the log store beside entries, term and vote: named records, drawn once.
//
//   name                                 value
//   'S' group                            index u64 | term u64 | configuration index u64 | configuration | descriptor
//   'C' group                            commit index u64: a hint, never synced for its own sake
//   'T' group                            term u64 | ms u64: the group's time, as of a minute ago at most
//   'R' group                            replica id u64 | term u64 | index u64 | deleted u64: LocalReplica below
//
//   configuration = count u32 | (replica id u64 | worker id u64 | role u8)*
//
// group (u32) is big-endian in names, so that names sort as numbers do; values are little-endian.  The names of
// worker/membership.* and worker/incarnations.* stand beside these.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/cluster/replica_place.hpp"
#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace trellis::records {

std::string snapshot_name(PartitionId group);
std::string commit_name(PartitionId group);
std::string time_name(PartitionId group);

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

/// Which replica of a group this worker holds.  Without a record it never held one.
struct LocalReplica {
  ReplicaId held;           ///< 0: none.
  std::uint64_t term = 0;   ///< The term of the entry by which it was added; 0: it was there from the beginning.
  std::uint64_t index = 0;  ///< The index of the same.
  ReplicaId deleted;        ///< The highest that was deleted here; 0: none was.
};
std::string local_replica_name(PartitionId group);
std::string pack(const LocalReplica& local);
Result<LocalReplica> read_local_replica(std::string_view value);

/// Two numbers, one after the other.
std::string pack_pair(std::uint64_t first, std::uint64_t second);
Result<std::pair<std::uint64_t, std::uint64_t>> read_pair(std::string_view value);

std::string pack_number(std::uint64_t number);
Result<std::uint64_t> read_number(std::string_view value);

}  // namespace trellis::records

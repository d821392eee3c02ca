// A replica is made anew of what is left of its group: it is the group, under another id and in another term.
//
// Its state is that of the old one's snapshot and of all entries behind it, committed or not: whoever acknowledged one
// of them may be lost.  It begins from a snapshot of that state at an index that is kRecoveryLeap higher, so that no
// version is given out twice.  In partition 0 the map that names it is the last thing that is applied.
#pragma once

#include <string>

#include "protocol/cluster/cluster_map.hpp"
#include "worker/log/log_store.hpp"
#include "worker/raft/host.hpp"
#include "worker/raft/log_records.hpp"
#include "worker/snapshot/snapshot_store.hpp"
#include "worker/state/state_machine.hpp"

namespace trellis {

struct RecoveredRecords {
  records::LocalReplica local;  ///< In the place of the old replica's.
  /// The snapshots that are needed until the records are durable: the new one, and the old one.
  std::vector<std::string> descriptors;
};

/// Whether this worker, which holds `local` of the group, is to make the replica.
bool is_to_be_recovered(const RecoveredReplica& replica, WorkerId self, const records::LocalReplica& local);

/// Writes the snapshot, and collects the records of the new replica and the removal of the old one.  Takes as long as
/// reading the state and writing it.  Errors: damaged records, a disk without room.
Result<RecoveredRecords> recover_replica(const RecoveredReplica& replica, const records::LocalReplica& local,
                                         const ClusterMap& map, const SessionLimits& sessions, LogStore& store,
                                         SnapshotStore& snapshots, const RandomSource& random);

}  // namespace trellis

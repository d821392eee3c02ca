// Which replica of a group this worker holds: when one is made here, and when its data may be deleted.
//
// A leader tells a worker what it knows of its group's members (MembersNotice).  The worker makes the replica that the
// leader names as added on it, and keeps where the entry stands by which it was added.  Notices may be late, and
// leaders that are none any more give them too, so two things are told apart with care:
//
//   "not yet" and "no more"   A leader that has yet to add the replica lacks it as well.  It counts as gone only for a
//                             leader of a later term than that entry's, whose barrier is committed, or for one of the
//                             same term whose log had reached the entry.
//   ordered and done          A removal that is not committed may be taken back, and a replica that the group's target
//                             names is added again.  So both have to lack it: the committed configuration, and the
//                             target that the group follows.
//
// An id at or below one that was deleted is never made again: an empty log in its place would grant every vote.
// Pure: it reads no clock and stores nothing itself.
#pragma once

#include <optional>
#include <vector>

#include "worker/raft/log_records.hpp"
#include "worker/raft/replica.hpp"

namespace trellis {

/// What a leader whose barrier is committed knows of its group's members.
struct MembersNotice {
  Term term;      ///< The leader's.
  LogIndex last;  ///< How far its log reached when it said so.
  ReplicaConfiguration configuration;
  std::vector<ReplicaPlace> target;  ///< By the map that the group follows.
};

/// The record of a replica to be made on `self`, where the notice names one that may be.
std::optional<records::LocalReplica> replica_to_make(const MembersNotice& notice, WorkerId self,
                                                     const records::LocalReplica& local);

/// The record that takes the held replica's place, where its data may be deleted.
std::optional<records::LocalReplica> replica_to_delete(const MembersNotice& notice, const records::LocalReplica& local);

}  // namespace trellis

// What a replica keeps of the library: included by the files that implement Replica, and by nobody else.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "worker/raft/library_values.hpp"
#include "worker/raft/raft_io.hpp"
#include "worker/raft/replica.hpp"

namespace trellis {

/// As a snapshot threshold: the library takes none by itself.
constexpr unsigned kNoSnapshot = ~0u >> 1;

struct Replica::Library {
  Library(Replica& owner, PartitionId group, ReplicaHost& host, ReplicaOwner& replica_owner)
      : replica(owner), io(group, host, replica_owner, raft) {}

  Replica& replica;
  struct raft raft {};
  struct raft_fsm fsm {};
  struct raft_barrier barrier {};
  RaftIo io;
  std::shared_ptr<SnapshotJob> job;               ///< The snapshot being taken.
  std::optional<Result<std::string>> descriptor;  ///< What it came to.

  static Library& self(struct raft_fsm* fsm) { return *static_cast<Library*>(fsm->data); }
  int apply(const struct raft_buffer* buffer);
  int freeze(struct raft_buffer** buffers, unsigned* count);
  int fill_descriptor(struct raft_buffer* buffers);
  int finalize(struct raft_buffer** buffers, unsigned* count);
  int restore(struct raft_buffer* buffer);
};

}  // namespace trellis

// Group: the replicas of one partition by themselves, with their disks and the network between them, and no broker, no
// client, and no state but a hash of all that was applied.
//
// A run costs a fraction of one of the whole cluster and holds many more elections, so it finds what is wrong in the
// consensus itself: the rules of docs/libraft.md, one by one.  Where its members change, a map says who they should be,
// version after version, its leaders go towards that (worker/raft/reconcile.hpp), and workers are lost for good.
//
// Checked at each step: one leader a term; the entry applied at an index, and all that was applied up to it, are the
// same on every replica, in every incarnation; the group follows no older map than before; nobody that is up is removed
// before who comes for it has the vote.  In the end all replicas are level and a leader serves; the group is what the
// map says, and no worker keeps a replica that it should not have.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/types.hpp"
#include "sim/mutations/mutations.hpp"
#include "sim/simulation.hpp"

namespace trellis::sim {

struct GroupSettings {
  std::uint64_t seed = 1;
  Duration length = std::chrono::seconds(20);
  bool changes_members = false;
  Mutations mutations;
  bool prints_trace = false;
};

RunOutcome run_group(const GroupSettings& settings);

}  // namespace trellis::sim

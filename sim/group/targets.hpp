// Targets: what the cluster's map says of the group, version by version: who is to have a replica, and how many there
// are.  It plays the part of partition 0's leader.
//
// Each new place gets a replica id of its own, which no place before it had.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "sim/random.hpp"
#include "worker/raft/reconcile.hpp"

namespace trellis::sim {

class Targets {
 public:
  /// Version 1: the founders.  @param reuses_ids  a worker that comes back gets the id that it had (a mutation)
  Targets(std::vector<ReplicaPlace> founders, bool reuses_ids);

  std::uint64_t newest() const { return versions_.size(); }
  const GroupTarget& at(std::uint64_t version) const { return versions_[version - 1]; }
  /// The next version: some members change, and now and then k.  @param may_lower  k may go down
  void change(Random& random, const std::vector<WorkerId>& available, bool may_lower);
  /// The next version without those that are not available any more.
  void repair(Random& random, const std::vector<WorkerId>& available);
  bool names(WorkerId worker) const;

 private:
  void complete(Random& random, GroupTarget target, const std::vector<WorkerId>& available);

  std::vector<GroupTarget> versions_;
  std::map<WorkerId, ReplicaId> last_id_;
  std::uint64_t next_id_;
  bool reuses_ids_;
};

}  // namespace trellis::sim

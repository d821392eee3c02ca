// What a change of the map would move, and whether that can be done: for `dry_run`, and before it is ordered.
//
// A target is made from the one before, so the difference of two maps' targets is what moves.  How many failures are
// tolerated on the way follows from the order in which a group goes (worker/raft/reconcile.hpp).
// Pure.
#pragma once

#include <string>

#include "protocol/cluster/cluster_map.hpp"
#include "protocol/reports.hpp"
#include "worker/map_keeper.hpp"

namespace trellis {

PlanReport plan_of(const ClusterMap& before, const ClusterMap& after, const MapKeeper& keeper, TimePoint now);

/// Why what moves by this change cannot come to an end as things are, with a remedy, for people; empty: it can.
std::string obstacle_of(const ClusterMap& before, const ClusterMap& after, const MapKeeper& keeper, TimePoint now);

}  // namespace trellis

// Targets: who is to carry which partition, made from who was to carry it before.
//
// The ring places a cluster that is made.  What changes afterwards (a member more, a member that leaves, another k) is
// to move little more than its share, so the targets are made from those before, not anew:
//
//   1  what a member carries that leaves is given to the least loaded of the others,
//   2  with another number of replicas each partition gets some more, or gives some up on the most loaded,
//   3  where replicas of a partition crowd in a zone while another has room, some move there (one that has just come),
//   4  whoever carries more than load_bound gives to the least loaded, and whoever carries less than half of the mean
//      (a member that has just come) takes from the most loaded, until it carries the mean.
//
// What a member carries that is down for good (kDown) is given to others as in 1, where some are up that have none yet;
// else it stays.  No step puts replicas of a partition into fewer zones: zones go before even loads.
//
// Where two are equal, the next clockwise on the ring is taken.  A replica that stays keeps its id; each new place gets
// the next one of the map's counter.  Preferred leaders stay where they can, and are spread in the same way.
//
// Deterministic, and pure.
#pragma once

#include <set>

#include "protocol/cluster/cluster_map.hpp"

namespace trellis {

/// Makes the targets of `map` agree with its members and its k.  Whoever leaves carries nothing in them.
/// Whoever is kDown gets nothing as long as there are others.
/// @param down  members that get nothing new as long as there are others: they are down
void retarget(ClusterMap& map, const std::set<WorkerId>& down = {});

/// Whether the replicas of each partition stand in as many zones as can be, and as evenly.
/// @param down  zones in which only these have room are passed over
bool is_spread(const ClusterMap& map, const std::set<WorkerId>& down = {});

}  // namespace trellis

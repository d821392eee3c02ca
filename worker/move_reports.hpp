// What MOVES tells: each replica that is on its way, from what the members have told the leader of partition 0.
//
// A move has a step:  waiting   the newcomer is not yet added to its group
//                     sending   it is, and lacks more than the last entries
//                     level     it gets the vote next
//                     removing  it has the vote, or none is needed, and the replica that goes is still a member
// Pure.
#pragma once

#include <vector>

#include "protocol/cluster/cluster_map.hpp"
#include "protocol/reports.hpp"
#include "worker/map_keeper.hpp"

namespace trellis {

/// In the order of the partitions.  As of the members' last word, so some second old.
std::vector<MoveReport> moves_of(const ClusterMap& map, const MapKeeper& keeper, TimePoint now);

}  // namespace trellis

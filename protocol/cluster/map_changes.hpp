// How a cluster map changes: each change makes the next version from the one before, or says why it cannot be.
//
//   join       a member more, kJoining; what the others carry moves over to it, group by group
//   settle     its replicas have their votes: kMember
//   remove     kLeaving: its replicas are made anew elsewhere
//   keep       the removal is taken back
//   drop       nothing of it is left: it is no member any more
//   replace    an empty worker takes the place of a member that is down, at its address
//   zone       a member says that it stands in another failure domain
//   repair     kDown: a member was silent for too long, its replicas are made anew elsewhere
//   return     it is heard again, and keeps what is left
//   spread     replicas crowd in a zone while another has room again: some move there
//   settings   k, how replicas travel, and when repair begins
//   level      all members know more than the cluster's level: from now on it may be used
//
// Members that are said to be down get nothing new as long as there are others.
//
// A change that is there already changes nothing: then the map comes back as it was, with its version.  Pure.
#pragma once

#include <map>
#include <set>
#include <string_view>

#include "protocol/cluster/cluster_map.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// Error: kFailedPrecondition (the address belongs to another member, or there are too many).
/// @param zone  as in Member::zone
Result<ClusterMap> with_member(const ClusterMap& map, WorkerId id, std::string_view address,
                               std::string_view zone = {});
/// Whoever was at the address is a member no more.  Error: kFailedPrecondition.
Result<ClusterMap> with_replacement(const ClusterMap& map, WorkerId id, std::string_view address,
                                    std::string_view zone = {});
/// @param allow_fewer  fewer than 2k-1 members may be left
/// Error: kNotFound, kFailedPrecondition.
Result<ClusterMap> with_removal(const ClusterMap& map, WorkerId id, bool allow_fewer,
                                const std::set<WorkerId>& down = {});
/// Error: kNotFound.
Result<ClusterMap> with_kept(const ClusterMap& map, WorkerId id);
Result<ClusterMap> with_settled(const ClusterMap& map, WorkerId id);
/// Error: kNotFound.
Result<ClusterMap> with_zone(const ClusterMap& map, WorkerId id, std::string_view zone,
                             const std::set<WorkerId>& down = {});
/// Its replicas go to members that are up, each where there is one that has none yet; the others stay where they are.
/// Error: kNotFound.
Result<ClusterMap> with_repair(const ClusterMap& map, WorkerId id, const std::set<WorkerId>& down);
/// @param kept  the partitions whose group has not yet done without it, with the workers that vote in each
/// Error: kNotFound.
Result<ClusterMap> with_return(const ClusterMap& map, WorkerId id,
                               const std::map<PartitionId, std::set<WorkerId>>& kept, const std::set<WorkerId>& down);
ClusterMap with_spread(const ClusterMap& map, const std::set<WorkerId>& down);
Result<ClusterMap> without_member(const ClusterMap& map, WorkerId id);
/// Error: kFailedPrecondition, where there are fewer members than k; kInvalidArgument, beyond a bound.
Result<ClusterMap> with_settings(const ClusterMap& map, const SettingsChange& change,
                                 const std::set<WorkerId>& down = {});
Result<ClusterMap> with_k(const ClusterMap& map, std::uint32_t k);

/// A level is never lowered: what was written by it would not be known any more.
ClusterMap with_level(const ClusterMap& map, std::uint32_t level);
/// After a restore: of an epoch that no copy of the map that the backup knew has reached.
ClusterMap with_epoch(const ClusterMap& map, std::uint64_t epoch);

/// Whether any partition has other replicas in the second map.
bool moves_replicas(const ClusterMap& before, const ClusterMap& after);

/// The member with that id (16 hex digits) or address; null: none.
const Member* find_member(const ClusterMap& map, std::string_view id_or_address);

}  // namespace trellis

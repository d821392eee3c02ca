// How a cluster map changes: each change makes the next version from the one before, or says why it cannot be.
//
//   join       a member more, kJoining; what the others carry moves over to it, group by group
//   settle     its replicas have their votes: kMember
//   remove     kLeaving: its replicas are made anew elsewhere
//   keep       the removal is taken back
//   drop       nothing of it is left: it is no member any more
//   replace    an empty worker takes the place of a member that is down, at its address
//   settings   k, and how replicas travel
//   level      all members know more than the cluster's level: from now on it may be used
//
// Members that are said to be down get nothing new as long as there are others.
//
// A change that is there already changes nothing: then the map comes back as it was, with its version.  Pure.
#pragma once

#include <set>
#include <string_view>

#include "protocol/cluster/cluster_map.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// Error: kFailedPrecondition (the address belongs to another member, or there are too many).
Result<ClusterMap> with_member(const ClusterMap& map, WorkerId id, std::string_view address);
/// Whoever was at the address is a member no more.  Error: kFailedPrecondition.
Result<ClusterMap> with_replacement(const ClusterMap& map, WorkerId id, std::string_view address);
/// @param allow_fewer  fewer than 2k-1 members may be left
/// Error: kNotFound, kFailedPrecondition.
Result<ClusterMap> with_removal(const ClusterMap& map, WorkerId id, bool allow_fewer,
                                const std::set<WorkerId>& down = {});
/// Error: kNotFound.
Result<ClusterMap> with_kept(const ClusterMap& map, WorkerId id);
Result<ClusterMap> with_settled(const ClusterMap& map, WorkerId id);
Result<ClusterMap> without_member(const ClusterMap& map, WorkerId id);
/// Error: kFailedPrecondition, where there are fewer members than k; kInvalidArgument, beyond a bound.
Result<ClusterMap> with_settings(const ClusterMap& map, const SettingsChange& change,
                                 const std::set<WorkerId>& down = {});
Result<ClusterMap> with_k(const ClusterMap& map, std::uint32_t k);

/// A level is never lowered: what was written by it would not be known any more.
ClusterMap with_level(const ClusterMap& map, std::uint32_t level);
/// After a restore: of an epoch that no copy of the map that the backup knew has reached.
ClusterMap with_epoch(const ClusterMap& map, std::uint64_t epoch);

/// The member with that id (16 hex digits) or address; null: none.
const Member* find_member(const ClusterMap& map, std::string_view id_or_address);

}  // namespace trellis

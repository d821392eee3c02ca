// Whether a newer cluster map can be one of the cluster that is known.
#pragma once

#include <optional>
#include <string>

#include "protocol/cluster/cluster_map.hpp"

namespace trellis {

/// What a map of the same cluster says otherwise than the one that is held, for people: k, the partitions, the replicas
/// of one, a member's address.  Nothing where it may take its place.  Groups do not change by a map's word: whoever
/// followed another one would look for its data where it never was.
std::optional<std::string> contradiction(const ClusterMap& held, const ClusterMap& offered);

}  // namespace trellis

// SystemRecords: what the cluster keeps in its groups' replicated state, beside the documents.
//
// Each group keeps which version of the cluster map it follows, and at which level; partition 0 also keeps the map
// itself.  Both change with entries of their own:
//
//   system entry = 16 (u8) | kind (u8) | fields
//
//   kind         fields
//   1 follow     epoch (u64) | version (u64) | level (u32)      from here on the group follows that map
//   2 map        epoch (u64) | version (u64) | packed map       the map takes the place of the one of that version
//                                                               (0, 0: of none)
//
// Both are conditional, so whoever proposes one twice, or too late, changes nothing: a group follows no older map than
// before, and a map replaces only the one that it was made from.  Numbers are little-endian.
// Threading: a value.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/cluster/cluster_map.hpp"
#include "protocol/result.hpp"

namespace trellis {

struct SystemRecords {
  MapVersion followed;                    ///< The version of the map that the group follows; zero before the first.
  std::uint32_t level = 0;                ///< The group's, as of then.
  std::shared_ptr<const ClusterMap> map;  ///< Partition 0's alone; null before the first.

  MapVersion map_version() const { return map == nullptr ? MapVersion{} : map->number(); }
};

std::string follow_entry(const MapVersion& version, std::uint32_t level);
/// @param replaced  the version that the map was made from
std::string map_entry(const MapVersion& replaced, const ClusterMap& map);

/// As it stands in snapshots: epoch (u64) | version (u64) | level (u32) of what is followed | the map (the rest; none).
std::string pack(const SystemRecords& records);
/// Error: kInvalidArgument.
Result<SystemRecords> read_system_records(std::string_view bytes);

/// Whether a log entry is a system entry; all others hold commands.
bool is_system_entry(std::string_view log_entry);
/// Applies a system entry.  Error: kInvalidArgument, for bytes that are none, or of a level that is not known here.
Result<void> apply_system_entry(std::string_view log_entry, SystemRecords& records);

}  // namespace trellis

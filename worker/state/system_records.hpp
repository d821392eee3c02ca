// SystemRecords: what the cluster keeps in its groups' replicated state, beside the documents.
//
// Each group keeps which version of the cluster map it follows, and at which level; partition 0 also keeps the map
// itself, and the users and roles.  All change with entries of their own:
//
//   system entry = 16 (u8) | kind (u8) | fields
//
//   kind         fields
//   1 follow     epoch (u64) | version (u64) | level (u32)      from here on the group follows that map
//   2 map        epoch (u64) | version (u64) | packed map       the map takes the place of the one of that version
//                                                               (0, 0: of none)
//   3 access     0 (u64) | version (u64) | packed records       the users and roles take the place of those of that
//                                                               version (0: of none)
//
// All are conditional, so whoever proposes one twice, or too late, changes nothing: a group follows no older map than
// before, and a map, or users and roles, replace only what they were made from.  Numbers are little-endian.
// Threading: a value.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/access/access_records.hpp"
#include "protocol/cluster/cluster_map.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// The versions of documents have 64 bits, of which a log index takes 52 at most.
inline constexpr std::uint64_t kRaisedIndexMax = std::uint64_t{1} << 50;

struct SystemRecords {
  MapVersion followed;                    ///< The version of the map that the group follows; zero before the first.
  std::uint32_t level = 0;                ///< The group's, as of then.
  std::shared_ptr<const ClusterMap> map;  ///< Partition 0's alone; null before the first.
  std::shared_ptr<const AccessRecords> access;  ///< The same.
  /// By so much the log indexes in versions lie above those of the log, since what a restore writes has to be newer
  /// than all that the backup knew; 0: there was none.
  std::uint64_t raised = 0;
  std::uint64_t restore = 0;  ///< The name of the last restore that raised it.

  std::uint64_t access_version() const { return access == nullptr ? 0 : access->version; }
  MapVersion map_version() const { return map == nullptr ? MapVersion{} : map->number(); }
};

std::string follow_entry(const MapVersion& version, std::uint32_t level);
/// @param replaced  the version that the map was made from
std::string map_entry(const MapVersion& replaced, const ClusterMap& map);
/// @param replaced  the version that the records were made from
std::string access_entry(std::uint64_t replaced, const AccessRecords& records);

/// As it stands in snapshots: epoch (u64) | version (u64) | level (u32) of what is followed | raised (u64) and restore
/// (u64), where the level's highest bit says so | the map (none, or nil where something follows) | users and roles
/// (none).
std::string pack(const SystemRecords& records);
/// Error: kInvalidArgument.
Result<SystemRecords> read_system_records(std::string_view bytes);

/// Whether a log entry is a system entry; all others hold commands.
bool is_system_entry(std::string_view log_entry);
/// Applies a system entry.  Error: kInvalidArgument, for bytes that are none, or of a level that is not known here.
Result<void> apply_system_entry(std::string_view log_entry, SystemRecords& records);

}  // namespace trellis

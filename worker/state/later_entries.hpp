// What levels above the first add to the system entries: kinds that an earlier version cannot read.
//
// A kind of a level is written into a group's log only where the group has that level (SystemRecords::level): then all
// members know it.  This software's level is the first, so there is none; tests/level_ahead has one, for the programs
// with which a rolling upgrade is tried.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "worker/state/system_records.hpp"

namespace trellis {

/// The entry that takes the place of a follow entry in a group that has `records`.  Nothing: that one.
std::optional<std::string> later_follow_entry(const MapVersion& version, std::uint32_t level,
                                              const SystemRecords& records);
/// Applies a system entry of a kind that the first level has not.
/// @param log_entry  all of it
/// Error: kInvalidArgument, where it is not known here, or stands where it may not.
Result<void> apply_later_entry(std::string_view log_entry, SystemRecords& records);

}  // namespace trellis

// Names of the log's records in which a worker keeps who it is, and the cluster's map; beside those of
// worker/raft/log_records.hpp.
#pragma once

#include <string_view>

namespace trellis::records {

inline constexpr std::string_view kVersionName = "V";
inline constexpr std::string_view kIdentityName = "W";
inline constexpr std::string_view kMapName = "M";
inline constexpr std::string_view kLeftBehindName = "L";  ///< There where a recovery left this worker behind.

}  // namespace trellis::records

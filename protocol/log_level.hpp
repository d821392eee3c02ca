// How much an event matters, and what it is about.  The cores tell events; program/log.hpp writes them.
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/types.hpp"

namespace trellis {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

/// What an event is about, where it is about one in particular.
struct LogSubject {
  std::optional<WorkerId> worker;  ///< In place of the process's own.
  std::optional<PartitionId> partition;
};

}  // namespace trellis

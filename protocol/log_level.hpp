// How much an event matters.  The cores tell events; program/log.hpp writes them.
#pragma once

#include <cstdint>

namespace trellis {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

}  // namespace trellis

// What the library calls the types of log entries.
#pragma once

#include <cstdint>

namespace trellis {

/// An entry that the state machine applies.
bool is_command_type(std::uint8_t type);
/// One that the library has for itself: a barrier, or a configuration.
bool is_library_type(std::uint8_t type);

}  // namespace trellis

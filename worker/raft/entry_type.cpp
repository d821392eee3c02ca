#include "worker/raft/entry_type.hpp"

#include "worker/raft/library.hpp"

namespace trellis {

bool is_command_type(std::uint8_t type) { return type == RAFT_COMMAND; }
bool is_library_type(std::uint8_t type) { return type == RAFT_BARRIER || type == RAFT_CHANGE; }

}  // namespace trellis

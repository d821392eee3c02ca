// One number for all that a replica holds: documents with their versions, and what it remembers of writes.
#pragma once

#include <cstdint>

#include "worker/state/state_machine.hpp"

namespace trellis::sim {

/// Two replicas that have applied the same entries have the same digest, whatever snapshots they came by.
std::uint64_t digest_of(const StateMachine& state);

}  // namespace trellis::sim

// What a process hands its core: the monotonic clock, and randomness from the kernel.
#pragma once

#include "protocol/types.hpp"

namespace trellis {

/// It counts the time in which the machine was suspended, too.
TimePoint monotonic_now();
/// 64 bits a call, fit for ids that must never meet again.
std::uint64_t random_bits();

}  // namespace trellis

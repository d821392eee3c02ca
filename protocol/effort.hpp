// Effort: what a piece of work takes of the loop's time, estimated by what is looked at and copied.
//
// The core has no clock, and a turn of its loop must be short all the same: heartbeats leave in between, and clients
// take turns.  So work is counted while it is done.  The figures are those of an ordinary processor of 2020, rounded
// up; where they are wrong by a factor turns are longer by it, and nothing else is.  Being no measurement, they are the
// same in every run of the simulator.
#pragma once

#include <cstddef>
#include <cstdint>

namespace trellis {

/// Nanoseconds.
using Effort = std::uint64_t;

constexpr Effort kEffortMillisecond = 1'000'000;
/// Any item of a request takes this: its document is found, its reply packed.
constexpr Effort kItemEffort = 500;
/// A record on a page takes this.
constexpr Effort kRecordEffort = 100;

/// A document that goes with others takes this.
constexpr Effort kRemovalEffort = 2'000;

/// To copy bytes.
constexpr Effort copy_effort(std::size_t bytes) { return bytes / 4; }
/// To walk over packed values.
constexpr Effort walk_effort(std::size_t bytes) { return 2 * bytes; }
/// To index a document, or to check one that has come in.
constexpr Effort read_effort(std::size_t bytes) { return 8 * bytes; }

}  // namespace trellis

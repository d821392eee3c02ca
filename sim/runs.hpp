// Many runs: each seed in a child process of its own, so that a crash or a hang of one is a finding and not the end.
#pragma once

#include <cstdint>
#include <string>

#include "sim/simulation.hpp"

namespace trellis::sim {

/// What a run came to, in lines for people.
std::string to_text(std::uint64_t seed, const RunOutcome& outcome);

/// Runs `count` seeds from settings.seed on, `jobs` at a time (0: one a core).  Progress goes to stderr, each failing
/// seed with its trace to stdout.  Returns whether all was well.
bool run_many(const RunSettings& settings, std::uint64_t count, std::size_t jobs);

}  // namespace trellis::sim

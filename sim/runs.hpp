// Many runs: each seed in a child process of its own, so that a crash or a hang of one is a finding and not the end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/simulation.hpp"

namespace trellis::sim {

/// What a run came to, in lines for people.
std::string to_text(std::uint64_t seed, const RunOutcome& outcome);

struct RunsSettings {
  RunSettings run;  ///< Its seed is the first of them.
  std::uint64_t count = 1;
  std::size_t jobs = 0;  ///< At a time; 0: one a core.
  bool is_quiet = false;
  bool ends_at_first_failure = false;
};

/// Runs many seeds.  Progress goes to stderr, each failing seed with its trace to stdout.  Returns those that failed.
std::vector<std::uint64_t> run_many(const RunsSettings& settings);

}  // namespace trellis::sim

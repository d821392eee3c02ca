// Storing the keys of a bench before it measures.
#pragma once

#include <string>
#include <vector>

#include "cli/bench/bench.hpp"

namespace trellis {

/// Stores keys 0 ... n-1, in BATCHes, with the client library, which sends again what got lost.
/// Errors: what the cluster said, where it has taken none for a minute or never will; kUnavailable: stopped.
Result<void> load_bench_keys(const std::vector<std::string>& endpoints, const BenchOptions& options,
                             const StopSignal& stop);

}  // namespace trellis

// Checks versions by themselves, over all keys of a partition, and the reads that promise less.
//
// Every write that is applied gives the document a version larger than all earlier ones of its partition.  So a write
// called after a version was answered has a larger one, and no version belongs to two writes or two keys.
// A stale or marked read may be old, but shows a document that was written to the key, with the version it got.
#pragma once

#include "sim/checker/violation.hpp"

namespace trellis::sim {

std::vector<Violation> check_versions(const History& history);
std::vector<Violation> check_weak_reads(const History& history);

}  // namespace trellis::sim

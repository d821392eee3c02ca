// Listings: what a partition has to say to KEYS, SCAN and COUNT.
//
// With a pattern many keys may be looked at before one is found, so a share ends after kLookedAtMax keys or the work of
// kListingEffortMax, with what it found and the key behind which to go on.
// Pure.  A page is a copy; the key to go on from lies in the trie, until its next write.
#pragma once

#include "protocol/effort.hpp"
#include "worker/state/command_result.hpp"
#include "worker/state/read.hpp"
#include "worker/trie/trie.hpp"

namespace trellis {

constexpr std::size_t kLookedAtMax = 10'000;
constexpr Effort kListingEffortMax = 2 * kEffortMillisecond;

/// A page of keys (kKeys), or of [key, document] (kScan).
CommandResult list_records(const TrieView& documents, const Read& read);
/// How many there are; with a pattern of those that were looked at.
CommandResult count_records(const TrieView& documents, const Read& read);

}  // namespace trellis

// A page of a frozen state, as FENCE_READ answers it: [[key, document, version, ttl_ms], ...].
#pragma once

#include "worker/state/command_result.hpp"
#include "worker/state/read.hpp"
#include "worker/trie/trie.hpp"

namespace trellis {

/// The records behind the read's `after`, in byte order of their keys: kPageKeysMax of them at most, and as many as its
/// page_size_max has room for, one at least.  The result says whether there are more.
/// @param time_ms  the group's time when the documents were frozen
CommandResult fence_page(const TrieView& documents, std::uint64_t time_ms, const Read& read);

}  // namespace trellis

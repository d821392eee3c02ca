// What a peer may say and the library must not hear, and what stands in the line where the library has given up.
//
// The library takes a message at its word: a term of 2^62 would be stored and end every election to come, and an
// AppendEntries that contradicts what is committed makes it give up for good, at each start again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "worker/raft/library.hpp"
#include "worker/raft/message.hpp"

namespace trellis {

/// A term more than this beyond a replica's own is not believed: with two elections a second, it would have been away
/// for 68 years.
constexpr std::uint64_t kTermJumpMax = 1ull << 32;

/// Why a replica that stands so must not take the message in, for people; nothing where it may.
std::optional<std::string> objection_to(const RaftMessage& message, const struct raft& raft);

/// A message's kind, sender and numbers, for people.
std::string describe(const RaftMessage& message);
/// Term, commit index and last entry, for people.
std::string describe(const struct raft& raft);

}  // namespace trellis

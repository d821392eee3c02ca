// RaftMessage: what the replicas of one partition say to each other, on the wire and waiting.
//
// All six kinds share one fixed head of 68 bytes; entries and snapshots travel in the body:
//
//   head     = kind u8 | group u32 | from u64 | to u64 | term u64 | index u64 | log term u64 | other u64 | stored u64 |
//              entries u32 | three flags u8
//   entries  = (term u64 | type u8 | size u32 | payload)*
//   snapshot = a packed records::SnapshotRecord
//
// Bytes from a peer are checked here, before the library sees them: it has no assertions in Debian's build.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/cluster/replica_place.hpp"
#include "protocol/frame.hpp"
#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace trellis {

/// The library's own numbers.
enum class RaftMessageKind : std::uint8_t {
  kAppendEntries = 1,
  kAppendEntriesResult = 2,
  kRequestVote = 3,
  kRequestVoteResult = 4,
  kInstallSnapshot = 5,
  kTimeoutNow = 6,
};

/// No group comes to a higher term in a million years of elections.
constexpr std::uint64_t kTermMax = 1ull << 48;

struct RaftMessage {
  RaftMessageKind kind = RaftMessageKind::kAppendEntries;
  PartitionId group;
  ReplicaPlace from;  ///< Its worker is not in the head: the bundle says who sent it.
  ReplicaId to;       ///< Another replica on the same worker, a later one, drops it.
  std::uint64_t term = 0;
  std::uint64_t index = 0;     ///< AppendEntries: previous.  Result: last log index.  Vote, TimeoutNow, snapshot: last.
  std::uint64_t log_term = 0;  ///< The term at `index`; a result has none.
  std::uint64_t other = 0;     ///< AppendEntries: leader's commit index.  Result: rejected index.  Vote: candidate.
  std::uint64_t stored = 0;    ///< AppendEntries: the last entry that its sender holds durably.
  std::uint32_t entries = 0;
  bool granted = false;         ///< Vote result.
  bool disrupt_leader = false;  ///< Vote.
  std::uint8_t pre_vote = 0;    ///< Vote: a flag.  Vote result: the library's tribool.
  // Not on the wire:
  bool is_piece = false;     ///< An AppendEntries is put to the library in pieces, and this is one of them.
  bool is_followed = false;  ///< The next piece lies behind it.
  Frame body;

  /// Vote result: nothing was promised, or that is not known.
  bool is_of_pre_vote() const { return pre_vote != kTriboolFalse; }
  static constexpr std::uint8_t kTriboolFalse = 2;
};

std::string pack_head(const RaftMessage& message);
/// Checks head and body.  Error: kInvalidArgument.
Result<RaftMessage> read_raft_message(WorkerId from, std::string_view head, Frame body);

/// Appends one entry to the body of an AppendEntries.
void pack_entry(std::string& body, std::uint64_t term, std::uint8_t type, std::string_view payload);

/// Takes entries of up to `bytes`, but one at least, off the front of an AppendEntries that has more of them than one.
/// Returns them as a message of their own; what is left says the same of the log behind them.
RaftMessage take_piece(RaftMessage& message, std::size_t bytes);

struct RaftEntryView {
  std::uint64_t term = 0;
  std::uint8_t type = 0;
  std::string_view payload;
};
/// Takes the next entry off the front of a checked body.
RaftEntryView take_entry(std::string_view& body);

}  // namespace trellis

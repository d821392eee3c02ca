#include "worker/raft/objections.hpp"

#include "worker/raft/library_values.hpp"
#include "worker/raft/raft_io.hpp"

namespace trellis {
namespace {

const char* name_of(RaftMessageKind kind) {
  switch (kind) {
    case RaftMessageKind::kAppendEntries: return "AppendEntries";
    case RaftMessageKind::kAppendEntriesResult: return "AppendEntries result";
    case RaftMessageKind::kRequestVote: return "RequestVote";
    case RaftMessageKind::kRequestVoteResult: return "RequestVote result";
    case RaftMessageKind::kInstallSnapshot: return "InstallSnapshot";
    case RaftMessageKind::kTimeoutNow: return "TimeoutNow";
  }
  return "message";
}

/// What is committed here in one term and comes in another one.
std::optional<std::string> contradiction_at(raft_index index, raft_term theirs, const struct raft& raft) {
  const raft_term ours = index > raft.commit_index ? 0 : term_at(raft, index);
  if (ours == 0 || ours == theirs) return std::nullopt;
  return "entry " + std::to_string(index) + " is committed here in term " + std::to_string(ours) +
         ", and it holds one of term " + std::to_string(theirs) +
         ": one of the two has lost what it acknowledged; was an older copy of a data folder put back?";
}

std::optional<std::string> contradiction(const RaftMessage& message, const struct raft& raft) {
  // One of an earlier term is refused by the library itself.
  if (message.term < raft.current_term || message.index > raft.commit_index) return std::nullopt;
  if (auto found = contradiction_at(message.index, message.log_term, raft)) return found;
  std::string_view body = message.body.bytes();
  for (std::uint32_t i = 0; i < message.entries && message.index + i < raft.commit_index; ++i) {
    if (auto found = contradiction_at(message.index + 1 + i, take_entry(body).term, raft)) return found;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> objection_to(const RaftMessage& message, const struct raft& raft) {
  if (message.term > raft.current_term && message.term - raft.current_term > kTermJumpMax) {
    return "its term is more than " + std::to_string(kTermJumpMax) + " beyond this replica's " +
           std::to_string(raft.current_term);
  }
  if (message.kind == RaftMessageKind::kAppendEntries) return contradiction(message, raft);
  return std::nullopt;
}

std::string describe(const RaftMessage& message) {
  return std::string(name_of(message.kind)) + " of worker " + to_string(message.from.worker) + " in term " +
         std::to_string(message.term) + ", entry " + std::to_string(message.index) + " of term " +
         std::to_string(message.log_term);
}

std::string describe(const struct raft& raft) {
  return "term " + std::to_string(raft.current_term) + ", committed up to entry " + std::to_string(raft.commit_index) +
         ", last entry " + std::to_string(raft.log.offset + entries_held(raft.log)) + " of term " +
         std::to_string(term_at(raft, raft.log.offset + entries_held(raft.log)));
}

}  // namespace trellis

// What peers say to a replica: which of it waits at the gate (R2), which the library must not hear, and how the rest is
// put to it (R3, R4, R11).
#include <algorithm>
#include <cstring>

#include "protocol/check.hpp"
#include "worker/raft/objections.hpp"
#include "worker/raft/replica_library.hpp"

namespace trellis {

/// R2, and its two safe exceptions.
bool Replica::passes_gate(const RaftMessage& message) const {
  const RaftIo& io = library_->io;
  const struct raft& raft = library_->raft;
  if (!io.is_gated() || settings_.omitted.gate) return true;
  if (io.is_putting() || message.term != raft.current_term) return false;
  if (message.kind == RaftMessageKind::kAppendEntries) return raft.state == RAFT_FOLLOWER;
  if (message.kind == RaftMessageKind::kAppendEntriesResult) {
    return raft.state == RAFT_LEADER && lead_term_ != 0 && raft.last_stored >= barrier_index_;
  }
  return false;
}

/// What only a broken peer says, and what the library, built without its assertions, would take to heart.
bool Replica::is_impossible(const RaftMessage& message) const {
  const struct raft& raft = library_->raft;
  const bool from_leader =
      message.kind == RaftMessageKind::kAppendEntries || message.kind == RaftMessageKind::kInstallSnapshot;
  // A second leader in our term: the library would write its name over our progress.
  return from_leader && raft.state == RAFT_LEADER && message.term == raft.current_term;
}

bool Replica::refuses(const RaftMessage& message) {
  const auto objection = objection_to(message, library_->raft);
  if (!objection) return false;
  host_.on_message_refused(group_, describe(message) + ": " + *objection + "; here: " + describe(library_->raft));
  return true;
}

void Replica::deliver(const RaftMessage& message) {
  // What was meant for an earlier replica on this worker promises nothing here.  Whether its sender has a vote is not
  // asked: this log may be late, and its sender's leader know better.
  if (message.to != settings_.self.id || is_impossible(message) || refuses(message)) return;
  delivering_ = &message;
  tell_library(message);
  delivering_ = nullptr;
}

void Replica::tell_library(const RaftMessage& message) {
  if (message.kind == RaftMessageKind::kAppendEntries && begin_reopening(message)) return;
  if (message.kind == RaftMessageKind::kRequestVote) {
    forget_unheard_leader();
    catch_up_with_term(message);
  }
  const std::string address = address_of(message.from);
  struct raft_message in {};
  in.type = static_cast<unsigned short>(message.kind);
  in.server_id = message.from.id.value;
  in.server_address = address.c_str();
  switch (message.kind) {
    case RaftMessageKind::kAppendEntries: return deliver_append(message);
    case RaftMessageKind::kInstallSnapshot: return deliver_install(message);
    case RaftMessageKind::kAppendEntriesResult:
      in.append_entries_result.term = message.term;
      in.append_entries_result.rejected = message.other;
      in.append_entries_result.last_log_index = message.index;
      break;
    case RaftMessageKind::kRequestVote:
      in.request_vote.term = message.term;
      in.request_vote.candidate_id = message.other;
      in.request_vote.last_log_index = message.index;
      in.request_vote.last_log_term = message.log_term;
      in.request_vote.disrupt_leader = message.disrupt_leader;
      in.request_vote.pre_vote = message.pre_vote != 0;
      return ask_for_vote(in);
    case RaftMessageKind::kRequestVoteResult:
      in.request_vote_result.term = message.term;
      in.request_vote_result.vote_granted = message.granted;
      in.request_vote_result.pre_vote = static_cast<raft_tribool>(message.pre_vote);
      break;
    case RaftMessageKind::kTimeoutNow:
      in.timeout_now.term = message.term;
      in.timeout_now.last_log_index = message.index;
      in.timeout_now.last_log_term = message.log_term;
      break;
  }
  library_->io.receive(&in);
  after_call();
}

/// R14: who is asked for its vote gives it whatever its own log says of its role (Raft dissertation, 4.1): a standby by
/// its own log may be the voter that decides.  So it has the role for this one call.
void Replica::ask_for_vote(struct raft_message& in) {
  struct raft& raft = library_->raft;
  struct raft_server* own = nullptr;
  for (unsigned i = 0; i < raft.configuration.n; ++i) {
    if (raft.configuration.servers[i].id == raft.id) own = &raft.configuration.servers[i];
  }
  // One that is not in its own log's configuration at all holds too little of it to be asked by an honest candidate.
  if (own == nullptr || settings_.omitted.standby_votes) own = nullptr;
  const int role = own == nullptr ? RAFT_VOTER : std::exchange(own->role, RAFT_VOTER);
  library_->io.receive(&in);
  if (own != nullptr) own->role = role;
  after_call();
}

/// R14: the library forgets a leader when it stands for election, which a standby never does: it would refuse its vote
/// for the sake of a leader that is long gone.
void Replica::forget_unheard_leader() {
  struct raft& raft = library_->raft;
  if (raft.state != RAFT_FOLLOWER || settings_.omitted.standby_votes) return;
  const auto own = member(settings_.self.id);
  if (own && own->role == ReplicaRole::kVoter) return;
  if (raft.io->time(raft.io) - raft.election_timer_start < raft.election_timeout) return;
  raft_free(raft.follower_state.current_leader.address);
  raft.follower_state.current_leader = {};
}

/// The library learns no term from a pre-vote, neither from the question nor from the answer.  So of two voters without
/// a third, one with the longer log and one with the higher term would refuse each other for ever: who asks for a
/// pre-vote knows the term before the one that it asks for, and that becomes ours, as if it had asked in earnest.
void Replica::catch_up_with_term(const RaftMessage& message) {
  const struct raft& raft = library_->raft;
  if (settings_.omitted.pre_votes) return;
  if (message.pre_vote == 0 || message.term <= raft.current_term + 1 || raft.state == RAFT_LEADER || leader()) return;
  const std::string address = address_of(message.from);
  struct raft_message in {};
  in.type = RAFT_IO_REQUEST_VOTE;
  in.server_id = message.from.id.value;
  in.server_address = address.c_str();
  in.request_vote.term = message.term - 1;
  in.request_vote.candidate_id = message.from.id.value;  // With an empty log: it gets no vote.
  library_->io.receive(&in);
  after_call();
}

void Replica::deliver_append(const RaftMessage& message) {
  struct raft& raft = library_->raft;
  const std::string address = address_of(message.from);
  struct raft_message in {};
  in.type = RAFT_IO_APPEND_ENTRIES;
  in.server_id = message.from.id.value;
  in.server_address = address.c_str();
  struct raft_append_entries& append = in.append_entries;
  append.term = message.term;
  append.prev_log_index = message.index;
  append.prev_log_term = message.log_term;
  append.leader_commit = message.other;
  std::string_view body = message.body.bytes();
  std::uint32_t count = message.entries;
  // R4: what lies below our snapshot is there already; the library would append it again.
  if (raft.log.snapshot.last_index > append.prev_log_index && message.term >= raft.current_term &&
      !settings_.omitted.trim) {
    const std::uint64_t below = raft.log.snapshot.last_index - append.prev_log_index;
    for (std::uint64_t i = 0; i < below && count > 0; ++i, --count) take_entry(body);
    append.prev_log_index = raft.log.snapshot.last_index;
    append.prev_log_term = raft.log.snapshot.last_term;
  }
  append.n_entries = count;
  // The library would commit, and apply, its own entries up to the leader's commit index; this message confirms for its
  // own alone.
  append.leader_commit = std::min<std::uint64_t>(append.leader_commit, append.prev_log_index + count);
  if (count > 0) {
    // One array for the entries and one batch for all payloads, both freed by the library.
    append.entries = static_cast<struct raft_entry*>(raft_calloc(count, sizeof(struct raft_entry)));
    char* batch = static_cast<char*>(raft_malloc(body.size()));
    CHECK(append.entries != nullptr && batch != nullptr);
    char* at = batch;
    for (std::uint32_t i = 0; i < count; ++i) {
      const RaftEntryView view = take_entry(body);
      struct raft_entry& entry = append.entries[i];
      entry.term = view.term;
      entry.type = view.type;
      entry.batch = batch;
      entry.buf.base = at;
      entry.buf.len = view.payload.size();
      std::memcpy(at, view.payload.data(), view.payload.size());
      at += view.payload.size();
    }
  }
  const std::uint64_t checked = settings_.omitted.clamp ? ~0ull : append.prev_log_index + count;
  library_->io.begin_answer({checked, message.is_piece, message.is_followed});
  library_->io.receive(&in);
  library_->io.end_answer();
  after_call();
}

void Replica::deliver_install(const RaftMessage& message) {
  const auto record = records::read_snapshot_record(message.body.bytes());
  CHECK(record);  // Checked when it was read from the wire.
  const std::string address = address_of(message.from);
  struct raft_message in {};
  in.type = RAFT_IO_INSTALL_SNAPSHOT;
  in.server_id = message.from.id.value;
  in.server_address = address.c_str();
  struct raft_install_snapshot& install = in.install_snapshot;
  install.term = message.term;
  install.last_index = record->index;
  install.last_term = record->term;
  install.conf_index = record->configuration_index;
  raft_configuration_init(&install.conf);
  for (const auto& member : record->configuration) {
    // A double or an impossible role is refused by the library: the message is dropped then.
    const ReplicaPlace& place = member.place;
    if (raft_configuration_add(&install.conf, place.id.value, address_of(place).c_str(), member.role) != 0) {
      raft_configuration_close(&install.conf);
      return;
    }
  }
  install.data.len = record->descriptor.size();
  install.data.base = raft_malloc(std::max<std::size_t>(record->descriptor.size(), 1));
  CHECK(install.data.base != nullptr);
  std::memcpy(install.data.base, record->descriptor.data(), record->descriptor.size());
  library_->io.receive(&in);
  after_call();
}

}  // namespace trellis

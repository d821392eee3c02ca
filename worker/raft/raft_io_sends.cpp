// What a replica says to the others, as the library has it said (R3), and what it does not (R7).
#include <algorithm>
#include <utility>

#include "worker/raft/library_values.hpp"
#include "worker/raft/raft_io.hpp"
#include "worker/raft/stored_configuration.hpp"

namespace trellis {

int RaftIo::send(struct raft_io_send* request, const struct raft_message* message, raft_io_send_cb done) {
  RaftMessage out;
  out.kind = static_cast<RaftMessageKind>(message->type);
  out.group = group_;
  out.from.id = {raft_.id};
  out.to = {message->server_id};
  switch (message->type) {
    case RAFT_IO_APPEND_ENTRIES: fill_append(out, *message); break;
    case RAFT_IO_APPEND_ENTRIES_RESULT: {
      const struct raft_append_entries_result& result = message->append_entries_result;
      out.term = result.term;
      out.other = result.rejected;
      out.index = result.last_log_index;
      // R3: a tail that the answered message did not check must not be acknowledged.
      if (answer_ && result.rejected == 0) out.index = std::min<std::uint64_t>(out.index, answer_->limit);
      break;
    }
    case RAFT_IO_REQUEST_VOTE: {
      const struct raft_request_vote& vote = message->request_vote;
      out.term = vote.term;
      out.other = vote.candidate_id;
      out.index = vote.last_log_index;
      out.log_term = vote.last_log_term;
      out.disrupt_leader = vote.disrupt_leader;
      out.pre_vote = vote.pre_vote ? 1 : 0;
      break;
    }
    case RAFT_IO_REQUEST_VOTE_RESULT: {
      const struct raft_request_vote_result& result = message->request_vote_result;
      out.term = result.term;
      out.granted = result.vote_granted;
      out.pre_vote = static_cast<std::uint8_t>(result.pre_vote);
      break;
    }
    case RAFT_IO_INSTALL_SNAPSHOT: {
      const struct raft_install_snapshot& install = message->install_snapshot;
      struct raft_snapshot snapshot {};
      snapshot.index = install.last_index;
      snapshot.term = install.last_term;
      snapshot.configuration_index = install.conf_index;
      snapshot.configuration = install.conf;
      struct raft_buffer data = install.data;
      snapshot.bufs = &data;
      snapshot.n_bufs = 1;
      out.term = install.term;
      out.index = install.last_index;
      out.log_term = install.last_term;
      out.other = install.conf_index;
      out.body = Frame(records::pack(to_record(snapshot)));
      break;
    }
    case RAFT_IO_TIMEOUT_NOW: {
      const struct raft_timeout_now& timeout = message->timeout_now;
      out.term = timeout.term;
      out.index = timeout.last_log_index;
      out.log_term = timeout.last_log_term;
      break;
    }
    default: return RAFT_INVALID;
  }
  if (!is_said_later(*message)) {
    host_.send(place_of(message->server_id, message->server_address), std::move(out), hard_state_batch_);
  }
  // A dead peer is no error: an error would make the library probe it with the whole tail at each heartbeat.
  if (done != nullptr) {
    request->cb = done;
    sent_.push_back({request, done});
  }
  return 0;
}

/// A piece of an AppendEntries that is refused is answered at once: what follows it will be refused as well.
bool RaftIo::is_said_later(const struct raft_message& message) const {
  return message.type == RAFT_IO_APPEND_ENTRIES_RESULT && answer_ && answer_->is_followed &&
         message.append_entries_result.rejected == 0;
}

void RaftIo::fill_append(RaftMessage& out, const struct raft_message& message) {
  const struct raft_append_entries& append = message.append_entries;
  out.term = append.term;
  out.index = append.prev_log_index;
  out.log_term = append.prev_log_term;
  out.other = append.leader_commit;
  out.stored = raft_.last_stored;
  std::string body;
  const bool waits = append.n_entries > 0 && has_enough_under_way(message.server_id);
  const unsigned most = waits ? 0 : std::min(append.n_entries, kAppendEntriesMax);
  for (; out.entries < most; ++out.entries) {
    const struct raft_entry& entry = append.entries[out.entries];
    if (out.entries > 0 && body.size() + entry.buf.len > append_size_max) break;
    pack_entry(body, entry.term, static_cast<std::uint8_t>(entry.type), view(entry.buf));
  }
  if (!body.empty()) out.body = Frame(std::move(body));
  // A receiver takes its own entries up to the commit index for ours; only up to the last one sent has it compared
  // them.
  out.other = std::min<std::uint64_t>(out.other, out.index + out.entries);
  if (out.entries == append.n_entries) return;
  const raft_index end = append.prev_log_index + out.entries;
  caps_.push_back({message.server_id, end + 1});
  if (out.entries > 0) note_capped(message.server_id, end);
}

/// R7: of a log that a follower lacks two messages are under way at a time.  It acknowledges them piece by piece, and
/// the library would have each of these answered with the next message.
bool RaftIo::has_enough_under_way(raft_id peer) {
  const auto at = std::find_if(behind_.begin(), behind_.end(), [&](const Behind& each) { return each.peer == peer; });
  if (at == behind_.end()) return false;
  const struct raft_progress* const progress = progress_of(peer);
  const bool is_filled = progress != nullptr && progress->state == kProgressPipeline && at->term == raft_.current_term;
  if (is_filled && progress->match_index < at->earlier) return true;
  // Something was lost, where the library probes: it is sent again.  And what was sent in an earlier term may be no
  // part of this log any more.
  if (!is_filled || progress->match_index >= at->later) behind_.erase(at);
  return false;
}

void RaftIo::note_capped(raft_id peer, raft_index end) {
  for (Behind& each : behind_) {
    if (each.peer != peer || each.term != raft_.current_term) continue;
    each.earlier = std::exchange(each.later, end);
    return;
  }
  behind_.push_back({peer, raft_.current_term, 0, end});
}

struct raft_progress* RaftIo::progress_of(raft_id peer) {
  if (raft_.state != RAFT_LEADER) return nullptr;
  for (unsigned i = 0; i < raft_.configuration.n; ++i) {
    if (raft_.configuration.servers[i].id == peer) return &raft_.leader_state.progress[i];
  }
  return nullptr;
}

void RaftIo::finish_sends() {
  for (std::size_t i = 0; i < sent_.size(); ++i) {
    const Sent sent = sent_[i];  // The callback may send again.
    sent.done(sent.request, 0);
  }
  sent_.clear();
}

void RaftIo::apply_caps() {
  for (const Cap& cap : caps_) {
    struct raft_progress* const progress = progress_of(cap.peer);
    if (progress == nullptr || progress->state != kProgressPipeline) continue;
    // In the pipeline state the library believes that everything went out.
    progress->next_index = std::min(progress->next_index, cap.next);
  }
  caps_.clear();
}

}  // namespace trellis

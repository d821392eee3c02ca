// Who belongs to a replica's group: reading and changing it, handing leadership over, and R5, which tells a
// configuration that may still be rolled back from a committed one.
#include <algorithm>

#include "protocol/check.hpp"
#include "worker/raft/replica_library.hpp"

namespace trellis {

/// R5: the library takes the newest configuration of the log that it loads for committed.
void Replica::find_uncommitted_configuration() {
  struct raft& raft = library_->raft;
  const raft_index newest = raft.configuration_index;
  if (settings_.omitted.configurations || newest <= 1 || newest <= raft.commit_index) return;
  raft_index committed = library_->io.snapshot_configuration();
  for (raft_index i = newest - 1; i > raft.log.snapshot.last_index; --i) {
    const struct raft_entry* entry = entry_at(raft, i);
    if (entry == nullptr) break;
    if (entry->type != RAFT_CHANGE) continue;
    committed = i;
    break;
  }
  raft.configuration_uncommitted_index = newest;
  raft.configuration_index = committed;
}

/// The first entry of ours that an AppendEntries would truncate; 0: none.
std::uint64_t Replica::conflict_of(const RaftMessage& message) const {
  const struct raft& raft = library_->raft;
  if (message.term < raft.current_term) return 0;
  if (message.index > raft.log.snapshot.last_index && term_at(raft, message.index) != message.log_term) return 0;
  std::string_view body = message.body.bytes();
  for (std::uint32_t i = 0; i < message.entries; ++i) {
    const raft_index index = message.index + 1 + i;
    const RaftEntryView entry = take_entry(body);
    if (index <= raft.log.snapshot.last_index) continue;
    const struct raft_entry* ours = entry_at(raft, index);
    if (ours == nullptr) return 0;
    if (ours->term != entry.term) return index;
  }
  return 0;
}

/// R5: an uncommitted configuration that a new leader has not is rolled back by the library to one that it may not hold
/// any more.  So the tail is dropped in the store, and the library starts again from there.  True where that has begun;
/// `message` is delivered afterwards.
bool Replica::begin_reopening(const RaftMessage& message) {
  const struct raft& raft = library_->raft;
  if (raft.configuration_uncommitted_index == 0 || settings_.omitted.configurations) return false;
  const std::uint64_t conflict = conflict_of(message);
  if (conflict == 0 || conflict > raft.configuration_uncommitted_index || conflict <= raft.commit_index) return false;
  if (is_snapshotting() || library_->io.is_gated()) return true;  // The message is lost; it comes again.
  if (lead_term_ != 0) step_down();
  host_.log_store().remove_range(records::entry_key(group_, conflict), records::entries_end(group_));
  reopening_after_ = host_.collecting_batch();
  inbox_.push_front(message);
  host_.wake(group_);
  return true;
}

void Replica::reopen() {
  reopening_after_ = 0;
  const raft_index commit = library_->raft.commit_index;
  const raft_index applied = library_->raft.last_applied;
  closing_ = true;
  close_library();
  closing_ = false;
  alive_ = std::make_shared<int>(0);
  is_reopening_ = true;
  const auto opened = open_library();
  is_reopening_ = false;
  if (!opened) return fail(opened.error().message);
  // What was committed stands below what was dropped.
  library_->raft.commit_index = commit;
  library_->raft.last_applied = applied;
  find_uncommitted_configuration();
  after_call();
}

std::vector<WorkerId> Replica::voters() const {
  std::vector<WorkerId> voters;
  const struct raft_configuration& configuration = library_->raft.configuration;
  for (unsigned i = 0; i < configuration.n; ++i) {
    if (configuration.servers[i].role == RAFT_VOTER) voters.push_back({configuration.servers[i].id});
  }
  return voters;
}

bool Replica::is_voter(WorkerId id) const {
  const struct raft_configuration& configuration = library_->raft.configuration;
  return std::any_of(configuration.servers, configuration.servers + configuration.n,
                     [id](const auto& server) { return server.id == id.value && server.role == RAFT_VOTER; });
}

bool Replica::is_member(WorkerId id) const {
  const struct raft_configuration& configuration = library_->raft.configuration;
  return std::any_of(configuration.servers, configuration.servers + configuration.n,
                     [id](const auto& server) { return server.id == id.value; });
}

bool Replica::is_level(WorkerId peer) const {
  const struct raft& raft = library_->raft;
  if (lead_term_ == 0) return false;
  for (unsigned i = 0; i < raft.configuration.n; ++i) {
    if (raft.configuration.servers[i].id != peer.value) continue;
    const struct raft_progress& progress = raft.leader_state.progress[i];
    return progress.state == kProgressPipeline &&
           progress.match_index + kLevelWithin >= raft_last_index(&library_->raft);
  }
  return false;
}

LogIndex Replica::match_index(WorkerId peer) const {
  const struct raft& raft = library_->raft;
  for (unsigned i = 0; lead_term_ != 0 && i < raft.configuration.n; ++i) {
    if (raft.configuration.servers[i].id == peer.value) return {raft.leader_state.progress[i].match_index};
  }
  return {};
}

bool Replica::change(MemberChange change, WorkerId member) {
  if (!is_ready() || is_transferring() || member == settings_.self) return false;
  // Who has no vote by its own log gives none either, though that log be late or wrong: nothing changes before each
  // voter that remains holds the configuration that gives it its vote.
  struct raft* const raft = &library_->raft;
  for (unsigned i = 0; i < raft->configuration.n; ++i) {
    const struct raft_server& server = raft->configuration.servers[i];
    const bool remains = server.role == RAFT_VOTER && server.id != settings_.self.value && server.id != member.value;
    if (remains && raft->leader_state.progress[i].match_index < raft->configuration_index) return false;
  }
  auto request = std::make_unique<struct raft_change>();
  const raft_change_cb done = [](struct raft_change* finished, int) { delete finished; };
  int status = 0;
  switch (change) {
    case MemberChange::kAdd:
      status = raft_add(raft, request.get(), member.value, to_string(member).c_str(), done);
      break;
    case MemberChange::kPromote: status = raft_assign(raft, request.get(), member.value, RAFT_VOTER, done); break;
    case MemberChange::kRemove: status = raft_remove(raft, request.get(), member.value, done); break;
  }
  if (status == 0) static_cast<void>(request.release());
  after_call();
  return status == 0;
}

bool Replica::transfer_to(WorkerId peer) {
  if (!is_ready() || is_transferring() || !is_level(peer)) return false;
  auto request = std::make_unique<struct raft_transfer>();
  const int status = raft_transfer(&library_->raft, request.get(), peer.value,
                                   [](struct raft_transfer* transfer) { delete transfer; });
  if (status == 0) static_cast<void>(request.release());
  after_call();
  return status == 0;
}

/// R6: a transfer that outlives its leadership makes its target vote a second time.
void Replica::drop_transfer() {
  struct raft_transfer* transfer = library_->raft.transfer;
  if (transfer == nullptr) return;
  library_->raft.transfer = nullptr;
  if (transfer->cb != nullptr) transfer->cb(transfer);
}

bool Replica::is_transferring() const { return library_->raft.transfer != nullptr; }

}  // namespace trellis

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
  host_.log_store().truncate(group_, {conflict});
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

/// Every tick asks several times, and it hardly ever changes.  An entry's index and term tell it from every other, so
/// the library's members are read where these have changed alone.
const ReplicaConfiguration& Replica::configuration() const {
  const struct raft& raft = library_->raft;
  const bool is_committed = raft.configuration_uncommitted_index == 0;
  const LogIndex index = configuration_index();
  const Term term{term_at(raft, index.value)};
  ReplicaConfiguration& known = configuration_;
  const bool is_same = known.index == index && known.term == term && known.members.size() == raft.configuration.n;
  known.is_committed = is_committed;
  if (is_same) return known;
  known.index = index;
  known.term = term;
  known.members.clear();
  for (unsigned i = 0; i < raft.configuration.n; ++i) {
    const struct raft_server& server = raft.configuration.servers[i];
    known.members.push_back({place_of(server.id, server.address), static_cast<ReplicaRole>(server.role)});
  }
  return known;
}

LogIndex Replica::configuration_index() const {
  const struct raft& raft = library_->raft;
  const raft_index uncommitted = raft.configuration_uncommitted_index;
  return {uncommitted == 0 ? raft.configuration_index : uncommitted};
}

std::vector<ReplicaPlace> Replica::voters() const {
  std::vector<ReplicaPlace> voters;
  for (const ReplicaMember& member : configuration().members) {
    if (member.role == ReplicaRole::kVoter) voters.push_back(member.place);
  }
  return voters;
}

std::optional<ReplicaMember> Replica::member(ReplicaId id) const {
  for (const ReplicaMember& member : configuration().members) {
    if (member.place.id == id) return member;
  }
  return std::nullopt;
}

std::optional<ReplicaMember> Replica::member_on(WorkerId worker) const {
  for (const ReplicaMember& member : configuration().members) {
    if (member.place.worker == worker) return member;
  }
  return std::nullopt;
}

std::optional<WorkerId> Replica::voted_for() const {
  const ReplicaId vote{library_->raft.voted_for};
  if (vote == ReplicaId{}) return WorkerId{};
  const auto voted = member(vote);
  return voted ? std::optional(voted->place.worker) : std::nullopt;
}

bool Replica::is_lone_voter() const { return voters() == std::vector{settings_.self}; }

const struct raft_progress* Replica::progress_of(ReplicaId peer) const {
  const struct raft& raft = library_->raft;
  for (unsigned i = 0; lead_term_ != 0 && i < raft.configuration.n; ++i) {
    if (raft.configuration.servers[i].id == peer.value) return &raft.leader_state.progress[i];
  }
  return nullptr;
}

bool Replica::is_level(ReplicaId peer) const {
  const struct raft_progress* const progress = progress_of(peer);
  return progress != nullptr && progress->state == kProgressPipeline &&
         progress->match_index + kLevelWithin >= raft_last_index(&library_->raft);
}

LogIndex Replica::match_index(ReplicaId peer) const {
  const struct raft_progress* const progress = progress_of(peer);
  return progress == nullptr ? LogIndex{} : LogIndex{progress->match_index};
}

bool Replica::transfer_to(ReplicaId peer) {
  if (!is_ready() || is_transferring() || !is_level(peer)) return false;
  auto request = std::make_unique<struct raft_transfer>();
  const int status = raft_transfer(&library_->raft, request.get(), peer.value,
                                   [](struct raft_transfer* transfer) { delete transfer; });
  if (status == 0) static_cast<void>(request.release());
  after_call();
  return status == 0;
}

bool Replica::is_transferring() const { return library_->raft.transfer != nullptr; }

bool Replica::is_changing() const {
  const struct raft& raft = library_->raft;
  if (raft.configuration_uncommitted_index != 0) return true;
  return raft.state == RAFT_LEADER && (raft.leader_state.change != nullptr || raft.leader_state.promotee_id != 0);
}

/// R12: a majority of the new configuration holds the one in force, so that it can go on where this leader dies.
bool Replica::may_follow(MemberChange change, ReplicaId member) const {
  const ReplicaConfiguration& configuration = this->configuration();
  std::size_t voters = 0;
  std::size_t holding = 0;
  for (const ReplicaMember& each : configuration.members) {
    const bool is_meant = each.place.id == member;
    const bool has_vote = (each.role == ReplicaRole::kVoter && !(is_meant && change == MemberChange::kRemove)) ||
                          (is_meant && change == MemberChange::kPromote);
    if (!has_vote) continue;
    ++voters;
    if (each.place == settings_.self || match_index(each.place.id) >= configuration.index) ++holding;
  }
  return holding > voters / 2;
}

bool Replica::change(MemberChange change, const ReplicaPlace& member) {
  if (!is_ready() || is_transferring() || member == settings_.self || !may_follow(change, member.id)) return false;
  auto request = std::make_unique<struct raft_change>();
  const raft_change_cb done = [](struct raft_change* finished, int) { delete finished; };
  struct raft* const raft = &library_->raft;
  int status = 0;
  switch (change) {
    case MemberChange::kAdd:
      status = raft_add(raft, request.get(), member.id.value, address_of(member).c_str(), done);
      break;
    case MemberChange::kMakeStandby:
      status = raft_assign(raft, request.get(), member.id.value, RAFT_STANDBY, done);
      break;
    case MemberChange::kPromote: status = raft_assign(raft, request.get(), member.id.value, RAFT_VOTER, done); break;
    case MemberChange::kRemove: status = raft_remove(raft, request.get(), member.id.value, done); break;
  }
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

}  // namespace trellis

#include "worker/raft/replica.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/check.hpp"
#include "worker/raft/objections.hpp"
#include "worker/raft/raft_io.hpp"

namespace trellis {
namespace {

constexpr unsigned kNever = ~0u >> 1;       ///< As a snapshot threshold.
constexpr std::uint64_t kOverdueAfter = 4;  ///< Times the log after which a snapshot is due.

/// Frees what the library hands back with a request's callback.
void free_apply(struct raft_apply* request, int, void*) { delete request; }

}  // namespace

struct Replica::Library {
  Library(Replica& owner, PartitionId group, ReplicaHost& host, ReplicaOwner& replica_owner)
      : replica(owner), io(group, host, replica_owner, raft) {}

  Replica& replica;
  struct raft raft {};
  struct raft_fsm fsm {};
  struct raft_barrier barrier {};
  RaftIo io;
  std::shared_ptr<SnapshotJob> job;               ///< The snapshot being taken.
  std::optional<Result<std::string>> descriptor;  ///< What it came to.

  static Library& self(struct raft_fsm* fsm) { return *static_cast<Library*>(fsm->data); }
  int apply(const struct raft_buffer* buffer);
  int freeze(struct raft_buffer** buffers, unsigned* count);
  int fill_descriptor(struct raft_buffer* buffers);
  int finalize(struct raft_buffer** buffers, unsigned* count);
  int restore(struct raft_buffer* buffer);
};

CommandBuffer::CommandBuffer(std::size_t size)
    : data_(static_cast<char*>(raft_malloc(std::max<std::size_t>(size, 1)))), size_(size) {
  CHECK(data_ != nullptr);
}
CommandBuffer::~CommandBuffer() { raft_free(data_); }

int Replica::Library::apply(const struct raft_buffer* buffer) {
  if (replica.closing_) return RAFT_SHUTDOWN;
  const auto applied =
      replica.owner_.apply({raft.last_applied + 1}, {static_cast<const char*>(buffer->base), buffer->len});
  if (applied) return 0;
  replica.fail("log entry " + std::to_string(raft.last_applied + 1) + ": " + applied.error().message);
  return RAFT_CORRUPT;
}

int Replica::Library::freeze(struct raft_buffer** buffers, unsigned* count) {
  // R5: a snapshot must not hold a configuration that may still be rolled back.
  const bool may_roll_back = raft.configuration_uncommitted_index != 0 && !replica.settings_.omitted.configurations;
  if (may_roll_back || replica.closing_) return RAFT_BUSY;
  job = replica.owner_.freeze({raft.last_applied}, {term_at(raft, raft.last_applied)});
  if (job == nullptr) return RAFT_BUSY;  // Asked again at the next entry.
  raft_set_snapshot_threshold(&raft, kNever);
  // What stays of the log behind the snapshot, by bytes.
  std::uint64_t bytes = 0;
  unsigned tail = 1;  // 0 would mean: replace everything.
  for (raft_index i = raft.last_applied; bytes < replica.settings_.tail_bytes; --i, ++tail) {
    const struct raft_entry* entry = entry_at(raft, i);
    if (entry == nullptr) break;
    bytes += entry->buf.len + 200;
  }
  raft_set_snapshot_trailing(&raft, tail);
  descriptor.reset();
  *buffers = static_cast<struct raft_buffer*>(raft_calloc(1, sizeof(struct raft_buffer)));
  CHECK(*buffers != nullptr);
  *count = 1;
  return 0;
}

/// Called by the library, on the loop's thread, when the job is done: see Replica::start_snapshot_job.
int Replica::Library::fill_descriptor(struct raft_buffer* buffers) {
  if (!descriptor || !*descriptor) return RAFT_IOERR;
  const std::string& bytes = **descriptor;
  buffers[0].base = raft_malloc(std::max<std::size_t>(bytes.size(), 1));
  CHECK(buffers[0].base != nullptr);
  buffers[0].len = bytes.size();
  std::memcpy(buffers[0].base, bytes.data(), bytes.size());
  return 0;
}

int Replica::Library::finalize(struct raft_buffer** buffers, unsigned* count) {
  if (*buffers != nullptr) {
    raft_free((*buffers)[0].base);
    raft_free(*buffers);
  }
  *buffers = nullptr;
  *count = 0;
  job.reset();
  descriptor.reset();
  return 0;
}

int Replica::Library::restore(struct raft_buffer* buffer) {
  const std::string bytes(static_cast<const char*>(buffer->base), buffer->len);
  if (replica.closing_) return RAFT_SHUTDOWN;
  if (replica.is_reopening_) {  // The owner's state is newer.
    raft_free(buffer->base);
    return 0;
  }
  const auto restored = replica.owner_.restore(bytes);
  if (!restored) {
    replica.fail("snapshot: " + restored.error().message);
    return RAFT_CORRUPT;  // The buffer stays the library's.
  }
  raft_free(buffer->base);
  return 0;
}

Replica::Replica(PartitionId group, ReplicaSettings settings, ReplicaHost& host, ReplicaOwner& owner)
    : group_(group),
      settings_(settings),
      host_(host),
      owner_(owner),
      library_(std::make_unique<Library>(*this, group, host, owner)) {}

Replica::~Replica() {
  closing_ = true;
  alive_.reset();
  close_library();
}

void Replica::close_library() {
  if (!started_) return;
  started_ = false;
  drop_transfer();
  raft_close(&library_->raft, [](struct raft*) {});
  library_->io.finish_sends();
}

void Replica::bootstrap(LogStore& store, PartitionId group, const std::vector<WorkerId>& voters) {
  struct raft_configuration configuration;
  raft_configuration_init(&configuration);
  for (const WorkerId voter : voters) {
    CHECK(raft_configuration_add(&configuration, voter.value, to_string(voter).c_str(), RAFT_VOTER) == 0);
  }
  struct raft_buffer encoded {};
  CHECK(raft_configuration_encode(&configuration, &encoded) == 0);
  raft_configuration_close(&configuration);
  store.put(records::hard_state_key(group), records::pack(records::HardState{1, 0}), {});
  store.put(records::entry_key(group, 1), records::pack(records::EntryHead{1, RAFT_CHANGE}),
            {static_cast<const char*>(encoded.base), encoded.len});
  raft_free(encoded.base);
}

Result<void> Replica::start() {
  if (auto opened = open_library(); !opened) return opened;
  if (auto applied = apply_hint(); !applied) return applied.error();
  find_uncommitted_configuration();
  after_call();
  if (failure_) return Error{Code::kInternal, *failure_};
  return {};
}

Result<void> Replica::open_library() {
  library_ = std::make_unique<Library>(*this, group_, host_, owner_);
  library_->io.raises_lone_term = !settings_.omitted.lone_term;
  library_->io.on_work = [this] { start_snapshot_job(); };
  struct raft_fsm& fsm = library_->fsm;
  fsm.version = 3;
  fsm.data = library_.get();
  fsm.apply = [](struct raft_fsm* f, const struct raft_buffer* buffer, void** result) {
    *result = nullptr;
    return Library::self(f).apply(buffer);
  };
  fsm.snapshot = [](struct raft_fsm* f, struct raft_buffer* buffers[], unsigned* count) {
    return Library::self(f).freeze(buffers, count);
  };
  fsm.restore = [](struct raft_fsm* f, struct raft_buffer* buffer) { return Library::self(f).restore(buffer); };
  fsm.snapshot_finalize = [](struct raft_fsm* f, struct raft_buffer* buffers[], unsigned* count) {
    return Library::self(f).finalize(buffers, count);
  };
  fsm.snapshot_async = [](struct raft_fsm* f, struct raft_buffer* buffers[], unsigned*) {
    return Library::self(f).fill_descriptor(*buffers);
  };
  Library& library = *library_;
  const auto failed = [&](const char* step) -> Error {
    if (library.io.load_error()) return *library.io.load_error();
    if (failure_) return {Code::kInternal, *failure_};
    return {Code::kInternal,
            std::string("partition ") + std::to_string(group_.value) + ": " + step + ": " + raft_errmsg(&library.raft)};
  };
  if (raft_init(&library.raft, library.io.handle(), &library.fsm, settings_.self.value,
                to_string(settings_.self).c_str()) != 0) {
    return failed("raft_init");
  }
  started_ = true;
  set_timing(settings_.timing);
  raft_set_install_snapshot_timeout(&library.raft, static_cast<unsigned>(settings_.install_timeout.count()));
  raft_set_pre_vote(&library.raft, true);
  raft_set_snapshot_threshold(&library.raft, kNever);
  if (raft_start(&library.raft) != 0) return failed("raft_start");
  library.io.recount_log();
  return {};
}

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

/// Applies what the store's hint says is committed, so that a replica without a majority can still answer marked reads.
/// Safe: a commit index, once known, holds for ever, and the entries up to it were durable before the hint was written.
Result<void> Replica::apply_hint() {
  struct raft& raft = library_->raft;
  const std::uint64_t hint = std::min<std::uint64_t>(library_->io.commit_hint(), raft_last_index(&raft));
  while (raft.last_applied < hint) {
    const struct raft_entry* entry = entry_at(raft, raft.last_applied + 1);
    if (entry == nullptr || entry->type == RAFT_CHANGE) break;
    if (entry->type == RAFT_COMMAND && library_->apply(&entry->buf) != 0) return Error{Code::kInternal, *failure_};
    ++raft.last_applied;
  }
  raft.commit_index = std::max(raft.commit_index, raft.last_applied);
  return {};
}

void Replica::tick() {
  if (failure_ || reopening_after_ != 0) return;
  // R2: an election must not consider entries that are not durable.
  if (library_->io.is_gated() && !settings_.omitted.gate) {
    tick_skipped_ = true;
    return;
  }
  tick_skipped_ = false;
  library_->io.tick();
  after_call();
}

void Replica::restart_election_timer() {
  struct raft& raft = library_->raft;
  raft.election_timer_start = raft.io->time(raft.io);
}

void Replica::set_timing(const RaftTiming& timing) {
  settings_.timing = timing;  // For a library that is started anew.
  struct raft& raft = library_->raft;
  const std::uint64_t before = raft.election_timeout;
  const auto election = static_cast<unsigned>(timing.election.count());
  raft_set_election_timeout(&raft, election);
  raft_set_heartbeat_timeout(&raft, static_cast<unsigned>(timing.heartbeat.count()));
  if (before == election || before == 0) return;
  // The library draws when it becomes a follower or stands for election, and never while it follows.
  const auto scale = [&](unsigned& drawn) {
    drawn = std::clamp(static_cast<unsigned>(drawn * std::uint64_t{election} / before), election, 2 * election);
  };
  if (raft.state == RAFT_FOLLOWER) scale(raft.follower_state.randomized_election_timeout);
  if (raft.state == RAFT_CANDIDATE) scale(raft.candidate_state.randomized_election_timeout);
}

void Replica::receive(RaftMessage message) {
  if (failure_) return;
  if (!inbox_.empty() || reopening_after_ != 0 || !passes_gate(message)) {
    if (inbox_.size() < kInboxMax) inbox_.push_back(std::move(message));
    return;
  }
  deliver(message);
}

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

void Replica::settle() {
  if (failure_) return;
  if (reopening_after_ != 0) {
    if (reopening_after_ > host_.durable_batch()) return;
    reopen();
    if (failure_) return;
  }
  while (library_->io.finish_durable()) after_call();
  if (library_->io.has_reads()) {
    library_->io.finish_reads();
    after_call();
  }
  if (tick_skipped_ && !library_->io.is_gated()) tick();
  while (!failure_ && reopening_after_ == 0 && !inbox_.empty() && passes_gate(inbox_.front())) {
    const RaftMessage message = std::move(inbox_.front());
    inbox_.pop_front();
    deliver(message);
  }
}

/// What only a broken peer says, and what the library, built without its assertions, would take to heart.
bool Replica::is_impossible(const RaftMessage& message) const {
  const struct raft& raft = library_->raft;
  if (!is_voter(message.from) && !settings_.hears_strangers) return true;
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
  if (is_impossible(message) || refuses(message)) return;
  delivering_ = &message;
  tell_library(message);
  delivering_ = nullptr;
}

void Replica::tell_library(const RaftMessage& message) {
  if (message.kind == RaftMessageKind::kAppendEntries && begin_reopening(message)) return;
  if (message.kind == RaftMessageKind::kRequestVote) catch_up_with_term(message);
  const std::string address = to_string(message.from);
  struct raft_message in {};
  in.type = static_cast<unsigned short>(message.kind);
  in.server_id = message.from.value;
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
      break;
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

/// The library learns no term from a pre-vote, neither from the question nor from the answer.  So of two voters without
/// a third, one with the longer log and one with the higher term would refuse each other for ever: who asks for a
/// pre-vote knows the term before the one that it asks for, and that becomes ours, as if it had asked in earnest.
void Replica::catch_up_with_term(const RaftMessage& message) {
  const struct raft& raft = library_->raft;
  if (settings_.omitted.pre_votes) return;
  if (message.pre_vote == 0 || message.term <= raft.current_term + 1 || raft.state == RAFT_LEADER || leader()) return;
  const std::string address = to_string(message.from);
  struct raft_message in {};
  in.type = RAFT_IO_REQUEST_VOTE;
  in.server_id = message.from.value;
  in.server_address = address.c_str();
  in.request_vote.term = message.term - 1;
  in.request_vote.candidate_id = message.from.value;  // With an empty log: it gets no vote.
  library_->io.receive(&in);
  after_call();
}

void Replica::deliver_append(const RaftMessage& message) {
  struct raft& raft = library_->raft;
  const std::string address = to_string(message.from);
  struct raft_message in {};
  in.type = RAFT_IO_APPEND_ENTRIES;
  in.server_id = message.from.value;
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
  // The library would commit, and apply, its own entries up to the leader's commit index; this message vouches for its
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
  if (!settings_.omitted.clamp) library_->io.begin_answer(append.prev_log_index + count);
  library_->io.receive(&in);
  library_->io.end_answer();
  after_call();
}

void Replica::deliver_install(const RaftMessage& message) {
  const auto record = records::read_snapshot_record(message.body.bytes());
  CHECK(record);  // Checked when it was read from the wire.
  const std::string address = to_string(message.from);
  struct raft_message in {};
  in.type = RAFT_IO_INSTALL_SNAPSHOT;
  in.server_id = message.from.value;
  in.server_address = address.c_str();
  struct raft_install_snapshot& install = in.install_snapshot;
  install.term = message.term;
  install.last_index = record->index;
  install.last_term = record->term;
  install.conf_index = record->configuration_index;
  raft_configuration_init(&install.conf);
  for (const auto& member : record->configuration) {
    // A double or an impossible role is refused by the library: the message is dropped then.
    if (raft_configuration_add(&install.conf, member.id, to_string(WorkerId{member.id}).c_str(), member.role) != 0) {
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

void Replica::after_call() {
  library_->io.finish_sends();
  library_->io.apply_caps();
  const struct raft& raft = library_->raft;
  if (raft.state == RAFT_UNAVAILABLE && !failure_) fail(gave_up("libraft gave up"));
  if (lead_term_ != 0 && (raft.state != RAFT_LEADER || raft.current_term != lead_term_)) step_down();
  if (!failure_ && raft.state == RAFT_LEADER && lead_term_ == 0) become_leader();
}

/// R1: the library commits no entry of its own term by itself, so what an earlier leader left cannot be counted on, nor
/// a read be served, until an entry of ours is applied.
void Replica::become_leader() {
  struct raft& raft = library_->raft;
  lead_term_ = raft.current_term;
  drop_transfer();
  if (settings_.omitted.barrier) return owner_.on_leader({lead_term_});
  const int status = raft_barrier(&raft, &library_->barrier, [](struct raft_barrier*, int) {});
  if (status != 0) return fail(gave_up(std::string("barrier: ") + raft_strerror(status)));
  barrier_index_ = raft_last_index(&raft);
  library_->io.finish_sends();
  owner_.on_leader({lead_term_});
}

void Replica::step_down() {
  lead_term_ = 0;
  drop_transfer();
  owner_.on_step_down();
}

/// R6: a transfer that outlives its leadership makes its target vote a second time.
void Replica::drop_transfer() {
  struct raft_transfer* transfer = library_->raft.transfer;
  if (transfer == nullptr) return;
  library_->raft.transfer = nullptr;
  if (transfer->cb != nullptr) transfer->cb(transfer);
}

bool Replica::is_leader() const {
  return lead_term_ != 0 && library_->raft.state == RAFT_LEADER && library_->raft.current_term == lead_term_;
}

bool Replica::is_ready() const { return is_leader() && library_->raft.last_applied >= barrier_index_ && !failure_; }

bool Replica::can_propose() const {
  const struct raft& raft = library_->raft;
  // R9: with more than one batch under way, commits starve under load.
  return is_ready() && raft.transfer == nullptr && raft.last_applied >= raft_last_index(&library_->raft);
}

LogIndex Replica::propose(std::vector<CommandBuffer> commands) {
  CHECK(can_propose() && !commands.empty());
  struct raft& raft = library_->raft;
  const LogIndex first{raft_last_index(&raft) + 1};
  std::vector<struct raft_buffer> buffers;
  buffers.reserve(commands.size());
  for (CommandBuffer& command : commands) {
    const std::size_t size = command.size();
    buffers.push_back({command.release(), size});
  }
  auto request = std::make_unique<struct raft_apply>();
  const int status =
      raft_apply(&raft, request.get(), buffers.data(), static_cast<unsigned>(buffers.size()), free_apply);
  if (status == 0) {
    static_cast<void>(request.release());
  } else {
    for (const struct raft_buffer& buffer : buffers) raft_free(buffer.base);
    fail(gave_up(std::string("propose: ") + raft_strerror(status)));
  }
  after_call();
  return first;
}

WorkerId Replica::vote() const { return {library_->raft.voted_for}; }
Term Replica::term() const { return {library_->raft.current_term}; }
LogIndex Replica::commit_index() const { return {library_->raft.commit_index}; }
LogIndex Replica::applied() const { return {library_->raft.last_applied}; }
LogIndex Replica::last_index() const { return {raft_last_index(&library_->raft)}; }
BatchNumber Replica::term_batch() const { return library_->io.hard_state_batch(); }
std::uint64_t Replica::snapshot_index() const { return library_->raft.log.snapshot.last_index; }

std::optional<WorkerId> Replica::leader() const {
  raft_id id = 0;
  const char* address = nullptr;
  raft_leader(&library_->raft, &id, &address);
  if (id == 0) return std::nullopt;
  return WorkerId{id};
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

bool Replica::transfer_to(WorkerId peer) {
  if (!is_ready() || is_transferring() || !is_level(peer)) return false;
  auto request = std::make_unique<struct raft_transfer>();
  const int status = raft_transfer(&library_->raft, request.get(), peer.value,
                                   [](struct raft_transfer* transfer) { delete transfer; });
  if (status == 0) static_cast<void>(request.release());
  after_call();
  return status == 0;
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

bool Replica::is_member(WorkerId id) const {
  const struct raft_configuration& configuration = library_->raft.configuration;
  return std::any_of(configuration.servers, configuration.servers + configuration.n,
                     [id](const auto& server) { return server.id == id.value; });
}

bool Replica::is_transferring() const { return library_->raft.transfer != nullptr; }

bool Replica::is_snapshotting() const {
  return library_->raft.snapshot.pending.term != 0 || library_->raft.snapshot.put.data != nullptr;
}

bool Replica::is_snapshot_due(std::uint64_t state_bytes) const {
  return !is_snapshotting() && library_->io.log_bytes() >= std::max(settings_.snapshot_log_bytes, state_bytes);
}

bool Replica::is_snapshot_overdue(std::uint64_t state_bytes) const {
  return library_->io.log_bytes() >= kOverdueAfter * std::max(settings_.snapshot_log_bytes, state_bytes);
}

void Replica::take_snapshot() { raft_set_snapshot_threshold(&library_->raft, 1); }

bool Replica::can_install() const { return !is_snapshotting() && !library_->io.is_gated() && inbox_.empty(); }

void Replica::collect_commit_hint() { library_->io.collect_commit_hint(); }

/// The library asks for background work: its snapshot_async would fill in the descriptor.  The job alone runs off the
/// loop; the library's own functions run here, once it is done.
void Replica::start_snapshot_job() {
  const std::weak_ptr<int> alive = alive_;
  const std::shared_ptr<SnapshotJob> job = library_->job;
  auto outcome = std::make_shared<std::optional<Result<std::string>>>();
  host_.run_in_background([job, outcome] { outcome->emplace(job->write()); },
                          [this, alive, outcome] {
                            if (alive.expired() || !library_->io.has_work()) return;
                            if (!**outcome) owner_.on_snapshot_failed((*outcome)->error());
                            library_->descriptor = std::move(*outcome);
                            library_->io.finish_work_of_library();
                            after_call();
                          });
}

/// All that is known of why, and where the replica stands.
std::string Replica::gave_up(const std::string& what) const {
  const char* const reason = library_->raft.errmsg;
  return what + ": " + (*reason == '\0' ? "no reason given" : reason) +
         (delivering_ == nullptr ? "" : ", at " + describe(*delivering_)) + "; here: " + describe(library_->raft);
}

void Replica::fail(std::string why) {
  if (failure_) return;
  failure_ = "partition " + std::to_string(group_.value) + ": " + why;
  host_.wake(group_);
}

}  // namespace trellis

#include "worker/raft/replica.hpp"

#include <algorithm>

#include "protocol/check.hpp"
#include "worker/raft/objections.hpp"
#include "worker/raft/replica_library.hpp"

namespace trellis {
namespace {

/// Frees what the library hands back with a request's callback.
void free_apply(struct raft_apply* request, int, void*) { delete request; }

}  // namespace

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

void Replica::bootstrap(LogStore& store, PartitionId group, const std::vector<ReplicaPlace>& voters) {
  struct raft_configuration configuration;
  raft_configuration_init(&configuration);
  for (const ReplicaPlace& voter : voters) {
    CHECK(raft_configuration_add(&configuration, voter.id.value, address_of(voter).c_str(), RAFT_VOTER) == 0);
  }
  struct raft_buffer encoded {};
  CHECK(raft_configuration_encode(&configuration, &encoded) == 0);
  raft_configuration_close(&configuration);
  store.put_hard_state(group, {1, 0});
  store.append(group, {1}, {1, RAFT_CHANGE}, {static_cast<const char*>(encoded.base), encoded.len});
  raft_free(encoded.base);
}

void Replica::make(LogStore& store, PartitionId group, const records::LocalReplica& local) {
  store.put(records::local_replica_name(group), records::pack(local));
  store.put_hard_state(group, {});
}

void Replica::remove(LogStore& store, PartitionId group, const records::LocalReplica& local) {
  store.truncate(group, {0});
  store.put_hard_state(group, {});
  for (const auto& name : {records::snapshot_name(group), records::commit_name(group)}) store.remove(name, name + '\0');
  store.put(records::local_replica_name(group), records::pack(local));
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
  library_->io.append_size_max = RaftIo::kAppendPiecesMax * settings_.piece_size;
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
  if (raft_init(&library.raft, library.io.handle(), &library.fsm, settings_.self.id.value,
                address_of(settings_.self).c_str()) != 0) {
    return failed("raft_init");
  }
  started_ = true;
  set_timing(settings_.timing);
  raft_set_install_snapshot_timeout(&library.raft, static_cast<unsigned>(settings_.install_timeout.count()));
  raft_set_pre_vote(&library.raft, true);
  raft_set_snapshot_threshold(&library.raft, kNoSnapshot);
  if (raft_start(&library.raft) != 0) return failed("raft_start");
  library.io.recount_log();
  return {};
}

/// Applies what the store's hint says is committed, so that a replica without a majority can still answer marked reads.
/// Safe: a commit index, once known, holds for ever, and the entries up to it were durable before the hint was written.
Result<void> Replica::apply_hint() {
  struct raft& raft = library_->raft;
  const std::uint64_t hint = std::min<std::uint64_t>(library_->io.commit_hint(), raft_last_index(&raft));
  while (raft.last_applied < hint) {
    const struct raft_entry* entry = entry_at(raft, raft.last_applied + 1);
    if (entry == nullptr) break;
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
  raise_term_of_lone_voter();
  library_->io.tick();
  after_call();
}

/// R13: the library elects a lone voter in the term that it finds, at once.  One that follows, since it learnt a higher
/// term from a replica that was removed, asks nobody, so it makes the term its own first.
void Replica::raise_term_of_lone_voter() {
  struct raft& raft = library_->raft;
  if (settings_.omitted.lone_term || raft.state != RAFT_FOLLOWER) return;
  const raft_time silence = raft.io->time(raft.io) - raft.election_timer_start;
  if (silence < raft.follower_state.randomized_election_timeout || !is_lone_voter()) return;
  raft.current_term += 1;
  raft.voted_for = raft.id;
  raft.io->set_term(raft.io, raft.current_term);
  raft.io->set_vote(raft.io, raft.voted_for);
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
  if (!is_large(message)) return deliver(message);
  inbox_.push_back(std::move(message));
  host_.wake(group_);  // Groups come to their pieces in turn.
}

bool Replica::is_large(const RaftMessage& message) const {
  return message.kind == RaftMessageKind::kAppendEntries && message.body.size() > settings_.piece_size;
}

void Replica::work_off_inbox() {
  while (!failure_ && reopening_after_ == 0 && !inbox_.empty() && passes_gate(inbox_.front())) {
    RaftMessage& first = inbox_.front();
    if (is_large(first) && !host_.may_take_in_piece(group_)) return;
    if (is_large(first) && first.entries > 1) {
      deliver(take_piece(first, settings_.piece_size));
    } else {
      const RaftMessage message = std::move(first);
      inbox_.pop_front();
      deliver(message);
    }
  }
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
  work_off_inbox();
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

void Replica::propose_empty() {
  CHECK(can_propose());  // So the last barrier is done.
  const int status = raft_barrier(&library_->raft, &library_->barrier, [](struct raft_barrier*, int) {});
  if (status != 0) fail(gave_up(std::string("propose: ") + raft_strerror(status)));
  after_call();
}

Term Replica::term() const { return {library_->raft.current_term}; }
LogIndex Replica::commit_index() const { return {library_->raft.commit_index}; }
LogIndex Replica::applied() const { return {library_->raft.last_applied}; }
Term Replica::last_term() const { return {term_at(library_->raft, raft_last_index(&library_->raft))}; }

LogIndex Replica::last_index() const { return {raft_last_index(&library_->raft)}; }
BatchNumber Replica::term_batch() const { return library_->io.hard_state_batch(); }
std::uint64_t Replica::snapshot_index() const { return library_->raft.log.snapshot.last_index; }

std::optional<ReplicaPlace> Replica::leader() const {
  raft_id id = 0;
  const char* address = nullptr;
  raft_leader(&library_->raft, &id, &address);
  if (id == 0) return std::nullopt;
  // Asked for with each reply; a replica's id is never another worker's.
  if (leader_.id.value != id) leader_ = place_of(id, address);
  return leader_;
}

void Replica::collect_commit_hint() { library_->io.collect_commit_hint(); }

/// All that is known of why, and where the replica stands.
std::string Replica::gave_up(const std::string& what) const {
  const char* const reason = library_->raft.errmsg;
  return what + ": " + (*reason == '\0' ? "no reason given" : reason) +
         (delivering_ == nullptr ? "" : ", at " + describe(*delivering_)) + "; here: " + describe(library_->raft);
}

void Replica::fail(const std::string& why) {
  if (failure_) return;
  failure_ = "partition " + std::to_string(group_.value) + ": " + why;
  host_.wake(group_);
}

}  // namespace trellis

#include "worker/partition.hpp"

#include <algorithm>

#include "worker/proposal_batch.hpp"
#include "worker/state/later_entries.hpp"

namespace trellis {
namespace {

/// A snapshot that could not be written is tried again after this.
constexpr std::chrono::seconds kSnapshotRetryAfter{10};
/// A group without entries for so long has come to rest.
constexpr std::chrono::seconds kRestAfter{10};
/// Empty entries come this far apart,
constexpr std::chrono::seconds kGoOnEvery{1};
/// and so many of them at rest: a worker takes the snapshots of its groups one after the other.
constexpr int kRestEntries = 60;
/// Where the leader itself needs none.
constexpr int kRestEntriesForFollowers = 3;
/// A fetched state that the library did not want is let go after this.
constexpr std::chrono::seconds kHeldStateMax{60};
/// Commands of a log entry whose places in the trie are sought side by side.
constexpr std::size_t kAppliedTogether = 16;

/// For the simulator alone, see OmittedRules.
std::uint64_t own_time(TimePoint now) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  return static_cast<std::uint64_t>(ms);
}

/// Writes a frozen state to the snapshot store.
class StateSnapshotJob final : public SnapshotJob {
 public:
  StateSnapshotJob(FrozenState state, PartitionId partition, Term term, std::string name, SnapshotStore& store)
      : state_(std::move(state)), partition_(partition), term_(term), name_(std::move(name)), store_(store) {}

  Result<std::string> write() override {
    const auto descriptor = write_snapshot(state_, partition_, state_.applied, term_, name_, store_);
    state_ = FrozenState{};  // Freed here, off the loop.
    if (!descriptor) return descriptor.error();
    return encode(*descriptor);
  }

 private:
  FrozenState state_;
  PartitionId partition_;
  Term term_;
  std::string name_;
  SnapshotStore& store_;
};

}  // namespace

Partition::Partition(PartitionId id, ReplicaSettings settings, SessionLimits sessions, PartitionHost& host)
    : id_(id),
      self_(settings.self.worker),
      host_(host),
      session_limits_(sessions),
      state_(std::make_unique<StateMachine>(sessions)),
      omitted_(settings.omitted),
      replica_(id, settings, host, *this) {
  state_->set_secret(host_.secret());
  leader_heard_at_ = host_.now();
}

Partition::~Partition() = default;

void Partition::close() {
  on_step_down();
  auto state = std::make_unique<StateMachine>(session_limits_);
  std::swap(state, state_);
  free_state(std::move(state));
}

Result<void> Partition::start() { return replica_.start(); }

void Partition::settle() {
  replica_.settle();
  if (replica_.is_ready() != was_ready_) {
    was_ready_ = replica_.is_ready();
    on_readiness();
    host_.on_leadership_change();
  }
  propose();
  serve_reads();
}

/// The clock of a new leader begins where all is applied that earlier ones committed: what they dated is in it.
void Partition::on_readiness() {
  if (!was_ready_) return clock_.follow(host_.now());
  clock_.hear(state_->time());
  if (omitted_.times) clock_.hear({replica_.term().value, own_time(host_.now())});
  clock_.lead(replica_.term(), host_.now());
}

GroupTime Partition::time() const { return std::max(clock_.at(host_.now()), state_->time()); }

bool Partition::is_removal_due() const {
  if (!clock_.is_leading() || state_->deadlines().empty()) return false;
  return *state_->deadlines().earliest() <= clock_.at(host_.now()).ms;
}

void Partition::propose() {
  const bool has_system_entries =
      to_follow_ > state_->system().followed || !map_waiting_.empty() || !access_waiting_.empty();
  const bool is_due = is_removal_due();
  const bool has_nothing = proposals_.empty() && new_fences_.empty() && !has_system_entries && !is_due;
  const bool is_held = fences_.is_holding(host_.now()) && !omitted_.fence_holds;
  if (has_nothing || !replica_.can_propose() || is_held) return;
  if (!new_fences_.empty()) return propose_fence();
  std::vector<CommandBuffer> log_entries = system_entries();
  // A group of one may apply, and so answer, within propose(): who waits has to be known before.
  const std::uint64_t first = replica_.last_index().value + 1 + log_entries.size();
  ProposalBatch batch(*state_);
  const Entry removal = removal_of_due(clock_.at(host_.now()));
  if (is_due && host_.take_removal(id_)) batch.add(removal, 0);
  while (!proposals_.empty() && batch.has_room()) {
    WorkPointer work = std::move(proposals_.front());
    proposals_.pop_front();
    if (work->is_answered) continue;
    if (is_expired(*work)) {
      // Nobody waits any more.  Items of it that were proposed already may have been applied.
      abandon(*work, Outcome::kUnknown);
    } else if (propose_some(work, first, batch)) {
      proposals_.push_back(std::move(work));
    }
  }
  if (!batch.empty()) {
    for (CommandBuffer& each : std::move(batch).take()) log_entries.push_back(std::move(each));
  }
  if (!log_entries.empty()) replica_.propose(std::move(log_entries));
}

/// Alone: what comes behind it waits for as long as it is held.
void Partition::propose_fence() {
  const WorkPointer work = std::move(new_fences_.front());
  new_fences_.pop_front();
  if (!new_fences_.empty()) host_.wake(id_);
  if (work->is_answered) return;
  if (is_expired(*work)) return abandon(*work, Outcome::kNotLeader);
  const std::uint64_t first = replica_.last_index().value + 1;
  fences_.hold({first, replica_.term().value}, host_.now(), host_.round_trip());
  ProposalBatch batch(*state_);
  propose_some(work, first, batch);
  replica_.propose(std::move(batch).take());
}

void Partition::follow(const MapVersion& version, std::uint32_t level) {
  to_follow_ = version;
  level_to_follow_ = level;
}

void Partition::propose_map(const MapVersion& replaced, const ClusterMap& map) {
  map_waiting_ = map_entry(replaced, map);
  host_.wake(id_);
}

void Partition::propose_access(std::uint64_t replaced, const AccessRecords& records) {
  access_waiting_ = access_entry(replaced, records);
  access_proposed_ = records.version;
  host_.wake(id_);
}

/// They come first: nothing waits for them, and they are few.
std::vector<CommandBuffer> Partition::system_entries() {
  std::vector<CommandBuffer> entries;
  const auto add = [&entries](const std::string& entry) {
    std::copy(entry.begin(), entry.end(), entries.emplace_back(entry.size()).data());
  };
  if (!map_waiting_.empty()) add(std::exchange(map_waiting_, {}));
  if (!access_waiting_.empty()) add(std::exchange(access_waiting_, {}));
  if (to_follow_ > state_->system().followed) {
    const auto later = later_follow_entry(to_follow_, level_to_follow_, state_->system());
    add(later ? *later : follow_entry(to_follow_, level_to_follow_));
  }
  return entries;
}

/// Adds some of a request's writes to the batch; requests with many of them take turns.  Returns whether some are left.
bool Partition::propose_some(const WorkPointer& work, std::uint64_t first, ProposalBatch& batch) {
  const auto items = work->prepared.items();
  const std::size_t room = work->request.page_bytes == 0 ? kBatchReplyMax : work->request.page_bytes;
  const std::size_t reply_room = room - std::min(room, work->batch_results.size());
  const Effort until = batch.effort() + kProposalQuantum;
  work->was_proposed = true;
  work->taken_up = host_.now();
  for (; work->next_write < items.size(); ++work->next_write) {
    Entry* const entry = items[work->next_write].entry();
    if (entry == nullptr) continue;
    if (trellis::needs_time(*entry)) entry->time = clock_.after(host_.now());
    if (!batch.has_room() || batch.effort() > until) return true;
    const std::size_t log_entry = batch.add(*entry, reply_room);
    waiting_.push_back({{first + log_entry}, {work, work->next_write}});
  }
  return false;
}

Result<void> Partition::apply(LogIndex index, std::string_view log_entry) {
  host_.on_applied(id_, index, log_entry);
  if (is_system_entry(log_entry)) return state_->apply_system(index, log_entry);
  CommandReader commands(log_entry);
  std::uint32_t position = 0;
  for (;;) {
    const auto is_whole = read_together(commands);
    for (const Entry& command : applying_) apply(index, position++, command);
    if (!is_whole) return is_whole.error();
    if (applying_.size() < kAppliedTogether) return {};
  }
}

/// The next commands, whose places in the trie are sought side by side.  Error: the one behind those that were read is
/// broken.
Result<void> Partition::read_together(CommandReader& commands) {
  applying_.clear();
  searches_.clear();
  Result<void> is_whole;
  while (applying_.size() < kAppliedTogether) {
    Entry& command = applying_.emplace_back();
    if (const auto read = commands.next(command); !read || !*read) {
      if (read) is_whole = *read;
      applying_.pop_back();
      break;
    }
    searches_.push_back(state_->documents().search(command.key));
  }
  if (searches_.size() > 1) descend_together(searches_);
  return is_whole;
}

void Partition::apply(LogIndex index, std::uint32_t position, const Entry& command) {
  // Nobody waits for a removal.  Another leader's message can end this leadership and commit our entries in one call of
  // the library: who waits for them is answered by on_step_down().
  const bool is_awaited = command.kind != EntryKind::kRemoveDue && replica_.is_leader() && !waiting_.empty() &&
                          waiting_.front().index == index;
  const CommandResult result = state_->apply(index, position, command, is_awaited);
  if (state_->fenced()) on_fenced(*state_->fenced());
  if (!is_awaited) return;
  const Proposal proposal = std::move(waiting_.front().proposal);
  waiting_.pop_front();
  complete(*proposal.work, proposal.item, result);
  if (proposal.work->left == 0) finish(*proposal.work);
}

bool Partition::wants_confirmation() const {
  if (!replica_.is_ready()) return false;
  if (!proof_.is_waiting()) return !new_reads_.empty();
  return host_.now() - asked_at_ >= kAskAgainAfter + (new_reads_.empty() ? host_.round_trip() : Duration::zero());
}

void Partition::ask(Round round) {
  proof_.ask(round);
  asked_at_ = host_.now();
  for (WorkPointer& work : new_reads_) {
    work->taken_up = asked_at_;
    waiting_reads_.push_back({std::move(work), round, replica_.commit_index()});
  }
  new_reads_.clear();
}

void Partition::on_confirmation(ReplicaPlace from, Round round, Term asked, Term member_term) {
  if (replica_.is_leader() && asked == proof_.term()) proof_.on_answer(from, round, member_term);
}

void Partition::serve_reads() {
  if (waiting_reads_.empty() || !replica_.is_ready()) return;
  const Round proven = proof_.proven();
  while (!waiting_reads_.empty()) {
    const WaitingRead& read = waiting_reads_.front();
    if (read.round > proven || read.index > replica_.applied()) return;
    WorkPointer work = read.work;
    waiting_reads_.pop_front();
    if (work->is_answered) continue;
    begin_reading(*work);
    host_.go_on(*this, std::move(work));
  }
}

void Partition::on_leader(Term term) {
  proof_ = LeadershipProof(term, other_voters(), omitted_.confirmations ? 1 : kWorkersMax);
  lag_.begin(replica_.last_index());  // That of the barrier, R1.
}

std::vector<ReplicaPlace> Partition::other_voters() const {
  std::vector<ReplicaPlace> voters = replica_.voters();
  std::erase_if(voters, [this](const ReplicaPlace& voter) { return voter.worker == self_; });
  return voters;
}

void Partition::on_step_down() {
  // What was proposed may yet be committed by the next leader.
  std::deque<WaitingWrite> waiting;
  waiting.swap(waiting_);
  for (const WaitingWrite& write : waiting) abandon(*write.proposal.work, Outcome::kUnknown);
  std::deque<WorkPointer> proposals;
  proposals.swap(proposals_);
  for (const WorkPointer& work : proposals) abandon(*work, Outcome::kNotLeader);
  std::deque<WorkPointer> fences;
  fences.swap(new_fences_);
  for (const WorkPointer& work : fences) abandon(*work, Outcome::kNotLeader);
  fences_.let_go();
  std::vector<WorkPointer> reads;
  reads.swap(new_reads_);
  for (const WorkPointer& work : reads) abandon(*work, Outcome::kNotLeader);
  std::deque<WaitingRead> waiting_reads;
  waiting_reads.swap(waiting_reads_);
  for (const WaitingRead& read : waiting_reads) abandon(*read.work, Outcome::kNotLeader);
  proof_ = {};
  map_waiting_.clear();
  access_waiting_.clear();
  access_proposed_ = 0;
  lag_.clear();
  was_ready_ = false;
  on_readiness();
  host_.on_leadership_change();
}

void Partition::tick() {
  replica_.tick();
  if (fences_.take_ended(host_.now())) host_.wake(id_);
  fences_.drop_old(host_.now());
  free_obsolete_fences();
  if (replica_.is_leader()) {
    for (const ReplicaPlace& voter : replica_.voters()) {
      if (voter.worker == self_) continue;
      lag_.on_tick(voter.worker, replica_.last_index(), replica_.match_index(voter.id), host_.now());
    }
  }
  // Reads whose clients have given up.
  while (!waiting_reads_.empty() && is_expired(*waiting_reads_.front().work)) {
    abandon(*waiting_reads_.front().work, Outcome::kNotLeader);
    waiting_reads_.pop_front();
  }
  go_on_at_rest();
  if (held_ && host_.now() - held_->since > kHeldStateMax && !replica_.is_snapshotting()) {
    free_state(std::exchange(held_->state, nullptr));
    held_.reset();
  }
  if (host_.now() >= snapshot_retry_at_ && replica_.is_snapshot_due(state_->bytes())) replica_.take_snapshot(true);
}

void Partition::make_room(bool keeps_tail) {
  if (host_.now() < snapshot_retry_at_ || !replica_.is_snapshot_worthwhile(state_->bytes(), keeps_tail)) return;
  replica_.take_snapshot(keeps_tail);
}

/// Snapshots are taken as entries are applied.  Where no entry comes, since documents are refused or nobody writes, the
/// leader proposes empty ones: for as long as a disk is full, and for a while once the group has come to rest, so that
/// what the log takes on the disk and in memory is given back.  Empty ones do not end a rest, and some are proposed
/// where the leader needs none: a follower may.
void Partition::go_on_at_rest() {
  const TimePoint now = host_.now();
  if (state_->applied() != rest_.last) {
    rest_ = {state_->applied(), now, rest_.went_on_at, false, 0};
    return;
  }
  if (!rest_.has_begun && now - rest_.quiet_since >= kRestAfter) {
    rest_.has_begun = true;
    const bool keeps_tail = !replica_.are_voters_level();
    const bool is_worth = now >= snapshot_retry_at_ && replica_.is_snapshot_worth_rest(state_->bytes(), keeps_tail);
    if (is_worth) replica_.take_snapshot(keeps_tail);
    rest_.entries_left = is_worth ? kRestEntries : kRestEntriesForFollowers;
  }
  if (rest_.entries_left == 0 && !host_.is_any_full(replica_)) return;
  if (now - rest_.went_on_at < kGoOnEvery || !replica_.can_propose() || !proposals_.empty()) return;
  rest_.went_on_at = now;
  if (rest_.entries_left > 0) --rest_.entries_left;
  replica_.propose_empty();
}

std::unique_ptr<SnapshotJob> Partition::freeze(LogIndex index, Term term) {
  if (host_.now() < snapshot_retry_at_) return nullptr;
  if (!host_.begin_snapshot(id_, replica_.is_snapshot_overdue(state_->bytes()))) return nullptr;
  FrozenState state = state_->freeze();
  if (omitted_.sessions) state.sessions = StateMachine().freeze().sessions;
  state.omits_deadlines = omitted_.deadlines;
  state.applied = index;  // The last entry may have been a barrier, which the state machine does not see.
  return std::make_unique<StateSnapshotJob>(std::move(state), id_, term,
                                            snapshot_name(id_, index, term, host_.random()), host_.snapshot_store());
}

void Partition::on_snapshot_recorded(std::string_view descriptor) {
  host_.end_snapshot(id_);
  const auto earlier = read_snapshot_descriptor(snapshot_descriptor_);
  snapshot_descriptor_ = descriptor;
  const auto now = read_snapshot_descriptor(snapshot_descriptor_);
  if (earlier && now && earlier->name != now->name) {
    // What cannot be removed is removed at the next start.
    static_cast<void>(host_.snapshot_store().remove(earlier->name));
  }
}

void Partition::on_snapshot_failed(const Error& error) {
  host_.end_snapshot(id_);
  snapshot_retry_at_ = host_.now() + kSnapshotRetryAfter;
  host_.report(LogLevel::kWarning,
               "cannot write a snapshot, and keeps the log: " + error.message +
                   "; is there room left on the disk of the data folder? It is tried again in 10 s",
               id_);
}

void Partition::hold_for_install(std::string descriptor, StateMachine state) {
  held_ = HeldState{std::move(descriptor), std::make_unique<StateMachine>(std::move(state)), host_.now()};
}

Result<void> Partition::restore(std::string_view descriptor) {
  if (held_ && held_->descriptor == descriptor) {
    std::unique_ptr<StateMachine> state = std::move(held_->state);
    held_.reset();
    std::swap(state, state_);
    state_->set_secret(host_.secret());
    free_state(std::move(state));
  } else {
    // At start: nothing else runs yet.
    const auto read = read_snapshot_descriptor(descriptor);
    if (!read) return read.error();
    auto state = read_snapshot(*read, host_.snapshot_store(), session_limits_);
    if (!state) {
      return Error{state.error().code,
                   state.error().message + " (file " + read->name +
                       "); put the data folder back as it was last; where that is gone, leave this worker stopped: the "
                       "other replicas hold its data and serve on without it"};
    }
    state_ = std::make_unique<StateMachine>(std::move(*state));
    state_->set_secret(host_.secret());
    snapshot_descriptor_ = descriptor;
  }
  return {};
}

/// A large trie takes its time to be freed: not on the loop.
void Partition::free_state(std::unique_ptr<StateMachine> old) {
  std::shared_ptr<StateMachine> shared = std::move(old);
  host_.run_in_background([shared = std::move(shared)]() mutable { shared.reset(); }, [] {});
}

}  // namespace trellis

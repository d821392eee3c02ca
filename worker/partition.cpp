#include "worker/partition.hpp"

#include <algorithm>

#include "protocol/limits.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// A snapshot that could not be written is tried again after this.
constexpr std::chrono::seconds kSnapshotRetryAfter{10};
/// A fetched state that the library did not want is let go after this.
constexpr std::chrono::seconds kHeldStateMax{60};

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

/// A read among the writes of a batch, which goes through the log.
bool is_logged_read(EntryKind kind) {
  return kind == EntryKind::kGet || kind == EntryKind::kHas || kind == EntryKind::kQuery;
}

/// Nothing where it was answered before anything was done.
std::optional<Command> command_of(const PreparedItem& item) {
  if (const Read* read = item.read()) return read->command;
  const Entry* entry = item.entry();
  if (entry == nullptr) return std::nullopt;
  switch (entry->kind) {
    case EntryKind::kPut: return Command::kPut;
    case EntryKind::kDelete: return Command::kDelete;
    case EntryKind::kPop: return Command::kPop;
    case EntryKind::kGet: return Command::kGet;
    case EntryKind::kHas: return Command::kHas;
    case EntryKind::kQuery: return Command::kQuery;
  }
  return std::nullopt;
}

/// For the simulator alone, see OmittedRules.
void forget_fingerprints(PreparedRequest& request) {
  const auto forget = [](PreparedItem& item) {
    if (auto* const entry = std::get_if<Entry>(&item.task)) entry->fingerprint = 0;
  };
  forget(request.one);
  for (PreparedItem& item : request.many) forget(item);
}

}  // namespace

Partition::Partition(PartitionId id, ReplicaSettings settings, SessionLimits sessions, PartitionHost& host)
    : id_(id),
      self_(settings.self),
      host_(host),
      session_limits_(sessions),
      state_(std::make_unique<StateMachine>(sessions)),
      omitted_(settings.omitted),
      replica_(id, settings, host, *this) {}

Partition::~Partition() = default;

Result<void> Partition::start() { return replica_.start(); }

void Partition::on_request(BrokerIndex broker, WorkerRequest request) {
  auto work = std::make_shared<Work>();
  work->broker = broker;
  work->arrived = work->taken_up = host_.now();
  work->deadline = work->arrived + std::chrono::milliseconds(request.timeout_ms);
  work->bytes = request.body.size();
  work->request = std::move(request);
  auto prepared = prepare(work->request);
  if (!prepared) {
    host_.report(LogLevel::kWarning,
                 "a broken batch from a broker was dropped: " + prepared.error().message +
                     "; do all workers and brokers run the same version of Trellis?",
                 id_);
    return refuse(*work, Outcome::kWrongPartition);
  }
  work->prepared = std::move(*prepared);
  if (omitted_.fingerprints) forget_fingerprints(work->prepared);
  const auto items = work->prepared.items();
  work->left = items.size();
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (const CommandResult* answer = items[i].answer()) complete(*work, i, *answer);
  }
  if (work->left == 0) return finish(*work);
  const bool writes = std::any_of(items.begin(), items.end(), [](const PreparedItem& item) { return item.entry(); });
  const ReadMode mode = work->request.mode;
  // All that was ever acknowledged is applied on a leader that serves.  Whether it still leads, others tell the broker.
  if (mode == ReadMode::kVouched && !writes && replica_.is_ready()) return execute_reads(*work);
  if (mode == ReadMode::kLinearizable || mode == ReadMode::kVouched) return enqueue(std::move(work));
  // Without the leader: from what is applied here.  Writes need it.
  if (writes) return refuse(*work, Outcome::kNotLeader);
  execute_reads(*work);
}

void Partition::enqueue(WorkPointer work) {
  if (!replica_.is_leader()) return refuse(*work, Outcome::kNotLeader);
  // All of a request or nothing of it: items on one key keep their order over retries.
  if (queued_requests_ == kQueuedRequestsMax || queued_bytes_ + work->bytes > kQueuedBytesMax + kRequestSizeMax) {
    return refuse(*work, Outcome::kBusy);
  }
  work->is_queued = true;
  ++queued_requests_;
  queued_bytes_ += work->bytes;
  bool reads = false;
  const auto items = work->prepared.items();
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].entry() != nullptr) proposals_.push_back({work, i});
    reads = reads || items[i].read() != nullptr;
  }
  if (reads) new_reads_.push_back(std::move(work));
}

void Partition::settle() {
  replica_.settle();
  if (replica_.is_ready() != was_ready_) {
    was_ready_ = replica_.is_ready();
    host_.on_leadership_change();
  }
  propose();
  serve_reads();
}

void Partition::propose() {
  if (proposals_.empty() || !replica_.can_propose()) return;
  std::vector<CommandBuffer> log_entries;
  std::vector<const Entry*> together;
  std::size_t together_bytes = 0;
  std::size_t bytes = 0;
  std::size_t count = 0;
  const auto close = [&] {
    log_entries.emplace_back(encoded_size(together));
    encode(together, log_entries.back().data());
    together.clear();
    together_bytes = 0;
  };
  // A group of one may apply, and so answer, within propose(): who waits has to be known before.
  const std::uint64_t first = replica_.last_index().value + 1;
  while (!proposals_.empty() && count < kProposalItemsMax && bytes < kProposalBytesMax) {
    Proposal proposal = std::move(proposals_.front());
    proposals_.pop_front();
    Work& work = *proposal.work;
    if (work.is_answered) continue;
    if (is_expired(work)) {
      // Nobody waits any more.  Items of it that were proposed already may have been applied.
      abandon(work, Outcome::kUnknown);
      continue;
    }
    const Entry& entry = *work.prepared.items()[proposal.item].entry();
    const std::size_t size = encoded_size(entry);
    if (!together.empty() && together_bytes + size > kTogetherBytesMax) close();
    together.push_back(&entry);
    together_bytes += size;
    bytes += size;
    work.was_proposed = true;
    work.taken_up = host_.now();
    ++count;
    waiting_.push_back({{first + log_entries.size()}, std::move(proposal)});
  }
  if (together.empty()) return;
  close();
  replica_.propose(std::move(log_entries));
}

Result<void> Partition::apply(LogIndex index, std::string_view log_entry) {
  host_.on_applied(id_, index, log_entry);
  CommandReader commands(log_entry);
  while (const auto command = commands.next()) {
    if (!*command) return command->error();
    const CommandResult result = state_->apply(index, commands.position(), **command);
    // Another leader's message can end this leadership and commit our entries in one call of the library: who waits for
    // them is answered by on_step_down().
    if (!replica_.is_leader() || waiting_.empty() || waiting_.front().index != index) continue;
    const Proposal proposal = std::move(waiting_.front().proposal);
    waiting_.pop_front();
    complete(*proposal.work, proposal.item, result);
    if (proposal.work->left == 0) finish(*proposal.work);
  }
  return {};
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

void Partition::on_confirmation(WorkerId from, Round round, Term asked, Term member_term) {
  if (replica_.is_leader() && asked == proof_.term()) proof_.on_answer(from, round, member_term);
}

void Partition::serve_reads() {
  if (waiting_reads_.empty() || !replica_.is_ready()) return;
  const Round proven = proof_.proven();
  while (!waiting_reads_.empty()) {
    const WaitingRead& read = waiting_reads_.front();
    if (read.round > proven || read.index > replica_.applied()) return;
    const WorkPointer work = read.work;
    waiting_reads_.pop_front();
    if (!work->is_answered) execute_reads(*work);
  }
}

void Partition::execute_reads(Work& work) {
  const auto items = work.prepared.items();
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (const Read* read = items[i].read()) complete(work, i, state_->read(*read));
  }
  if (work.left == 0) finish(work);
}

void Partition::complete(Work& work, std::size_t item, const CommandResult& result) {
  if (work.is_answered) return;
  --work.left;
  if (work.prepared.kind == RequestKind::kBatch) return complete_batch_item(work, item, result);
  WorkerReply reply = make_reply(work, Outcome::kDone);
  reply.body = Frame(pack_reply_frame(work.prepared.id, result));
  release(work);
  if (const auto command = command_of(work.prepared.one)) tell_answered(work, *command);
  host_.reply(work.broker, std::move(reply));
}

void Partition::complete_batch_item(Work& work, std::size_t item, const CommandResult& result) {
  const PreparedItem& asked = work.prepared.items()[item];
  const std::size_t size = work.batch_results.size();
  // What a write returns cannot be had again, a read's result can.
  const bool is_read = asked.read() != nullptr || (asked.entry() != nullptr && is_logged_read(asked.entry()->kind));
  if (is_read && work.request.page_bytes != 0 && size > 0 && size + result.packed.size() > work.request.page_bytes) {
    return pack_batch_item(work.batch_results, asked.index,
                           CommandResult::failed(Code::kResourceExhausted, "the reply has no room for this result"));
  }
  if (size + result.packed.size() > kBatchReplyMax) {
    const std::string why = is_read ? "the reply has no room for this result"
                                    : "this item was applied, but the reply has no room for its result";
    return pack_batch_item(work.batch_results, asked.index,
                           CommandResult::failed(is_read ? Code::kResourceExhausted : Code::kFailedPrecondition, why));
  }
  pack_batch_item(work.batch_results, asked.index, result);
}

/// All items have their results.
void Partition::finish(Work& work) {
  if (work.is_answered) return;
  WorkerReply reply = make_reply(work, Outcome::kDone);
  std::string body;
  body.reserve(work.batch_results.size() + 5);
  PackedWriter(body).array(work.prepared.items().size()).packed(work.batch_results);
  reply.body = Frame(std::move(body));
  release(work);
  tell_answered(work, Command::kBatch);
  host_.reply(work.broker, std::move(reply));
}

void Partition::abandon(Work& work, Outcome outcome) {
  if (work.is_answered) return;
  // Where a batch's first items are in the log, nobody may say that it was not applied.
  if (work.was_proposed) outcome = Outcome::kUnknown;
  release(work);
  refuse(work, outcome);
}

void Partition::tell_answered(const Work& work, Command command) {
  host_.on_answered({id_, command, work.prepared.key(), work.was_proposed, work.arrived, work.taken_up});
}

void Partition::release(Work& work) {
  work.is_answered = true;
  if (!work.is_queued) return;
  --queued_requests_;
  queued_bytes_ -= work.bytes;
}

bool Partition::is_expired(const Work& work) const { return host_.now() >= work.deadline; }

WorkerReply Partition::make_reply(const Work& work, Outcome outcome) const {
  WorkerReply reply;
  reply.tag = work.request.tag;
  reply.attempt = work.request.attempt;
  reply.outcome = outcome;
  reply.partition = id_;
  reply.term = replica_.term();
  reply.applied = replica_.applied();
  if (const auto leader = replica_.leader(); leader && (*leader != self_ || replica_.is_leader()))
    reply.leader = *leader;
  return reply;
}

void Partition::refuse(const Work& work, Outcome outcome) { host_.reply(work.broker, make_reply(work, outcome)); }

void Partition::on_leader(Term term) {
  std::vector<WorkerId> peers;
  for (const WorkerId voter : replica_.voters()) {
    if (voter != self_) peers.push_back(voter);
  }
  proof_ = LeadershipProof(term, std::move(peers), omitted_.confirmations ? 1 : kWorkersMax);
  lag_.begin(replica_.last_index());  // That of the barrier, R1.
}

void Partition::on_step_down() {
  // What was proposed may yet be committed by the next leader.
  std::deque<WaitingWrite> waiting;
  waiting.swap(waiting_);
  for (const WaitingWrite& write : waiting) abandon(*write.proposal.work, Outcome::kUnknown);
  std::deque<Proposal> proposals;
  proposals.swap(proposals_);
  for (const Proposal& proposal : proposals) abandon(*proposal.work, Outcome::kNotLeader);
  std::vector<WorkPointer> reads;
  reads.swap(new_reads_);
  for (const WorkPointer& work : reads) abandon(*work, Outcome::kNotLeader);
  std::deque<WaitingRead> waiting_reads;
  waiting_reads.swap(waiting_reads_);
  for (const WaitingRead& read : waiting_reads) abandon(*read.work, Outcome::kNotLeader);
  proof_ = {};
  lag_.clear();
  was_ready_ = false;
  host_.on_leadership_change();
}

void Partition::tick() {
  replica_.tick();
  if (replica_.is_leader()) {
    for (const WorkerId peer : proof_.peers()) {
      lag_.on_tick(peer, replica_.last_index(), replica_.match_index(peer), host_.now());
    }
  }
  // Reads whose clients have given up.
  while (!waiting_reads_.empty() && is_expired(*waiting_reads_.front().work)) {
    abandon(*waiting_reads_.front().work, Outcome::kNotLeader);
    waiting_reads_.pop_front();
  }
  if (held_ && host_.now() - held_->since > kHeldStateMax && !replica_.is_snapshotting()) {
    free_state(std::exchange(held_->state, nullptr));
    held_.reset();
  }
  if (host_.now() >= snapshot_retry_at_ && replica_.is_snapshot_due(state_->bytes())) replica_.take_snapshot();
}

std::unique_ptr<SnapshotJob> Partition::freeze(LogIndex index, Term term) {
  if (host_.now() < snapshot_retry_at_) return nullptr;
  if (!host_.begin_snapshot(id_, replica_.is_snapshot_overdue(state_->bytes()))) return nullptr;
  FrozenState state = state_->freeze();
  if (omitted_.sessions) state.sessions = StateMachine().freeze().sessions;
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

// The part of a Partition that takes requests up, reads, and answers.
#include <algorithm>

#include "protocol/limits.hpp"
#include "protocol/packed.hpp"
#include "worker/partition.hpp"

namespace trellis {
namespace {

/// A read among the writes of a batch, which goes through the log.
bool is_logged_read(EntryKind kind) { return row_of(trellis::command_of(kind)).effect == Effect::kReads; }

/// Nothing where it was answered before anything was done.
std::optional<Command> command_of(const PreparedItem& item) {
  if (const Read* read = item.read()) return read->command;
  const Entry* entry = item.entry();
  if (entry == nullptr) return std::nullopt;
  return trellis::command_of(entry->kind);
}

/// Whether it may make the documents take more room.
bool grows(const PreparedItem& item) {
  const Entry* const entry = item.entry();
  return entry != nullptr && (entry->kind == EntryKind::kPut || entry->kind == EntryKind::kPatch);
}

/// The fence of a request that is one.
std::optional<FenceArguments> fence_in(const Work& work) {
  const auto items = work.prepared.items();
  const Entry* const entry = items.empty() ? nullptr : items.front().entry();
  if (entry == nullptr || entry->kind != EntryKind::kFence) return std::nullopt;
  const auto fence = read_fence(entry->content);
  return fence ? std::optional(*fence) : std::nullopt;
}

/// For the simulator alone, as the next two, see OmittedRules: no request differs from another.
void forget_fingerprints(PreparedRequest& request) {
  for (PreparedItem& item : request.items()) {
    if (Entry* const entry = item.entry()) entry->fingerprint = 0;
  }
}

/// A PATCH that comes twice is done twice.
void forget_sessions_of_patches(PreparedRequest& request) {
  for (PreparedItem& item : request.items()) {
    if (Entry* const entry = item.entry(); entry != nullptr && entry->kind == EntryKind::kPatch) {
      entry->session = {};
      entry->broker_session = entry->has_floor = false;
    }
  }
}

/// Each page is the first.
void forget_after(PreparedRequest& request) {
  for (PreparedItem& item : request.items()) {
    if (auto* const read = std::get_if<Read>(&item.task)) read->page.after.reset();
  }
}

/// Reads of a batch that find their documents together: so few that all are in the cache still when they are read.
constexpr std::size_t kSoughtTogether = 16;

CommandResult no_room() {
  return CommandResult::failed(Code::kResourceExhausted, "the reply has no room for this result");
}

}  // namespace

void Partition::on_request(BrokerIndex broker, WorkerRequest&& request) {
  const bool is_batch = request.kind == RequestKind::kBatch;
  if (is_batch && is_under_way(broker, request)) return;
  auto work = std::make_shared<Work>();
  work->broker = broker;
  work->arrived = work->taken_up = host_.now();
  work->deadline = work->arrived + std::chrono::milliseconds(request.timeout_ms);
  work->bytes = request.body.size();
  work->request = std::move(request);
  if (is_batch) {
    work->preparation = std::make_unique<Preparation>(work->request);
    batches_[{broker, work->request.tag}] = work.get();
  }
  host_.go_on(*this, std::move(work));
}

bool Partition::may_answer_at_once(const WorkerRequest& request) const {
  if (request.kind != RequestKind::kCommand || request.mode != ReadMode::kChecked) return false;
  const CommandRow& row = row_of(request.command);
  return row.reach == Reach::kOneKey && row.effect == Effect::kReads && may_read_unconfirmed(request);
}

Effort Partition::answer_at_once(BrokerIndex broker, const WorkerRequest& request, const PreparedItem& item,
                                 const TrieSearch& search) {
  const Read* const read = item.read();
  const CommandResult result = read == nullptr ? *item.answer() : read_now(*read, &search);
  WorkerReply reply = make_reply(request, Outcome::kDone);
  reply.is_confirmed = read == nullptr;
  reply.body = packed_reply(request.id, result);
  if (read != nullptr) host_.on_answered({id_, request.command, read->key, false, host_.now(), host_.now()});
  host_.reply(broker, std::move(reply));
  return 2 * kItemEffort + result.effort + copy_effort(result.packed.size());
}

/// All that was ever acknowledged is applied on a leader that serves.  Whether it still leads, others tell the broker:
/// the voters of the configuration that the broker knows.  With another one this leader asks for itself.
bool Partition::may_read_unconfirmed(const WorkerRequest& request) const {
  return replica_.is_ready() && request.configuration == replica_.configuration_index();
}

/// A copy of a batch that is being worked on would double the work, and answer "repeated" before the first has its
/// results.  The answer to the first is that to both, unless they are to be proven in different ways.
bool Partition::is_under_way(BrokerIndex broker, const WorkerRequest& copy) {
  const auto known = batches_.find({broker, copy.tag});
  if (known == batches_.end() || known->second->request.mode != copy.mode) return false;
  known->second->request.attempt = copy.attempt;
  return true;
}

JobTurn Partition::take_up(const WorkPointer& work, Effort most) {
  JobTurn turn;
  if (work->is_answered || work->is_reading) return turn;
  turn = prepare_some(*work, most);
  if (turn.is_done && !work->is_answered) begin(work);
  return turn;
}

JobTurn Partition::go_on(const WorkPointer& work, Effort most) {
  JobTurn turn = take_up(work, most);
  if (work->waits_to_be_read()) read(*work, most, turn);
  return turn;
}

JobTurn Partition::resume(const WorkPointer& work, Effort most) {
  if (!work->is_answered && (is_expired(*work) || !may_go_on_reading(*work))) abandon(*work, Outcome::kNotLeader);
  return go_on(work, most);
}

JobTurn Partition::prepare_some(Work& work, Effort most) {
  if (work.preparation == nullptr) {
    prepare_command(work.request, work.prepared);
    return {kItemEffort + (work.request.session.empty() ? 0 : read_effort(work.bytes)), true};
  }
  const auto taken = work.preparation->go_on(most);
  if (!taken) {
    host_.report(LogLevel::kWarning,
                 "a broken batch from a broker was dropped: " + taken.error().message +
                     "; do all workers and brokers run the same version of Trellis?",
                 id_);
    abandon(work, Outcome::kWrongPartition);
    return {};
  }
  if (!work.preparation->is_done()) return {*taken, false};
  work.prepared = std::move(*work.preparation).take();
  work.preparation.reset();
  return {*taken, true};
}

/// Prepared, it is answered, refused, read, or waits for what it needs.
void Partition::begin(const WorkPointer& pointer) {
  Work& work = *pointer;
  if (omitted_.fingerprints) forget_fingerprints(work.prepared);
  if (omitted_.patches) forget_sessions_of_patches(work.prepared);
  if (omitted_.after) forget_after(work.prepared);
  const auto items = work.prepared.items();
  work.left = items.size();
  if (work.prepared.kind == RequestKind::kBatch) PackedWriter(work.batch_results).array(items.size());
  work.results_begin = work.batch_results.size();
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (const CommandResult* answer = items[i].answer()) complete(work, i, *answer);
  }
  if (work.left == 0) return finish(work);
  const bool writes = std::any_of(items.begin(), items.end(), [](const PreparedItem& item) { return item.entry(); });
  const ReadMode mode = work.request.mode;
  if (mode == ReadMode::kChecked && !writes && may_read_unconfirmed(work.request)) {
    work.is_unconfirmed = true;
    return begin_reading(work);
  }
  if (mode == ReadMode::kLinearizable || mode == ReadMode::kChecked) return enqueue(pointer);
  // Without the leader: from what is applied here, by a voter: a newcomer may be empty.  Writes need the leader.
  const auto self = replica_.member(replica_.self().id);
  if (!self || self->role != ReplicaRole::kVoter) return abandon(work, Outcome::kWrongPartition);
  if (writes) return abandon(work, Outcome::kNotLeader);
  begin_reading(work);
}

void Partition::enqueue(const WorkPointer& work) {
  if (!replica_.is_leader()) return abandon(*work, Outcome::kNotLeader);
  const auto items = work->prepared.items();
  // All of a request or nothing of it: items on one key keep their order over retries.
  if (std::any_of(items.begin(), items.end(), grows) && !host_.may_grow(replica_)) {
    return abandon(*work, Outcome::kDiskFull);
  }
  if (!hold(*work)) return;
  if (const auto fence = fence_in(*work)) {
    if (fence->action == FenceAction::kBegin) return new_fences_.push_back(work);
    fences_.let_go(fence->fence);
  }
  if (std::any_of(items.begin(), items.end(), [](const PreparedItem& item) { return item.entry() != nullptr; })) {
    proposals_.push_back(work);
  }
  if (std::any_of(items.begin(), items.end(), [](const PreparedItem& item) { return item.read() != nullptr; })) {
    new_reads_.push_back(work);
    host_.on_read_waits(id_);
  }
}

bool Partition::hold(Work& work) {
  if (work.is_queued) return true;
  if (queued_requests_ == kQueuedRequestsMax || queued_bytes_ + work.bytes > kQueuedBytesMax + kRequestSizeMax) {
    abandon(work, Outcome::kBusy);
    return false;
  }
  work.is_queued = true;
  ++queued_requests_;
  queued_bytes_ += work.bytes;
  return true;
}

void Partition::begin_reading(Work& work) {
  work.is_reading = true;
  work.term = replica_.term();
}

/// What was proven of a leader, or will be by others, is proven of its term.
bool Partition::may_go_on_reading(const Work& work) const {
  const bool needs_leader = work.request.mode == ReadMode::kLinearizable || work.request.mode == ReadMode::kChecked;
  return !work.is_reading || !needs_leader || (replica_.is_ready() && replica_.term() == work.term);
}

void Partition::seek(Work& work, std::vector<TrieSearch>& searches) const {
  const auto items = work.prepared.items();
  work.sought_to = std::min(items.size(), work.next_read + kSoughtTogether);
  for (std::size_t i = work.next_read; i < work.sought_to; ++i) {
    if (items[i].read() != nullptr) seek(items[i], searches);
  }
}

void Partition::read(Work& work, Effort most, JobTurn& turn) {
  const auto items = work.prepared.items();
  for (; work.next_read < items.size() && !work.is_answered; ++work.next_read) {
    const Read* const read = items[work.next_read].read();
    if (read == nullptr) continue;
    turn.is_done = turn.taken < most;
    if (!turn.is_done) return;
    if (work.next_read >= work.sought_to && work.next_read + 1 < items.size()) {
      searches_.clear();
      seek(work, searches_);
      descend_together(searches_);
    }
    const Effort taken = read_item(work, work.next_read, *read);
    turn.taken += taken;
    work.taken += taken;
    // The broker asks for the others by themselves.
    if (work.request.is_suspect && work.request.session.empty() && work.taken > kSuspectEffort) work.has_no_room = true;
  }
  if (work.left == 0) finish(work);
}

/// Returns what it took.
Effort Partition::read_item(Work& work, std::size_t item, const Read& read) {
  if (work.has_no_room) {
    complete(work, item, no_room());
    return kItemEffort;
  }
  const bool is_of_fence = read.command == Command::kFenceHolds || read.command == Command::kFenceRead;
  const CommandResult result = is_of_fence ? read_fence(work, read) : read_now(read);
  const Effort taken = kItemEffort + result.effort + copy_effort(result.packed.size());
  complete(work, item, result);
  return taken;
}

void Partition::complete(Work& work, std::size_t item, const CommandResult& result) {
  if (work.is_answered) return;
  --work.left;
  if (work.prepared.kind == RequestKind::kBatch) return complete_batch_item(work, item, result);
  WorkerReply reply = make_reply(work.request, Outcome::kDone);
  reply.is_confirmed = !work.is_unconfirmed;
  reply.body = packed_reply(work.prepared.id, result);
  release(work);
  if (const auto command = command_of(work.prepared.one)) tell_answered(work, *command);
  host_.reply(work.broker, std::move(reply));
}

void Partition::complete_batch_item(Work& work, std::size_t item, const CommandResult& result) {
  const PreparedItem& asked = work.prepared.items()[item];
  const std::size_t size = work.batch_results.size();
  const bool is_first = size == work.results_begin;
  // What a write returns cannot be had again, a read's result can.
  const bool is_read = asked.read() != nullptr || (asked.entry() != nullptr && is_logged_read(asked.entry()->kind));
  if (is_read && work.request.page_bytes != 0 && !is_first && size + result.packed.size() > work.request.page_bytes) {
    work.has_no_room = work.has_no_room || asked.read() != nullptr;
    return pack_batch_item(work.batch_results, asked.index, no_room());
  }
  if (size + result.packed.size() > kBatchReplyMax) {
    const auto applied = [] {
      return CommandResult::failed(Code::kFailedPrecondition,
                                   "this item was applied, but the reply has no room for its result");
    };
    return pack_batch_item(work.batch_results, asked.index, is_read ? no_room() : applied());
  }
  pack_batch_item(work.batch_results, asked.index, result);
}

/// All items have their results.
void Partition::finish(Work& work) {
  if (work.is_answered) return;
  WorkerReply reply = make_reply(work.request, Outcome::kDone);
  reply.is_confirmed = !work.is_unconfirmed;
  reply.body = Frame(std::move(work.batch_results));
  release(work);
  tell_answered(work, Command::kBatch);
  host_.reply(work.broker, std::move(reply));
}

void Partition::abandon(Work& work, Outcome outcome) {
  if (work.is_answered) return;
  // Where a batch's first items are in the log, nobody may say that it was not applied.
  if (work.was_proposed) outcome = Outcome::kUnknown;
  release(work);
  host_.reply(work.broker, make_reply(work.request, outcome));
}

void Partition::tell_answered(const Work& work, Command command) {
  host_.on_answered({id_, command, work.prepared.key(), work.was_proposed, work.arrived, work.taken_up});
}

void Partition::release(Work& work) {
  work.is_answered = true;
  if (work.request.kind == RequestKind::kBatch) {
    const auto known = batches_.find({work.broker, work.request.tag});
    if (known != batches_.end() && known->second == &work) batches_.erase(known);
  }
  if (!work.is_queued) return;
  --queued_requests_;
  queued_bytes_ -= work.bytes;
}

bool Partition::is_expired(const Work& work) const { return host_.now() >= work.deadline; }

/// What is small lies in memory that the next one uses again.
Frame Partition::packed_reply(std::uint64_t id, const CommandResult& result) {
  packed_reply_.clear();
  pack_reply_frame(packed_reply_, id, result);
  return packed_reply_.size() < BundleWriter::kInlineMax ? Frame(nullptr, packed_reply_)
                                                         : Frame(std::move(packed_reply_));
}

WorkerReply Partition::make_reply(const WorkerRequest& request, Outcome outcome) const {
  WorkerReply reply;
  reply.tag = request.tag;
  reply.attempt = request.attempt;
  reply.client = request.client;
  reply.outcome = outcome;
  reply.partition = id_;
  reply.term = replica_.term();
  reply.applied = replica_.applied();
  reply.is_confirmed = true;
  reply.configuration = replica_.configuration_index();
  if (const auto leader = replica_.leader(); leader && (leader->worker != self_ || replica_.is_leader()))
    reply.leader = leader->worker;
  return reply;
}

}  // namespace trellis

// The part of a Shard that gives requests their turns.
#include "worker/shard.hpp"

namespace trellis {
namespace {

WorkerReply refusal_of(const WorkerRequest& request, Outcome outcome) {
  WorkerReply answer;
  answer.tag = request.tag;
  answer.attempt = request.attempt;
  answer.client = request.client;
  answer.partition = request.partition;
  answer.outcome = outcome;
  return answer;
}

}  // namespace

void Shard::on_request(BrokerIndex broker, const BundleItem& item) {
  auto request = read_worker_request(item);
  if (!request) return warn("from a broker: " + request.error().message + ", dropped" + kAskVersions);
  Partition* partition = find_partition(request->partition);
  // Proposing what lay in the sockets of a frozen worker, or in a queue on the way to them, would surprise a client
  // that has given up long ago.
  const bool is_obsolete = woke_at_ && request->heard < to_stamp(*woke_at_);
  if (partition == nullptr || is_obsolete) {
    return reply(broker, refusal_of(*request, is_obsolete ? Outcome::kBusy : Outcome::kWrongPartition));
  }
  if (request->kind == RequestKind::kCluster) return on_cluster_request(broker, std::move(*request));
  if (request->kind == RequestKind::kReads) return on_reads(broker, std::move(*request));
  // A copy of what is answered already: doing it again would only say of writes that they are repeated.
  const BulkSender& bulk = brokers_[broker].bulk.out;
  if (bulk.has_waiting() && bulk.has(request->tag)) return;
  if (reads_at_once(broker, *partition, *request)) {
    singles_.emplace_back(*partition, broker, std::move(*request));
    if (singles_.size() == kGatheredMax) read_gathered();
    return;
  }
  const PartitionId group = request->partition;
  partition->on_request(broker, std::move(*request));
  woken_.insert(group);
}

bool Shard::reads_at_once(BrokerIndex broker, const Partition& partition, const WorkerRequest& request) const {
  return gathers_ && taken_at_once_ < kAtOnceEffort && !put_off_.has({broker, request.client}) &&
         partition.may_answer_at_once(request);
}

/// A client that has nothing waiting is served at once, for a moment; what takes longer, and what comes when the turn
/// is spent, waits for its client's next turn.
void Shard::go_on(Partition& partition, WorkPointer work) {
  if (!has_room_for_reply(*work)) return partition.refuse(*work, Outcome::kBusy);
  const Client client{work->broker, work->request.client};
  if (taken_at_once_ < kAtOnceEffort && !put_off_.has(client)) {
    constexpr Effort kMost = decltype(put_off_)::kQuantum;
    const JobTurn turn = gathers_ ? partition.take_up(work, kMost) : partition.go_on(work, kMost);
    taken_at_once_ += turn.taken;
    if (gathers_ && turn.is_done && work->waits_to_be_read()) return gather(partition, std::move(work));
    if (turn.is_done) return;
  }
  if (partition.hold(*work)) put_off_.add(client, {partition.id(), std::move(work), nullptr});
}

/// Reads that came in one message find their documents together.
void Shard::gather(Partition& partition, WorkPointer work) {
  gathered_.push_back({&partition, std::move(work)});
  if (gathered_.size() == kGatheredMax) read_gathered();
}

void Shard::read_gathered() {
  if (gathered_.empty() && singles_.empty()) return;
  searches_.clear();
  for (const GatheredRead& each : singles_) each.partition->seek(each.item, searches_);
  for (const Gathered& each : gathered_) each.partition->seek(*each.work, searches_);
  descend_together(searches_);
  gathers_ = false;
  for (std::size_t i = 0; i < singles_.size(); ++i) answer(singles_[i], searches_[i]);
  singles_.clear();
  for (Gathered& each : gathered_) go_on(*each.partition, std::move(each.work));
  gathers_ = true;
  gathered_.clear();
}

/// Those for which the turn has no time any more wait for their clients' turns.
void Shard::answer(GatheredRead& read, const TrieSearch& search) {
  Partition& partition = *read.partition;
  if (taken_at_once_ < kAtOnceEffort) {
    taken_at_once_ += partition.answer_at_once(read.broker, read.request, read.item, search);
  } else {
    partition.on_request(read.broker, std::move(read.request));
    woken_.insert(partition.id());
  }
}

/// Whether the link will have room for what may become large.  What a write returns has to leave in any case.
bool Shard::has_room_for_reply(const Work& work) const {
  const bool may_be_large = work.request.page_bytes != 0 && work.request.session.empty() && work.next_read == 0;
  return !may_be_large || takes_large_reply(brokers_[work.broker]);
}

/// Its partition has gone meanwhile.
JobTurn Shard::refuse(const Work& work) {
  const Outcome outcome = work.was_proposed ? Outcome::kUnknown : Outcome::kWrongPartition;
  if (!work.is_answered) reply(work.broker, refusal_of(work.request, outcome));
  return {};
}

/// As go_on() does for one partition.
void Shard::on_reads(BrokerIndex broker, WorkerRequest request) {
  const WorkerReply refusal = refusal_of(request, Outcome::kWrongPartition);
  auto made = JointWork::make(broker, std::move(request), now_);
  if (!made) {
    warn("from a broker: " + made.error().message + ", dropped" + kAskVersions);
    return reply(broker, refusal);
  }
  std::unique_ptr<JointWork> work = std::move(*made);
  const Client client{broker, work->client()};
  if (!takes_large_reply(brokers_[broker])) work->refuse(Outcome::kBusy);
  if (taken_at_once_ < kAtOnceEffort && !put_off_.has(client)) {
    const JobTurn turn = work->go_on(*this, decltype(put_off_)::kQuantum);
    taken_at_once_ += turn.taken;
    if (turn.is_done) return answer(*work);
  }
  if (joint_bytes_ + work->bytes() > Partition::kQueuedBytesMax) work->refuse(Outcome::kBusy);
  if (work->is_refused()) return answer(*work);
  joint_bytes_ += work->bytes();
  put_off_.add(client, {{}, nullptr, std::move(work)});
}

JobTurn Shard::resume(JointWork& work, Effort most) {
  if (work.is_expired(now_)) work.refuse(Outcome::kNotLeader);
  const JobTurn turn = work.go_on(*this, most);
  if (!turn.is_done) return turn;
  joint_bytes_ -= work.bytes();
  answer(work);
  return turn;
}

void Shard::answer(JointWork& work) {
  if (!work.is_refused()) on_answered(work.answered());
  const BrokerIndex broker = work.broker();
  reply(broker, std::move(work).reply());
}

void Shard::run_put_off() {
  taken_put_off_ = put_off_.run(kPutOffEffort, [this](const PutOff& job, Effort most) {
    if (job.joint) return resume(*job.joint, most);
    Partition* const partition = find_partition(job.group);
    if (partition == nullptr) return refuse(*job.work);
    woken_.insert(job.group);
    if (!has_room_for_reply(*job.work)) partition->refuse(*job.work, Outcome::kBusy);
    return partition->resume(job.work, most);
  });
}

}  // namespace trellis

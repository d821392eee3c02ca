#include "broker/calls.hpp"

#include <algorithm>

#include "broker/call_times.hpp"
#include "protocol/check.hpp"

namespace trellis {

using namespace call_times;

namespace {

/// In the tag of a question to a replica without a majority: its answer confirms nothing, whenever it comes.
constexpr Tag kUnconfirmed = kTagFlag;
/// Between attempts that came back as not applied: doubles from the least to the most.
constexpr std::chrono::milliseconds kBackOffMin{4};
constexpr std::chrono::milliseconds kBackOffMax{50};

}  // namespace

LegResult Calls::failed(Code code, std::string message) {
  LegResult result;
  result.error = Error{code, std::move(message)};
  return result;
}

Tag Calls::start(Tag owner, Subrequest subrequest, const WriteIdentity& identity, TimePoint deadline, TimePoint now) {
  CHECK(subrequest.partition.value < by_partition_.size());
  if (!subrequest.joint.empty()) return joint_.start(owner, std::move(subrequest), deadline, now);
  Call& call = pool_.acquire();
  call.owner = owner;
  call.subrequest = std::move(subrequest);
  call.identity = identity;
  call.deadline = deadline;
  call.state = State::kWaiting;
  call.attempts = 0;
  call.begun = now;
  call.perhaps_applied = false;
  call.silenced.clear();
  if (call.subrequest.silenced.value != 0) call.silenced.push_back(call.subrequest.silenced);
  call.read_context = 0;
  auto& siblings = by_partition_[call.subrequest.partition.value];
  call.position = static_cast<std::uint32_t>(siblings.size());
  siblings.push_back(call.tag);
  const Tag tag = call.tag;
  dispatch(call, now);
  return pool_.find(tag) != nullptr ? tag : 0;
}

void Calls::dispatch(Call& call, TimePoint now) {
  call.state = State::kWaiting;
  if (call.subrequest.stale) {
    WorkerRecord* const replica = router_.any_replica(call.subrequest.partition);
    if (replica != nullptr) return send(call, *replica, now);
    if (!registry_.warmed_up()) return wait(call, now);
    return without_majority(call, now);
  }
  if (!router_.has_majority(call.subrequest.partition) && registry_.warmed_up()) return without_majority(call, now);
  WorkerRecord* const leader = router_.leader(call.subrequest.partition);
  if (leader == nullptr) return wait(call, now);
  send(call, *leader, now);
}

void Calls::send(Call& call, WorkerRecord& worker, TimePoint now) {
  // Nobody waits any more: it ends as soon as the broker looks at its deadlines.
  if (now >= call.deadline) return wait(call, now);
  if (worker.bytes_under_way + call.subrequest.body.size() > options_.limits.bytes_per_worker &&
      worker.bytes_under_way > 0) {
    if (call.perhaps_applied) return back_off(call, now);
    return finish(call,
                  failed(Code::kResourceExhausted, "too many bytes are under way to worker " + worker.hello.address +
                                                       "; send fewer requests at once"),
                  now);
  }
  write_request(call, worker, mode_for(call, worker, now), now);
  worker.bytes_under_way += call.subrequest.body.size();
  call.state = State::kSent;
  const Duration on_the_way = kRoundTripsPerWrite * worker.round_trip.value();
  wheel_.set(call.timer, now + resend_after(call.subrequest.body.size(), call.attempts) + on_the_way, call.tag);
  note_attempt(call, worker.hello.id, now);
}

ReadMode Calls::mode_for(Call& call, const WorkerRecord& worker, TimePoint now) {
  if (call.subrequest.stale) return ReadMode::kStale;
  if (call.subrequest.writes || call.attempts > 0) return ReadMode::kLinearizable;
  call.read_context = leadership_checks_.ask(call.subrequest.partition, worker.hello.id, now);
  return call.read_context != 0 ? ReadMode::kChecked : ReadMode::kLinearizable;
}

void Calls::note_attempt(Call& call, WorkerId worker, TimePoint now) {
  if (call.attempts++ == 0) call.first_sent = now;
  call.last_sent = now;
  call.sent_to = worker;
}

LegTimes Calls::times_of(const Call& call, TimePoint now) {
  LegTimes times;
  times.partition = call.subrequest.partition;
  times.attempts = call.attempts;
  if (call.attempts == 0) {
    times.until_sent = now - call.begun;
    return times;
  }
  times.worker = call.sent_to;
  times.until_sent = call.first_sent - call.begun;
  times.earlier_attempts = call.last_sent - call.first_sent;
  times.at_worker = now - call.last_sent;
  return times;
}

void Calls::write_request(Call& call, WorkerRecord& worker, ReadMode mode, TimePoint now) {
  request_.tag = mode == ReadMode::kBestEffort ? call.tag | kUnconfirmed : call.tag;
  request_.attempt = call.attempts;
  request_.partition = call.subrequest.partition;
  request_.kind = call.subrequest.kind;
  request_.command = call.subrequest.command;
  request_.id = call.subrequest.id;
  request_.mode = mode;
  request_.broker_session = call.subrequest.writes && call.identity.own;
  request_.session.assign(call.subrequest.writes ? call.identity.session : std::string_view{});
  request_.seq = call.subrequest.writes ? call.identity.seq : 0;
  request_.has_floor = call.subrequest.writes && call.identity.floor.has_value();
  request_.floor = request_.broker_session ? listener_.floor() : call.identity.floor.value_or(0);
  request_.timeout_ms = left_until(call.deadline, now);
  request_.page_bytes = call.subrequest.page_bytes;
  request_.configuration = {};
  if (mode == ReadMode::kChecked) {
    request_.configuration = router_.configuration_of(call.subrequest.partition, worker.hello.id).value_or(LogIndex{});
  }
  request_.heard = worker.hello.stamps.sent;
  request_.client = call.subrequest.client;
  request_.is_suspect = !call.silenced.empty();
  request_.body = call.subrequest.body;
  outbox_.add(*worker.slot, request_, now);
}

void Calls::wait(Call& call, TimePoint now) {
  // Woken by on_leader; the timer is for the case that nobody is left to say anything.
  wheel_.set(call.timer, now + kResendAfterMin, call.tag);
}

void Calls::back_off(Call& call, TimePoint now) {
  leave_worker(call);
  call.state = State::kWaiting;
  wheel_.set(call.timer, now + doubled(kBackOffMin, kBackOffMax, call.attempts == 0 ? 0 : call.attempts - 1), call.tag);
}

void Calls::leave_worker(Call& call) {
  if (call.state != State::kSent) return;
  if (WorkerRecord* const worker = registry_.find(call.sent_to)) {
    if (worker->slot != nullptr) outbox_.take_back(*worker->slot, call.tag);
    worker->bytes_under_way -= std::min(worker->bytes_under_way, call.subrequest.body.size());
  }
  call.state = State::kWaiting;
}

void Calls::on_reply(WorkerId from, WorkerReply reply, TimePoint now) {
  if (is_joint(reply.tag)) return joint_.on_reply(from, std::move(reply), now);
  Call* const call = pool_.find(reply.tag & ~kUnconfirmed);
  if (call == nullptr) return;  // Answered already, or meant for an earlier broker.
  if ((reply.tag & kUnconfirmed) != 0) {
    // Where a majority has come back since, what a replica says only now proves nothing.
    if (call->state == State::kAsking) on_asked_reply(*call, from, std::move(reply), now);
    return;
  }
  // Whoever else says "done" is right, also to an earlier attempt: writes are made once under their name, and a
  // linearizable read was confirmed after it came in.
  if (reply.outcome == Outcome::kDone) {
    if (reply.attempt == 0 && call->read_context != 0 && !reply.is_confirmed)
      return on_checked_reply(*call, from, std::move(reply), now);
    LegResult result;
    result.body = std::move(reply.body);
    return finish(*call, std::move(result), now);
  }
  // What was said of an earlier attempt, perhaps twice, says nothing of the one under way.
  const bool is_current = call->state == State::kSent && call->sent_to == from && reply.attempt + 1 == call->attempts;
  const PartitionId partition = call->subrequest.partition;
  if (reply.outcome == Outcome::kNotLeader) {
    const bool hinted = router_.on_not_leader(partition, from, reply.leader, reply.term);
    if (is_current) not_taken(*call, now);
    if (hinted) wake(partition, now);
    return;
  }
  if (!is_current) return;
  if (reply.outcome == Outcome::kDiskFull && !call->perhaps_applied) {
    return finish(*call,
                  failed(Code::kResourceExhausted,
                         "the disks of a majority of this partition's workers are full; delete documents or make room"),
                  now);
  }
  if (reply.outcome == Outcome::kUnknown) call->perhaps_applied = call->perhaps_applied || call->subrequest.writes;
  back_off(*call, now);
}

void Calls::on_checked_reply(Call& call, WorkerId from, WorkerReply reply, TimePoint now) {
  call.held = Held{std::move(reply.body), from, reply.term, reply.configuration};
  if (settle_held(call, now)) return;
  sweep_held(call.subrequest.partition);
  held_[call.subrequest.partition.value].push_back(call.tag);
  if (call.attempts == 1)
    wheel_.set(call.timer, now + kAnswerWithin + leadership_checks_.round_trip(call.subrequest.partition), call.tag);
}

/// Returns whether the call holds nothing any more: it may have ended.
bool Calls::settle_held(Call& call, TimePoint now) {
  switch (leadership_checks_.check(call.subrequest.partition, call.held->leader, call.held->term,
                                   call.held->configuration, call.read_context)) {
    case LeadershipChecks::Verdict::kOpen: return false;
    case LeadershipChecks::Verdict::kRefuted:
      call.held.reset();
      if (call.state == State::kSent && call.attempts == 1) not_taken(call, now);
      return true;
    case LeadershipChecks::Verdict::kProven: break;
  }
  LegResult result;
  result.body = std::move(call.held->body);
  finish(call, std::move(result), now);
  return true;
}

void Calls::on_answer(WorkerId from, const LeadershipAnswer& answer) {
  leadership_checks_.on_answer(from, answer);
  joint_.on_answer();
  for (const auto& [partition, replica, term] : answer.terms) {
    if (partition.value < held_.size() && !held_[partition.value].empty()) answered_.push_back(partition);
  }
}

void Calls::settle_checked(TimePoint now) {
  joint_.settle_checked(now);
  std::sort(answered_.begin(), answered_.end());
  answered_.erase(std::unique(answered_.begin(), answered_.end()), answered_.end());
  for (const PartitionId partition : answered_) {
    std::vector<Tag> held;
    held.swap(held_[partition.value]);
    std::erase_if(held, [this, now](Tag tag) {
      Call* const call = pool_.find(tag);
      return call == nullptr || !call->held || settle_held(*call, now);
    });
    auto& since = held_[partition.value];
    held.insert(held.end(), since.begin(), since.end());
    since.swap(held);
  }
  answered_.clear();
}

/// Where nobody confirms, calls end otherwise.
void Calls::sweep_held(PartitionId partition) {
  auto& held = held_[partition.value];
  if (held.size() <= 2 * by_partition_[partition.value].size()) return;
  std::erase_if(held, [this](Tag tag) {
    const Call* const call = pool_.find(tag);
    return call == nullptr || !call->held;
  });
}

void Calls::not_taken(Call& call, TimePoint now) {
  leave_worker(call);
  // A leader that has just been hinted at may not serve yet, and hints may go round in a circle: not at once for ever.
  if (call.attempts > 3) return back_off(call, now);
  dispatch(call, now);
}

void Calls::on_timer(Tag tag, TimePoint now) {
  if (is_joint(tag)) return joint_.on_timer(tag, now);
  Call* const call = pool_.find(tag);
  if (call == nullptr) return;
  if (call->state == State::kAsking && call->asking->answered) {
    // Some answered and some hold their peace: a second is long enough.
    call->asking->awaited.clear();
    return finish_asking_if_all_came(*call, now);
  }
  // A request that has not left yet is not lost.
  if (call->state == State::kSent && is_waiting_to_leave(*call)) {
    return wheel_.set(call->timer, now + kResendAfterMin, call->tag);
  }
  if (call->state == State::kSent) {
    if (call->held && call->attempts == 1)
      leadership_checks_.on_late(call->subrequest.partition, call->read_context, now);
    return lose(*call, false, now);
  }
  dispatch(*call, now);
}

bool Calls::is_waiting_to_leave(const Call& call) const {
  const WorkerRecord* const worker = registry_.find(call.sent_to);
  return worker != nullptr && worker->slot != nullptr && Outbox::is_waiting(*worker->slot, call.tag);
}

void Calls::on_progress(std::string_view reply_header, TimePoint now) {
  FieldReader fields(reply_header);
  const Tag tag = fields.u64() & ~kUnconfirmed;
  if (fields.ok() && is_joint(tag)) return joint_.on_progress(tag, now);
  Call* const call = pool_.find(tag);
  if (!fields.ok() || call == nullptr || call->state != State::kSent) return;
  wheel_.set(call->timer, now + resend_after(call->subrequest.body.size(), call->attempts), call->tag);
}

void Calls::perhaps_lost(Call& call) {
  leave_worker(call);
  call.perhaps_applied = call.perhaps_applied || call.subrequest.writes;
}

void Calls::on_not_sent(Tag tag, TimePoint now) {
  if (is_joint(tag)) return joint_.on_not_sent(tag, now);
  Call* const call = pool_.find(tag);
  if (call == nullptr || call->state != State::kSent) return;  // Asking goes on by its timer.
  back_off(*call, now);
}

void Calls::wake(PartitionId partition, TimePoint now) {
  for (const Tag tag : calls_of(partition)) {
    Call* const call = pool_.find(tag);
    if (call != nullptr && call->state == State::kWaiting) dispatch(*call, now);
  }
}

void Calls::on_leader(PartitionId partition, TimePoint now) {
  joint_.on_leader(partition, now);
  const WorkerId leader = router_.leader_id(partition);
  for (const Tag tag : calls_of(partition)) {
    Call* const call = pool_.find(tag);
    if (call == nullptr || call->subrequest.stale) continue;
    if (call->state == State::kSent && call->sent_to != leader) {
      lose(*call, false, now);
    } else if (call->state == State::kWaiting) {
      dispatch(*call, now);
    }
  }
}

LegResult Calls::expire(Tag tag, std::chrono::milliseconds timeout, TimePoint now) {
  if (is_joint(tag)) return joint_.expire(tag, timeout, now);
  Call* const call = pool_.find(tag);
  CHECK(call != nullptr);
  LegResult result;
  if (call->state == State::kAsking && call->asking->answered) {
    result.guaranteed = false;
    result.body = std::move(call->asking->best);
  } else {
    const bool unknown = call->perhaps_applied || (call->state == State::kSent && call->subrequest.writes);
    std::string message = no_answer_within(timeout);
    if (router_.leader(call->subrequest.partition) == nullptr && !call->subrequest.stale) {
      message += " (partition " + std::to_string(call->subrequest.partition.value) + " has no leader)";
    }
    if (unknown) {
      message += "; the write may have taken effect, or may still";
    } else if (call->subrequest.writes) {
      // Not "nothing was done": another broker may have been asked the same.
      message += "; this broker gave it to no worker";
    }
    result = failed(Code::kDeadlineExceeded, std::move(message));
  }
  result.times = times_of(*call, now);
  release(*call);
  return result;
}

void Calls::cancel(Tag tag) {
  if (is_joint(tag)) return joint_.cancel(tag);
  if (Call* const call = pool_.find(tag)) release(*call);
}

void Calls::finish(Call& call, LegResult result, TimePoint now) {
  result.times = times_of(call, now);
  const Tag owner = call.owner;
  const std::uint32_t number = call.subrequest.number;
  release(call);
  listener_.on_call_done(owner, number, std::move(result), now);
}

void Calls::release(Call& call) {
  leave_worker(call);
  wheel_.clear(call.timer);
  auto& siblings = by_partition_[call.subrequest.partition.value];
  // The last one takes the place that falls free.
  siblings[call.position] = siblings.back();
  pool_.find(siblings.back())->position = call.position;
  siblings.pop_back();
  call.asking.reset();
  call.held.reset();
  call.subrequest.body = Frame();
  pool_.release(call);
}

}  // namespace trellis

#include "broker/joint_calls.hpp"

#include <algorithm>

#include "broker/call_times.hpp"
#include "protocol/check.hpp"

namespace trellis {

using namespace call_times;

LegResult JointCalls::apart(WorkerId silenced) {
  LegResult result;
  result.comes_apart = true;
  result.silenced = silenced;
  return result;
}

LegTimes JointCalls::times_of(const Joint& joint, TimePoint now) {
  LegTimes times;
  times.partition = joint.subrequest.partition;
  times.worker = joint.worker;
  times.attempts = 1;
  times.at_worker = now - joint.sent;
  return times;
}

/// The leader of all these partitions, if one is that can be sent to, and each has a majority; else null.
WorkerRecord* JointCalls::only_leader(const std::vector<JointPart>& parts) const {
  WorkerRecord* const leader = router_.leader(parts.front().partition);
  const bool leads_all = std::all_of(parts.begin(), parts.end(), [this, leader](const JointPart& part) {
    return router_.leader(part.partition) == leader && router_.has_majority(part.partition);
  });
  return leads_all ? leader : nullptr;
}

/// Has others confirm for each partition, with the configurations that are known here; 0: they cannot.
ReadContext JointCalls::ask_for_proof(std::vector<JointPart>& parts, WorkerId leader, TimePoint now) {
  ReadContext read_context = 0;
  for (JointPart& part : parts) {
    read_context = leadership_checks_.ask(part.partition, leader, now);
    if (read_context == 0) return 0;
    part.configuration = router_.configuration_of(part.partition, leader).value_or(LogIndex{});
  }
  return read_context;
}

Tag JointCalls::start(Tag owner, Subrequest subrequest, TimePoint deadline, TimePoint now) {
  const std::uint32_t number = subrequest.number;
  WorkerRecord* const leader = only_leader(subrequest.joint);
  const bool has_room =
      leader != nullptr && leader->bytes_under_way + subrequest.body.size() <= options_.limits.bytes_per_worker;
  const ReadContext read_context =
      has_room && now < deadline ? ask_for_proof(subrequest.joint, leader->hello.id, now) : 0;
  if (read_context == 0) {
    listener_.on_call_done(owner, number, apart(), now);
    return 0;
  }
  Joint& joint = pool_.acquire();
  joint.owner = owner;
  joint.subrequest = std::move(subrequest);
  joint.subrequest.body = Frame(pack_joint_reads(joint.subrequest.joint, joint.subrequest.body.bytes()));
  joint.worker = leader->hello.id;
  joint.read_context = read_context;
  joint.deadline = deadline;
  joint.sent = now;
  joint.proven = 0;
  joint.position = static_cast<std::uint32_t>(under_way_.size());
  under_way_.push_back(joint.tag);
  send(joint, *leader, now);
  leader->bytes_under_way += joint.subrequest.body.size();
  wheel_.set(joint.timer, now + resend_after(joint.subrequest.body.size(), 0) + leader->round_trip.value(),
             joint.tag | kMark);
  return joint.tag | kMark;
}

void JointCalls::send(const Joint& joint, WorkerRecord& worker, TimePoint now) {
  WorkerRequest request;
  request.tag = joint.tag | kMark;
  request.partition = joint.subrequest.partition;
  request.kind = RequestKind::kReads;
  request.mode = ReadMode::kChecked;
  request.timeout_ms = left_until(joint.deadline, now);
  request.page_bytes = joint.subrequest.page_bytes;
  request.heard = worker.hello.stamps.sent;
  request.client = joint.subrequest.client;
  request.body = joint.subrequest.body;
  outbox_.add(*worker.slot, request, now);
}

void JointCalls::on_reply(WorkerId from, WorkerReply reply, TimePoint now) {
  Joint* const joint = pool_.find(reply.tag & ~kMark);
  if (joint == nullptr || joint->worker != from || joint->held) return;  // It has ended, or come twice.
  if (reply.outcome != Outcome::kDone || !take_answers(*joint, reply.body)) return come_apart(*joint, {}, now);
  wheel_.set(joint->timer, now + kAnswerWithin + leadership_checks_.round_trip(reply.partition), joint->tag | kMark);
  settle(*joint, now);
}

bool JointCalls::take_answers(Joint& joint, const Frame& body) {
  auto answers = read_joint_answers(body.bytes());
  if (!answers || answers->terms.size() != joint.subrequest.joint.size()) return false;
  joint.terms = std::move(answers->terms);
  joint.held = body.slice(answers->outcomes);
  return true;
}

/// It may have ended afterwards.
void JointCalls::settle(Joint& joint, TimePoint now) {
  for (; joint.proven < joint.terms.size(); ++joint.proven) {
    if (options_.omitted.joint_proofs && joint.proven > 0) continue;
    const auto& [term, configuration] = joint.terms[joint.proven];
    switch (leadership_checks_.check(joint.subrequest.joint[joint.proven].partition, joint.worker, term, configuration,
                                     joint.read_context)) {
      case LeadershipChecks::Verdict::kOpen: return;
      case LeadershipChecks::Verdict::kRefuted: return come_apart(joint, {}, now);
      case LeadershipChecks::Verdict::kProven: break;
    }
  }
  LegResult result;
  result.body = std::move(*joint.held);
  finish(joint, std::move(result), now);
}

void JointCalls::settle_checked(TimePoint now) {
  if (!std::exchange(has_answers_, false)) return;
  for (const Tag tag : std::vector<Tag>(under_way_)) {
    Joint* const joint = pool_.find(tag);
    if (joint != nullptr && joint->held) settle(*joint, now);
  }
}

void JointCalls::on_progress(Tag tag, TimePoint now) {
  Joint* const joint = pool_.find(tag & ~kMark);
  if (joint == nullptr || joint->held) return;
  wheel_.set(joint->timer, now + resend_after(joint->subrequest.body.size(), 0), joint->tag | kMark);
}

void JointCalls::on_timer(Tag tag, TimePoint now) {
  Joint* const joint = pool_.find(tag & ~kMark);
  if (joint == nullptr) return;
  const WorkerRecord* const worker = registry_.find(joint->worker);
  // A request that has not left yet is not lost.
  if (worker != nullptr && worker->slot != nullptr && Outbox::is_waiting(*worker->slot, joint->tag | kMark)) {
    return wheel_.set(joint->timer, now + kResendAfterMin, joint->tag | kMark);
  }
  if (joint->held) {
    for (std::size_t i = joint->proven; i < joint->subrequest.joint.size(); ++i) {
      leadership_checks_.on_late(joint->subrequest.joint[i].partition, joint->read_context, now);
    }
    return come_apart(*joint, {}, now);
  }
  lose(*joint, false, now);
}

void JointCalls::on_not_sent(Tag tag, TimePoint now) {
  if (Joint* const joint = pool_.find(tag & ~kMark)) come_apart(*joint, {}, now);
}

template <typename Which>
void JointCalls::lose_where(const Which& which, bool has_died, TimePoint now) {
  for (const Tag tag : std::vector<Tag>(under_way_)) {
    Joint* const joint = pool_.find(tag);
    if (joint != nullptr && which(*joint)) lose(*joint, has_died, now);
  }
}

/// Its worker will perhaps not answer, and perhaps because of it.
void JointCalls::lose(Joint& joint, bool has_died, TimePoint now) {
  const bool is_silent = !joint.held && (has_died || registry_.is_silent(joint.worker, now));
  come_apart(joint, is_silent ? joint.worker : WorkerId{}, now);
}

void JointCalls::on_leader(PartitionId partition, TimePoint now) {
  const WorkerId leader = router_.leader_id(partition);
  const auto has_lost_it = [partition, leader](const Joint& joint) {
    const auto& parts = joint.subrequest.joint;
    return joint.worker != leader &&
           std::any_of(parts.begin() + static_cast<std::ptrdiff_t>(joint.proven), parts.end(),
                       [partition](const JointPart& part) { return part.partition == partition; });
  };
  lose_where(has_lost_it, false, now);
}

void JointCalls::on_worker_lost(WorkerId worker, bool has_died, TimePoint now) {
  lose_where([worker](const Joint& joint) { return joint.worker == worker && !joint.held; }, has_died, now);
}

/// Leaders without a majority cannot confirm a read any more.
void JointCalls::review(TimePoint now) {
  const auto has_lost_one = [this](const Joint& joint) {
    const auto& parts = joint.subrequest.joint;
    return std::any_of(parts.begin(), parts.end(),
                       [this](const JointPart& part) { return !router_.has_majority(part.partition); });
  };
  if (registry_.warmed_up()) lose_where(has_lost_one, false, now);
}

LegResult JointCalls::expire(Tag tag, std::chrono::milliseconds timeout, TimePoint now) {
  Joint* const joint = pool_.find(tag & ~kMark);
  CHECK(joint != nullptr);
  LegResult result;
  result.error = Error{Code::kDeadlineExceeded, no_answer_within(timeout)};
  result.times = times_of(*joint, now);
  release(*joint);
  return result;
}

void JointCalls::cancel(Tag tag) {
  if (Joint* const joint = pool_.find(tag & ~kMark)) release(*joint);
}

void JointCalls::come_apart(Joint& joint, WorkerId silenced, TimePoint now) { finish(joint, apart(silenced), now); }

void JointCalls::finish(Joint& joint, LegResult result, TimePoint now) {
  result.times = times_of(joint, now);
  const Tag owner = joint.owner;
  const std::uint32_t number = joint.subrequest.number;
  release(joint);
  listener_.on_call_done(owner, number, std::move(result), now);
}

void JointCalls::release(Joint& joint) {
  if (WorkerRecord* const worker = registry_.find(joint.worker)) {
    if (worker->slot != nullptr) outbox_.take_back(*worker->slot, joint.tag | kMark);
    worker->bytes_under_way -= std::min(worker->bytes_under_way, joint.subrequest.body.size());
  }
  wheel_.clear(joint.timer);
  // The last one takes the place that falls free.
  under_way_[joint.position] = under_way_.back();
  pool_.find(under_way_.back())->position = joint.position;
  under_way_.pop_back();
  joint.held.reset();
  joint.terms.clear();
  joint.subrequest = {};
  pool_.release(joint);
}

}  // namespace trellis

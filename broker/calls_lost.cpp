// The part of Calls that deals with workers which are lost, or may be.
#include <algorithm>

#include "broker/calls.hpp"

namespace trellis {

void Calls::on_worker_lost(WorkerId worker, bool has_died, TimePoint now) {
  joint_.on_worker_lost(worker, has_died, now);
  for (std::uint32_t i = 0; i < by_partition_.size(); ++i) {
    for (const Tag tag : calls_of(PartitionId{i})) {
      Call* const call = pool_.find(tag);
      if (call == nullptr) continue;
      if (call->state == State::kSent && call->sent_to == worker) {
        lose(*call, has_died, now);
      } else if (call->state == State::kAsking && std::erase(call->asking->awaited, worker) > 0) {
        finish_asking_if_all_came(*call, now);
      }
    }
  }
}

/// Whoever was asked will perhaps not answer.
void Calls::lose(Call& call, bool has_died, TimePoint now) {
  const bool is_known = std::find(call.silenced.begin(), call.silenced.end(), call.sent_to) != call.silenced.end();
  if (call.subrequest.kind == RequestKind::kBatch && !is_known &&
      (has_died || registry_.is_silent(call.sent_to, now))) {
    call.silenced.push_back(call.sent_to);
  }
  perhaps_lost(call);
  has_cost_too_much(call) ? give_up(call, now) : dispatch(call, now);
}

/// More workers than the cluster can do without, and more than one.
bool Calls::has_cost_too_much(const Call& call) const {
  return call.silenced.size() > std::max<std::size_t>(1, router_.tolerates());
}

void Calls::give_up(Call& call, TimePoint now) {
  const std::string why = std::to_string(call.silenced.size()) + " workers fell silent while they had this BATCH";
  finish(call,
         call.subrequest.writes
             ? failed(Code::kDeadlineExceeded, why + "; it is not sent again, but may have taken effect, or may still")
             : failed(Code::kUnavailable, why + "; it is not sent again: ask for less at once"),
         now);
}

void Calls::review(TimePoint now) {
  joint_.review(now);
  if (!registry_.warmed_up()) return;
  for (std::uint32_t i = 0; i < by_partition_.size(); ++i) {
    const bool lost = !router_.has_majority(PartitionId{i});
    for (const Tag tag : calls_of(PartitionId{i})) {
      Call* const call = pool_.find(tag);
      if (call == nullptr) continue;
      // A leader without a majority cannot confirm a read any more.  A write stays where it is: perhaps applied.
      if (lost && call->state == State::kSent && !call->subrequest.writes && !call->subrequest.stale)
        leave_worker(*call);
      if (call->state == State::kWaiting) dispatch(*call, now);
    }
  }
}

}  // namespace trellis

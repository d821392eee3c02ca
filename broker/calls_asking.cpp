// The part of Calls for partitions without a majority: their writes fail, and their reads are asked of every replica
// that is left.
#include "broker/call_times.hpp"
#include "broker/calls.hpp"

namespace trellis {

using namespace call_times;

void Calls::without_majority(Call& call, TimePoint now) {
  const std::size_t up = router_.replicas_up(call.subrequest.partition);
  const std::string counts = std::to_string(up) + " of " +
                             std::to_string(router_.voters(call.subrequest.partition).size()) +
                             " replicas of partition " + std::to_string(call.subrequest.partition.value) + " are up";
  if (call.subrequest.writes) {
    if (call.perhaps_applied) return wait(call, now);  // Nobody can say that it was not done.
    return finish(
        call,
        failed(Code::kUnavailable, counts + ", " + std::to_string(router_.majority(call.subrequest.partition)) +
                                       " are needed; nothing was done"),
        now);
  }
  if (!call.subrequest.stale && !router_.replicas_left(call.subrequest.partition).empty()) return ask_all(call, now);
  LegResult result = failed(Code::kUnavailable, counts);
  result.no_replica = true;
  finish(call, std::move(result), now);
}

void Calls::ask_all(Call& call, TimePoint now) {
  call.state = State::kAsking;
  call.asking = std::make_unique<Asking>();
  for (WorkerRecord* worker : router_.replicas_left(call.subrequest.partition)) {
    call.asking->awaited.push_back(worker->hello.id);
    write_request(call, *worker, ReadMode::kBestEffort, now);
  }
  note_attempt(call, call.asking->awaited.front(), now);
  wheel_.set(call.timer, now + kResendAfterMin, call.tag);
}

void Calls::on_asked_reply(Call& call, WorkerId from, WorkerReply reply, TimePoint now) {
  Asking& asking = *call.asking;
  if (std::erase(asking.awaited, from) == 0) return;
  if (reply.outcome == Outcome::kDone && (!asking.answered || reply.applied > asking.applied)) {
    asking.answered = true;
    asking.applied = reply.applied;
    asking.best = std::move(reply.body);
  }
  finish_asking_if_all_came(call, now);
}

void Calls::finish_asking_if_all_came(Call& call, TimePoint now) {
  if (!call.asking->awaited.empty()) return;
  if (!call.asking->answered) return back_off(call, now);
  LegResult result;
  result.guaranteed = false;
  result.body = std::move(call.asking->best);
  finish(call, std::move(result), now);
}

}  // namespace trellis

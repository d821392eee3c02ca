#include "broker/merge/reply_assembly.hpp"

#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// An outcome takes this, beside its bytes.
constexpr Effort kOutcomeEffort = 50;
/// Memory that was never touched costs as much again as the copy.
constexpr Effort outcome_effort(std::size_t bytes) { return kOutcomeEffort + 2 * copy_effort(bytes); }

constexpr std::size_t kAroundResult = 64;

}  // namespace

ReplyAssembly::ReplyAssembly(std::uint64_t id, MergedAnswer answer)
    : answer_(std::move(answer)), size_(kAroundResult + answer_.result.size()) {
  for (const Frame& outcome : answer_.outcomes) size_ += 1 + outcome.size();
  reply_.reserve(size_);
  PackedWriter writer(reply_);
  writer.array(5).natural(1).natural(id).str(name_of(answer_.status)).packed(answer_.result);
}

JobTurn ReplyAssembly::go_on(Effort most) {
  JobTurn turn;
  PackedWriter writer(reply_);
  for (; next_ < answer_.outcomes.size(); ++next_) {
    turn.is_done = turn.taken < most;
    if (!turn.is_done) return turn;
    // What was copied is let go at once: no more is held than before.
    const Frame outcome = std::move(answer_.outcomes[next_]);
    writer.array(3).packed(outcome.bytes());
    turn.taken += outcome_effort(outcome.size());
  }
  pack_info(reply_, answer_.info);
  return turn;
}

}  // namespace trellis

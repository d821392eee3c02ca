// The part of a Partition that serves backups: fences, what is frozen at them, and pages of that.
#include "worker/partition.hpp"
#include "worker/state/fence_page.hpp"

namespace trellis {

/// This replica has applied a fence, as a leader or not.
void Partition::on_fenced(const FenceArguments& done) {
  const TimePoint now = host_.now();
  switch (done.action) {
    case FenceAction::kBegin:
      fences_.keep({done.fence, state_->freeze_documents(), state_->time().ms, now + Fences::kKeptFor});
      break;
    case FenceAction::kKeep: static_cast<void>(fences_.find(done.fence, now)); break;
    case FenceAction::kEnd: fences_.drop(done.fence); break;
    case FenceAction::kRaise: break;
  }
  free_obsolete_fences();
}

/// FENCE_HOLDS counts where the leadership was proven, or will be; what was frozen is the same on all replicas.
CommandResult Partition::read_fence(const Work& work, const Read& read) {
  const TimePoint now = host_.now();
  if (read.command == Command::kFenceHolds) {
    const bool is_proven = work.request.mode == ReadMode::kLinearizable || work.request.mode == ReadMode::kChecked ||
                           omitted_.fence_checks;
    const bool is_applied = read.fence.index <= replica_.applied().value && read.fence.term == replica_.term().value;
    const bool holds = is_applied && fences_.is_holding(read.fence, now);
    return CommandResult::of(is_proven && (holds || omitted_.fence_checks));
  }
  const FrozenFence* const frozen = fences_.find(read.fence, now);
  if (frozen != nullptr) return fence_page(frozen->documents, frozen->time_ms, read);
  return CommandResult::failed(Code::kUnavailable, "this replica holds nothing of that fence; another one may");
}

void Partition::free_obsolete_fences() {
  std::vector<FrozenTrie> obsolete = fences_.take_obsolete();
  if (obsolete.empty()) return;
  auto shared = std::make_shared<std::vector<FrozenTrie>>(std::move(obsolete));
  host_.run_in_background([shared]() mutable { shared->clear(); }, [] {});
}

}  // namespace trellis

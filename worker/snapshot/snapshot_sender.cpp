#include <algorithm>

#include "worker/snapshot/snapshot_transfer.hpp"

namespace trellis {

Frame SnapshotSender::read(const ChunkWanted& wanted, std::string_view current_descriptor, TimePoint now) {
  auto at = open_.find(wanted.name);
  if (at == open_.end()) {
    const auto descriptor = read_snapshot_descriptor(current_descriptor);
    if (!descriptor || descriptor->name != wanted.name || descriptor->partition != wanted.group) return {};
    auto source = store_.open(wanted.name);
    if (!source) return {};
    at = open_.emplace(wanted.name, Open{std::move(*source), now}).first;
  }
  at->second.used = now;
  auto bytes = at->second.source->read(wanted.offset, std::min(wanted.size, SnapshotReceiver::kChunkSize));
  return bytes ? Frame(std::move(*bytes)) : Frame();
}

void SnapshotSender::keep(const ChunkWanted& wanted, TimePoint now) {
  if (const auto at = open_.find(wanted.name); at != open_.end()) at->second.used = now;
}

bool SnapshotSender::is_busy(TimePoint now) {
  std::erase_if(open_, [now](const auto& each) { return now - each.second.used > kLease; });
  return !open_.empty();
}

void SnapshotSender::put_off(Want want, TimePoint now) {
  keep(want.piece, now);
  if (waiting_.size() >= kWaitingMax || std::find(waiting_.begin(), waiting_.end(), want) != waiting_.end()) return;
  waiting_.push_back(std::move(want));
}

std::optional<SnapshotSender::Want> SnapshotSender::take_due(TimePoint now) {
  if (waiting_.empty() || !pace_.is_due(now)) return std::nullopt;
  Want want = std::move(waiting_.front());
  waiting_.pop_front();
  return want;
}

}  // namespace trellis

#include "worker/log/mover.hpp"

#include <map>

namespace trellis {
namespace {

/// One batch carries so much of it, beside what was collected.
constexpr std::uint64_t kMovedAtOnce = 128 << 10;
/// Little is left where it is at most this share of the segment.
constexpr std::uint64_t kSparse = 8;

std::optional<PartitionId> most_of(const std::vector<EntryIndex::Key>& entries) {
  std::map<PartitionId, std::size_t> counts;
  std::optional<PartitionId> most;
  for (const auto& [group, index] : entries) {
    if (++counts[group] > (most ? counts[*most] : 0)) most = group;
  }
  return most;
}

}  // namespace

void Mover::look(const LogContents& contents, const std::deque<OpenSegment>& segments, double share) {
  const bool is_scarce = share >= kSnapshotsWantedFrom;
  if (!is_scarce) holder_.reset();
  if (segments.size() < 2) return;
  const OpenSegment& oldest = segments.front();
  const EntryIndex::Use use = contents.entries.use_of(oldest.name.file);
  const bool is_sparse = use.bytes <= oldest.file->size() / kSparse;
  const bool is_moving = has_work() && file_ == oldest.name.file;
  if (is_scarce) find_holder(contents, oldest.name.file, use.entries);
  if (is_moving || (!is_sparse && share < kAllIsMovedFrom)) return;
  const auto entries = contents.entries.entries_in(oldest.name.file);
  file_ = oldest.name.file;
  waiting_.assign(entries.begin(), entries.end());
}

/// All entries are looked through, so not again while nothing has changed.
void Mover::find_holder(const LogContents& contents, std::uint32_t file, std::uint64_t left) {
  if (holder_ && holder_of_ == file && holder_when_ == left) return;
  holder_of_ = file;
  holder_when_ = left;
  holder_ = most_of(contents.entries.entries_in(file));
}

Result<void> Mover::move_some(const LogContents& contents, const std::deque<OpenSegment>& segments,
                              Collected& collected) {
  PlaceReader reader(omitted_);
  std::deque<EntryIndex::Key> passed_over;
  for (std::uint64_t moved = 0; moved < kMovedAtOnce && !waiting_.empty(); waiting_.pop_front()) {
    const EntryIndex::Key key = waiting_.front();
    const auto place = contents.entries.find(key.first, key.second);
    if (!place || place->file != file_) continue;
    // It may be among what is taken away by this very batch, and must not come back by it.
    if (collected.takes_from(key.first)) {
      passed_over.push_back(key);
      continue;
    }
    auto entry = reader.read(segments.front(), *place, key);
    if (!entry) return entry.error();
    entry->is_moved = true;
    collected.add(*entry);
    moved += place->size;
  }
  waiting_.insert(waiting_.end(), passed_over.begin(), passed_over.end());
  return {};
}

}  // namespace trellis

#include "worker/state/document_indexes.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace trellis {

std::optional<std::string_view> DocumentIndexes::walk(std::uint64_t version, std::string_view document,
                                                      const Path& path, std::size_t documents_size, Effort& effort) {
  if (path.empty()) return document;
  if (document.size() < kDocumentSizeMin) {
    effort += walk_effort(document.size());
    return trellis::walk(document, path);
  }
  effort += walk_effort(path.size() * FieldIndex::kContainerSizeMin / 4);
  if (const auto known = by_version_.find(version); known != by_version_.end()) {
    kept_.splice(kept_.begin(), kept_, known->second);
    return kept_.front().index.walk(document, path);
  }
  effort += read_effort(document.size());
  auto index = FieldIndex::build(document, secret_);
  if (!index) return trellis::walk(document, path);
  return keep(version, std::move(*index), std::max(bytes_min_, kBytesForEach * documents_size)).walk(document, path);
}

/// The newest is kept in any case.
const FieldIndex& DocumentIndexes::keep(std::uint64_t version, FieldIndex index, std::size_t bytes_max) {
  while (!kept_.empty() && bytes_ + index.size() > bytes_max) forget(std::prev(kept_.end()));
  bytes_ += index.size();
  kept_.push_front({version, std::move(index)});
  by_version_.emplace(version, kept_.begin());
  return kept_.front().index;
}

void DocumentIndexes::drop(std::uint64_t version) {
  const auto known = by_version_.find(version);
  if (known != by_version_.end()) forget(known->second);
}

void DocumentIndexes::rename(std::uint64_t before, std::uint64_t now) {
  auto known = by_version_.extract(before);
  if (known.empty()) return;
  known.key() = known.mapped()->version = now;
  by_version_.insert(std::move(known));
}

void DocumentIndexes::expect(std::uint64_t version) {
  expected_[next_expected_] = version;
  next_expected_ = (next_expected_ + 1) % kExpectedMax;
}

bool DocumentIndexes::expects(std::uint64_t version) const {
  return by_version_.contains(version) || std::find(expected_.begin(), expected_.end(), version) != expected_.end();
}

void DocumentIndexes::forget(std::list<Kept>::iterator which) {
  bytes_ -= which->index.size();
  by_version_.erase(which->version);
  kept_.erase(which);
}

}  // namespace trellis

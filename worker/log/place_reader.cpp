#include "worker/log/place_reader.hpp"

#include <algorithm>

#include "worker/log/batch.hpp"

namespace trellis {
namespace {

/// So much is read at once where entries lie close to one another.
constexpr std::size_t kWindowSize = 16 << 10;
/// Beyond such a distance the next one would be read in vain.
constexpr std::size_t kCloseBy = 2 << 10;

Error damaged(const OpenSegment& segment, std::uint64_t offset, const EntryIndex::Key& wanted) {
  return log_damage(
      segment.name.file, offset,
      "entry " + std::to_string(wanted.second.value) + " of partition " + std::to_string(wanted.first.value));
}

}  // namespace

Result<void> PlaceReader::load(const OpenSegment& segment, std::uint64_t offset, std::size_t size) {
  const bool is_same = segment.name.file == window_file_;
  const bool is_close_by = is_same && offset >= last_offset_ && offset - last_offset_ <= kCloseBy;
  last_offset_ = offset;
  if (is_same && offset >= window_offset_ && offset + size <= window_offset_ + window_.size()) return {};
  window_file_ = segment.name.file;
  window_offset_ = offset;
  const std::uint64_t wanted = is_close_by ? std::max(size, kWindowSize) : size;
  window_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(wanted, segment.file->size() - offset)));
  return segment.file->read(offset, window_.data(), window_.size());
}

Result<EntryRecord> PlaceReader::read(const OpenSegment& segment, const Place& place, const EntryIndex::Key& wanted) {
  const std::uint64_t begin = place.at / kSectorContent * kSectorSize;
  const std::uint64_t end = (std::uint64_t{place.at} + place.size - 1) / kSectorContent * kSectorSize + kSectorSize;
  if (auto loaded = load(segment, begin, end - begin); !loaded) return loaded.error();
  const std::string_view sectors = std::string_view(window_).substr(begin - window_offset_, end - begin);
  for (std::size_t at = 0; at < sectors.size(); at += kSectorSize) {
    const auto mark = mark_of(sectors.data() + at, begin + at, omitted_);
    if (!mark || mark->incarnation != segment.name.incarnation) return damaged(segment, begin + at, wanted);
  }
  contents_.clear();
  append_contents(contents_, sectors);
  std::string_view bytes = std::string_view(contents_).substr(place.at % kSectorContent, place.size);
  const auto record = take_record(bytes);
  const auto* entry = record ? std::get_if<EntryRecord>(&*record) : nullptr;
  if (entry == nullptr || EntryIndex::Key{entry->group, entry->index} != wanted) return damaged(segment, begin, wanted);
  return *entry;
}

}  // namespace trellis

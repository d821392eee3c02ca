#include "worker/log/segment_reader.hpp"

#include <algorithm>

namespace trellis {
namespace {

constexpr std::size_t kWindowSize = 1 << 20;

}  // namespace

/// The sectors' bytes, until the next call.  They lie within the file.
Result<const char*> SegmentReader::sectors(std::uint64_t offset, std::size_t count) {
  const std::size_t size = count * kSectorSize;
  if (offset < window_offset_ || offset + size > window_offset_ + window_.size()) {
    window_.resize(
        static_cast<std::size_t>(std::min<std::uint64_t>(std::max(size, kWindowSize), file_.size() - offset)));
    window_offset_ = offset;
    if (auto read = file_.read(offset, window_.data(), window_.size()); !read) return read.error();
  }
  return window_.data() + (offset - window_offset_);
}

Result<std::optional<SegmentReader::Batch>> SegmentReader::next() {
  const std::optional<Batch> none;
  const SectorMark expected{name_.incarnation, ordinal_};
  if (offset_ + kBlockSize > file_.size()) return none;
  const auto first = sectors(offset_, 1);
  if (!first) return first.error();
  if (mark(*first, offset_) != expected) return none;
  const auto head = read_batch_head(*first);
  if (!head || head->number != name_.first_batch + ordinal_) return none;
  const std::uint64_t size = std::uint64_t{head->blocks} * kBlockSize;
  if (offset_ + size > file_.size()) return none;
  const auto all = sectors(offset_, size / kSectorSize);
  if (!all) return all.error();
  for (std::uint64_t at = 0; at < size; at += kSectorSize) {
    if (this->mark(*all + at, offset_ + at) != expected && !omitted_.sectors) return none;
  }
  contents_.clear();
  append_contents(contents_, {*all, size});
  Batch batch{*head, static_cast<std::uint32_t>(offset_ / kSectorSize * kSectorContent), {}};
  batch.records = std::string_view(contents_).substr(BatchHead::kSize, head->size);
  last_offset_ = offset_;
  offset_ += size;
  ++ordinal_;
  return std::optional(batch);
}

Result<SegmentEnd> SegmentReader::end() {
  std::uint64_t remains_end = offset_;
  for (std::uint64_t at = offset_; at < file_.size(); at += kSectorSize) {
    const auto sector = sectors(at, 1);
    if (!sector) return sector.error();
    const auto mark = this->mark(*sector, at);
    if (!mark || mark->incarnation != name_.incarnation) continue;
    // Another batch was begun, so the one that is missing here was durable.
    if (mark->ordinal != ordinal_) return SegmentEnd{SegmentEnd::Kind::kDamaged, offset_};
    remains_end = at + kSectorSize;
  }
  const auto damage = damage_of_next();
  if (!damage) return damage.error();
  if (*damage) return SegmentEnd{SegmentEnd::Kind::kDamaged, **damage};
  if (remains_end == offset_) return SegmentEnd{SegmentEnd::Kind::kNothing, offset_};
  return SegmentEnd{SegmentEnd::Kind::kTorn, remains_end};
}

/// The first sector of the batch at offset() that no tear explains.
Result<std::optional<std::uint64_t>> SegmentReader::damage_of_next() {
  const std::optional<std::uint64_t> none;
  if (offset_ >= file_.size()) return none;
  std::uint64_t end = offset_ + kSectorSize;
  for (std::uint64_t at = offset_; at < end; at += kSectorSize) {
    const auto sector = sectors(at, 1);
    if (!sector) return sector.error();
    const auto mark = this->mark(*sector, at);
    if (!mark && !is_zero(*sector)) return std::optional(at);
    if (at != offset_ || mark != SectorMark{name_.incarnation, ordinal_}) continue;
    const auto head = read_batch_head(*sector);
    if (!head || offset_ + std::uint64_t{head->blocks} * kBlockSize > file_.size()) return std::optional(at);
    end = offset_ + std::uint64_t{head->blocks} * kBlockSize;
  }
  return none;
}

std::optional<SectorMark> SegmentReader::mark(const char* sector, std::uint64_t offset) const {
  auto mark = mark_of(sector, offset, omitted_);
  if (mark && omitted_.incarnations) mark->incarnation = name_.incarnation;
  return mark;
}

Result<SegmentStart> read_segment_start(const DiskFile& file, std::uint32_t number) {
  char sector[kSectorSize];
  if (file.size() < kBlockSize) return SegmentStart{true, {}};
  if (auto read = file.read(0, sector, kSectorSize); !read) return read.error();
  const auto mark = mark_of(sector, 0);
  if (!mark) return SegmentStart{!is_zero(sector), {}};
  const auto head = read_batch_head(sector);
  if (!head || mark->ordinal != 0) return SegmentStart{true, {}};
  return SegmentStart{false, SegmentName{number, mark->incarnation, head->number}};
}

}  // namespace trellis

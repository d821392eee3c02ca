#include "worker/log/segment_pool.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "worker/log/sector.hpp"

namespace trellis {
namespace {

/// Zeros are written in small pieces, since what is to be synced meanwhile waits for one.
constexpr std::uint64_t kPieceSize = 128 << 10;

Result<std::shared_ptr<DiskFile>> make_file(Disk& disk, std::uint32_t number, std::uint64_t size) {
  const std::string name = segment_file_name(number);
  const std::string unfinished = name + std::string(kUnfinishedSegment);
  auto file = disk.create(unfinished);
  if (!file) return file;
  Result<void> done = (*file)->reserve(size);
  if (done) done = disk.rename(unfinished, name);
  if (done) return file;
  static_cast<void>(disk.remove(unfinished));  // It takes room that is missing elsewhere.
  return done.error();
}

}  // namespace

SegmentPool::SegmentPool(Disk& disk, Background& background, const DiskLogSettings& settings)
    : disk_(disk), background_(background), settings_(settings) {}

void SegmentPool::begin(std::vector<OpenSegment> spares, std::uint32_t last_file, std::uint64_t largest) {
  for (OpenSegment& each : spares) spares_.push_back({std::move(each), 0});
  last_file_ = last_file;
  largest_ = std::min(largest, settings_.segment_max);
}

std::uint64_t SegmentPool::next_size() const {
  return largest_ == 0 ? settings_.segment_first : std::min(2 * largest_, settings_.segment_max);
}

std::optional<OpenSegment> SegmentPool::take(std::uint64_t size, std::size_t in_use) {
  const auto fits = [size](const Spare& spare) { return spare.segment.file->size() >= size; };
  const auto spare = std::find_if(spares_.begin(), spares_.end(), fits);
  if (spare == spares_.end()) {
    wanted_ = (size + kBlockSize - 1) / kBlockSize * kBlockSize;
    return std::nullopt;
  }
  wanted_ = 0;
  // Else zeros could be written over a batch.
  if (spare->segment.name.file == zeroing_) return std::nullopt;
  peak_ = std::max(in_use + 1, std::max<std::size_t>(peak_, 1) - 1);
  OpenSegment taken = std::move(spare->segment);
  spares_.erase(spare);
  return taken;
}

void SegmentPool::give_back(OpenSegment segment, std::size_t in_use) {
  peak_ = std::max(peak_, in_use + 1);
  const std::uint64_t size = segment.file->size();
  const bool is_usual = size >= largest_ && size <= settings_.segment_max;
  if (is_usual && spares_.size() + in_use < peak_ + settings_.spares) {
    spares_.push_back({std::move(segment), size});
    return;
  }
  remove(std::move(segment));
}

void SegmentPool::remove(OpenSegment segment) {
  const std::string name = segment_file_name(segment.name.file);
  segment.file.reset();
  // A file that stays is a spare at the next start.
  background_.run([&disk = disk_, name] { static_cast<void>(disk.remove(name)); }, [] {});
}

void SegmentPool::let_go() {
  if (spares_.size() <= settings_.spares || spares_.back().segment.name.file == zeroing_) return;
  peak_ = std::max<std::size_t>(peak_, 1) - 1;
  remove(std::move(spares_.back().segment));
  spares_.pop_back();
}

void SegmentPool::prepare() {
  if (is_making_ || !may_try_) return;
  if (wanted_ > 0) return make(std::max(wanted_, next_size()));
  if (spares_.size() < settings_.spares) return make(next_size());
  failure_.reset();  // What could not be made is not needed any more: spares were given back.
}

void SegmentPool::make(std::uint64_t size) {
  is_making_ = true;
  const std::uint32_t number = ++last_file_;
  auto made = std::make_shared<std::optional<Result<std::shared_ptr<DiskFile>>>>();
  background_.run([&disk = disk_, number, size, made] { made->emplace(make_file(disk, number, size)); },
                  [this, alive = std::weak_ptr<int>(alive_), number, size, made] {
                    if (!alive.expired()) on_made(number, size, std::move(**made));
                  });
}

void SegmentPool::on_made(std::uint32_t number, std::uint64_t size, Result<std::shared_ptr<DiskFile>> made) {
  is_making_ = false;
  may_try_ = static_cast<bool>(made);
  failure_.reset();
  if (!made) return failure_.emplace(made.error()), void();
  // What one batch alone is too large for says nothing of the next.
  if (size <= settings_.segment_max) largest_ = std::max(largest_, size);
  spares_.push_back({{{number, 0, 0}, std::move(*made)}, 0});
}

void SegmentPool::on_idle() {
  if (zeroing_ != 0 || is_making_) return;
  const auto is_unwritten = [](const Spare& spare) { return spare.written < spare.segment.file->size(); };
  const auto spare = std::find_if(spares_.begin(), spares_.end(), is_unwritten);
  if (spare == spares_.end()) return;
  zeroing_ = spare->segment.name.file;
  const std::uint64_t size = std::min(kPieceSize, spare->segment.file->size() - spare->written);
  const bool is_last = spare->written + size == spare->segment.file->size();
  const auto work = [file = spare->segment.file, offset = spare->written, size, is_last] {
    // What cannot be written now is met by the batch that comes there, and told.
    if (file->zero(offset, size) && is_last) static_cast<void>(file->sync());
  };
  background_.run(work, [this, alive = std::weak_ptr<int>(alive_), size] {
    if (alive.expired()) return;
    const auto is_this = [this](const Spare& each) { return each.segment.name.file == zeroing_; };
    std::find_if(spares_.begin(), spares_.end(), is_this)->written += size;
    zeroing_ = 0;
  });
}

std::uint64_t SegmentPool::bytes() const {
  std::uint64_t bytes = 0;
  for (const Spare& spare : spares_) bytes += spare.segment.file->size();
  return bytes;
}

}  // namespace trellis

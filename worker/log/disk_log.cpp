#include "worker/log/disk_log.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "protocol/check.hpp"
#include "protocol/cluster/bundle.hpp"

namespace trellis {
namespace {

/// After so long without another batch an empty one follows, which says that the last one was durable.
constexpr Duration kConfirmAfter = std::chrono::milliseconds(10);
/// A full disk is looked at again so often.
constexpr Duration kRetryAfter = std::chrono::seconds(1);
/// With nothing to write for so long, files go back to the disk, one at a time.
constexpr Duration kGivesBackAfter = std::chrono::seconds(20);
constexpr Duration kGivesBackEvery = std::chrono::seconds(1);

/// A node of the map of named records, with its two strings, but for their bytes.
constexpr std::uint64_t kNodeOfRecord = 32 + 2 * sizeof(std::string);

std::string hard_state_name(PartitionId group) {
  std::string name = "H";
  for (int shift = 24; shift >= 0; shift -= 8) name.push_back(static_cast<char>(group.value >> shift));
  return name;
}

}  // namespace

DiskLog::DiskLog(Disk& disk, LogWriter& writer, Background& background, RandomSource random,
                 const DiskLogSettings& settings)
    : writer_(writer),
      background_(background),
      random_(std::move(random)),
      settings_(settings),
      pool_(disk, background, settings),
      mover_(settings.omitted),
      bytes_max_(settings.bytes_max) {}

Result<std::unique_ptr<DiskLog>> DiskLog::open(Disk& disk, LogWriter& writer, Background& background,
                                               RandomSource random, const DiskLogSettings& settings) {
  auto recovered = recover(disk, settings.omitted);
  if (!recovered) return recovered.error();
  std::unique_ptr<DiskLog> log(new DiskLog(disk, writer, background, std::move(random), settings));
  if (auto taken = log->take_over(std::move(*recovered)); !taken) return taken.error();
  return log;
}

Result<void> DiskLog::take_over(Recovered recovered) {
  contents_ = std::move(recovered.contents);
  segments_.assign(recovered.segments.begin(), recovered.segments.end());
  std::uint64_t largest = 0;
  for (const auto& all : {recovered.segments, recovered.spares}) {
    for (const OpenSegment& each : all) largest = std::max(largest, each.file->size());
  }
  pool_.begin(std::move(recovered.spares), recovered.last_file, largest);
  pool_.prepare();
  if (segments_.empty()) return {};
  offset_ = recovered.next_offset;
  ordinal_ = recovered.next_ordinal;
  number_ = segments_.back().name.first_batch + ordinal_;
  last_batch_ = number_ - 1;
  if (recovered.torn_end > 0) {
    torn_ = "the last batch of the log was torn, as by a power cut, and is cut off: " +
            segment_file_name(segments_.back().name.file) + ", from byte " + std::to_string(offset_) + " on";
    if (auto done = overwrite(offset_, recovered.torn_end); !done) return done;
  }
  if (auto done = write_again(recovered.last_offset, offset_); !done) return done;
  free_segments();
  return {};
}

/// The next batch has the number of the torn one and may tear at the same place: no part of the one may be left then.
Result<void> DiskLog::overwrite(std::uint64_t from, std::uint64_t end) {
  DiskFile& file = *segments_.back().file;
  const std::string zeros(static_cast<std::size_t>(end - from), '\0');
  if (auto done = file.write_at(from, zeros); !done) return done;
  return file.sync();
}

/// What was read may be in the system's memory alone, where a process was killed or a sync has failed, and would be
/// gone after a power cut; from now on it counts.
Result<void> DiskLog::write_again(std::uint64_t from, std::uint64_t end) {
  DiskFile& file = *segments_.back().file;
  std::string bytes(static_cast<std::size_t>(end - from), '\0');
  if (auto done = file.read(from, bytes.data(), bytes.size()); !done) return done;
  if (auto done = file.write_at(from, bytes); !done) return done;
  return file.sync();
}

void DiskLog::append(PartitionId group, LogIndex index, const EntryHead& head, std::string_view payload) {
  collected_.add(EntryRecord{group, index, head, payload, false});
}
void DiskLog::truncate(PartitionId group, LogIndex from) { collected_.add(TruncateRecord{group, from}); }
void DiskLog::cut(PartitionId group, LogIndex first) { collected_.add(CutRecord{group, first}); }
void DiskLog::put(std::string_view name, std::string_view value) { collected_.add(PutRecord{name, value}); }
void DiskLog::remove(std::string_view from, std::string_view to) { collected_.add(RemoveRecord{from, to}); }

void DiskLog::put_hard_state(PartitionId group, const HardState& state) {
  std::string value;
  FieldWriter(value).u64(state.term).u64(state.vote);
  put(hard_state_name(group), value);
}

void DiskLog::start_write() {
  CHECK(!is_writing_);
  is_writing_ = true;
  writes_for_itself_ = false;
  if (auto moved = mover_.move_some(contents_, segments_, collected_); !moved) failure_ = moved.error();
  std::swap(collected_, under_way_);
  std::swap(freed_, freeing_);
  begin_write();
  if (!awaits_segment_) return;
  pool_.retry();  // There may be room by now.
  pool_.prepare();
}

void DiskLog::begin_write() {
  LogWrite write;
  awaits_segment_ = !has_room(under_way_.batch()) && !roll_over(write);
  if (awaits_segment_ || failure_) return;
  under_way_begin_ = static_cast<std::uint32_t>(offset_ / kSectorSize * kSectorContent);
  write.pieces.push_back(seal(under_way_.batch()));
  writer_.start(std::move(write));
}

/// One block is left for the batch that closes the segment.
bool DiskLog::has_room(const BatchBuffer& batch) const {
  return !segments_.empty() && offset_ + (batch.blocks() + 1) * kBlockSize <= segments_.back().file->size();
}

/// Begins the next segment, before the batch under way; false: it is still being made.
bool DiskLog::roll_over(LogWrite& write) {
  // While it waits for a segment, nothing that is in a checkpoint changes.
  if (!awaits_segment_) collect_checkpoint({});
  auto next = pool_.take((checkpoint_.blocks() + under_way_.batch().blocks() + 1) * kBlockSize, segments_.size());
  pool_.prepare();
  if (!next) return false;
  next->name.incarnation = random_() | 1;  // Never 0.
  next->name.first_batch = number_;
  collect_checkpoint(next->name);
  std::optional<LogWrite::Piece> closing;
  if (!segments_.empty()) {
    closing_.clear();
    closing_.add(pack(NextRecord{next->name}));
    closing = seal(closing_);
  }
  segments_.push_back(std::move(*next));
  offset_ = 0;
  ordinal_ = 0;
  number_ = segments_.back().name.first_batch;
  write.pieces.push_back(seal(checkpoint_));
  if (closing) write.pieces.push_back(*closing);
  return true;
}

void DiskLog::collect_checkpoint(const SegmentName& next) {
  SegmentsRecord segments;
  for (const OpenSegment& each : segments_) segments.segments.push_back(each.name);
  segments.segments.push_back(next);
  checkpoint_.clear();
  checkpoint_.add(pack(segments));
  for (const auto& [name, value] : contents_.records) checkpoint_.add(pack(PutRecord{name, value}));
}

/// Makes it the next batch of the newest segment.
LogWrite::Piece DiskLog::seal(BatchBuffer& batch) {
  const OpenSegment& newest = segments_.back();
  batch.seal(number_, number_ - 1, {newest.name.incarnation, ordinal_}, offset_);
  LogWrite::Piece piece{newest.file, offset_, batch.bytes()};
  offset_ += batch.bytes().size();
  ++ordinal_;
  ++number_;
  written_ += batch.bytes().size();
  return piece;
}

Result<bool> DiskLog::finish_write() {
  if (failure_) return *failure_;
  if (!is_writing_) return false;
  if (awaits_segment_) {
    background_.run_finished();
    pool_.prepare();
    begin_write();
    if (awaits_segment_ && pool_.failure() && !pool_.is_making()) failure_ = pool_.failure();
    if (failure_) return *failure_;
    if (awaits_segment_) return false;
  }
  auto finished = writer_.finish();
  if (!finished) failure_ = finished.error();
  if (finished && *finished) on_durable();
  return finished;
}

void DiskLog::on_durable() {
  is_writing_ = false;
  last_batch_ = number_ - 1;
  under_way_.apply_to(contents_, segments_.back().name.file, under_way_begin_);
  payload_ += under_way_.payload();
  is_confirmed_ = under_way_.empty();
  idle_since_.reset();
  under_way_.clear();
  for (OpenSegment& each : freeing_) pool_.give_back(std::move(each), segments_.size());
  freeing_.clear();
  free_segments();
  pool_.prepare();
}

/// Whoever reads the log does not miss a segment, whatever becomes of it, once the next batch is durable.
void DiskLog::free_segments() {
  const auto is_free = [this] {
    const bool is_used = contents_.entries.use_of(segments_.front().name.file).entries > 0;
    return !is_used || (settings_.omitted.use && segments_.size() > 2);
  };
  while (segments_.size() > 1 && is_free()) {
    freed_.push_back(std::move(segments_.front()));
    segments_.pop_front();
    collected_.add(FreedRecord{segments_.front().name.first_batch});
  }
}

Result<std::optional<HardState>> DiskLog::hard_state(PartitionId group) {
  const auto record = contents_.records.find(hard_state_name(group));
  if (record == contents_.records.end()) return std::optional<HardState>{};
  FieldReader fields(record->second);
  const HardState state{fields.u64(), fields.u64()};
  if (!fields.at_end()) return Error{Code::kInternal, "the log: a broken record of term and vote"};
  return std::optional(state);
}

Result<std::optional<std::string>> DiskLog::get(std::string_view name) {
  const auto record = contents_.records.find(name);
  return record == contents_.records.end() ? std::optional<std::string>{} : std::optional(record->second);
}

Result<void> DiskLog::scan(std::string_view from, std::string_view to, const RecordVisitor& visit) {
  const auto& records = contents_.records;
  for (auto at = records.lower_bound(from); at != records.end() && at->first < to; ++at) {
    if (auto visited = visit(at->first, at->second); !visited) return visited;
  }
  return {};
}

Result<void> DiskLog::entries(PartitionId group, const EntryVisitor& visit) {
  PlaceReader reader(settings_.omitted);
  const LogIndex end = contents_.entries.end(group);
  for (LogIndex index = contents_.entries.first(group); index < end; ++index.value) {
    const auto place = contents_.entries.find(group, index);
    CHECK(place);  // No holes are left once a log is open.
    const auto entry = reader.read(segment_of(*place), *place, {group, index});
    if (!entry) return entry.error();
    if (auto visited = visit(index, entry->head, entry->payload); !visited) return visited;
  }
  return {};
}

const OpenSegment& DiskLog::segment_of(const Place& place) const {
  const auto is_this = [&place](const OpenSegment& segment) { return segment.name.file == place.file; };
  const auto segment = std::find_if(segments_.begin(), segments_.end(), is_this);
  CHECK(segment != segments_.end());
  return *segment;
}

void DiskLog::on_tick(TimePoint now, std::uint64_t needed) {
  bytes_max_ = std::max(settings_.bytes_max, 2 * needed);
  if (pool_.failure() && !retry_at_) retry_at_ = now + kRetryAfter;
  if (retry_at_ && now >= *retry_at_) {
    retry_at_.reset();
    pool_.retry();
  }
  pool_.prepare();
  if (is_writing_ || failure_) return;
  mover_.look(contents_, segments_, is_disk_full() ? std::max(share(), Mover::kSnapshotsWantedFrom) : share());
  if (idle_since_ && collected_.empty()) pool_.on_idle();
  if (!idle_since_) idle_since_ = now;
  if (now - *idle_since_ >= kGivesBackAfter && now - gave_back_at_ >= kGivesBackEvery) {
    gave_back_at_ = now;
    pool_.let_go();
  }
  const bool confirms = !is_confirmed_ && now - *idle_since_ >= kConfirmAfter;
  writes_for_itself_ = confirms || mover_.has_work();
}

std::uint64_t DiskLog::bytes_in_use() const {
  std::uint64_t bytes = 0;
  for (const OpenSegment& each : segments_) bytes += each.file->size();
  return bytes;
}

/// What it takes of what it may.
double DiskLog::share() const { return static_cast<double>(bytes_in_use()) / static_cast<double>(bytes_max_); }

LogRoom DiskLog::room() const {
  LogRoom room;
  room.bytes = bytes_in_use() + pool_.bytes();
  room.bound = bytes_max_;
  room.segments = segments_.size();
  room.needed = contents_.entries.bytes();
  room.written = written_;
  room.payload = payload_;
  room.holder = mover_.holder();
  room.is_pressing = is_disk_full() || share() >= Mover::kAllIsMovedFrom;
  // The newest segment is there already, and nothing but going on frees it.
  const std::uint64_t newest = segments_.empty() ? 0 : segments_.back().file->size();
  room.is_full = is_disk_full() || bytes_in_use() - newest >= bytes_max_;
  return room;
}

std::uint64_t DiskLog::memory() const {
  std::uint64_t bytes = contents_.entries.memory();
  for (const auto& [name, value] : contents_.records) bytes += kNodeOfRecord + name.capacity() + value.capacity();
  return bytes;
}

bool DiskLog::is_disk_full() const { return pool_.failure() && pool_.failure()->code == Code::kResourceExhausted; }

}  // namespace trellis

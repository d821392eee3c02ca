#include "worker/log/recovery.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "worker/log/segment_reader.hpp"

namespace trellis {
namespace {

constexpr std::string_view kSuffix = ".log";
constexpr std::size_t kDigits = 8;
constexpr std::size_t kWindowSize = 1 << 20;
/// So far into each file that is not read otherwise a batch is looked for that knows better.  The batch that begins a
/// segment holds named records and is smaller, so those behind it begin in here.
constexpr std::uint64_t kLookedThrough = 4 << 20;

/// Each folder of a RocksDB, in which version 0.1 kept its log, has one.
constexpr std::string_view kRocksDbFile = "CURRENT";

struct Candidate {
  std::shared_ptr<DiskFile> file;
  SegmentStart start;
};

/// Not an older copy, nor an empty folder: what this worker voted and acknowledged since would be forgotten.
constexpr const char* kRemedy =
    "put the file back as it was last; the other replicas hold this worker's data and serve on without it, and where "
    "it cannot be put back, --heal starts it anew from them";

Error earlier_format() {
  return {
      Code::kInternal,
      "the log was written by version 0.1, whose folders this version does not read: start the cluster with version "
      "0.1, `trellis export` its documents, and load them into a new cluster with `trellis load`"};
}

/// The mark of the batch behind.  Where its first block lies behind the last one of this, it begins there for certain:
/// a block behind one of another use may be any of a batch that was written over in part, and hold what clients sent.
SectorMark next_of(const SectorMark& mark) { return {mark.incarnation, mark.ordinal + 1}; }

class Recovery {
 public:
  Recovery(Disk& disk, const OmittedLogRules& omitted) : disk_(disk), omitted_(omitted) {}
  Result<Recovered> run();
  /// Whether run() has failed for what is not as it was written.
  bool found_damage() const { return found_damage_; }

 private:
  Error damaged(std::uint32_t file, std::uint64_t offset, const std::string& what) const {
    found_damage_ = true;
    return log_damage(file, offset, what);
  }
  Result<void> open_files();
  Result<bool> find_newest();
  Result<bool> holds_later_batch(const DiskFile& file) const;
  Result<bool> begins_whole(std::uint32_t number, const Candidate& candidate);
  Result<void> read_segments();
  Result<void> read(const OpenSegment& segment, std::uint64_t batches_end, bool is_newest);
  Result<void> apply(const SegmentReader::Batch& batch, const OpenSegment& segment);
  std::string whole_before() const;
  Result<void> look_for_later_batches();
  Result<std::optional<std::uint64_t>> later_batch(const DiskFile& file) const;
  std::uint64_t last_batch() const { return in_use_.back().first_batch + result_.next_ordinal - 1; }

  Disk& disk_;
  OmittedLogRules omitted_;
  std::map<std::uint32_t, Candidate> files_;
  std::vector<SegmentName> in_use_;
  Recovered result_;
  mutable bool found_damage_ = false;
};

Result<Recovered> Recovery::run() {
  if (auto opened = open_files(); !opened) return opened.error();
  const auto found = find_newest();
  if (!found) return found.error();
  if (*found) {
    if (auto read = read_segments(); !read) return read.error();
    if (auto looked = look_for_later_batches(); !looked) return looked.error();
  }
  for (auto& [number, candidate] : files_) {
    const auto is_this = [number = number](const SegmentName& name) { return name.file == number; };
    if (std::any_of(in_use_.begin(), in_use_.end(), is_this)) continue;
    result_.spares.push_back({{number, 0, 0}, candidate.file});
  }
  return std::move(result_);
}

Result<void> Recovery::open_files() {
  const auto names = disk_.list();
  if (!names) return names.error();
  if (std::find(names->begin(), names->end(), kRocksDbFile) != names->end()) return earlier_format();
  for (const std::string& name : *names) {
    if (name.ends_with(kUnfinishedSegment)) {
      if (auto removed = disk_.remove(name); !removed) return removed;
    }
    const auto number = segment_file_number(name);
    if (!number) continue;
    auto file = disk_.open(name);
    if (!file) return file.error();
    auto start = read_segment_start(**file, *number);
    if (!start) return start.error();
    // A spare is empty or whole as well: this may be the newest of all.
    if (start->is_broken || (*file)->size() % kBlockSize != 0) return damaged(*number, 0, "how it begins");
    result_.last_file = std::max(result_.last_file, *number);
    files_[*number] = {std::move(*file), *start};
  }
  return {};
}

/// Finds which segments are in use; false: there are none yet.
Result<bool> Recovery::find_newest() {
  std::vector<std::uint32_t> begun;
  for (const auto& [number, candidate] : files_) {
    if (candidate.start.name) begun.push_back(number);
  }
  std::sort(begun.begin(), begun.end(), [this](std::uint32_t one, std::uint32_t other) {
    return files_[one].start.name->first_batch > files_[other].start.name->first_batch;
  });
  for (const std::uint32_t number : begun) {
    const auto is_whole = begins_whole(number, files_[number]);
    if (!is_whole) return is_whole.error();
    if (*is_whole) return true;
  }
  // Nothing was written yet; but where a disk has lost the batch that began a segment, those behind it tell.
  for (const auto& [number, candidate] : files_) {
    const auto holds = holds_later_batch(*candidate.file);
    if (!holds) return holds.error();
    if (*holds) return damaged(number, 0, "its first batch is gone, which");
  }
  return false;
}

/// Whether a batch lies in it that was not the first of its segment: the first was durable before it was written.
Result<bool> Recovery::holds_later_batch(const DiskFile& file) const {
  std::string window;
  for (std::uint64_t offset = 0; offset < file.size(); offset += window.size()) {
    window.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kWindowSize, file.size() - offset)));
    if (auto read = file.read(offset, window.data(), window.size()); !read) return read.error();
    for (std::size_t at = 0; at < window.size(); at += kSectorSize) {
      const auto mark = mark_of(window.data() + at, offset + at, omitted_);
      if (mark && mark->ordinal > 0) return true;
    }
  }
  return false;
}

/// Reads the first batch, which names the segments in use; false: it is torn, and nothing behind it was written.
Result<bool> Recovery::begins_whole(std::uint32_t number, const Candidate& candidate) {
  SegmentReader reader(*candidate.file, *candidate.start.name, omitted_);
  const auto batch = reader.next();
  if (!batch) return batch.error();
  if (!*batch) {
    const auto end = reader.end();
    if (!end) return end.error();
    if (end->kind == SegmentEnd::Kind::kDamaged) return damaged(number, end->offset, "its first batch");
    return false;
  }
  std::string_view records = (*batch)->records;
  const auto record = take_record(records);
  const auto* segments = record ? std::get_if<SegmentsRecord>(&*record) : nullptr;
  if (segments == nullptr || segments->segments.empty() || segments->segments.back() != *candidate.start.name) {
    return damaged(number, 0, "the list of its segments");
  }
  if (segments->format != kLogFormat) {
    return Error{Code::kInternal, "the log has format " + std::to_string(segments->format) +
                                      ", this worker reads format " + std::to_string(kLogFormat)};
  }
  in_use_ = segments->segments;
  return true;
}

Result<void> Recovery::read_segments() {
  std::optional<SegmentName> missing;
  for (auto name = in_use_.rbegin(); name != in_use_.rend() && !missing; ++name) {
    const auto at = files_.find(name->file);
    if (at == files_.end() || at->second.start.name != *name) missing = *name;
  }
  while (missing && in_use_.front() != *missing) in_use_.erase(in_use_.begin());
  std::optional<Error> damage;  // It counts unless the segment was freed.
  if (missing) {
    in_use_.erase(in_use_.begin());
    damage = damaged(missing->file, 0, "the file is gone or another one, which");
  }
  for (std::size_t i = 0; i < in_use_.size(); ++i) {
    const SegmentName& name = in_use_[i];
    const auto at = files_.find(name.file);
    const bool is_newest = i + 1 == in_use_.size();
    result_.segments.push_back({name, at->second.file});
    auto done = read(result_.segments.back(), is_newest ? 0 : in_use_[i + 1].first_batch, is_newest);
    if (done) continue;
    if (is_newest) return damage ? *damage : done.error();
    // A freed one may have been torn by the batch that was to begin its next use.
    missing = name;
    damage = done.error();
    result_.contents = {};
    result_.segments.clear();
  }
  // What is not there, in use anew or torn has to have been freed before.
  if (missing && missing->first_batch >= result_.contents.freed_before) return *damage;
  std::erase_if(in_use_, [&](const SegmentName& name) { return missing && name.first_batch <= missing->first_batch; });
  if (const auto hole = result_.contents.entries.find_hole()) {
    return damaged(in_use_.back().file, 0,
                   "entry " + std::to_string(hole->second.value) + " of partition " +
                       std::to_string(hole->first.value) + " is nowhere, which");
  }
  return {};
}

/// @param batches_end  the number of the first batch of the next segment
Result<void> Recovery::read(const OpenSegment& segment, std::uint64_t batches_end, bool is_newest) {
  SegmentReader reader(*segment.file, segment.name, omitted_);
  for (;;) {
    if (!is_newest && segment.name.first_batch + reader.ordinal() == batches_end) return {};
    const auto batch = reader.next();
    if (!batch) return batch.error();
    if (!*batch) break;
    if (auto applied = apply(**batch, segment); !applied) return applied;
  }
  const auto end = reader.end();
  if (!end) return end.error();
  if (!is_newest || (end->kind == SegmentEnd::Kind::kDamaged && !omitted_.damage)) {
    return damaged(segment.name.file, is_newest ? end->offset : reader.offset(), "its batch" + whole_before());
  }
  result_.next_offset = reader.offset();
  result_.next_ordinal = reader.ordinal();
  result_.last_offset = reader.last_offset();
  if (end->kind == SegmentEnd::Kind::kTorn) result_.torn_end = end->offset;
  if (end->kind == SegmentEnd::Kind::kDamaged) result_.torn_end = segment.file->size();
  return {};
}

Result<void> Recovery::apply(const SegmentReader::Batch& batch, const OpenSegment& segment) {
  std::string_view rest = batch.records;
  while (!rest.empty()) {
    const std::size_t before = rest.size();
    const std::size_t at = BatchHead::kSize + batch.records.size() - before;
    const auto record = take_record(rest);
    const Place place{segment.name.file, static_cast<std::uint32_t>(batch.begin + at),
                      static_cast<std::uint32_t>(before - rest.size())};
    if (record && omitted_.truncations && std::holds_alternative<TruncateRecord>(*record)) continue;
    if (!record || !result_.contents.apply(*record, place)) {
      return damaged(segment.name.file, place.at / kSectorContent * kSectorSize, "a record" + whole_before());
    }
  }
  return {};
}

/// Each batch says which one before it is durable.  So where a disk has lost the batch that began the newest segment,
/// and what its file held in an earlier use was taken for the end of the log, those behind it tell.
Result<void> Recovery::look_for_later_batches() {
  for (const auto& [number, candidate] : files_) {
    const auto is_this = [number = number](const SegmentName& name) { return name.file == number; };
    const auto used = std::find_if(in_use_.begin(), in_use_.end(), is_this);
    if (used != in_use_.end() && *used != in_use_.back()) continue;
    const auto later = later_batch(*candidate.file);
    if (!later) return later.error();
    if (*later) {
      return damaged(number, **later, "a batch that knows of later ones than were found, one of which");
    }
  }
  return {};
}

/// Where a batch begins that says that one is durable which was not found; nothing where there is none.
Result<std::optional<std::uint64_t>> Recovery::later_batch(const DiskFile& file) const {
  std::string window(static_cast<std::size_t>(std::min<std::uint64_t>(kLookedThrough, file.size())), '\0');
  if (auto read = file.read(0, window.data(), window.size()); !read) return read.error();
  std::optional<SectorMark> before;
  for (std::uint64_t at = 0; at + kBlockSize <= window.size(); at += kBlockSize) {
    const auto mark = mark_of(window.data() + at, at);
    const bool begins = mark && (at == 0 || (before && mark == next_of(*before)));
    before = mark_of(window.data() + at + kBlockSize - kSectorSize, at + kBlockSize - kSectorSize);
    const auto head = begins ? read_batch_head(window.data() + at) : std::nullopt;
    if (head && head->durable > last_batch()) return std::optional(at);
  }
  return std::optional<std::uint64_t>();
}

/// Up to where each partition's log was read before the damage, for people; the first of them where there are many.
std::string Recovery::whole_before() const {
  constexpr std::size_t kNamed = 8;
  const auto last = result_.contents.entries.last_entries();
  std::string out;
  for (std::size_t i = 0; i < std::min(last.size(), kNamed); ++i) {
    out += (i == 0 ? " (whole before it: partition " : ", partition ") + std::to_string(last[i].first.value) +
           " up to entry " + std::to_string(last[i].second.value);
  }
  if (last.size() > kNamed) out += " and " + std::to_string(last.size() - kNamed) + " more partitions";
  return out.empty() ? out : out + ")";
}

}  // namespace

Error log_damage(std::uint32_t file, std::uint64_t offset, const std::string& what) {
  return {Code::kInternal, "the log is damaged: " + segment_file_name(file) + ", at byte " + std::to_string(offset) +
                               ": " + what + " is not what was written; " + kRemedy};
}

std::string segment_file_name(std::uint32_t number) {
  const std::string digits = std::to_string(number);
  return std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits + std::string(kSuffix);
}

std::optional<std::uint32_t> segment_file_number(const std::string& name) {
  std::uint32_t number = 0;
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (failed != std::errc() || number == 0 || name != segment_file_name(number)) return std::nullopt;
  return number;
}

std::optional<Error> find_log_damage(Disk& disk) {
  Recovery recovery(disk, {});
  const auto recovered = recovery.run();
  return !recovered && recovery.found_damage() ? std::optional(recovered.error()) : std::nullopt;
}

Result<Recovered> recover(Disk& disk, const OmittedLogRules& omitted) { return Recovery(disk, omitted).run(); }

}  // namespace trellis

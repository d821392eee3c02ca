#include "worker/session_table.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "protocol/check.hpp"

namespace trellis {

namespace sessions {

/// Records of a chunk; the last chunk's numbers begin at a multiple of it.
constexpr std::uint64_t kChunkWrites = 256;

struct Record {
  std::uint64_t seq;
  std::uint64_t fingerprint;
  std::uint64_t version;
  std::uint32_t content_size;  ///< kContent; else 0.
  std::uint16_t content;       ///< kContent: position in the segment's contents.
  std::uint16_t item;
  std::uint16_t name;  ///< Where the session's bytes begin in the chunk's names.
  std::uint8_t name_size;
  bool own_session;
  Code code;
  AnswerKind kind;
};
static_assert(sizeof(Record) == 40);

struct Chunk {
  std::uint64_t begin = 0;  ///< Number of the first record.
  std::vector<Record> records;
  std::string names;

  std::string_view session(const Record& record) const {
    return std::string_view(names).substr(record.name, record.name_size);
  }
  /// Where the name stands; those of the last few records are used again.
  std::uint16_t place_of(std::string_view session) {
    constexpr std::size_t kLookBack = 4;
    const std::size_t last = records.size() - std::min(records.size(), kLookBack);
    for (std::size_t i = records.size(); i > last; --i) {
      if (this->session(records[i - 1]) == session) return records[i - 1].name;
    }
    names.append(session);
    return static_cast<std::uint16_t>(names.size() - session.size());
  }
};

namespace {

std::uint64_t hash_of(std::string_view session, bool own, std::uint64_t seq, std::uint16_t item) {
  const std::uint64_t numbers[2] = {seq, item * 2ull + (own ? 1 : 0)};
  return XXH3_64bits_withSeed(numbers, sizeof numbers, XXH3_64bits(session.data(), session.size()));
}

std::uint64_t slot_of(std::uint64_t hash, std::uint64_t number) {
  return (hash | 1ull << 32) >> 32 << 32 | static_cast<std::uint32_t>(number);
}
std::uint64_t tag_of(std::uint64_t slot) { return slot >> 32; }
/// Where a slot would stand if no other were in its way; the tag's lowest bit is always set and says nothing.
std::size_t home_of(std::uint64_t slot) { return static_cast<std::size_t>(slot >> 33); }

/// What `segment` remembers of its record; `with_content` is false where the contents are dropped.
RememberedWrite remembered(const Segment& segment, const Record& record, bool with_content) {
  RememberedWrite write{
      segment.chunk->session(record), record.own_session, record.item, record.seq, record.fingerprint, {}};
  write.answer.code = record.code;
  write.answer.version = record.version;
  write.answer.kind = record.kind;
  if (record.kind == AnswerKind::kContent) {
    if (with_content) {
      write.answer.content = (*segment.contents)[record.content];
    } else {
      write.answer.kind = AnswerKind::kDropped;
    }
  }
  return write;
}

}  // namespace

template <typename Matches>
bool Index::find(std::uint64_t hash, Matches matches) const {
  if (slots_.empty()) return false;
  const std::size_t mask = slots_.size() - 1;
  const std::uint64_t wanted = slot_of(hash, 0);
  for (std::size_t at = home_of(wanted) & mask; slots_[at] != 0; at = (at + 1) & mask) {
    if (tag_of(slots_[at]) == tag_of(wanted) && matches(static_cast<std::uint32_t>(slots_[at]))) return true;
  }
  return false;
}

void Index::add(std::uint64_t hash, std::uint64_t number) {
  if (4 * (used_ + 1) > 3 * slots_.size()) grow();
  const std::size_t mask = slots_.size() - 1;
  const std::uint64_t slot = slot_of(hash, number);
  std::size_t at = home_of(slot) & mask;
  while (slots_[at] != 0) at = (at + 1) & mask;
  slots_[at] = slot;
  ++used_;
}

void Index::remove(std::uint64_t hash, std::uint64_t number) {
  const std::size_t mask = slots_.size() - 1;
  const std::uint64_t slot = slot_of(hash, number);
  std::size_t hole = home_of(slot) & mask;
  while (slots_[hole] != slot) hole = (hole + 1) & mask;
  // Whatever follows moves up into the hole, unless it would then stand before its home: no grave stones.
  for (std::size_t at = (hole + 1) & mask; slots_[at] != 0; at = (at + 1) & mask) {
    const std::size_t from_home = (at - home_of(slots_[at])) & mask;
    if (from_home >= ((at - hole) & mask)) {
      slots_[hole] = slots_[at];
      hole = at;
    }
  }
  slots_[hole] = 0;
  --used_;
}

void Index::grow() {
  constexpr std::size_t kSlotsMin = 64;
  const std::vector<std::uint64_t> old = std::exchange(slots_, {});
  slots_.resize(std::max(kSlotsMin, 2 * old.size()));
  const std::size_t mask = slots_.size() - 1;
  for (const std::uint64_t slot : old) {
    if (slot == 0) continue;
    std::size_t at = home_of(slot) & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

}  // namespace sessions

using sessions::Chunk;
using sessions::kChunkWrites;
using sessions::Record;
using sessions::Segment;

void FrozenSessions::for_each(const std::function<void(const RememberedWrite&)>& visit) const {
  std::uint64_t number = first_;
  for (const Segment& segment : segments_) {
    const Chunk& chunk = *segment.chunk;
    for (; number < chunk.begin + chunk.records.size(); ++number) {
      visit(sessions::remembered(segment, chunk.records[number - chunk.begin], number >= content_first_));
    }
  }
}

SessionTable::Finding SessionTable::find(const Entry& entry) const {
  Finding finding;
  const OwnSession* own = entry.own_session ? find_own(entry.session) : nullptr;
  const std::uint64_t floor = entry.own_session ? std::max(entry.floor, own != nullptr ? own->floor : 0) : 0;
  if (entry.seq < floor) {
    finding.verdict = Verdict::kTooOld;
    return finding;
  }
  finding.hash = sessions::hash_of(entry.session, entry.own_session, entry.seq, entry.item);
  if (const auto number = find_record(entry.session, entry.own_session, entry.seq, entry.item, finding.hash)) {
    const bool same = record(*number).fingerprint == entry.fingerprint;
    finding.verdict = same ? Verdict::kRepeated : Verdict::kOther;
    if (same) finding.answer = remembered(*number).answer;
  } else if (own != nullptr && entry.seq < own->lost_below) {
    finding.verdict = Verdict::kTooOld;
  }
  return finding;
}

void SessionTable::remember(const Entry& entry, std::uint64_t hash, const WriteAnswer& answer) {
  RememberedWrite write{entry.session, entry.own_session, entry.item, entry.seq, entry.fingerprint, answer};
  if (answer.kind == AnswerKind::kContent && answer.content.size() > limits_.content_size_max) {
    write.answer.kind = AnswerKind::kDropped;
  }
  if (entry.own_session) {
    OwnSession& own = touch_own(entry.session);
    own.floor = std::max(own.floor, entry.floor);
    own.last_write = next_;
  }
  append(write, hash);
  forget_old();
  drop_content();
  if (next_ % kSweepEvery == 0) sweep_own();
}

FrozenSessions SessionTable::freeze() {
  FrozenSessions frozen;
  frozen.segments_.assign(segments_.begin(), segments_.end());
  for (const auto& [name, own] : own_) {
    if (!is_expired(own)) frozen.own_.push_back(own);
  }
  std::sort(frozen.own_.begin(), frozen.own_.end(),
            [](const OwnSession& a, const OwnSession& b) { return a.name < b.name; });
  frozen.first_ = first_;
  frozen.next_ = next_;
  frozen.content_first_ = content_first_;
  last_is_frozen_ = true;
  return frozen;
}

Result<SessionTable> SessionTable::begin_restore(std::uint64_t first, std::uint64_t next, std::vector<OwnSession> own,
                                                 SessionLimits limits) {
  if (next < first || next - first > limits.writes_max) return invalid_argument("sessions: too many writes");
  SessionTable table(limits);
  table.first_ = table.content_first_ = table.next_ = first;
  for (OwnSession& session : own) {
    const bool recent = session.last_write < next && next - session.last_write <= limits.writes_max;
    if (session.name.empty() || session.name.size() > kSessionSizeMax || !recent) {
      return invalid_argument("sessions: a broker's session that cannot be");
    }
    const std::string name = session.name;
    if (!table.own_.emplace(name, std::move(session)).second) {
      return invalid_argument("sessions: a broker's session stands twice");
    }
  }
  return table;
}

Result<void> SessionTable::restore(const RememberedWrite& write) {
  if (write.session.empty() || write.session.size() > kSessionSizeMax) {
    return invalid_argument("sessions: the name of a session is empty or too long");
  }
  if (write.item >= kBatchItemsMax) return invalid_argument("sessions: no such position in a BATCH");
  if (size() == limits_.writes_max) return invalid_argument("sessions: too many writes");
  if (write.answer.content.size() > limits_.content_size_max) return invalid_argument("sessions: an answer too large");
  if (write.own_session) {
    const auto own = own_.find(write.session);
    if (own == own_.end() || own->second.last_write < next_) {
      return invalid_argument("sessions: a write of a session that is not there");
    }
  }
  const std::uint64_t hash = sessions::hash_of(write.session, write.own_session, write.seq, write.item);
  if (find_record(write.session, write.own_session, write.seq, write.item, hash)) {
    return invalid_argument("sessions: a write stands twice");
  }
  append(write, hash);
  return {};
}

const Segment& SessionTable::segment_of(std::uint64_t number) const {
  return segments_[number / kChunkWrites - segments_.front().chunk->begin / kChunkWrites];
}

const Record& SessionTable::record(std::uint64_t number) const {
  const Chunk& chunk = *segment_of(number).chunk;
  return chunk.records[number - chunk.begin];
}

RememberedWrite SessionTable::remembered(std::uint64_t number) const {
  return sessions::remembered(segment_of(number), record(number), number >= content_first_);
}

std::optional<std::uint64_t> SessionTable::find_record(std::string_view session, bool own, std::uint64_t seq,
                                                       std::uint16_t item, std::uint64_t hash) const {
  std::uint64_t number = 0;
  const bool found = index_.find(hash, [&](std::uint32_t low) {
    number = first_ + static_cast<std::uint32_t>(low - static_cast<std::uint32_t>(first_));
    const Chunk& chunk = *segment_of(number).chunk;
    const Record& record = chunk.records[number - chunk.begin];
    return record.seq == seq && record.item == item && record.own_session == own && chunk.session(record) == session;
  });
  return found ? std::optional(number) : std::nullopt;
}

const OwnSession* SessionTable::find_own(std::string_view name) const {
  if (own_cached_ == nullptr || own_cached_->name != name) {
    const auto found = own_.find(name);
    if (found == own_.end()) return nullptr;
    own_cached_ = &found->second;
  }
  return is_expired(*own_cached_) ? nullptr : own_cached_;
}

OwnSession& SessionTable::touch_own(std::string_view name) {
  if (find_own(name) == nullptr) {
    OwnSession& own = own_[std::string(name)];
    own = OwnSession{std::string(name), 0, 0, next_};
    own_cached_ = &own;
  }
  return const_cast<OwnSession&>(*own_cached_);
}

bool SessionTable::is_answered(std::uint64_t number) const {
  const Record& record = this->record(number);
  if (!record.own_session) return false;
  const OwnSession* own = find_own(segment_of(number).chunk->session(record));
  return own != nullptr && record.seq < own->floor;
}

Segment& SessionTable::open_segment() {
  if (segments_.empty() || next_ % kChunkWrites == 0) {
    segments_.push_back({std::make_shared<Chunk>(), nullptr});
    segments_.back().chunk->begin = next_;
  } else if (last_is_frozen_) {
    Segment& last = segments_.back();
    last.chunk = std::make_shared<Chunk>(*last.chunk);
    if (last.contents) last.contents = std::make_shared<std::vector<Frame>>(*last.contents);
  }
  last_is_frozen_ = false;
  return segments_.back();
}

void SessionTable::append(const RememberedWrite& write, std::uint64_t hash) {
  Segment& segment = open_segment();
  Chunk& chunk = *segment.chunk;
  const WriteAnswer& answer = write.answer;
  Record record{};
  record.seq = write.seq;
  record.fingerprint = write.fingerprint;
  record.version = answer.version;
  record.item = write.item;
  record.name = chunk.place_of(write.session);
  record.name_size = static_cast<std::uint8_t>(write.session.size());
  record.own_session = write.own_session;
  record.code = answer.code;
  record.kind = answer.kind;
  if (answer.kind == AnswerKind::kContent) {
    if (!segment.contents) segment.contents = std::make_shared<std::vector<Frame>>();
    record.content = static_cast<std::uint16_t>(segment.contents->size());
    record.content_size = static_cast<std::uint32_t>(answer.content.size());
    segment.contents->push_back(answer.content);
    content_total_ += record.content_size;
  }
  chunk.records.push_back(record);
  index_.add(hash, next_);
  ++next_;
}

void SessionTable::forget_old() {
  while (first_ < next_ && (size() > limits_.writes_max || is_answered(first_))) forget_first();
}

void SessionTable::forget_first() {
  const Record& oldest = record(first_);
  const std::string_view session = segments_.front().chunk->session(oldest);
  index_.remove(sessions::hash_of(session, oldest.own_session, oldest.seq, oldest.item), first_);
  if (oldest.own_session) {
    // Whoever sends it now is told that nobody knows any more: better than to apply it twice.
    if (const auto own = own_.find(session); own != own_.end()) {
      own->second.lost_below = std::max(own->second.lost_below, oldest.seq + 1);
    }
  }
  if (content_first_ == first_) pass_content();
  ++first_;
  if (first_ % kChunkWrites == 0) segments_.pop_front();
}

void SessionTable::drop_content() {
  while (content_total_ > limits_.content_total_max) pass_content();
}

void SessionTable::pass_content() {
  content_total_ -= record(content_first_).content_size;
  ++content_first_;
  // The records of a chunk are immutable, so its contents go when the last of them may.
  if (content_first_ % kChunkWrites == 0) const_cast<Segment&>(segment_of(content_first_ - 1)).contents.reset();
}

void SessionTable::sweep_own() {
  own_cached_ = nullptr;
  std::erase_if(own_, [this](const auto& item) { return is_expired(item.second); });
}

}  // namespace trellis

#include "worker/state/session_window.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "protocol/check.hpp"
#include "protocol/limits.hpp"

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
  WriteName name_of(const Record& record) const { return {session(record), record.seq, record.item}; }
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

/// What `segment` remembers of its record; `with_content` is false where the contents are dropped.
RememberedWrite remembered(const Segment& segment, const Record& record, bool with_content) {
  RememberedWrite write{segment.chunk->name_of(record), record.fingerprint, {}};
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

}  // namespace sessions

using sessions::Chunk;
using sessions::kChunkWrites;
using sessions::Record;
using sessions::Segment;

void FrozenWindow::for_each(const std::function<void(const RememberedWrite&)>& visit) const {
  std::uint64_t number = first_;
  for (const Segment& segment : segments_) {
    const Chunk& chunk = *segment.chunk;
    for (; number < chunk.begin + chunk.records.size(); ++number) {
      visit(sessions::remembered(segment, chunk.records[number - chunk.begin], number >= content_first_));
    }
  }
}

std::uint64_t SessionWindow::hash_of(const WriteName& name) {
  std::array<char, sizeof name.seq + sizeof name.item + kSessionSizeMax> bytes;
  std::memcpy(bytes.data(), &name.seq, sizeof name.seq);
  std::memcpy(bytes.data() + sizeof name.seq, &name.item, sizeof name.item);
  const std::size_t numbers = sizeof name.seq + sizeof name.item;
  CHECK(name.session.size() <= kSessionSizeMax);
  return XXH3_64bits(bytes.data(), numbers + name.session.copy(bytes.data() + numbers, kSessionSizeMax));
}

std::optional<std::uint64_t> SessionWindow::find(const WriteName& name, std::uint64_t hash) const {
  std::uint64_t number = 0;
  const bool found = index_.find(hash, [&](std::uint32_t low) {
    number = first_ + static_cast<std::uint32_t>(low - static_cast<std::uint32_t>(first_));
    const Chunk& chunk = *segment_of(number).chunk;
    const Record& record = chunk.records[number - chunk.begin];
    return record.seq == name.seq && record.item == name.item && chunk.session(record) == name.session;
  });
  return found ? std::optional(number) : std::nullopt;
}

RememberedWrite SessionWindow::at(std::uint64_t number) const {
  return sessions::remembered(segment_of(number), record(number), number >= content_first_);
}

WriteName SessionWindow::first_name() const {
  const Chunk& chunk = *segments_.front().chunk;
  return chunk.name_of(chunk.records[first_ - chunk.begin]);
}

std::uint64_t SessionWindow::fingerprint_at(std::uint64_t number) const { return record(number).fingerprint; }

const Segment& SessionWindow::segment_of(std::uint64_t number) const {
  return segments_[number / kChunkWrites - segments_.front().chunk->begin / kChunkWrites];
}

const Record& SessionWindow::record(std::uint64_t number) const {
  const Chunk& chunk = *segment_of(number).chunk;
  return chunk.records[number - chunk.begin];
}

Segment& SessionWindow::open_segment() {
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

void SessionWindow::append(const RememberedWrite& write, std::uint64_t hash) {
  Segment& segment = open_segment();
  Chunk& chunk = *segment.chunk;
  const WriteAnswer& answer = write.answer;
  Record record{};
  record.seq = write.name.seq;
  record.fingerprint = write.fingerprint;
  record.version = answer.version;
  record.item = write.name.item;
  record.name = chunk.place_of(write.name.session);
  record.name_size = static_cast<std::uint8_t>(write.name.session.size());
  record.code = answer.code;
  record.kind = answer.kind;
  if (answer.kind == AnswerKind::kContent && answer.content.size() > limits_.content_size_max) {
    record.kind = AnswerKind::kDropped;
  }
  if (record.kind == AnswerKind::kContent) {
    if (!segment.contents) segment.contents = std::make_shared<std::vector<Frame>>();
    record.content = static_cast<std::uint16_t>(segment.contents->size());
    record.content_size = static_cast<std::uint32_t>(answer.content.size());
    segment.contents->push_back(answer.content);
    content_total_ += record.content_size;
  }
  chunk.records.push_back(record);
  index_.add(hash, next_);
  ++next_;
  while (content_total_ > limits_.content_total_max) pass_content();
}

void SessionWindow::forget_first(const WriteName& name) {
  index_.remove(hash_of(name), first_);
  if (content_first_ == first_) pass_content();
  ++first_;
  if (first_ % kChunkWrites == 0) segments_.pop_front();
}

std::size_t SessionWindow::memory() const {
  std::size_t bytes = index_.memory() + content_total_;
  for (const Segment& segment : segments_) {
    bytes += sizeof(Segment) + sizeof(Chunk) + segment.chunk->records.capacity() * sizeof(Record);
    bytes += segment.chunk->names.capacity();
    if (segment.contents) bytes += segment.contents->capacity() * sizeof(Frame);
  }
  return bytes;
}

FrozenWindow SessionWindow::freeze() {
  FrozenWindow frozen;
  frozen.segments_.assign(segments_.begin(), segments_.end());
  frozen.first_ = first_;
  frozen.next_ = next_;
  frozen.content_first_ = content_first_;
  last_is_frozen_ = true;
  return frozen;
}

void SessionWindow::pass_content() {
  content_total_ -= record(content_first_).content_size;
  ++content_first_;
  // The records of a chunk are immutable, so its contents go when the last of them may.
  if (content_first_ % kChunkWrites == 0) const_cast<Segment&>(segment_of(content_first_ - 1)).contents.reset();
}

}  // namespace trellis

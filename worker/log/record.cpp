#include "worker/log/record.hpp"

#include "protocol/cluster/bundle.hpp"

namespace trellis {
namespace {

enum class Kind : std::uint8_t {
  kEntry = 1,
  kMoved = 2,
  kTruncate = 3,
  kCut = 4,
  kPut = 5,
  kRemove = 6,
  kSegments = 7,
  kNext = 8,
  kFreed = 9,
};

/// What one segment takes in a `segments` record.
constexpr std::size_t kSegmentSize = 20;

std::string pack_index(Kind kind, PartitionId group, LogIndex index) {
  std::string out;
  FieldWriter(out).u8(static_cast<std::uint8_t>(kind)).u32(group.value).u64(index.value);
  return out;
}

std::string pack_pair(Kind kind, std::string_view first, std::string_view second) {
  std::string out;
  FieldWriter(out).u8(static_cast<std::uint8_t>(kind)).bytes(first).bytes(second);
  return out;
}

EntryRecord read_entry(FieldReader& fields, bool is_moved) {
  EntryRecord entry;
  entry.group = {fields.u32()};
  entry.index = {fields.u64()};
  entry.head.term = fields.u64();
  entry.head.type = fields.u8();
  entry.payload = fields.bytes();
  entry.is_moved = is_moved;
  return entry;
}

std::optional<Record> read_segments(FieldReader& fields) {
  SegmentsRecord record;
  record.format = fields.u32();
  const std::uint32_t count = fields.u32();
  if (count > fields.rest().size() / kSegmentSize) return std::nullopt;
  for (std::uint32_t i = 0; i < count; ++i) record.segments.push_back({fields.u32(), fields.u64(), fields.u64()});
  return record;
}

std::optional<Record> read_record(FieldReader& fields) {
  switch (static_cast<Kind>(fields.u8())) {
    case Kind::kEntry: return read_entry(fields, false);
    case Kind::kMoved: return read_entry(fields, true);
    case Kind::kTruncate: return TruncateRecord{{fields.u32()}, {fields.u64()}};
    case Kind::kCut: return CutRecord{{fields.u32()}, {fields.u64()}};
    case Kind::kPut: return PutRecord{fields.bytes(), fields.bytes()};
    case Kind::kRemove: return RemoveRecord{fields.bytes(), fields.bytes()};
    case Kind::kSegments: return read_segments(fields);
    case Kind::kNext: return NextRecord{{fields.u32(), fields.u64(), fields.u64()}};
    case Kind::kFreed: return FreedRecord{fields.u64()};
  }
  return std::nullopt;
}

}  // namespace

std::string pack_entry_head(const EntryRecord& entry) {
  std::string out;
  out.reserve(EntryRecord::kHeadSize);
  FieldWriter(out)
      .u8(static_cast<std::uint8_t>(entry.is_moved ? Kind::kMoved : Kind::kEntry))
      .u32(entry.group.value)
      .u64(entry.index.value)
      .u64(entry.head.term)
      .u8(entry.head.type)
      .u32(static_cast<std::uint32_t>(entry.payload.size()));
  return out;
}

std::string pack(const TruncateRecord& record) { return pack_index(Kind::kTruncate, record.group, record.from); }
std::string pack(const CutRecord& record) { return pack_index(Kind::kCut, record.group, record.first); }
std::string pack(const PutRecord& record) { return pack_pair(Kind::kPut, record.name, record.value); }
std::string pack(const RemoveRecord& record) { return pack_pair(Kind::kRemove, record.from, record.to); }

std::string pack(const SegmentsRecord& record) {
  std::string out;
  FieldWriter fields(out);
  fields.u8(static_cast<std::uint8_t>(Kind::kSegments)).u32(record.format);
  fields.u32(static_cast<std::uint32_t>(record.segments.size()));
  for (const SegmentName& each : record.segments) fields.u32(each.file).u64(each.incarnation).u64(each.first_batch);
  return out;
}

std::string pack(const NextRecord& record) {
  std::string out;
  FieldWriter fields(out);
  fields.u8(static_cast<std::uint8_t>(Kind::kNext)).u32(record.segment.file);
  fields.u64(record.segment.incarnation).u64(record.segment.first_batch);
  return out;
}

std::string pack(const FreedRecord& record) {
  std::string out;
  FieldWriter(out).u8(static_cast<std::uint8_t>(Kind::kFreed)).u64(record.before);
  return out;
}

std::optional<Record> take_record(std::string_view& records) {
  FieldReader fields(records);
  auto record = read_record(fields);
  if (!record || !fields.ok()) return std::nullopt;
  records = fields.rest();
  return record;
}

}  // namespace trellis

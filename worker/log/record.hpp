// What batches hold, drawn once.  A record is its kind (u8) and:
//
//   1 entry      group u32 | index u64 | term u64 | type u8 | size u32 | payload
//   2 moved      the same: an entry written anew, so that the segment that holds it becomes free
//   3 truncate   group u32 | index u64       entries from here on are forgotten
//   4 cut        group u32 | index u64       entries before this one are forgotten
//   5 put        name | value                each a size u32 and its bytes
//   6 remove     from | to                   records whose names lie in [from, to) are forgotten
//   7 segments   format u32 | count u32 | (file u32 | incarnation u64 | first batch u64)*
//   8 next       file u32 | incarnation u64 | first batch u64
//   9 freed      batch u64                   segments that begin before this batch are in use no more
//
// A segment begins with a batch of one `segments`, which names all that were in
// use then, the oldest first and itself last, and of all named records: so nothing but entries keeps an older segment.
// Once that batch is durable the segment before it ends with a batch of `next`: whoever finds one, and not the segment
// that it names, knows that something was lost.  A segment is used again only after a `freed` of it is durable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/types.hpp"
#include "worker/log/log_store.hpp"

namespace trellis {

constexpr std::uint32_t kLogFormat = 2;

struct EntryRecord {
  static constexpr std::size_t kHeadSize = 26;
  PartitionId group;
  LogIndex index;
  EntryHead head;
  std::string_view payload;
  bool is_moved = false;
};
struct TruncateRecord {
  PartitionId group;
  LogIndex from;
};
struct CutRecord {
  PartitionId group;
  LogIndex first;
};
struct PutRecord {
  std::string_view name;
  std::string_view value;
};
struct RemoveRecord {
  std::string_view from;
  std::string_view to;
};
/// A segment as another one names it.
struct SegmentName {
  std::uint32_t file = 0;
  std::uint64_t incarnation = 0;
  std::uint64_t first_batch = 0;
  bool operator==(const SegmentName&) const = default;
};
struct SegmentsRecord {
  std::uint32_t format = kLogFormat;
  std::vector<SegmentName> segments;
};
struct NextRecord {
  SegmentName segment;
};
struct FreedRecord {
  std::uint64_t before = 0;
};
using Record = std::variant<EntryRecord, TruncateRecord, CutRecord, PutRecord, RemoveRecord, SegmentsRecord, NextRecord,
                            FreedRecord>;

/// All but an entry's payload, which follows.
std::string pack_entry_head(const EntryRecord& entry);
std::string pack(const TruncateRecord& record);
std::string pack(const CutRecord& record);
std::string pack(const PutRecord& record);
std::string pack(const RemoveRecord& record);
std::string pack(const SegmentsRecord& record);
std::string pack(const NextRecord& record);
std::string pack(const FreedRecord& record);

/// Takes the first record off `records`; nothing where there is none or it is broken, and then `records` stays as it
/// is.
std::optional<Record> take_record(std::string_view& records);

}  // namespace trellis

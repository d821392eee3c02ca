// Entry: one command as it stands in the replicated log, with all that applying it needs.
//
// A log entry holds one command, or several that were proposed together: what each log entry costs (a record in the log
// store, an entry in the library and in its messages) is then shared by all of them.
//
//   log entry = command
//             | 2 (u8) | (size (u32) | command)*, with 1 to kCommandsPerEntryMax of them
//   command   = version (u8 = 1, or 3) | kind (u8) | flags (u8; with version 3 u16) | session size (u8)
//             | key size (u16) | item (u16) | seq (u64) | floor (u64) | fingerprint (u64) | if_version (u64, if set)
//             | ttl_ms (u64, if set) | time (term u64 | ms u64, if set) | session | key | content (the rest)
//
// A command whose flags have room in one byte has version 1, as earlier software wrote it. Numbers are little-endian.
// An entry is written straight into the buffer that raft keeps, and read where it lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/command_table.hpp"
#include "protocol/result.hpp"
#include "protocol/types.hpp"
#include "worker/state/group_time.hpp"

namespace trellis {

/// The reads are there for a BATCH that both reads and writes a key: only in the log do they keep their place.
/// A kind's number stands in logs and never changes; a new one takes the next that is free.
enum class EntryKind : std::uint8_t {
  kPut = 1,
  kDelete = 2,
  kPop = 3,
  kGet = 4,
  kHas = 5,
  kQuery = 6,
  kPatch = 7,
  kExpire = 8,
  kTtl = 9,
  kRemoveDue = 10,  ///< No client's: the documents that are due by `time` go, the first `seq` of them.
  kFence = 11,      ///< For a backup or a restore: protocol/fence.hpp.  It has no key; its arguments are its content.
  kLast = kFence,
};
/// The kind under which a command on one key stands in the log; a SET is a PUT there.
EntryKind kind_of(Command command);
/// Not of kRemoveDue.
Command command_of(EntryKind kind);

/// Views point into the request or the log that it was read from.
struct Entry {
  EntryKind kind = EntryKind::kPut;
  std::string_view key;
  /// kPut: the document.  kQuery: QUERY's packed arguments.  kPatch: its packed operations.  All others: empty.
  std::string_view content;
  bool if_absent = false;
  std::optional<std::uint64_t> if_version;
  bool if_present = false;
  bool strict = false;           ///< kPatch, as the next two.
  bool return_document = false;  ///< For its result.
  bool pointer = false;          ///< Its operations mean what RFC 6902 says.
  /// kPut, kPatch and kExpire: how long the document stays, from `time` on.  kExpire without it: for good.
  std::optional<std::uint64_t> ttl_ms;
  std::optional<GroupTime> time;  ///< The group's, when it was proposed; where needs_time().

  /// Identity: (session, seq, item).  An empty session is nobody's: such an entry is applied as often as it is logged.
  std::string_view session;
  bool broker_session = false;  ///< The session is a broker session: `floor` counts.
  bool has_floor = false;   ///< The session is a client's that says floors: `floor` counts.  Never with broker_session.
  std::uint16_t item = 0;   ///< The position in a BATCH; 0 for a single command.
  std::uint64_t seq = 0;    ///< kRemoveDue, which has no identity: how many go at most.
  std::uint64_t floor = 0;  ///< Where it counts: the lowest seq that the session's owner may still send again.
  std::uint64_t fingerprint = 0;  ///< What fingerprint_of makes of the request.

  bool operator==(const Entry&) const = default;
};

/// Tells requests under one identity apart: kind, key, content and conditions, and whether it stands in a BATCH, so
/// that a single command and item 0 of a BATCH under the same (session, seq) differ.  The content counts by its value
/// (protocol/value_hash.hpp), so that a retry which was packed anew is the same request.
std::uint64_t fingerprint_of(const Entry& entry, bool in_batch);

/// Whether applying it takes the group's time.
bool needs_time(const Entry& entry);

/// At most so many documents go by one kRemoveDue.
inline constexpr std::size_t kRemovedAtOnceMax = 250;
/// The entry by which what is due at `time` goes.
Entry removal_of_due(const GroupTime& time);

/// At most so many commands in a log entry, so that a version has room for their positions.
inline constexpr std::uint32_t kCommandsPerEntryMax = 4096;
/// The version of the document that a command writes: grows with each command of a partition.
/// @param index     of the log entry that the command stands in
/// @param position  of the command in it
constexpr std::uint64_t version_of(LogIndex index, std::uint32_t position) {
  return index.value * kCommandsPerEntryMax + position;
}

/// Bytes that encode() writes.
std::size_t encoded_size(const Entry& entry);
std::size_t encoded_size(std::span<const Entry* const> commands);
/// Writes encoded_size() bytes to `out`: a command, or a log entry with 1 to kCommandsPerEntryMax commands.
void encode(const Entry& entry, char* out);
void encode(std::span<const Entry* const> commands, char* out);
/// Reads what encode() wrote; views point into `bytes`.  Sizes and flags are checked, the document's packing is not
/// (it was before it was proposed; whatever reads documents stays within their bytes).  Error: kInvalidArgument.
Result<Entry> read_entry(std::string_view bytes);

/// Reads the commands of a log entry, in their order.
class CommandReader {
 public:
  explicit CommandReader(std::string_view log_entry);
  /// The next command; nothing at the end.  Error: kInvalidArgument, and the end.
  std::optional<Result<Entry>> next();
  /// The same into `entry`, which is as it was made.
  std::optional<Result<void>> next(Entry& entry);
  /// The position of the command that was read last.
  std::uint32_t position() const { return count_ - 1; }

 private:
  std::string_view rest_;
  bool holds_several_;
  std::uint32_t count_ = 0;
};

}  // namespace trellis

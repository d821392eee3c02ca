#include "worker/state/entry.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "protocol/check.hpp"
#include "protocol/cluster/bundle.hpp"
#include "protocol/limits.hpp"
#include "protocol/value_hash.hpp"

namespace trellis {
namespace {

constexpr std::uint8_t kFormatVersion = 1;
constexpr std::uint8_t kSeveral = 2;      ///< In the place of the format version.
constexpr std::uint8_t kWideVersion = 3;  ///< With flags of two bytes.
constexpr std::size_t kHeadSize = 32;     ///< All up to if_version, with flags of one byte.

constexpr std::uint16_t kIfAbsent = 1;
constexpr std::uint16_t kIfVersion = 2;
constexpr std::uint16_t kBrokerSession = 4;
constexpr std::uint16_t kHasFloor = 8;
constexpr std::uint16_t kIfPresent = 1 << 8;
constexpr std::uint16_t kStrict = 2 << 8;
constexpr std::uint16_t kReturnDocument = 4 << 8;
constexpr std::uint16_t kPointer = 8 << 8;
constexpr std::uint16_t kTtlFlag = 16 << 8;
constexpr std::uint16_t kTime = 32 << 8;
/// What version 1 has room for, and version 3.
constexpr std::uint16_t kNarrowFlags = kIfAbsent | kIfVersion | kBrokerSession | kHasFloor;
constexpr std::uint16_t kFlags = kNarrowFlags | kIfPresent | kStrict | kReturnDocument | kPointer | kTtlFlag | kTime;
/// Those that belong to what is asked, by which requests under one identity are told apart; a ttl counts by itself.
constexpr std::uint16_t kAskedFlags = kIfAbsent | kIfVersion | kIfPresent | kStrict | kPointer;

std::uint16_t flags_of(const Entry& entry) {
  const auto flag = [](bool is_set, std::uint16_t value) { return is_set ? value : std::uint16_t{0}; };
  return static_cast<std::uint16_t>(flag(entry.if_absent, kIfAbsent) | flag(entry.if_version.has_value(), kIfVersion) |
                                    flag(entry.broker_session, kBrokerSession) | flag(entry.has_floor, kHasFloor) |
                                    flag(entry.if_present, kIfPresent) | flag(entry.strict, kStrict) |
                                    flag(entry.return_document, kReturnDocument) | flag(entry.pointer, kPointer) |
                                    flag(entry.ttl_ms.has_value(), kTtlFlag) | flag(entry.time.has_value(), kTime));
}

bool is_wide(std::uint16_t flags) { return (flags & ~kNarrowFlags) != 0; }

/// Appends to memory whose size the caller knows.
class Cursor {
 public:
  explicit Cursor(char* at) : at_(at) {}
  Cursor& u8(std::uint8_t value) { return number(value); }
  Cursor& u16(std::uint16_t value) { return number(value); }
  Cursor& u32(std::uint32_t value) { return number(value); }
  Cursor& u64(std::uint64_t value) { return number(value); }
  Cursor& raw(std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
    return *this;
  }

 private:
  template <typename T>
  Cursor& number(T value) {
    value = little_endian(value);
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
    return *this;
  }
  char* at_;
};

Error bad(const char* what) { return invalid_argument(std::string("log entry: ") + what); }

struct Logged {
  EntryKind kind;
  Command command;
};
/// What stands in the log for clients.  A SET is a PUT there.
constexpr std::array kLogged = {
    Logged{EntryKind::kPut, Command::kPut},       Logged{EntryKind::kPut, Command::kSet},
    Logged{EntryKind::kDelete, Command::kDelete}, Logged{EntryKind::kPop, Command::kPop},
    Logged{EntryKind::kGet, Command::kGet},       Logged{EntryKind::kHas, Command::kHas},
    Logged{EntryKind::kQuery, Command::kQuery},   Logged{EntryKind::kPatch, Command::kPatch},
    Logged{EntryKind::kExpire, Command::kExpire}, Logged{EntryKind::kTtl, Command::kTtl},
    Logged{EntryKind::kFence, Command::kFence},
};

constexpr bool is_logged(EntryKind kind) {
  return std::any_of(kLogged.begin(), kLogged.end(), [kind](const Logged& each) { return each.kind == kind; });
}

/// By Command; 0 for those that never stand in the log.
constexpr auto kKinds = [] {
  std::array<std::uint8_t, kCommandCount> kinds{};
  for (const Logged& each : kLogged) {
    kinds[static_cast<std::size_t>(each.command)] = static_cast<std::uint8_t>(each.kind);
  }
  return kinds;
}();

/// By EntryKind; of kinds that are no client's, nobody asks.
constexpr auto kCommands = [] {
  std::array<Command, static_cast<std::size_t>(EntryKind::kLast) + 1> commands{};
  for (std::size_t i = kLogged.size(); i-- > 0;) {  // The first command of a kind stands for it.
    commands[static_cast<std::size_t>(kLogged[i].kind)] = kLogged[i].command;
  }
  return commands;
}();

const CommandRow& row_of(EntryKind kind) { return row_of(command_of(kind)); }

/// Whether something stands behind the key: a PUT's document, a QUERY's path, a PATCH's operations.
bool has_content(EntryKind kind) {
  if (kind == EntryKind::kPut) return true;  // Most are.
  const Signature signature = row_of(kind).signature;
  return signature != Signature::kKey && signature != Signature::kLifetime;
}

/// Whether the kind has such options, and no two conditions exclude each other.
bool options_fit(const Entry& entry) {
  const OptionSet options = row_of(entry.kind).options;
  const auto fits = [&options](bool is_set, Option option) { return !is_set || options.has(option); };
  const int conditions = (entry.if_absent ? 1 : 0) + (entry.if_present ? 1 : 0) + (entry.if_version ? 1 : 0);
  return conditions <= 1 && !(entry.strict && entry.pointer) && fits(entry.if_absent, Option::kIfAbsent) &&
         fits(entry.if_present, Option::kIfPresent) && fits(entry.if_version.has_value(), Option::kIfVersion) &&
         fits(entry.strict, Option::kStrict) && fits(entry.return_document, Option::kReturn) &&
         fits(entry.pointer, Option::kPointer) &&
         (!entry.ttl_ms || entry.kind == EntryKind::kExpire || options.has(Option::kTtl));
}

/// What is wrong with an entry of no client's.
const char* wrong_in_removal(const Entry& entry) {
  const Entry own = removal_of_due(entry.time.value_or(GroupTime()));
  if (!entry.time || entry.seq == 0 || entry.seq > own.seq) return "a removal of what is due without a time or number";
  Entry same = own;
  same.seq = entry.seq;
  return entry == same ? nullptr : "a removal of what is due with more than that";
}

bool is_ttl(std::uint64_t ttl_ms) { return ttl_ms >= 1 && ttl_ms <= static_cast<std::uint64_t>(kTtlMax.count()); }

/// Reads `bytes` into `entry`, which is as it was made.  What is wrong with them; null: nothing.
const char* fill(Entry& entry, std::string_view bytes) {
  FieldReader fields(bytes);
  const std::uint8_t version = fields.u8();
  if (version != kFormatVersion && version != kWideVersion) return "its format version is neither 1 nor 3";
  const std::uint8_t kind = fields.u8();
  const std::uint16_t flags = version == kWideVersion ? fields.u16() : fields.u8();
  auto head = fields.fixed<kHeadSize - 3>();
  const std::uint8_t session_size = head.u8();
  const std::uint16_t key_size = head.u16();
  entry.item = head.u16();
  entry.seq = head.u64();
  entry.floor = head.u64();
  entry.fingerprint = head.u64();
  entry.if_absent = (flags & kIfAbsent) != 0;
  entry.broker_session = (flags & kBrokerSession) != 0;
  entry.has_floor = (flags & kHasFloor) != 0;
  entry.if_present = (flags & kIfPresent) != 0;
  entry.strict = (flags & kStrict) != 0;
  entry.return_document = (flags & kReturnDocument) != 0;
  entry.pointer = (flags & kPointer) != 0;
  if ((flags & kIfVersion) != 0) entry.if_version = fields.u64();
  if ((flags & kTtlFlag) != 0) entry.ttl_ms = fields.u64();
  if ((flags & kTime) != 0) {
    entry.time.emplace();
    entry.time->term = fields.u64();
    entry.time->ms = fields.u64();
  }
  entry.session = fields.raw(session_size);
  entry.key = fields.raw(key_size);
  entry.content = fields.rest();
  if (!fields.ok()) return "it is cut off";
  if (kind < 1 || kind > static_cast<std::uint8_t>(EntryKind::kLast)) return "unknown kind";
  entry.kind = static_cast<EntryKind>(kind);
  if ((flags & ~kFlags) != 0) return "unknown flags";
  if (is_wide(flags) != (version == kWideVersion)) return "flags of another format version";
  if (entry.time && entry.time->ms > kGroupTimeMax) return "a time that cannot be";
  if (entry.kind == EntryKind::kRemoveDue) return wrong_in_removal(entry);
  if (needs_time(entry) != entry.time.has_value()) return "a time that does not belong to its kind, or none";
  if (entry.ttl_ms && !is_ttl(*entry.ttl_ms)) return "a lifetime that cannot be";
  const bool has_options = (flags & ~(kBrokerSession | kHasFloor)) != 0;
  if (has_options && !options_fit(entry)) return "options that do not belong to its kind, or to each other";
  if (session_size > kSessionSizeMax) return "its session is too long";
  if ((entry.broker_session || entry.has_floor) && session_size == 0) return "a session's flag without a session";
  if (entry.broker_session && entry.has_floor) return "a session that is a broker's and a client's";
  if (entry.item >= kBatchItemsMax) return "no such position in a BATCH";
  const bool has_key = entry.kind != EntryKind::kFence;
  if ((key_size != 0) != has_key || key_size > kKeySizeMax) return "its key is empty or too long";
  if (entry.content.empty() == has_content(entry.kind)) return "content where there is none, or none";
  if (entry.content.size() > kDocumentSizeMax && entry.kind == EntryKind::kPut) return "its document is too long";
  return nullptr;
}

}  // namespace

EntryKind kind_of(Command command) {
  const std::uint8_t kind = kKinds[static_cast<std::size_t>(command)];
  CHECK(kind != 0);
  return static_cast<EntryKind>(kind);
}

Command command_of(EntryKind kind) {
  CHECK(is_logged(kind));
  return kCommands[static_cast<std::size_t>(kind)];
}

bool needs_time(const Entry& entry) {
  return entry.ttl_ms || entry.kind == EntryKind::kTtl || entry.kind == EntryKind::kRemoveDue ||
         entry.kind == EntryKind::kFence;
}

Entry removal_of_due(const GroupTime& time) {
  Entry entry;
  entry.kind = EntryKind::kRemoveDue;
  entry.seq = kRemovedAtOnceMax;
  entry.time = time;
  return entry;
}

std::uint64_t fingerprint_of(const Entry& entry, bool in_batch) {
  char head[11];
  const std::uint16_t flags = flags_of(entry) & kAskedFlags;
  Cursor(head)
      .u8(static_cast<std::uint8_t>(entry.kind))
      .u8(static_cast<std::uint8_t>(flags | flags >> 4))  // Both bytes' flags have four bits.
      .u8(in_batch ? 1 : 0)
      .u64(entry.if_version.value_or(0));
  // Each hash seeds the next one, so the parts cannot run into each other.
  std::uint64_t asked = XXH3_64bits(head, sizeof head);
  if (entry.ttl_ms) {
    const std::uint64_t ttl = little_endian(*entry.ttl_ms);
    asked = XXH3_64bits_withSeed(&ttl, sizeof ttl, asked);
  }
  const std::uint64_t key = XXH3_64bits_withSeed(entry.key.data(), entry.key.size(), asked);
  return hash_of_value(entry.content, key);
}

std::size_t encoded_size(const Entry& entry) {
  const std::size_t numbers = (entry.if_version ? 1 : 0) + (entry.ttl_ms ? 1 : 0) + (entry.time ? 2 : 0);
  return kHeadSize + (is_wide(flags_of(entry)) ? 1 : 0) + numbers * sizeof(std::uint64_t) + entry.session.size() +
         entry.key.size() + entry.content.size();
}

void encode(const Entry& entry, char* out) {
  CHECK(entry.session.size() <= kSessionSizeMax && entry.key.size() <= kKeySizeMax);
  Cursor cursor(out);
  const std::uint16_t flags = flags_of(entry);
  cursor.u8(is_wide(flags) ? kWideVersion : kFormatVersion).u8(static_cast<std::uint8_t>(entry.kind));
  is_wide(flags) ? cursor.u16(flags) : cursor.u8(static_cast<std::uint8_t>(flags));
  cursor.u8(static_cast<std::uint8_t>(entry.session.size())).u16(static_cast<std::uint16_t>(entry.key.size()));
  cursor.u16(entry.item).u64(entry.seq).u64(entry.floor).u64(entry.fingerprint);
  if (entry.if_version) cursor.u64(*entry.if_version);
  if (entry.ttl_ms) cursor.u64(*entry.ttl_ms);
  if (entry.time) cursor.u64(entry.time->term).u64(entry.time->ms);
  cursor.raw(entry.session).raw(entry.key).raw(entry.content);
}

std::size_t encoded_size(std::span<const Entry* const> commands) {
  if (commands.size() == 1) return encoded_size(*commands.front());
  std::size_t size = 1;
  for (const Entry* command : commands) size += sizeof(std::uint32_t) + encoded_size(*command);
  return size;
}

void encode(std::span<const Entry* const> commands, char* out) {
  CHECK(!commands.empty() && commands.size() <= kCommandsPerEntryMax);
  if (commands.size() == 1) return encode(*commands.front(), out);
  *out++ = kSeveral;
  for (const Entry* command : commands) {
    const std::size_t size = encoded_size(*command);
    Cursor(out).u32(static_cast<std::uint32_t>(size));
    encode(*command, out + sizeof(std::uint32_t));
    out += sizeof(std::uint32_t) + size;
  }
}

CommandReader::CommandReader(std::string_view log_entry)
    : rest_(log_entry), holds_several_(!log_entry.empty() && log_entry.front() == kSeveral) {
  if (holds_several_) rest_.remove_prefix(1);
}

std::optional<Result<void>> CommandReader::next(Entry& entry) {
  if (rest_.empty() && count_ > 0) return std::nullopt;
  ++count_;
  FieldReader fields(rest_);
  const std::string_view command = holds_several_ ? fields.raw(fields.u32()) : rest_;
  const bool fits = fields.ok() && count_ <= kCommandsPerEntryMax;
  rest_ = fits && holds_several_ ? fields.rest() : std::string_view();
  if (!fits) return bad(fields.ok() ? "too many commands" : "a command is cut off");
  const char* const wrong = fill(entry, command);
  return wrong == nullptr ? Result<void>() : bad(wrong);
}

std::optional<Result<Entry>> CommandReader::next() {
  Entry entry;
  const auto read = next(entry);
  if (!read) return std::nullopt;
  return *read ? Result<Entry>(entry) : read->error();
}

Result<Entry> read_entry(std::string_view bytes) {
  Result<Entry> read{Entry()};
  if (const char* const wrong = fill(*read, bytes)) read = bad(wrong);
  return read;
}

}  // namespace trellis

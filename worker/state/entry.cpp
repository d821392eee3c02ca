#include "worker/state/entry.hpp"

#include <xxhash.h>

#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "protocol/check.hpp"
#include "protocol/cluster/bundle.hpp"
#include "protocol/limits.hpp"
#include "protocol/value_hash.hpp"

namespace trellis {
namespace {

constexpr std::uint8_t kFormatVersion = 1;
constexpr std::uint8_t kSeveral = 2;   ///< In the place of the format version.
constexpr std::size_t kHeadSize = 32;  ///< All up to if_version.

constexpr std::uint8_t kIfAbsent = 1;
constexpr std::uint8_t kIfVersion = 2;
constexpr std::uint8_t kOwnSession = 4;
constexpr std::uint8_t kHasFloor = 8;
constexpr std::uint8_t kFlags = kIfAbsent | kIfVersion | kOwnSession | kHasFloor;

std::uint8_t flags_of(const Entry& entry) {
  return static_cast<std::uint8_t>((entry.if_absent ? kIfAbsent : 0) | (entry.if_version ? kIfVersion : 0) |
                                   (entry.own_session ? kOwnSession : 0) | (entry.has_floor ? kHasFloor : 0));
}

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

/// By EntryKind, from 1 on.
constexpr std::array kLogged = {Command::kPut, Command::kDelete, Command::kPop,
                                Command::kGet, Command::kHas,    Command::kQuery};
static_assert(kLogged.size() == static_cast<std::size_t>(EntryKind::kQuery));

/// By Command; 0 for those that never stand in the log.
constexpr auto kKinds = [] {
  std::array<std::uint8_t, kCommandCount> kinds{};
  for (std::size_t i = 0; i < kLogged.size(); ++i) {
    kinds[static_cast<std::size_t>(kLogged[i])] = static_cast<std::uint8_t>(i + 1);
  }
  kinds[static_cast<std::size_t>(Command::kSet)] = static_cast<std::uint8_t>(EntryKind::kPut);
  return kinds;
}();

const CommandRow& row_of(EntryKind kind) { return row_of(command_of(kind)); }

/// Whether something stands behind the key: a PUT's document, a QUERY's path.
bool has_content(EntryKind kind) { return row_of(kind).signature != Signature::kKey; }

/// Conditions that the kind cannot have, or that exclude each other.
bool conditions_fit(const Entry& entry) {
  if (!entry.if_absent && !entry.if_version) return true;
  const OptionSet options = row_of(entry.kind).options;
  if (entry.if_absent) return options.has(Option::kIfAbsent) && !entry.if_version;
  return options.has(Option::kIfVersion);
}

}  // namespace

EntryKind kind_of(Command command) {
  const std::uint8_t kind = kKinds[static_cast<std::size_t>(command)];
  CHECK(kind != 0);
  return static_cast<EntryKind>(kind);
}

Command command_of(EntryKind kind) { return kLogged[static_cast<std::size_t>(kind) - 1]; }

std::uint64_t fingerprint_of(const Entry& entry, bool in_batch) {
  char head[11];
  Cursor(head)
      .u8(static_cast<std::uint8_t>(entry.kind))
      .u8(flags_of(entry) & (kIfAbsent | kIfVersion))
      .u8(in_batch ? 1 : 0)
      .u64(entry.if_version.value_or(0));
  // Each hash seeds the next one, so the parts cannot run into each other.
  const std::uint64_t asked = XXH3_64bits(head, sizeof head);
  const std::uint64_t key = XXH3_64bits_withSeed(entry.key.data(), entry.key.size(), asked);
  return hash_of_value(entry.content, key);
}

std::size_t encoded_size(const Entry& entry) {
  return kHeadSize + (entry.if_version ? sizeof(std::uint64_t) : 0) + entry.session.size() + entry.key.size() +
         entry.content.size();
}

void encode(const Entry& entry, char* out) {
  CHECK(entry.session.size() <= kSessionSizeMax && entry.key.size() <= kKeySizeMax);
  Cursor cursor(out);
  cursor.u8(kFormatVersion).u8(static_cast<std::uint8_t>(entry.kind)).u8(flags_of(entry));
  cursor.u8(static_cast<std::uint8_t>(entry.session.size())).u16(static_cast<std::uint16_t>(entry.key.size()));
  cursor.u16(entry.item).u64(entry.seq).u64(entry.floor).u64(entry.fingerprint);
  if (entry.if_version) cursor.u64(*entry.if_version);
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

std::optional<Result<Entry>> CommandReader::next() {
  if (rest_.empty() && count_ > 0) return std::nullopt;
  ++count_;
  if (!holds_several_) return read_entry(std::exchange(rest_, {}));
  FieldReader fields(rest_);
  const std::string_view command = fields.raw(fields.u32());
  const bool fits = fields.ok() && count_ <= kCommandsPerEntryMax;
  rest_ = fits ? fields.rest() : std::string_view();
  if (!fits) return bad(fields.ok() ? "too many commands" : "a command is cut off");
  return read_entry(command);
}

Result<Entry> read_entry(std::string_view bytes) {
  FieldReader fields(bytes);
  if (fields.u8() != kFormatVersion) return bad("its format version is not 1");
  const std::uint8_t kind = fields.u8();
  const std::uint8_t flags = fields.u8();
  const std::uint8_t session_size = fields.u8();
  const std::uint16_t key_size = fields.u16();
  Entry entry;
  entry.item = fields.u16();
  entry.seq = fields.u64();
  entry.floor = fields.u64();
  entry.fingerprint = fields.u64();
  entry.if_absent = (flags & kIfAbsent) != 0;
  entry.own_session = (flags & kOwnSession) != 0;
  entry.has_floor = (flags & kHasFloor) != 0;
  if ((flags & kIfVersion) != 0) entry.if_version = fields.u64();
  entry.session = fields.raw(session_size);
  entry.key = fields.raw(key_size);
  entry.content = fields.rest();
  if (!fields.ok()) return bad("it is cut off");
  if (kind < 1 || kind > kLogged.size()) return bad("unknown kind");
  entry.kind = static_cast<EntryKind>(kind);
  if ((flags & ~kFlags) != 0) return bad("unknown flags");
  if (!conditions_fit(entry)) return bad("conditions that do not belong to its kind");
  if (session_size > kSessionSizeMax) return bad("its session is too long");
  if ((entry.own_session || entry.has_floor) && session_size == 0) return bad("a session's flag without a session");
  if (entry.own_session && entry.has_floor) return bad("a session that is a broker's and a client's");
  if (entry.item >= kBatchItemsMax) return bad("no such position in a BATCH");
  if (key_size == 0 || key_size > kKeySizeMax) return bad("its key is empty or too long");
  if (entry.content.empty() == has_content(entry.kind)) return bad("content where there is none, or none");
  if (entry.content.size() > kDocumentSizeMax && entry.kind == EntryKind::kPut) return bad("its document is too long");
  return entry;
}

}  // namespace trellis

// The kind of entry that the level ahead has: a group that has the level says in it, with some words, what it follows.
//
//   system entry = 16 (u8) | 200 (u8) | epoch (u64) | version (u64) | level (u32) | kWords
#include "worker/state/later_entries.hpp"

#include "protocol/cluster/bundle.hpp"

namespace trellis {
namespace {

constexpr std::uint8_t kSystem = 16;
constexpr std::uint8_t kKind = 200;
constexpr std::uint32_t kItsLevel = 2;
constexpr std::string_view kWords = "an entry of the level ahead";  // What the test looks for in the logs.

Error bad(const std::string& what) { return invalid_argument("system entry: " + what); }

}  // namespace

std::optional<std::string> later_follow_entry(const MapVersion& version, std::uint32_t level,
                                              const SystemRecords& records) {
  if (records.level < kItsLevel) return std::nullopt;
  std::string out;
  FieldWriter(out).u8(kSystem).u8(kKind).u64(version.epoch).u64(version.version).u32(level);
  return out + std::string(kWords);
}

Result<void> apply_later_entry(std::string_view log_entry, SystemRecords& records) {
  FieldReader fields(log_entry);
  const std::uint8_t system = fields.u8();
  const std::uint8_t kind = fields.u8();
  const MapVersion version{fields.u64(), fields.u64()};
  const std::uint32_t level = fields.u32();
  if (!fields.ok() || system != kSystem || kind != kKind || fields.rest() != kWords) return bad("of an unknown kind");
  if (records.level < kItsLevel) return bad("of a level that its group has not");
  return apply_system_entry(follow_entry(version, level), records);
}

}  // namespace trellis

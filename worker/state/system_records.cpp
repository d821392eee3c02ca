#include "worker/state/system_records.hpp"

#include "protocol/cluster/bundle.hpp"
#include "protocol/packed.hpp"
#include "worker/state/later_entries.hpp"

namespace trellis {
namespace {

constexpr std::uint8_t kSystem = 16;  ///< In the place of a command's format version.

enum class Kind : std::uint8_t { kFollow = 1, kMap = 2, kAccess = 3 };

/// In the place of a level that no software has: what was raised follows.
constexpr std::uint32_t kHasRaised = std::uint32_t{1} << 31;

Error bad(const std::string& what) { return invalid_argument("system entry: " + what); }

std::string begin(Kind kind, const MapVersion& version) {
  std::string out;
  FieldWriter(out).u8(kSystem).u8(static_cast<std::uint8_t>(kind)).u64(version.epoch).u64(version.version);
  return out;
}

Result<void> follow(const MapVersion& version, std::uint32_t level, SystemRecords& records) {
  if (level > kLevel) return bad("level " + std::to_string(level) + " is not known to this program");
  if (version <= records.followed) return {};
  records.followed = version;
  records.level = level;
  return {};
}

Result<void> replace_map(const MapVersion& replaced, std::string_view packed, SystemRecords& records) {
  auto map = read_cluster_map(packed);
  if (!map) return map.error();
  if (!map->formed || map->number() <= replaced) return bad("a map that cannot follow the one before");
  if (records.map_version() == replaced) records.map = std::make_shared<const ClusterMap>(std::move(*map));
  return {};
}

Result<void> replace_access(const MapVersion& replaced, std::string_view packed, SystemRecords& records) {
  auto access = read_access_records(packed);
  if (!access) return access.error();
  if (replaced.epoch != 0 || access->version <= replaced.version) {
    return bad("users and roles that cannot follow those before");
  }
  if (records.access_version() == replaced.version) {
    records.access = std::make_shared<const AccessRecords>(std::move(*access));
  }
  return {};
}

/// The packed value at the front of `rest`, which begins behind it then; empty where there is none.
std::string_view take_value(std::string_view& rest) {
  PackedReader reader(rest);
  const auto value = reader.read_value();
  rest.remove_prefix(value ? value->size() : 0);
  return value.value_or(std::string_view());
}

}  // namespace

std::string follow_entry(const MapVersion& version, std::uint32_t level) {
  std::string out = begin(Kind::kFollow, version);
  FieldWriter(out).u32(level);
  return out;
}

std::string map_entry(const MapVersion& replaced, const ClusterMap& map) {
  return begin(Kind::kMap, replaced) + pack(map);
}

std::string access_entry(std::uint64_t replaced, const AccessRecords& records) {
  return begin(Kind::kAccess, {0, replaced}) + pack(records);
}

std::string pack(const SystemRecords& records) {
  std::string out;
  const bool is_raised = records.raised != 0 || records.restore != 0;
  FieldWriter fields(out);
  fields.u64(records.followed.epoch).u64(records.followed.version).u32(records.level | (is_raised ? kHasRaised : 0));
  if (is_raised) fields.u64(records.raised).u64(records.restore);
  if (records.map != nullptr) out += pack(*records.map);
  if (records.access == nullptr) return out;
  if (records.map == nullptr) PackedWriter(out).nil();
  return out + pack(*records.access);
}

Result<SystemRecords> read_system_records(std::string_view bytes) {
  FieldReader fields(bytes);
  SystemRecords records;
  records.followed.epoch = fields.u64();
  records.followed.version = fields.u64();
  const std::uint32_t level = fields.u32();
  records.level = level & ~kHasRaised;
  if ((level & kHasRaised) != 0) {
    records.raised = fields.u64();
    records.restore = fields.u64();
    const bool is_nothing = records.raised == 0 && records.restore == 0;
    if (records.raised > kRaisedIndexMax || is_nothing) return invalid_argument("versions that cannot be");
  }
  if (!fields.ok()) return invalid_argument("records of the cluster that are cut off");
  if (records.level > kLevel) return invalid_argument("a level that is not known to this software");
  if (fields.at_end()) return records;
  std::string_view rest = fields.rest();
  const std::string_view packed_map = take_value(rest);
  if (!PackedReader(packed_map).read_nil() || rest.empty()) {
    auto map = read_cluster_map(packed_map);
    if (!map) return map.error();
    records.map = std::make_shared<const ClusterMap>(std::move(*map));
  }
  if (rest.empty()) return records;
  auto access = read_access_records(rest);
  if (!access) return access.error();
  records.access = std::make_shared<const AccessRecords>(std::move(*access));
  return records;
}

bool is_system_entry(std::string_view log_entry) {
  return !log_entry.empty() && static_cast<std::uint8_t>(log_entry.front()) == kSystem;
}

Result<void> apply_system_entry(std::string_view log_entry, SystemRecords& records) {
  FieldReader fields(log_entry);
  const std::uint8_t system = fields.u8();
  const std::uint8_t kind = fields.u8();
  const MapVersion version{fields.u64(), fields.u64()};
  if (!fields.ok() || system != kSystem) return bad("it is cut off");
  if (kind == static_cast<std::uint8_t>(Kind::kMap)) return replace_map(version, fields.rest(), records);
  if (kind == static_cast<std::uint8_t>(Kind::kAccess)) return replace_access(version, fields.rest(), records);
  if (kind != static_cast<std::uint8_t>(Kind::kFollow)) return apply_later_entry(log_entry, records);
  const std::uint32_t level = fields.u32();
  return fields.at_end() ? follow(version, level, records) : Result<void>(bad("it has another size"));
}

}  // namespace trellis

#include "worker/member_messages.hpp"

#include "protocol/cluster/bundle.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

/// A group has 2k voters at most, and one that comes or goes.
constexpr std::uint32_t kMembersMax = 2 * kWorkersMax;

Error broken(const char* what) { return invalid_argument(std::string("a broken ") + what + " from a peer"); }

void pack(FieldWriter& fields, const MapVersion& version) { fields.u64(version.epoch).u64(version.version); }

MapVersion read_version(FieldReader& fields) {
  MapVersion version;
  version.epoch = fields.u64();
  version.version = fields.u64();
  return version;
}

void pack(FieldWriter& fields, const ReplicaPlace& place) { fields.u64(place.id.value).u64(place.worker.value); }

ReplicaPlace read_place(FieldReader& fields) {
  ReplicaPlace place;
  place.id = {fields.u64()};
  place.worker = {fields.u64()};
  return place;
}

/// An unknown one counts as broken.
bool read_role(FieldReader& fields, ReplicaRole& role) {
  const std::uint8_t value = fields.u8();
  role = static_cast<ReplicaRole>(value);
  return value <= static_cast<std::uint8_t>(ReplicaRole::kSpare);
}

void pack_note(FieldWriter& fields, std::string_view note) {
  note = note.substr(0, kNoteSizeMax);
  fields.bytes(note);
}

bool read_note(FieldReader& fields, std::string& note) {
  note = fields.bytes();
  return fields.ok() && note.size() <= kNoteSizeMax;
}

bool read_receiving(FieldReader& fields, Receiving& receiving) {
  receiving.group = {fields.u32()};
  receiving.bytes = fields.u64();
  receiving.received = fields.u64();
  return read_note(fields, receiving.problem) && receiving.group.value < kPartitionsMax;
}

bool read_led(FieldReader& fields, LedGroup& led) {
  led.group = {fields.u32()};
  led.term = {fields.u64()};
  led.followed = read_version(fields);
  const std::uint8_t is_committed = fields.u8();
  led.is_committed = is_committed == 1;
  const std::uint32_t members = fields.u32();
  if (!fields.ok() || is_committed > 1 || members > kMembersMax || led.group.value >= kPartitionsMax) return false;
  for (std::uint32_t i = 0; i < members; ++i) {
    GroupMember member;
    member.place = read_place(fields);
    if (!read_role(fields, member.role)) return false;
    const std::uint8_t is_level = fields.u8();
    if (!fields.ok() || is_level > 1) return false;
    member.is_level = is_level == 1;
    led.members.push_back(member);
  }
  led.bytes = fields.u64();
  return read_note(fields, led.waits);
}

}  // namespace

std::string pack(const MapVersion& version) {
  std::string out;
  FieldWriter fields(out);
  pack(fields, version);
  return out;
}

std::string pack(const Standing& standing) {
  std::string out;
  FieldWriter fields(out);
  pack(fields, standing.map);
  fields.u32(standing.level).u32(standing.held).u32(static_cast<std::uint32_t>(standing.led.size()));
  for (const LedGroup& led : standing.led) {
    fields.u32(led.group.value).u64(led.term.value);
    pack(fields, led.followed);
    fields.u8(led.is_committed).u32(static_cast<std::uint32_t>(led.members.size()));
    for (const GroupMember& member : led.members) {
      pack(fields, member.place);
      fields.u8(static_cast<std::uint8_t>(member.role)).u8(member.is_level);
    }
    fields.u64(led.bytes);
    pack_note(fields, led.waits);
  }
  fields.u64(standing.memory).u8(standing.is_full).u32(static_cast<std::uint32_t>(standing.receiving.size()));
  for (const Receiving& each : standing.receiving) {
    fields.u32(each.group.value).u64(each.bytes).u64(each.received);
    pack_note(fields, each.problem);
  }
  fields.bytes(standing.zone);
  return out;
}

std::string pack(const MembersWanted& wanted) {
  std::string out;
  FieldWriter(out).u32(wanted.group.value).u64(wanted.replica.value);
  return out;
}

std::string pack(const GroupNotice& notice) {
  std::string out;
  FieldWriter fields(out);
  const MembersNotice& members = notice.members;
  const ReplicaConfiguration& configuration = members.configuration;
  fields.u32(notice.group.value).u64(members.term.value).u64(members.last.value);
  fields.u64(configuration.index.value).u64(configuration.term.value).u8(configuration.is_committed);
  fields.u32(static_cast<std::uint32_t>(configuration.members.size()));
  for (const ReplicaMember& member : configuration.members) {
    pack(fields, member.place);
    fields.u8(static_cast<std::uint8_t>(member.role));
  }
  fields.u32(static_cast<std::uint32_t>(members.target.size()));
  for (const ReplicaPlace& place : members.target) pack(fields, place);
  return out;
}

Result<MapVersion> read_map_version(std::string_view header) {
  FieldReader fields(header);
  const MapVersion version = read_version(fields);
  if (!fields.at_end()) return broken("check");
  return version;
}

Result<Standing> read_standing(std::string_view header) {
  FieldReader fields(header);
  Standing standing;
  standing.map = read_version(fields);
  standing.level = fields.u32();
  standing.held = fields.u32();
  const std::uint32_t led = fields.u32();
  if (!fields.ok() || led > kPartitionsMax) return broken("standing");
  for (std::uint32_t i = 0; i < led; ++i) {
    if (!read_led(fields, standing.led.emplace_back())) return broken("standing");
  }
  standing.memory = fields.u64();
  const std::uint8_t is_full = fields.u8();
  standing.is_full = is_full == 1;
  const std::uint32_t receiving = fields.u32();
  if (!fields.ok() || is_full > 1 || receiving > kPartitionsMax) return broken("standing");
  for (std::uint32_t i = 0; i < receiving; ++i) {
    if (!read_receiving(fields, standing.receiving.emplace_back())) return broken("standing");
  }
  standing.zone = fields.bytes();
  if (!standing.zone.empty() && !is_zone(standing.zone)) return broken("standing");
  if (!fields.at_end()) return broken("standing");
  return standing;
}

Result<MembersWanted> read_members_wanted(std::string_view header) {
  FieldReader fields(header);
  MembersWanted wanted;
  wanted.group = {fields.u32()};
  wanted.replica = {fields.u64()};
  if (!fields.at_end()) return broken("question for members");
  return wanted;
}

Result<GroupNotice> read_group_notice(std::string_view header) {
  FieldReader fields(header);
  GroupNotice notice;
  MembersNotice& members = notice.members;
  ReplicaConfiguration& configuration = members.configuration;
  notice.group = {fields.u32()};
  members.term = {fields.u64()};
  members.last = {fields.u64()};
  configuration.index = {fields.u64()};
  configuration.term = {fields.u64()};
  const std::uint8_t is_committed = fields.u8();
  configuration.is_committed = is_committed == 1;
  const std::uint32_t count = fields.u32();
  if (!fields.ok() || is_committed > 1 || count > kMembersMax || notice.group.value >= kPartitionsMax) {
    return broken("notice of members");
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    ReplicaMember member;
    member.place = read_place(fields);
    if (!read_role(fields, member.role)) return broken("notice of members");
    configuration.members.push_back(member);
  }
  const std::uint32_t targets = fields.u32();
  if (!fields.ok() || targets > kMembersMax) return broken("notice of members");
  for (std::uint32_t i = 0; i < targets; ++i) members.target.push_back(read_place(fields));
  if (!fields.at_end()) return broken("notice of members");
  return notice;
}

}  // namespace trellis

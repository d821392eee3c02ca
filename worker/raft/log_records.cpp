#include "worker/raft/log_records.hpp"

#include "protocol/cluster/bundle.hpp"

namespace trellis::records {
namespace {

/// A member is 17 bytes, and a configuration has at most this many.
constexpr std::uint32_t kConfigurationMax = 1024;

template <typename T>
void append_big_endian(std::string& out, T number) {
  for (int shift = 8 * (sizeof(T) - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}

std::string group_key(char kind, PartitionId group) {
  std::string key(1, kind);
  append_big_endian(key, group.value);
  return key;
}

Error broken(const char* what) { return {Code::kInternal, std::string("log store: a broken ") + what + " record"}; }

}  // namespace

std::string hard_state_key(PartitionId group) { return group_key('H', group); }
std::string snapshot_key(PartitionId group) { return group_key('S', group); }
std::string commit_key(PartitionId group) { return group_key('C', group); }
std::string local_replica_key(PartitionId group) { return group_key('R', group); }

std::string entry_key(PartitionId group, std::uint64_t index) {
  std::string key = group_key('L', group);
  append_big_endian(key, index);
  return key;
}

std::string entries_end(PartitionId group) { return group_key('L', {group.value + 1}); }

std::uint64_t index_of(std::string_view entry_key) {
  std::uint64_t index = 0;
  for (const char c : entry_key.substr(5)) index = index << 8 | static_cast<unsigned char>(c);
  return index;
}

std::string pack(const HardState& state) {
  std::string out;
  FieldWriter(out).u64(state.term).u64(state.vote);
  return out;
}

Result<HardState> read_hard_state(std::string_view value) {
  FieldReader fields(value);
  const HardState state{fields.u64(), fields.u64()};
  if (!fields.at_end() || (state.term == 0 && state.vote != 0)) return broken("term and vote");
  return state;
}

std::string pack(const EntryHead& head) {
  std::string out;
  FieldWriter(out).u64(head.term).u8(head.type);
  return out;
}

Result<EntryHead> read_entry_head(std::string_view value) {
  FieldReader fields(value);
  const EntryHead head{fields.u64(), fields.u8()};
  if (!fields.ok() || head.term == 0 || head.type < 1 || head.type > 3) return broken("log entry");
  return head;
}

std::string pack(const SnapshotRecord& record) {
  std::string out;
  FieldWriter fields(out);
  fields.u64(record.index).u64(record.term).u64(record.configuration_index);
  fields.u32(static_cast<std::uint32_t>(record.configuration.size()));
  for (const ConfigurationMember& member : record.configuration) {
    fields.u64(member.place.id.value).u64(member.place.worker.value).u8(member.role);
  }
  fields.bytes(record.descriptor);
  return out;
}

Result<SnapshotRecord> read_snapshot_record(std::string_view value) {
  FieldReader fields(value);
  SnapshotRecord record{fields.u64(), fields.u64(), fields.u64(), {}, {}};
  const std::uint32_t members = fields.u32();
  if (members > kConfigurationMax) return broken("snapshot");
  for (std::uint32_t i = 0; i < members; ++i) {
    const ConfigurationMember member{{{fields.u64()}, {fields.u64()}}, fields.u8()};
    record.configuration.push_back(member);
  }
  record.descriptor = fields.bytes();
  if (!fields.at_end() || record.index == 0 || record.term == 0) return broken("snapshot");
  return record;
}

std::string pack(const LocalReplica& local) {
  std::string out;
  FieldWriter(out).u64(local.held.value).u64(local.term).u64(local.index).u64(local.deleted.value);
  return out;
}

Result<LocalReplica> read_local_replica(std::string_view value) {
  FieldReader fields(value);
  const LocalReplica local{{fields.u64()}, fields.u64(), fields.u64(), {fields.u64()}};
  if (!fields.at_end()) return broken("replica");
  return local;
}

std::string pack_number(std::uint64_t number) {
  std::string out;
  FieldWriter(out).u64(number);
  return out;
}

Result<std::uint64_t> read_number(std::string_view value) {
  FieldReader fields(value);
  const std::uint64_t number = fields.u64();
  if (!fields.at_end()) return broken("number");
  return number;
}

}  // namespace trellis::records

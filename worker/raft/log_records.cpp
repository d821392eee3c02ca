#include "worker/raft/log_records.hpp"

#include "protocol/cluster/bundle.hpp"

namespace trellis::records {
namespace {

/// A member is 17 bytes, and a configuration has at most this many.
constexpr std::uint32_t kConfigurationMax = 1024;

std::string group_name(char kind, PartitionId group) {
  std::string name(1, kind);
  for (int shift = 24; shift >= 0; shift -= 8) name.push_back(static_cast<char>(group.value >> shift));
  return name;
}

Error broken(const char* what) { return {Code::kInternal, std::string("log store: a broken ") + what + " record"}; }

}  // namespace

std::string snapshot_name(PartitionId group) { return group_name('S', group); }
std::string commit_name(PartitionId group) { return group_name('C', group); }
std::string time_name(PartitionId group) { return group_name('T', group); }
std::string local_replica_name(PartitionId group) { return group_name('R', group); }

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

std::string pack_pair(std::uint64_t first, std::uint64_t second) {
  std::string out;
  FieldWriter(out).u64(first).u64(second);
  return out;
}

Result<std::pair<std::uint64_t, std::uint64_t>> read_pair(std::string_view value) {
  FieldReader fields(value);
  const std::uint64_t first = fields.u64();
  const std::uint64_t second = fields.u64();
  if (!fields.at_end()) return broken("pair");
  return std::pair(first, second);
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

// The names of snapshot files, and the descriptors by which raft tells them apart.
#include <array>
#include <cinttypes>
#include <cstdio>

#include "protocol/cluster/bundle.hpp"
#include "worker/snapshot/snapshot_file.hpp"

namespace trellis {
namespace {

constexpr std::uint8_t kDescriptorVersion = 1;

}  // namespace

std::string snapshot_name(PartitionId partition, LogIndex index, Term term, std::uint64_t maker) {
  std::array<char, 96> name;
  std::snprintf(name.data(), name.size(), "partition-%" PRIu32 "-index-%" PRIu64 "-term-%" PRIu64 "-%016" PRIx64,
                partition.value, index.value, term.value, maker);
  return name.data();
}

bool is_snapshot_of(std::string_view name, PartitionId partition) {
  return name.starts_with("partition-" + std::to_string(partition.value) + "-index-");
}

std::string encode(const SnapshotDescriptor& descriptor) {
  std::string out;
  FieldWriter fields(out);
  fields.u8(kDescriptorVersion).u32(descriptor.partition.value).u64(descriptor.index.value);
  fields.u64(descriptor.term.value).u64(descriptor.size).u64(descriptor.checksum).bytes(descriptor.name);
  return out;
}

Result<SnapshotDescriptor> read_snapshot_descriptor(std::string_view bytes) {
  FieldReader fields(bytes);
  if (fields.u8() != kDescriptorVersion) return invalid_argument("snapshot descriptor: its format version is not 1");
  SnapshotDescriptor descriptor;
  descriptor.partition.value = fields.u32();
  descriptor.index.value = fields.u64();
  descriptor.term.value = fields.u64();
  descriptor.size = fields.u64();
  descriptor.checksum = fields.u64();
  descriptor.name = fields.bytes();
  if (!fields.at_end()) return invalid_argument("snapshot descriptor: it has another size");
  if (!is_snapshot_name(descriptor.name)) return invalid_argument("snapshot descriptor: it names no snapshot");
  return descriptor;
}

}  // namespace trellis

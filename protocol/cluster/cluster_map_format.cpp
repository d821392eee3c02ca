// How a cluster map is packed, and read from bytes that came from outside: each field is checked.
#include <optional>

#include "protocol/cluster/cluster_map.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

constexpr std::uint64_t kFormatVersion = 5;
constexpr std::uint64_t kWithoutRecoveries = 4;
constexpr std::uint64_t kWithoutZones = 3;
constexpr std::uint64_t kWithoutMoveLimits = 2;
constexpr std::size_t kVirtualNodesMax = 1 << 12;  ///< Per worker, in a map that somebody else made.

Error bad(const std::string& what) { return invalid_argument("cluster map: " + what); }

}  // namespace

std::string pack(const ClusterMap& map) {
  std::string out;
  PackedWriter writer(out);
  writer.array(15).natural(kFormatVersion).str(map.cluster).natural(map.epoch).natural(map.version);
  writer.boolean(map.formed).natural(map.level).natural(map.k).natural(map.next_replica);
  writer.natural(map.move_limits.moves).natural(map.move_limits.rate);
  writer.natural(static_cast<std::uint64_t>(map.repair_after.count()));
  writer.natural(map.recovery).array(map.recovered.size());
  for (const auto& [partition, place, from, term] : map.recovered) {
    writer.array(5).natural(partition.value).natural(place.id.value).natural(place.worker.value);
    writer.natural(from.value).natural(term);
  }
  writer.array(map.members.size());
  for (const Member& member : map.members) {
    writer.array(6).natural(member.id.value).str(member.address);
    writer.natural(static_cast<std::uint64_t>(member.state)).natural(member.since).array(member.virtual_nodes.size());
    for (const std::uint64_t point : member.virtual_nodes) writer.natural(point);
    writer.str(member.zone);
  }
  writer.array(map.partitions.size());
  for (const Placement& placement : map.partitions) {
    writer.array(2).natural(placement.preferred_leader.value).array(placement.replicas.size());
    for (const auto& [id, worker] : placement.replicas) writer.array(2).natural(id.value).natural(worker.value);
  }
  return out;
}

namespace {

/// An array of at most `most` elements, or nothing; so a forged count reserves nothing large.
std::optional<std::uint32_t> read_array_up_to(PackedReader& reader, std::size_t most) {
  const auto count = reader.read_array();
  return count && *count <= most ? count : std::nullopt;
}

std::optional<Member> read_member(PackedReader& reader, std::uint64_t format) {
  const bool has_zone = format > kWithoutZones;
  if (reader.read_array() != (has_zone ? 6u : 5u)) return std::nullopt;
  const auto id = reader.read_uint();
  const auto address = reader.read_str();
  const auto state = reader.read_uint();
  const auto since = reader.read_uint();
  const auto points = read_array_up_to(reader, kVirtualNodesMax);
  if (!id || !address || !since || !points) return std::nullopt;
  if (!state || *state < 1 || *state > static_cast<std::uint64_t>(MemberState::kDown)) return std::nullopt;
  Member member{{*id}, std::string(*address), static_cast<MemberState>(*state), *since, {}};
  for (std::uint32_t i = 0; i < *points; ++i) {
    const auto point = reader.read_uint();
    if (!point) return std::nullopt;
    member.virtual_nodes.push_back(*point);
  }
  if (!has_zone) return member;
  const auto zone = reader.read_str();
  if (!zone) return std::nullopt;
  member.zone = *zone;
  return member;
}

std::optional<Placement> read_placement(PackedReader& reader) {
  if (reader.read_array() != 2u) return std::nullopt;
  const auto leader = reader.read_uint();
  const auto replicas = read_array_up_to(reader, kWorkersMax);
  if (!leader || !replicas) return std::nullopt;
  Placement placement{{}, {*leader}};
  for (std::uint32_t i = 0; i < *replicas; ++i) {
    const auto fields = reader.read_array();
    const auto id = reader.read_uint();
    const auto worker = reader.read_uint();
    if (fields != 2u || !id || !worker) return std::nullopt;
    placement.replicas.push_back({{*id}, {*worker}});
  }
  return placement;
}

bool read_recovered(PackedReader& reader, ClusterMap& map) {
  const auto recovery = reader.read_uint();
  const auto count = read_array_up_to(reader, kPartitionsMax);
  if (!recovery || !count) return false;
  map.recovery = *recovery;
  for (std::uint32_t i = 0; i < *count; ++i) {
    const auto fields = reader.read_array();
    const auto partition = reader.read_uint();
    const auto id = reader.read_uint();
    const auto worker = reader.read_uint();
    const auto from = reader.read_uint();
    const auto term = reader.read_uint();
    if (fields != 5u || !partition || *partition >= kPartitionsMax || !id || !worker || !from || !term) return false;
    map.recovered.push_back({{static_cast<std::uint32_t>(*partition)}, {{*id}, {*worker}}, {*from}, *term});
  }
  return true;
}

bool read_head(PackedReader& reader, std::uint64_t format, ClusterMap& map) {
  const auto cluster = reader.read_str();
  const auto epoch = reader.read_uint();
  const auto version = reader.read_uint();
  const auto formed = reader.read_bool();
  const auto level = reader.read_uint();
  const auto k = reader.read_uint();
  const auto next_replica = reader.read_uint();
  if (!cluster || !epoch || !version || !formed || !level || *level > UINT32_MAX || !k || *k > kWorkersMax ||
      !next_replica) {
    return false;
  }
  map.cluster = *cluster;
  map.epoch = *epoch;
  map.version = *version;
  map.formed = *formed;
  map.level = static_cast<std::uint32_t>(*level);
  map.k = static_cast<std::uint32_t>(*k);
  map.next_replica = *next_replica;
  if (format == kWithoutMoveLimits) return true;
  const auto moves = reader.read_uint();
  const auto rate = reader.read_uint();
  if (!moves || *moves > kMovesMax || !rate) return false;
  map.move_limits = {static_cast<std::uint32_t>(*moves), *rate};
  if (format == kWithoutZones) return true;
  const auto repair_after = reader.read_uint();
  if (!repair_after || *repair_after > static_cast<std::uint64_t>(kRepairAfterMax.count())) return false;
  map.repair_after = std::chrono::milliseconds(*repair_after);
  return format == kWithoutRecoveries || read_recovered(reader, map);
}

}  // namespace

Result<ClusterMap> read_cluster_map(std::string_view packed) {
  PackedReader reader(packed);
  const auto elements = reader.read_array();
  const auto format = reader.read_uint();
  if (!elements || !format) return bad("it is none");
  const bool is_former = (*format == kWithoutMoveLimits && *elements == 10) ||
                         (*format == kWithoutZones && *elements == 12) ||
                         (*format == kWithoutRecoveries && *elements == 13);
  if (!is_former && (*format != kFormatVersion || *elements != 15)) {
    return bad("format version " + std::to_string(*format) + "; this program reads " + std::to_string(kFormatVersion));
  }
  ClusterMap map;
  if (!read_head(reader, *format, map)) return bad("its head is broken");
  const auto members = read_array_up_to(reader, kWorkersMax);
  if (!members) return bad("its head is broken");
  for (std::uint32_t i = 0; i < *members; ++i) {
    auto member = read_member(reader, *format);
    if (!member) return bad("a member is broken");
    map.members.push_back(std::move(*member));
  }
  const auto partitions = read_array_up_to(reader, kPartitionsMax);
  if (!partitions) return bad("its partitions are broken");
  for (std::uint32_t i = 0; i < *partitions; ++i) {
    auto placement = read_placement(reader);
    if (!placement) return bad("a partition is broken");
    map.partitions.push_back(std::move(*placement));
  }
  if (!reader.at_end()) return bad("bytes after its end");
  if (auto good = check(map); !good) return good.error();
  return map;
}

}  // namespace trellis

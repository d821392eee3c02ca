#include "protocol/cluster/cluster_map.hpp"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <unordered_set>

#include "protocol/check.hpp"
#include "protocol/cluster/ring.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

constexpr std::uint64_t kFormatVersion = 1;
constexpr std::size_t kVirtualNodesMax = 1 << 12;  ///< Per worker, in a map that somebody else made.

Error bad(const std::string& what) { return invalid_argument("cluster map: " + what); }

std::uint32_t replicas_for(std::uint32_t k, std::size_t workers) {
  return static_cast<std::uint32_t>(std::min<std::size_t>(2 * static_cast<std::size_t>(k) - 1, workers));
}

/// Ids and addresses of the workers of one cluster, as they are added.
class Roll {
 public:
  Result<void> add(WorkerId id, std::string_view address) {
    if (id.value == 0) return bad("a worker without an id");
    if (address.empty() || address.size() > kAddressSizeMax) return bad("an address of impossible length");
    if (!ids_.insert(id.value).second) return bad("worker " + to_string(id) + " stands twice");
    if (!addresses_.insert(address).second) return bad("address " + std::string(address) + " stands twice");
    return {};
  }
  bool has(WorkerId id) const { return ids_.count(id.value) != 0; }
  std::size_t size() const { return ids_.size(); }

 private:
  std::unordered_set<std::uint64_t> ids_;
  std::unordered_set<std::string_view> addresses_;
};

Result<void> check_numbers(std::uint32_t k, std::size_t partitions, std::size_t workers) {
  if (workers < 1 || workers > kWorkersMax)
    return bad("a cluster has 1 to " + std::to_string(kWorkersMax) + " workers");
  if (k < 1 || k > workers) return bad("k must be from 1 to the number of workers, " + std::to_string(workers));
  if (partitions < 1 || partitions > kPartitionsMax || !std::has_single_bit(partitions)) {
    return bad("partitions must be a power of two from 1 to " + std::to_string(kPartitionsMax));
  }
  return {};
}

Result<void> check_placement(const Placement& placement, std::size_t replica_count, const Roll& members) {
  if (placement.replicas.size() != replica_count) {
    return bad("a partition with " + std::to_string(placement.replicas.size()) + " replicas instead of " +
               std::to_string(replica_count));
  }
  std::unordered_set<std::uint64_t> seen;
  for (const WorkerId replica : placement.replicas) {
    if (!members.has(replica)) return bad("a replica on " + to_string(replica) + ", which is no member");
    if (!seen.insert(replica.value).second) return bad("two replicas of one partition on " + to_string(replica));
  }
  if (seen.count(placement.preferred_leader.value) == 0) return bad("a preferred leader that carries no replica");
  return {};
}

}  // namespace

bool is_cluster_id(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::uint32_t ClusterMap::replica_count() const { return replicas_for(k, members.size()); }

const Member* ClusterMap::find(WorkerId id) const {
  const auto found =
      std::find_if(members.begin(), members.end(), [id](const Member& member) { return member.id == id; });
  return found == members.end() ? nullptr : &*found;
}

const Member* ClusterMap::find_address(std::string_view address) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [address](const Member& member) { return member.address == address; });
  return found == members.end() ? nullptr : &*found;
}

PartitionId partition_of(std::string_view key, std::uint32_t partition_count) {
  if (partition_count == 1) return {0};  // A shift by all 64 bits is undefined.
  return {static_cast<std::uint32_t>(XXH3_64bits(key.data(), key.size()) >> (64 - std::countr_zero(partition_count)))};
}

Result<void> check(const ClusterSpec& spec) {
  if (auto good = check_numbers(spec.k, spec.partitions, spec.workers.size()); !good) return good;
  Roll roll;
  for (const auto& [id, address] : spec.workers) {
    if (auto good = roll.add(id, address); !good) return good;
  }
  return {};
}

Result<void> check(const ClusterMap& map) {
  if (!is_cluster_id(map.cluster)) return bad("a cluster id must be 32 hex digits");
  if (map.version == 0) return bad("versions begin with 1");
  if (auto good = check_numbers(map.k, map.partitions.size(), map.members.size()); !good) return good;
  Roll roll;
  for (const Member& member : map.members) {
    if (auto good = roll.add(member.id, member.address); !good) return good;
    if (member.virtual_nodes.empty() || !std::is_sorted(member.virtual_nodes.begin(), member.virtual_nodes.end())) {
      return bad("virtual nodes must be there, and ascend");
    }
  }
  for (const Placement& placement : map.partitions) {
    if (auto good = check_placement(placement, map.replica_count(), roll); !good) return good;
  }
  return {};
}

ClusterMap make_cluster_map(ClusterId cluster, const ClusterSpec& spec) {
  CHECK(check(spec));
  ClusterMap map;
  map.cluster = std::move(cluster);
  map.version = 1;
  map.k = spec.k;
  for (const auto& [id, address] : spec.workers) map.members.push_back({id, address, virtual_nodes_of(id)});
  map.partitions = place(map.members, spec.partitions, replicas_for(spec.k, spec.workers.size()));
  return map;
}

std::string pack(const ClusterMap& map) {
  std::string out;
  PackedWriter writer(out);
  writer.array(7).natural(kFormatVersion).str(map.cluster).natural(map.version).boolean(map.formed).natural(map.k);
  writer.array(map.members.size());
  for (const Member& member : map.members) {
    writer.array(3).natural(member.id.value).str(member.address).array(member.virtual_nodes.size());
    for (const std::uint64_t point : member.virtual_nodes) writer.natural(point);
  }
  writer.array(map.partitions.size());
  for (const Placement& placement : map.partitions) {
    writer.array(2).natural(placement.preferred_leader.value).array(placement.replicas.size());
    for (const WorkerId replica : placement.replicas) writer.natural(replica.value);
  }
  return out;
}

namespace {

/// An array of at most `most` elements, or nothing; so a forged count reserves nothing large.
std::optional<std::uint32_t> read_array_up_to(PackedReader& reader, std::size_t most) {
  const auto count = reader.read_array();
  return count && *count <= most ? count : std::nullopt;
}

std::optional<Member> read_member(PackedReader& reader) {
  if (reader.read_array() != 3u) return std::nullopt;
  const auto id = reader.read_uint();
  const auto address = reader.read_str();
  const auto points = read_array_up_to(reader, kVirtualNodesMax);
  if (!id || !address || !points) return std::nullopt;
  Member member{{*id}, std::string(*address), {}};
  for (std::uint32_t i = 0; i < *points; ++i) {
    const auto point = reader.read_uint();
    if (!point) return std::nullopt;
    member.virtual_nodes.push_back(*point);
  }
  return member;
}

std::optional<Placement> read_placement(PackedReader& reader) {
  if (reader.read_array() != 2u) return std::nullopt;
  const auto leader = reader.read_uint();
  const auto replicas = read_array_up_to(reader, kWorkersMax);
  if (!leader || !replicas) return std::nullopt;
  Placement placement{{}, {*leader}};
  for (std::uint32_t i = 0; i < *replicas; ++i) {
    const auto replica = reader.read_uint();
    if (!replica) return std::nullopt;
    placement.replicas.push_back({*replica});
  }
  return placement;
}

}  // namespace

Result<ClusterMap> read_cluster_map(std::string_view packed) {
  PackedReader reader(packed);
  const auto elements = reader.read_array();
  const auto format = reader.read_uint();
  if (!elements || !format) return bad("it is none");
  if (*format != kFormatVersion || *elements != 7) {
    return bad("format version " + std::to_string(*format) + "; this program reads " + std::to_string(kFormatVersion));
  }
  const auto cluster = reader.read_str();
  const auto version = reader.read_uint();
  const auto formed = reader.read_bool();
  const auto k = reader.read_uint();
  const auto members = read_array_up_to(reader, kWorkersMax);
  if (!cluster || !version || !formed || !k || *k > kWorkersMax || !members) return bad("its head is broken");
  ClusterMap map;
  map.cluster = *cluster;
  map.version = *version;
  map.formed = *formed;
  map.k = static_cast<std::uint32_t>(*k);
  for (std::uint32_t i = 0; i < *members; ++i) {
    auto member = read_member(reader);
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

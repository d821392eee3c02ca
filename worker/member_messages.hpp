// What workers say to each other of the members of their groups, and of the cluster map.
//
//   check            partition 0's leader -> every member, once a second     the version of its map
//   standing         the answer                                              what the member holds and leads
//   members wanted   a replica that misses a leader -> its group             whether it is a member at all
//   members notice   a group's leader -> newcomers, and whoever asks         who belongs to the group
//
// Numbers are little-endian; each is a header of one item of a bundle.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/cluster/cluster_map.hpp"
#include "protocol/result.hpp"
#include "worker/raft/local_replica.hpp"

namespace trellis {

/// A member of a group, as its leader sees it.
struct GroupMember {
  ReplicaPlace place;
  ReplicaRole role = ReplicaRole::kVoter;
  bool is_level = false;  ///< It holds the log, but for its last entries.
};

/// A group that the speaker leads, its barrier committed.
struct LedGroup {
  PartitionId group;
  Term term;
  MapVersion followed;        ///< The map that the group follows.
  bool is_committed = false;  ///< Its configuration is.
  std::vector<GroupMember> members{};
  std::uint64_t bytes = 0;  ///< Its keys and documents.
  std::string waits{};      ///< For people: why its next step is not taken; empty: it is, or there is none.
};

/// A replica that its worker has no vote with yet.
struct Receiving {
  PartitionId group;
  std::uint64_t bytes = 0;     ///< All of the snapshot that is fetched; 0: none is.
  std::uint64_t received = 0;  ///< What is there of it; without one, of the documents.
  std::string problem;         ///< For people: what it waits for, or what failed last.
};

/// What a member holds and leads.
struct Standing {
  MapVersion map;           ///< The version of its copy.
  std::uint32_t level = 0;  ///< What its software knows.
  std::uint32_t held = 0;   ///< Replicas that it holds.
  std::vector<LedGroup> led{};
  std::uint64_t memory = 0;  ///< Bytes resident.
  bool is_full = false;      ///< Its disk has no room for more.
  std::vector<Receiving> receiving{};
  std::string zone{};  ///< As it was named (Member::zone).
};

/// A text for people is cut off behind so many bytes.
constexpr std::size_t kNoteSizeMax = 300;

/// Whoever holds this replica of the group asks whether it is still a member.
struct MembersWanted {
  PartitionId group;
  ReplicaId replica;
};

struct GroupNotice {
  PartitionId group;
  MembersNotice members;
};

std::string pack(const MapVersion& version);
std::string pack(const Standing& standing);
std::string pack(const MembersWanted& wanted);
std::string pack(const GroupNotice& notice);
Result<MapVersion> read_map_version(std::string_view header);
Result<Standing> read_standing(std::string_view header);
Result<MembersWanted> read_members_wanted(std::string_view header);
Result<GroupNotice> read_group_notice(std::string_view header);

}  // namespace trellis

// What workers say to each other, as items of a Bundle whose first item says who speaks.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "protocol/cluster/bundle.hpp"
#include "protocol/cluster/replica_place.hpp"
#include "protocol/cluster/round_trip.hpp"
#include "protocol/types.hpp"
#include "worker/state/group_time.hpp"

namespace trellis {

enum class PeerMessageType : std::uint8_t {
  kFrom = 1,         ///< header: Speaker.  First in each bundle.
  kRaft = 2,         ///< header: the head of a RaftMessage; body: its body.
  kQuestion = 3,     ///< header: a ConfirmationMessage.
  kAnswer = 4,       ///< header: a ConfirmationMessage.
  kChunkWanted = 5,  ///< header: ChunkWanted.
  kChunk = 6,        ///< header: Chunk; body: its bytes.
  kTimes = 7,        ///< header: GroupTimes.
  // worker/member_messages.hpp
  kCheck = 8,           ///< header: a MapVersion.
  kStanding = 9,        ///< header: Standing.
  kMembersWanted = 10,  ///< header: MembersWanted.
  kMembersNotice = 11,  ///< header: GroupNotice.
  kMap = 12,            ///< header: a cluster map.
  // worker/incarnations.hpp
  kArrival = 16,    ///< header: a challenge.
  kKnown = 17,      ///< header: Known.
  kChallenge = 18,  ///< header: a challenge.
  kProof = 19,      ///< header: the challenge that it answers.
  // Users and roles, worker/shard_access.cpp
  kAccessNews = 20,    ///< header: the version of the records (u64).
  kAccessWanted = 21,  ///< No header.
  kAccess = 22,        ///< header: access records.
};

/// In every bundle, so that no message depends on an earlier one having arrived.
struct Speaker {
  ClusterId cluster;
  WorkerId id;
  BootNonce nonce;
  std::uint64_t incarnation = 0;  ///< How often it has been started, this time included.
  bool leaving = false;           ///< It is about to stop: no leadership is handed to it.
  bool full = false;              ///< Its disk has room for going on, and no more.
  /// Milliseconds since a broker last welcomed it; kNeverWelcomed: none has in this incarnation.
  std::uint32_t unwelcome_ms = kNeverWelcomed;
  Stamps stamps{};
  std::uint64_t recovery = 0;  ///< ClusterMap::recovery: what another one says is of another group.

  static constexpr std::uint32_t kNeverWelcomed = UINT32_MAX;
};

/// The receiver of a snapshot asks for its file piece by piece: flow control and resumption in one.  A size of 0 asks
/// for nothing: it has all, reads it, and wants the sender to keep what comes behind it.
struct ChunkWanted {
  PartitionId group;
  std::string name;
  std::uint64_t offset = 0;
  std::uint32_t size = 0;
  bool operator==(const ChunkWanted&) const = default;
};

/// An empty body means: that file is not here (any more).
struct Chunk {
  PartitionId group;
  std::string name;
  std::uint64_t offset = 0;
};

/// What a replica is known to have promised durably.
struct Promise {
  ReplicaId replica;  ///< A worker may have had several of a group, one after the other.
  std::uint64_t term = 0;
  std::uint64_t index = 0;  ///< In `term`, it held the log up to here.
  bool has_voted = false;   ///< In `term`, for whoever keeps this.
};

/// What a worker knows of the one that has arrived: its last incarnation, and what its replicas promised.
struct Known {
  std::uint64_t answers = 0;      ///< The arrival's challenge.
  std::uint64_t challenge = 0;    ///< To be proven: only whoever is reached at the member's address reads it.
  std::uint64_t incarnation = 0;  ///< 0: it was never heard.
  BootNonce nonce;
  std::vector<std::pair<PartitionId, Promise>> promises;
};

/// The times of groups, as far as their sender knows them.
using GroupTimes = std::vector<std::pair<PartitionId, GroupTime>>;

std::string pack(const Speaker& speaker);
std::string pack(const Known& known);
std::string pack_challenge(std::uint64_t challenge);
std::string pack(const ChunkWanted& wanted);
std::string pack(const Chunk& chunk);
std::string pack(const GroupTimes& times);
Result<Speaker> read_speaker(std::string_view header);
Result<Known> read_known(std::string_view header);
Result<std::uint64_t> read_challenge(std::string_view header);
Result<ChunkWanted> read_chunk_wanted(std::string_view header);
Result<Chunk> read_chunk(std::string_view header);
Result<GroupTimes> read_times(std::string_view header);

}  // namespace trellis

// What brokers and workers say to each other while a cluster is recovered, whose members are in part lost for good.
//
//   broker -> worker   RecoveryAsk      from now on no lower number; what is left with you?
//   worker -> brokers  RecoveryAsk      to all others: has any of them heard one that is named as lost?
//   broker -> worker   RecoveryHeard
//   worker -> broker   RecoveryTold     the ends of its replicas, its map, and the plan that it holds, if any
//   broker -> worker   RecoveryPlan     write it down
//   worker -> broker   RecoveryWritten
//
// A plan is the cluster map that takes the place of the one before.  It counts once every member that it keeps has
// written it down; then it is offered as any newer map is, and each worker makes what it names of its own.
//
// A refusal that comes of a promise to somebody else, or of what goes by, says which attempt has to be outbid.
//
// All are MessagePack arrays in the header of an item, as the other control messages (cluster_messages.hpp).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/cluster/cluster_messages.hpp"

namespace trellis {

/// Attempts end here, and messages that name a higher one are broken: three a second are as many in 45 years, and
/// whoever has to outbid one does not come back to 0.
constexpr std::uint64_t kRecoveryAttemptMax = std::uint64_t{1} << 32;

/// Which attempt at which recovery: the higher one goes on.
struct RecoveryNumber {
  std::uint64_t recovery = 0;  ///< One more than ClusterMap::recovery of the map that it is to replace.
  std::uint64_t attempt = 0;   ///< At most kRecoveryAttemptMax.
  std::uint64_t broker = 0;    ///< Whose attempt: no two have the same number.
  auto operator<=>(const RecoveryNumber&) const = default;
};

struct RecoveryAsk {
  RecoveryNumber number;
  ClusterId cluster;
  std::vector<WorkerId> lost;
  bool operator==(const RecoveryAsk&) const = default;
};

/// Where a replica's log ends, and who belongs to its group as far as it says.
struct ReplicaEnd {
  PartitionId partition;
  ReplicaId replica;
  std::uint64_t term = 0;       ///< The replica's own.
  std::uint64_t last_term = 0;  ///< The last entry's.
  std::uint64_t last_index = 0;
  std::uint64_t configuration_index = 0;  ///< The newest configuration's in its log,
  std::vector<ReplicaPlace> voters;       ///< and its voters.
  bool operator==(const ReplicaEnd&) const = default;
};

struct RecoveryTold {
  RecoveryNumber number;       ///< That it was asked with.
  std::uint64_t promised = 0;  ///< With a refusal: a higher attempt than this may be answered; 0: that is not why.
  std::string refusal;         ///< For people; empty: what follows counts.
  std::string map;             ///< Packed.
  RecoveryNumber accepted;     ///< With which it wrote down
  std::string plan;            ///< this map; empty: none.
  std::vector<ReplicaEnd> ends{};
  bool operator==(const RecoveryTold&) const = default;
};

struct RecoveryPlan {
  RecoveryNumber number;
  std::string map;  ///< Packed.
  bool operator==(const RecoveryPlan&) const = default;
};

struct RecoveryWritten {
  RecoveryNumber number;
  std::uint64_t promised = 0;  ///< As in RecoveryTold.
  std::string refusal;         ///< Empty: it is durable.
  bool operator==(const RecoveryWritten&) const = default;
};

struct RecoveryHeard {
  RecoveryNumber number;
  std::string refusal;  ///< For people: which of them it has heard; empty: none.
  bool operator==(const RecoveryHeard&) const = default;
};

constexpr std::size_t kRecoveryTextMax = 1'000;  ///< Bytes of a refusal.
/// Bytes of a packed map: kWorkersMax members with their virtual nodes, kPartitionsMax partitions, and room to spare.
constexpr std::size_t kPackedMapMax = 4 << 20;

void add(BundleWriter& bundle, const RecoveryAsk& message);
void add(BundleWriter& bundle, const RecoveryTold& message);
void add(BundleWriter& bundle, const RecoveryPlan& message);
void add(BundleWriter& bundle, const RecoveryWritten& message);
void add(BundleWriter& bundle, const RecoveryHeard& message);
Result<RecoveryAsk> read_recovery_ask(const BundleItem& item);
Result<RecoveryTold> read_recovery_told(const BundleItem& item);
Result<RecoveryPlan> read_recovery_plan(const BundleItem& item);
Result<RecoveryWritten> read_recovery_written(const BundleItem& item);
Result<RecoveryHeard> read_recovery_heard(const BundleItem& item);

}  // namespace trellis

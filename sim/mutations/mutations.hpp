// Mutations: faults put into the system on purpose, to see whether the simulator finds them.  A normal run has none.
//
// Each is one row of a table: its name, what it does, and the cheapest scenario that finds it.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sim/scenario.hpp"

namespace trellis::sim {

enum class Mutation : std::uint8_t {
  kAckBeforeSync,
  kSyncedTailLost,
  kTornBatch,
  kVoteForgotten,
  kTruncateIgnored,
  kCommitHintAhead,
  kSnapshotWrongIndex,
  kLogsGrow,
  kSyncLeftOut,
  kChecksumIgnored,
  kEarlierUseRead,
  kDamageCutOff,
  kSegmentReused,
  kNoBarrier,
  kNoGate,
  kNoClamp,
  kNoTrim,
  kNoConfigurations,
  kNoSessionsInSnapshot,
  kLoneTermReused,
  kOlderCopiesTaken,
  kBulkIsUrgent,
  kUnconfirmedRead,
  kFloorIgnored,
  kEarlierConfirmation,
  kNonceIgnored,
  kTermIgnored,
  kRoundIgnored,
  kAnswerBlindly,
  kAnswerForLater,
  kMarkDropped,
  kMarkAdded,
  kWarningDropped,
  kPageSkipsKey,
  kPageOutOfOrder,
  kWrongReply,
  kNewSeqOnRetry,
  kSessionsGrow,
  kAnswersGrow,
  kTermNotLearnt,
  kAllForMajority,
  kBrokerFloorInfinite,
  kFingerprintIgnored,
  kReplyDropped,
  kNeverSentAgain,
  kOneAnswer,
  kOneForAll,
  kOneConfirmation,
  kStalestAnswer,
  kLeadershipUnchecked,
  kReplicaIdReused,
  kDeletedOnNotYet,
  kRemovalBeforePromotion,
  kStandbyGivesNoVote,
  kMapGoesBack,
  kZonesIgnored,
  kGivenUpAtOnce,
  kStalestRecovered,
  kLeftBehindHeard,
  kPlansDiffer,
  kProvenAtOnce,
  kEarlierEchoCounts,
  kOwnClock,
  kNoDeadlinesInSnapshot,
  kPatchTwice,
  kAfterLost,
  kRolesIgnored,
  kRolesKept,
  kFenceLetGo,
  kFenceUnchecked,
  kTargetsConfirm,
  kFormersConfirm,
  kWishAtAnyTime,
  kCount,  ///< How many there are; none itself.
};
constexpr std::size_t kMutationCount = static_cast<std::size_t>(Mutation::kCount);

/// How often a scenario found a mutation, in runs of 20 simulated seconds.
struct Found {
  std::uint32_t seeds;
  std::uint32_t of;
};

struct MutationRow {
  Mutation mutation;
  std::string_view name;
  std::string_view what;
  Scenario scenario;                  ///< The cheapest one that finds it.
  Found found;                        ///< None: it is made good by another rule, see `with`.
  std::optional<Mutation> with = {};  ///< Where it takes both.
};

/// Those that are on in a run.
class Mutations {
 public:
  void add(Mutation mutation) { on_.set(static_cast<std::size_t>(mutation)); }
  bool has(Mutation mutation) const { return on_.test(static_cast<std::size_t>(mutation)); }
  bool has_any() const { return on_.any(); }

 private:
  std::bitset<kMutationCount> on_;
};

std::span<const MutationRow> all_mutations();
const MutationRow& row_of(Mutation mutation);
std::optional<Mutation> mutation_of(std::string_view name);

}  // namespace trellis::sim

#include "sim/mutations/mutations.hpp"

#include <algorithm>
#include <array>

namespace trellis::sim {
namespace {

using M = Mutation;
using S = Scenario;

// clang-format off
constexpr std::array kRows = std::to_array<MutationRow>({
    {M::kAckBeforeSync, "ack-before-sync", "a write of the log is called durable before it is", S::kDisks, {20, 20}},
    {M::kSyncedTailLost, "synced-tail-lost",
     "a crash loses the last entry of each log, though it was synced", S::kAny, {35, 40}},
    {M::kTornBatch, "torn-batch", "a batch of the log that a crash has torn is taken for whole", S::kDisks, {5, 20}},
    {M::kVoteForgotten, "vote-forgotten", "a crash keeps the term and loses the vote", S::kDisks, {20, 20}},
    {M::kTruncateIgnored, "truncate-ignored",
     "a tail of the log that was cut off is there again at the start", S::kDisks, {4, 20}},
    {M::kCommitHintAhead, "commit-hint-ahead",
     "the log says that more was committed than was", S::kElections, {9, 40}},
    {M::kSnapshotWrongIndex, "snapshot-wrong-index", "a snapshot's record names another index", S::kAny, {8, 40}},
    {M::kLogsGrow, "logs-grow", "no log is cut, and no snapshot removed", S::kLaggards, {40, 40}},
    {M::kSyncLeftOut, "sync-left-out", "batches of the log are not synced", S::kDisks, {20, 20}},
    {M::kChecksumIgnored, "checksum-ignored", "a damaged sector of the log is taken for whole", S::kDisks, {1, 20}},
    {M::kEarlierUseRead, "earlier-use-read",
     "what a segment of the log held in an earlier use is taken for new", S::kDisks, {20, 20}},
    {M::kDamageCutOff, "damage-cut-off",
     "a damaged end of the log is cut off as if it were torn", S::kDisks, {5, 20}},
    {M::kSegmentReused, "segment-reused",
     "a segment of the log is used again while entries lie in it", S::kDisks, {16, 20}},
    {M::kNoBarrier, "no-barrier", "a new leader commits no entry of its own term first (R1)", S::kAny, {6, 60}},
    {M::kNoGate, "no-gate", "messages are taken in while an append is not synced (R2)", S::kGroup, {3, 4000}},
    {M::kNoClamp, "no-clamp", "a follower acknowledges a tail that nobody has checked (R3)", S::kGroup, {82, 1000}},
    {M::kNoTrim, "no-trim", "entries that a snapshot holds are appended again (R4)", S::kMembers, {3, 1500}},
    {M::kNoConfigurations, "no-configurations",
     "a configuration that was rolled back is not told (R5)", S::kMembers, {13, 3000}},
    {M::kNoSessionsInSnapshot, "no-sessions-in-snapshot", "snapshots hold no session table", S::kAny, {48, 60}},
    {M::kLoneTermReused, "lone-term-reused",
     "a lone voter leads in the term of its earlier incarnation (R13)", S::kMembers, {11, 1000}},
    {M::kOlderCopiesTaken, "older-copies-taken",
     "a worker on an older copy of its folder takes part", S::kCopies, {2, 40}},
    {M::kBulkIsUrgent, "bulk-is-urgent", "what is large goes in front of what is urgent", S::kSlowLinks, {10, 10}},
    {M::kUnconfirmedRead, "unconfirmed-read",
     "a linearizable read is answered by whoever is asked", S::kSeclusions, {14, 60}},
    {M::kFloorIgnored, "floor-ignored", "what clients say of floors does not count", S::kSessions, {8, 40}},
    {M::kEarlierConfirmation, "earlier-confirmation",
     "an answer to an earlier incarnation's question confirms leadership", S::kTwoLives, {2, 60}},
    {M::kNonceIgnored, "nonce-ignored",
     "a confirmation counts whichever incarnation it names", S::kTwoLives, {1, 60}, M::kTermIgnored},
    {M::kTermIgnored, "term-ignored",
     "a confirmation counts whichever term it names", S::kTwoLives, {1, 60}, M::kNonceIgnored},
    {M::kRoundIgnored, "round-ignored", "a confirmation counts whichever round it names", S::kEchoes, {48, 60}},
    {M::kAnswerBlindly, "answer-blindly",
     "a member confirms for a leader though it knows a higher term", S::kSeclusions, {4, 60}},
    {M::kAnswerForLater, "answer-for-later",
     "what a member confirmed for once counts for all later reads", S::kSeclusions, {14, 60}},
    {M::kMarkDropped, "mark-dropped", "no answer is marked as unguaranteed", S::kBlackouts, {14, 40}},
    {M::kMarkAdded, "mark-added", "one answer in a thousand is marked for no reason", S::kAny, {11, 40}},
    {M::kWarningDropped, "warning-dropped", "no answer warns of anything", S::kBlackouts, {7, 40}},
    {M::kPageSkipsKey, "page-skips-key", "a page that is not the last lacks its first key", S::kAny, {30, 40}},
    {M::kPageOutOfOrder, "page-out-of-order", "the first two keys of a page have changed places", S::kAny, {30, 40}},
    {M::kWrongReply, "wrong-reply", "one reply in a hundred is that to the request before", S::kAny, {39, 40}},
    {M::kNewSeqOnRetry, "new-seq-on-retry", "a client sends a write again under another seq", S::kAny, {40, 40}},
    {M::kSessionsGrow, "sessions-grow", "more writes are remembered than the settings allow", S::kSessions, {15, 40}},
    {M::kAnswersGrow, "answers-grow",
     "more bytes of answers are remembered than the settings allow", S::kSessions, {12, 20}},
    {M::kTermNotLearnt, "term-not-learnt", "a pre-vote request teaches nobody its term (R11)", S::kMembers, {2, 4000}},
    {M::kAllForMajority, "all-for-majority", "a broker takes a majority for every replica", S::kBlackouts, {7, 60}},
    {M::kBrokerFloorInfinite, "broker-floor-infinite",
     "a broker says that it sends none of its own writes again", S::kAny, {13, 40}},
    {M::kFingerprintIgnored, "fingerprint-ignored",
     "all requests of one session and seq are taken for the same", S::kAny, {35, 40}},
    {M::kReplyDropped, "reply-dropped", "every 50th reply of a broker is not sent", S::kAny, {10, 10}},
    {M::kNeverSentAgain, "never-sent-again", "a broker sends no request a second time", S::kHiccups, {9, 10}},
    {M::kOneAnswer, "one-answer",
     "one that confirms is enough, however many replicas there are", S::kFives, {2, 60}},
    {M::kOneForAll, "one-for-all",
     "where reads of several partitions are proven for one, they are for all", S::kTogether, {2, 60}},
    {M::kOneConfirmation, "one-confirmation",
     "one peer confirms leadership, however many voters there are", S::kFives, {9, 60}},
    {M::kStalestAnswer, "stalest-answer",
     "without a majority the stalest replica is believed", S::kFewLeft, {2, 10}},
    {M::kLeadershipUnchecked, "leadership-unchecked",
     "whoever takes itself for the leader answers reads at once", S::kSeclusions, {19, 60}},
    {M::kReplicaIdReused, "replica-id-reused",
     "a worker that gets a partition back gets the id of its former replica", S::kMembers, {331, 1000}},
    {M::kDeletedOnNotYet, "deleted-on-not-yet",
     "a replica is deleted by the word of a leader that had not added it yet", S::kMembers, {17, 3000}},
    {M::kRemovalBeforePromotion, "removal-before-promotion",
     "whoever leaves a group is removed before who comes has a vote", S::kMembers, {128, 1000}},
    {M::kStandbyGivesNoVote, "standby-gives-no-vote",
     "who has no vote by its own log gives none (R14)", S::kMembers, {12, 1000}},
    {M::kMapGoesBack, "map-goes-back",
     "a copy of the map is replaced by an older one, and a leader follows it", S::kMembers, {13, 300}},
    {M::kZonesIgnored, "zones-ignored", "the replicas of a partition stand in any zones", S::kZones, {20, 20}},
    {M::kGivenUpAtOnce, "given-up-at-once",
     "who is silent for a moment is made good elsewhere, whatever the settings say", S::kRepair, {7, 40}},
    {M::kStalestRecovered, "stalest-recovered", "a recovery takes the stalest replica that is left of a group",
     S::kRecover, {8, 40}},
    {M::kLeftBehindHeard, "left-behind-heard",
     "whom a recovery leaves behind is listened to while it is under way", S::kDisputes, {8, 40}},
    {M::kPlansDiffer, "plans-differ",
     "a worker writes down whatever plan of a recovery it is sent, and tells nobody of one", S::kDisputes, {4, 40}},
    {M::kProvenAtOnce, "proven-at-once",
     "a worker's start is proven to each peer that has told, while others may know better", S::kCopies, {4, 40}},
    {M::kEarlierEchoCounts, "earlier-echo-counts",
     "what an earlier incarnation of a broker sent measures the way to a worker", S::kFewLeft, {2, 40}},
    {M::kOwnClock, "own-clock", "a leader tells by its own clock what has expired", S::kExpiry, {20, 20}},
    {M::kNoDeadlinesInSnapshot, "no-deadlines-in-snapshot", "snapshots hold no deadlines", S::kExpiry, {20, 20}},
    {M::kPatchTwice, "patch-twice", "a PATCH is done as often as it is sent", S::kAny, {20, 20}},
    {M::kAfterLost, "after-lost", "a page begins at the beginning, whatever `after` says", S::kAny, {19, 20}},
    {M::kRolesIgnored, "roles-ignored", "a broker lets every user do everything", S::kRoles, {19, 20}},
    {M::kRolesKept, "roles-kept",
     "users go on with the rights that they had when they first asked", S::kRoles, {19, 20}},
    {M::kFenceLetGo, "fence-let-go", "a leader proposes on behind the fence of a backup", S::kBackups, {10, 20}},
    {M::kFenceUnchecked, "fence-unchecked",
     "a cut counts whether its fences hold or not", S::kBackups, {20, 20}},
    {M::kTargetsConfirm, "targets-confirm",
     "whoever is to carry a partition confirms for its leader, without a vote as well", S::kOutsiders, {1, 80}},
    {M::kFormersConfirm, "formers-confirm",
     "whoever has confirmed for a group's leader once does so on, with or without a vote", S::kOutsiders, {2, 80}},
    {M::kWishAtAnyTime, "wish-at-any-time",
     "a wish to join counts whenever it comes", S::kLateWishes, {10, 20}},
});
// clang-format on

constexpr bool is_whole() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].mutation != static_cast<Mutation>(i)) return false;
  }
  return kRows.size() == kMutationCount;
}
static_assert(is_whole(), "each mutation has one row, in the order of the enumeration");

}  // namespace

std::span<const MutationRow> all_mutations() { return kRows; }

const MutationRow& row_of(Mutation mutation) { return kRows[static_cast<std::size_t>(mutation)]; }

std::optional<Mutation> mutation_of(std::string_view name) {
  const auto row =
      std::find_if(kRows.begin(), kRows.end(), [name](const MutationRow& each) { return each.name == name; });
  return row == kRows.end() ? std::nullopt : std::optional(row->mutation);
}

}  // namespace trellis::sim

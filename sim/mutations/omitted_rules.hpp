// The rules that mutations switch off in worker and broker themselves (sim/mutations/mutations.hpp).
#pragma once

#include "broker/options.hpp"
#include "sim/mutations/mutations.hpp"
#include "worker/raft/replica.hpp"

namespace trellis::sim {

inline OmittedRules omitted_rules(const Mutations& mutations) {
  OmittedRules omitted;
  omitted.barrier = mutations.has(Mutation::kNoBarrier);
  omitted.gate = mutations.has(Mutation::kNoGate);
  omitted.clamp = mutations.has(Mutation::kNoClamp);
  omitted.trim = mutations.has(Mutation::kNoTrim);
  omitted.configurations = mutations.has(Mutation::kNoConfigurations);
  omitted.sessions = mutations.has(Mutation::kNoSessionsInSnapshot);
  omitted.deadlines = mutations.has(Mutation::kNoDeadlinesInSnapshot);
  omitted.times = mutations.has(Mutation::kOwnClock);
  omitted.patches = mutations.has(Mutation::kPatchTwice);
  omitted.after = mutations.has(Mutation::kAfterLost);
  omitted.lone_term = mutations.has(Mutation::kLoneTermReused);
  omitted.incarnations = mutations.has(Mutation::kOlderCopiesTaken);
  omitted.proofs = mutations.has(Mutation::kProvenAtOnce);
  omitted.bulk = mutations.has(Mutation::kBulkIsUrgent);
  omitted.standby_votes = mutations.has(Mutation::kStandbyGivesNoVote);
  omitted.pre_votes = mutations.has(Mutation::kTermNotLearnt);
  omitted.fingerprints = mutations.has(Mutation::kFingerprintIgnored);
  omitted.confirmations = mutations.has(Mutation::kOneConfirmation);
  omitted.wishes = mutations.has(Mutation::kWishAtAnyTime);
  omitted.repair_time = mutations.has(Mutation::kGivenUpAtOnce);
  omitted.left_behind = mutations.has(Mutation::kLeftBehindHeard);
  omitted.promises = mutations.has(Mutation::kPlansDiffer);
  omitted.fence_holds = mutations.has(Mutation::kFenceLetGo);
  omitted.fence_checks = mutations.has(Mutation::kFenceUnchecked);
  return omitted;
}

inline OmittedBrokerRules omitted_broker_rules(const Mutations& mutations) {
  OmittedBrokerRules omitted;
  omitted.minorities = mutations.has(Mutation::kAllForMajority);
  omitted.freshest = mutations.has(Mutation::kStalestRecovered);
  omitted.roles = mutations.has(Mutation::kRolesIgnored);
  omitted.changed_roles = mutations.has(Mutation::kRolesKept);
  omitted.echoes = mutations.has(Mutation::kEarlierEchoCounts);
  omitted.leadership_checks = mutations.has(Mutation::kOneAnswer);
  omitted.joint_proofs = mutations.has(Mutation::kOneForAll);
  omitted.targets = mutations.has(Mutation::kTargetsConfirm);
  omitted.formers = mutations.has(Mutation::kFormersConfirm);
  return omitted;
}

}  // namespace trellis::sim

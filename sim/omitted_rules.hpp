// The rules that mutations switch off in the worker itself (sim/mutations.hpp).
#pragma once

#include "sim/mutations.hpp"
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
  omitted.lone_term = mutations.has(Mutation::kLoneTermReused);
  omitted.incarnations = mutations.has(Mutation::kOlderCopiesTaken);
  omitted.bulk = mutations.has(Mutation::kBulkIsUrgent);
  return omitted;
}

}  // namespace trellis::sim

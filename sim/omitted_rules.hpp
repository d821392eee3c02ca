// The rules that planted faults switch off in the worker itself (sim/plants.hpp).
#pragma once

#include "sim/plants.hpp"
#include "worker/raft/replica.hpp"

namespace trellis::sim {

inline OmittedRules omitted_rules(const Plants& plants) {
  OmittedRules omitted;
  omitted.barrier = plants.has("no-barrier");
  omitted.gate = plants.has("no-gate");
  omitted.clamp = plants.has("no-clamp");
  omitted.trim = plants.has("no-trim");
  omitted.configurations = plants.has("no-configurations");
  omitted.sessions = plants.has("no-sessions-in-snapshot");
  omitted.lone_term = plants.has("lone-term-reused");
  omitted.incarnations = plants.has("older-copies-taken");
  omitted.bulk = plants.has("bulk-is-urgent");
  return omitted;
}

}  // namespace trellis::sim

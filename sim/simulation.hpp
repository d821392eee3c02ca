// Simulation: one run from a seed.  The seed draws the cluster's shape, the conditions of network and disks, the work
// of the clients and all faults; the checkers have the last word.
//
// The course of a run: the cluster is made; clients work while faults happen, for `length`; all faults end; the clients
// finish, and within a bounded time every partition serves and all replicas are level; the history is checked.
#pragma once

#include <cstdint>
#include <string>

#include "sim/cluster.hpp"
#include "sim/scenario.hpp"

namespace trellis::sim {

struct RunSettings {
  std::uint64_t seed = 1;
  Duration length = std::chrono::seconds(60);
  Scenario scenario = Scenario::kAny;
  Mutations mutations;
  std::size_t workers = 0;       ///< At first; 0: as many as are drawn, or as the scenario has.
  std::uint32_t partitions = 0;  ///< The same.
  bool prints_trace = false;
  std::string history_file;  ///< Where the whole history goes; empty: nowhere.
};

struct RunOutcome {
  std::string violation;  ///< Empty: all was well.
  std::string details;    ///< The trace's tail, and the checkers' explanation.
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;
  Duration simulated{};
  std::uint64_t operations = 0;
  std::uint64_t messages = 0;
  std::uint64_t messages_lost = 0;
  Counters counters;
};

RunOutcome run_simulation(const RunSettings& settings);

}  // namespace trellis::sim

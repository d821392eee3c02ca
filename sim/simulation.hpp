// Simulation: one run from a seed.  The seed draws the cluster's shape, the manners of network and disks, the work of
// the clients and all faults; the judges have the last word.
//
// The course of a run: the cluster is made; clients work while faults happen, for `length`; all faults end; the clients
// finish, and within a bounded time every partition serves and all replicas are level; the history is judged.
#pragma once

#include <cstdint>
#include <string>

#include "sim/cluster.hpp"

namespace trellis::sim {

/// What a run concentrates on, where random ones would take long to come to it.
enum class Scenario : std::uint8_t {
  kAny,
  kElections,    ///< Short lives, quick restarts, cuts: three workers, one partition.
  kLaggards,     ///< Followers fall behind, far beyond what the leaders keep of their logs; a bad network.
  kLeaders,      ///< Leaders are cut off from their peers or killed while much is written; slow disks, late messages.
  kBlackouts,    ///< Majorities go and come back.
  kSeclusions,   ///< Leaders that were another life a moment ago, and a broker that believes in them; late messages.
  kTwoLives,     ///< The same, and what was said to the life before is heard long into the next one.
  kSessions,     ///< Much is written, and no more is remembered than a client may still ask about.
  kCopies,       ///< Workers start on older copies of their folders, where peers know better (sim/older_copies.cpp).
  kSlowLinks,    ///< No faults: documents of up to a second's length on links of 1 MB/s.
  kBrokenLinks,  ///< Documents that travel in slices, on links that lose, repeat and are cut; any fault.
  kGroup,        ///< The replicas of one partition by themselves (sim/group.hpp).
  kMembers,      ///< The same, and its members change.
};

struct RunSettings {
  std::uint64_t seed = 1;
  Duration length = std::chrono::seconds(60);
  Scenario scenario = Scenario::kAny;
  Plants plants;
  bool prints_trace = false;
  std::string history_file;  ///< Where the whole history goes; empty: nowhere.
};

struct RunOutcome {
  std::string violation;  ///< Empty: all was well.
  std::string details;    ///< The trace's tail, and the judges' explanation.
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

// What is wrong with a cluster, as the doctor tells it: what, where, since when, and what to do.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace trellis {

enum class Severity : std::uint8_t {
  kWarning,  ///< Everything is served, and less may fail than usual.
  kFault,    ///< Something is not served, or not as it was promised.
};

struct Finding {
  Severity severity = Severity::kWarning;
  std::string where;  ///< A process's address, partitions, or the cluster.
  std::string what;
  std::optional<std::chrono::milliseconds> since;  ///< For how long, where that is known.
  std::string remedy;
  bool settles = false;  ///< It mostly comes right by itself within seconds, and is told where it does not.
};

bool any_settles(const std::vector<Finding>& findings);
/// 0: there are none; 1: warnings; 2: a fault among them.
int exit_code_of(const std::vector<Finding>& findings);

/// A line each, faults first:
///   FAULT partition 7: it has no leader. Start its workers again.
///   WARNING worker 127.0.0.1:9002: it is down (for 12.3 s). Start it again.
std::string to_text(const std::vector<Finding>& findings);
/// One line: an array of {"severity", "where", "what", "since_ms", "remedy"}; since_ms is null where it is not known.
std::string to_json(const std::vector<Finding>& findings);

}  // namespace trellis

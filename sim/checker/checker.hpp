// All checkers of a history, and their verdict in words.
#pragma once

#include "sim/checker/linearizability.hpp"

namespace trellis::sim {

struct Verdict {
  std::vector<Violation> violations;
  std::vector<std::string> undecided;  ///< Keys that were too hard to check.
  std::size_t operations = 0;
  std::size_t keys = 0;
  std::size_t configurations = 0;
  bool is_right() const { return violations.empty() && undecided.empty(); }
};

Verdict check(const History& history, const LinearizabilityOptions& options = {});

/// One line where the history is right; else each violation with the operations that show it.
std::string to_text(const Verdict& verdict, const History& history);

}  // namespace trellis::sim

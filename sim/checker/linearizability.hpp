// Checks the operations on each key: is there an order in which every answer is true?
//
// Linearizability is local (Herlihy and Wing, 1990), so each key is checked alone; KEYS and SCAN take part as one read
// of every key that they cover.  Versions belong to the answers: an order in which they do not grow is none.  A key
// that cannot be right is cut down to the few operations that show it.
#pragma once

#include <functional>

#include "sim/checker/violation.hpp"

namespace trellis::sim {

struct LinearizabilityOptions {
  std::size_t configurations_max = 2'000'000;  ///< For each key; beyond it the key counts as undecided.
  std::size_t violations_max = 10;             ///< Keys to explain; the rest is not looked at.
};

struct LinearizabilityVerdict {
  std::vector<Violation> violations;
  std::vector<std::string> undecided;  ///< Keys whose search was given up.
  std::size_t keys = 0;
  std::size_t configurations = 0;
};

LinearizabilityVerdict check_linearizability(const History& history, const LinearizabilityOptions& options = {});

}  // namespace trellis::sim

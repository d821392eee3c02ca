// What the versions alone say of the order of a key's steps, before any search: which optional write must have
// happened, when each step can have taken effect, and what is impossible.
#pragma once

#include "sim/checker/search.hpp"

namespace trellis::sim {

/// What the versions alone rule out, before any search.
struct RuledOut {
  std::size_t step = kNoStep;  ///< None: nothing is ruled out.
  Obstacle obstacle = Obstacle::kStuck;
};

/// Makes certain the writes that alone can have made a version that was read, and narrows the time of the certain
/// steps.
RuledOut apply_versions(KeySteps& key);

}  // namespace trellis::sim

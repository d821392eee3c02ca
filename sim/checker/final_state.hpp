// Checks what is left in the end: nothing that was acknowledged is lost, nothing that was deleted is back.
#pragma once

#include <map>

#include "sim/checker/history.hpp"

namespace trellis::sim {

struct FinalDocument {
  std::string document;
  std::optional<std::uint64_t> version;
};

/// The history with one more read of each key, after everything else, by the client "final": of what `state` holds for
/// it, or nothing.  So the checkers of histories check the state as well.
History with_final_state(History history, const std::map<std::string, FinalDocument>& state);

}  // namespace trellis::sim

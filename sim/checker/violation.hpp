// What a checker says when the history cannot be right.
#pragma once

#include <string>
#include <vector>

#include "sim/checker/history.hpp"

namespace trellis::sim {

struct Violation {
  std::string key;                      ///< Or the prefix of a listing.
  std::string reason;                   ///< One or more sentences.
  std::vector<std::size_t> operations;  ///< The piece of the history that shows it, by position.
  std::size_t unknown_left_out = 0;     ///< Writes of unknown outcome beside them, none of which explains it.
};

/// The reason, and the operations as lines of the history's text form, by call.
std::string to_text(const Violation& violation, const History& history);

}  // namespace trellis::sim

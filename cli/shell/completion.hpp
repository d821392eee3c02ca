// What the shell offers when Tab is pressed: command names, keys that are in the cluster, and in a path the names of
// the fields at its next step.  Pure functions.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace trellis {

struct Completion {
  std::size_t replace = 0;              ///< Bytes before the cursor to take away first.
  std::string insert;                   ///< What to write in their place; empty: there is nothing to add.
  std::vector<std::string> candidates;  ///< To be shown where there is a choice.
};

/// How completion learns what is stored.
struct Lookup {
  /// Some keys that begin with a prefix, in order.
  std::function<std::vector<std::string>(std::string_view prefix)> keys;
  /// The names of the fields at a path as it is typed (person2.address).
  std::function<std::vector<std::string>(std::string_view path)> fields;
};

/// @param line  what stands before the cursor
Completion complete(std::string_view line, const std::vector<std::string>& commands, const Lookup& lookup);

}  // namespace trellis

// What the shell offers when Tab is pressed: command names, and keys that are in the cluster.  Pure functions.
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

/// Some keys that begin with a prefix, in order.
using FindKeys = std::function<std::vector<std::string>(std::string_view prefix)>;

/// @param line  what stands before the cursor
Completion complete(std::string_view line, const std::vector<std::string>& commands, const FindKeys& find_keys);

}  // namespace trellis

// Plants: faults put into the system on purpose, to see whether the judges find them.  None is on in a normal run.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace trellis::sim {

struct Plants {
  std::set<std::string, std::less<>> names;
  bool has(std::string_view name) const { return !names.empty() && names.contains(name); }
};

}  // namespace trellis::sim

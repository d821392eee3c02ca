#include "protocol/types.hpp"

#include <cstdio>

namespace trellis {

std::string to_string(WorkerId id) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(id.value));
  return text;
}

}  // namespace trellis

#include "protocol/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace trellis {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "FATAL %s:%d: broken invariant: %s\n", file, line, condition);
  std::abort();
}

}  // namespace trellis

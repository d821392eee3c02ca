// WalkLimit: how much one PATCH has walked and copied so far, so that none keeps a worker for long.
#pragma once

#include <cstdint>

#include "protocol/limits.hpp"

namespace trellis {

class WalkLimit {
 public:
  /// Bytes are about to be walked.  False where they are too many: then they are not walked.
  bool spend(std::uint64_t bytes) {
    walked_ += bytes;
    return !is_exceeded();
  }
  bool is_exceeded() const { return walked_ > kPatchWalkMax; }
  std::uint64_t walked() const { return walked_; }

 private:
  std::uint64_t walked_ = 0;
};

}  // namespace trellis

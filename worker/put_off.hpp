// What a worker's loop has taken up and goes on with later: in a later turn, or once the message is read to its end.
#pragma once

#include <memory>

#include "worker/joint_work.hpp"
#include "worker/partition.hpp"
#include "worker/work.hpp"

namespace trellis {

struct PutOff {
  PartitionId group;
  WorkPointer work;
  std::unique_ptr<JointWork> joint;  ///< In place of those.
};

/// A request that is to be read with others, before anything else is done.
struct Gathered {
  Partition* partition;
  WorkPointer work;
};

}  // namespace trellis

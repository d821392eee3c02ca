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

/// The same for one command on one key, which needs no Work: it is answered before anything else is done.
struct GatheredRead {
  GatheredRead(Partition& its, BrokerIndex from, WorkerRequest&& asked)
      : partition(&its),
        broker(from),
        request(std::move(asked)),
        item(prepare_read_alone(read_command_body(request.command, request.body.bytes()))) {}

  Partition* partition;
  BrokerIndex broker;
  WorkerRequest request;
  PreparedItem item;  ///< Points into the request.
};

}  // namespace trellis

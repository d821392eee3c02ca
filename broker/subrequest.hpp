// Subrequest: one request to one partition, and what came of it.  What a client asks for is one subrequest, or is
// merged from several.  Reads of several partitions may be one as well, as long as one worker leads them all.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/cluster/cluster_messages.hpp"
#include "protocol/cluster/joint_reads.hpp"
#include "protocol/frame.hpp"
#include "protocol/result.hpp"
#include "protocol/types.hpp"

namespace trellis {

/// What is asked of one partition.
struct Subrequest {
  std::uint32_t number = 0;  ///< Its asker's own name for it.
  PartitionId partition;
  std::vector<JointPart>
      joint;  ///< Not empty: the partitions whose reads it holds, one worker's; `partition` is the first.
  std::uint32_t client = 0;  ///< Whose request it is a part of, as a number of the broker's.
  RequestKind kind = RequestKind::kCommand;
  Command command = Command::kGet;  ///< kCommand, as is
  std::uint64_t id = 0;             ///< this: which its reply carries.
  bool stale = false;
  bool writes = false;
  WorkerId silenced;             ///< A worker fell silent with it before; 0: none did.
  std::uint32_t page_bytes = 0;  ///< KEYS, SCAN and batches: the reply's size, 0: the worker's own bound.
  Frame body;
};

/// Where a subrequest's time went.
struct LegTimes {
  PartitionId partition;
  WorkerId worker;  ///< Asked last; 0: none was.
  std::uint32_t attempts = 0;
  Duration until_sent{};        ///< Until a leader was known, and asked for the first time.
  Duration earlier_attempts{};  ///< From the first attempt to the last.
  Duration at_worker{};         ///< From the last attempt to its answer.

  Duration total() const { return until_sent + earlier_attempts + at_worker; }
};

/// How a subrequest ended.
struct LegResult {
  /// Nothing came of it: kUnavailable, kDeadlineExceeded or kResourceExhausted.
  std::optional<Error> error;
  bool comes_apart = false;  ///< Nothing came of joint reads: each partition is to be asked by itself.
  WorkerId silenced;         ///< A worker fell silent with them, perhaps because of them; 0: none did.
  bool no_replica = false;   ///< With kUnavailable: not one replica of the partition is left.
  bool guaranteed = true;    ///< False: from the freshest replica left, without a majority.
  Frame body;                ///< The worker's reply (see WorkerReply::body).
  LegTimes times;
};

}  // namespace trellis

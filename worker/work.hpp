// Work: a request under way on its partition.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "protocol/cluster/cluster_messages.hpp"
#include "protocol/types.hpp"
#include "worker/state/prepare.hpp"

namespace trellis {

/// Which of its brokers a worker speaks of, in the order in which they were given.
using BrokerIndex = std::size_t;

/// Where it stands is told by its members: preparing while `preparation` is there, reading once `is_reading`; its
/// writes wait in the queues of its partition meanwhile.
struct Work {
  BrokerIndex broker = 0;
  TimePoint deadline;
  TimePoint arrived;
  TimePoint taken_up;
  WorkerRequest request;  ///< Its body and session are what `prepared` points into.
  std::unique_ptr<Preparation> preparation;
  PreparedRequest prepared;
  std::size_t left = 0;        ///< Items not yet answered.
  std::size_t next_write = 0;  ///< The items at which proposing
  std::size_t next_read = 0;   ///< and reading go on.
  std::size_t sought_to = 0;   ///< Up to this item its reads' documents were fetched from memory, or nearly.
  Effort taken = 0;            ///< By its reads.
  Term term;                   ///< In which its reading began.
  std::size_t bytes = 0;       ///< Counted in its partition's queued bytes,
  bool is_queued = false;      ///< while this is set.
  bool is_reading = false;
  bool has_no_room = false;     ///< A read's result did not fit into the reply: those behind it are not looked at.
  bool was_proposed = false;    ///< Some of its items: perhaps applied.
  bool is_unconfirmed = false;  ///< Its broker has others confirm that its leader still leads.
  bool is_answered = false;
  std::string batch_results;      ///< kBatch: the reply, a packed array of items as they come,
  std::size_t results_begin = 0;  ///< and where the first of them begins.

  bool waits_to_be_read() const { return is_reading && !is_answered; }
};
using WorkPointer = std::shared_ptr<Work>;

}  // namespace trellis

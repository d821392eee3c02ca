// RecoveryPromise: what a worker has promised, durably, to those who recover its cluster, and the plan that it wrote
// down.
//
// Any number of brokers may recover at once: a worker promises to the highest number that asked it, writes down plans
// of no lower one, and tells whoever asks later what it wrote down, who then carries that on.  A plan counts once every
// member that it keeps has written it down, so two that count are the same (Lamport, "The Part-Time Parliament", with
// all members as each quorum).
//
// Loop thread only; pure but for the log store.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "protocol/cluster/cluster_map.hpp"
#include "protocol/cluster/recovery_messages.hpp"
#include "worker/log/log_store.hpp"

namespace trellis {

class RecoveryPromise {
 public:
  /// Error: damaged records.
  /// @param omits_all  for the simulator: whoever asks is answered, and told of no plan, and every plan written down
  static Result<RecoveryPromise> load(LogStore& store, bool omits_all = false);

  /// The answer is true once the batch that is collected is durable.
  RecoveryTold on_ask(const RecoveryAsk& ask, const ClusterMap& map, LogStore& store);
  /// @param objection  what this worker has against a plan that is new to it; empty: nothing
  RecoveryWritten on_plan(const RecoveryPlan& plan, const ClusterMap& map, LogStore& store,
                          const std::function<std::string(const ClusterMap&)>& objection = {});

  /// Whether what was promised may still come to be.
  bool is_open(const ClusterMap& map) const { return promised_.recovery == map.recovery + 1; }
  /// What was written down, and is not in force yet; null: nothing.
  const ClusterMap* plan(const ClusterMap& map) const {
    return plan_ && plan_->recovery > map.recovery ? &*plan_ : nullptr;
  }

 private:
  void put(LogStore& store) const;

  bool omits_all_ = false;
  RecoveryNumber promised_;
  RecoveryNumber accepted_;
  std::optional<ClusterMap> plan_;
};

}  // namespace trellis

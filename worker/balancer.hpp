// Balancer: where leadership goes.
//
// Leaders go back to where they are preferred, one at a time, and only to a worker that has been up, level and within
// the brokers' hearing for a while.  A worker that gives up (it is about to stop, or no broker hears it while others
// are heard) hands over all that it leads, to whoever can lead it.
//
// Loop thread only; pure but for the transfers that it begins.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "protocol/cluster/cluster_map.hpp"
#include "worker/partition.hpp"
#include "worker/peers.hpp"

namespace trellis {

class Balancer {
 public:
  using Partitions = std::map<PartitionId, std::unique_ptr<Partition>>;
  static constexpr std::chrono::milliseconds kInterval{500};

  /// @param hand_over_after  a preferred leader that has been fit for so long is handed leadership
  Balancer(WorkerId self, Duration hand_over_after, TimePoint now)
      : self_(self), hand_over_after_(hand_over_after), due_(now) {}

  bool is_due(TimePoint now) const { return now >= due_; }
  /// The next look is due now.
  void hurry(TimePoint now) { due_ = now; }

  /// Begins the transfers that are due.  Returns the partitions that have something to do now.
  /// @param may_move  whether a group is as the map says: while it is not, its leader alone moves leadership
  std::vector<PartitionId> run(const Partitions& partitions, const ClusterMap& map, const Peers& peers, bool gives_up,
                               const std::function<bool(const Partition&)>& may_move, TimePoint now);

 private:
  std::vector<PartitionId> give_up(const Partitions& partitions, const Peers& peers, TimePoint now) const;
  bool is_ripe(PartitionId id, const Replica& replica, WorkerId preferred, const Peers& peers, TimePoint now);

  WorkerId self_;
  Duration hand_over_after_;
  TimePoint due_;
  std::map<PartitionId, TimePoint> level_since_;  ///< Led here, while its preferred leader is fit to lead it.
};

}  // namespace trellis

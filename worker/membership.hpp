// Membership: who this worker is, and the cluster map it holds.  docs/design.md, "Making a cluster".
//
// The id is drawn at the first start and kept for life.  The map is made by the first worker of the server file, once a
// broker says that all listed workers are connected and empty; everyone stores it as forming, and its maker marks it
// formed when a broker says that all hold it.  Nothing counts before it is durable: what this worker says of itself in
// its hellos is what its disk holds.
//
// Invariant: an empty worker never takes a formed map, since it may have voted and acknowledged in an earlier
// incarnation. Loop thread only; pure but for the log store.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/cluster/cluster_map.hpp"
#include "protocol/cluster/cluster_messages.hpp"
#include "worker/raft/host.hpp"

namespace trellis {

class Membership {
 public:
  /// Reads identity and map; a first start draws an id, which is collected into the store's next batch.
  /// Error: damaged records.
  static Result<Membership> load(LogStore& store, std::string address, const RandomSource& random);

  WorkerId self() const { return self_; }
  const std::string& address() const { return address_; }
  /// The durable map; nullptr while this worker is empty.
  const ClusterMap* map() const { return map_ ? &*map_ : nullptr; }
  bool is_formed() const { return map_ && map_->formed; }
  /// Why this worker must not take part: its folder belongs to a worker at another address, which may be running as
  /// well. It says hello all the same, so that the brokers' side knows of it too.
  const std::optional<std::string>& displaced() const { return displaced_; }

  // What brokers say.  Each returns an error for the log where it is refused; taking a map collects it, together with
  // the bootstrap records of the groups that it gives to this worker.
  Result<void> on_form(const Form& form, LogStore& store, const RandomSource& random, BatchNumber collecting);
  Result<void> on_map_offer(const ClusterMap& offer, LogStore& store, BatchNumber collecting);
  Result<void> on_all_hold(const AllHold& message, LogStore& store, BatchNumber collecting);

  /// The map under way becomes the map once its batch is durable.  True where that has just happened.
  bool on_durable(BatchNumber durable);

 private:
  Membership(WorkerId self, std::string address) : self_(self), address_(std::move(address)) {}
  Error refuse(const std::string& why) const;
  void collect(ClusterMap map, LogStore& store, BatchNumber collecting);

  WorkerId self_;
  std::string address_;
  std::optional<ClusterMap> map_;
  std::optional<ClusterMap> storing_;
  std::optional<std::string> displaced_;
  BatchNumber storing_batch_ = 0;
};

}  // namespace trellis

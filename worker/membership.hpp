// Membership: who this worker is, and the cluster map it holds.  docs/design.md, "Making a cluster".
//
// The id is drawn at the first start and kept for life.  The map is made by the first worker of the server file, once a
// broker says that all listed workers are connected and empty; everyone stores it as forming, and its maker marks it
// formed when a broker says that all hold it.  Nothing counts before it is durable: what this worker says of itself in
// its hellos is what its disk holds.
//
// From then on the map changes in the state of partition 0, and copies of later versions replace the one here, whoever
// brings them.  One that does not know this worker any more says that it was removed.
//
// An empty worker that asks to join does so by the newest map that it was offered, and says which that is.
//
// Invariant: an empty worker takes a formed map only where it asked to join, and the map says that it has: it never was
// in that cluster before, so it has neither voted nor acknowledged there.
// Loop thread only; pure but for the log store.
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
  /// @param joins  an empty worker asks to be taken into the cluster that its brokers serve
  static Result<Membership> load(LogStore& store, std::string address, const RandomSource& random, bool joins = false);

  WorkerId self() const { return self_; }
  const std::string& address() const { return address_; }
  /// The durable map; nullptr while this worker is empty.
  const ClusterMap* map() const { return map_ ? &*map_ : nullptr; }
  bool is_formed() const { return map_ && map_->formed; }
  /// The version of the newest map that is here, durable or not yet.
  MapVersion newest_version() const;
  /// It is empty, and wants to be a member.
  bool joins() const { return joins_ && !map_; }
  /// What it says in its hellos: the version of the durable map, or the one by which it asks to join.
  MapVersion told_version() const { return map_ ? map_->number() : offered_; }
  /// Why this worker is to end for good: it was a member, and is none any more.
  const std::optional<std::string>& removed() const { return removed_; }
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
  Membership(WorkerId self, std::string address, bool joins)
      : self_(self), address_(std::move(address)), joins_(joins) {}
  Error refuse(const std::string& why) const;
  void note_offer(const ClusterMap& offer);
  Result<void> take_first(const ClusterMap& offer, LogStore& store, BatchNumber collecting);
  void found_groups(const ClusterMap& map, LogStore& store) const;
  void collect(ClusterMap map, LogStore& store, BatchNumber collecting);
  void note_removal();

  WorkerId self_;
  std::string address_;
  std::optional<ClusterMap> map_;
  std::optional<ClusterMap> storing_;
  std::optional<std::string> displaced_;
  std::optional<std::string> removed_;
  bool joins_;
  ClusterId offered_by_;         ///< The cluster, and
  MapVersion offered_;           ///< the newest of its maps that was offered to a worker that joins, and lacked it.
  bool is_left_behind_ = false;  ///< By a recovery.
  BatchNumber storing_batch_ = 0;
};

}  // namespace trellis

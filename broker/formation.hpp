// Formation: which cluster this broker serves, who belongs to it, and the making of a new one.
//
// Making a cluster (docs/design.md, "Making a cluster"): when all listed addresses are connected and empty, the first
// of them is told to make the map.  It stores it as forming; this broker fetches it and brings it to the other members;
// when all of them hold it, the first is told, and marks it formed.  All decisions that must be unique are the first
// worker's, so any number of brokers may do this side by side.
//
// Adoption: a broker that starts takes the cluster of which a majority of members is connected, or, after
// kBrokerWarmUp, the one with most members.  Who does not belong to it is refused, with a reason that people can act
// on.
//
// Joining: a worker that comes empty and asks for it is offered the map, and once its hellos name that one it is made
// known to the leader of partition 0, which changes the map; with the next map it is a member.  One whose member was
// removed gets the map that says so.
//
// Invariant: an adopted cluster is never exchanged for another one; its map only for a newer version of itself.
// Threading: none.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "broker/options.hpp"
#include "broker/outbox.hpp"
#include "broker/registry.hpp"
#include "broker/router.hpp"
#include "protocol/cluster/cluster_map.hpp"

namespace trellis {

class Formation {
 public:
  Formation(const BrokerOptions& options, Registry& registry, const Router& router, Outbox& outbox,
            BrokerOutput& output)
      : options_(options), registry_(registry), router_(router), outbox_(outbox), output_(output) {}

  /// Why a worker that says this is not taken, or nothing.
  std::optional<std::string> refusal(const Hello& hello) const;
  /// Whether it was a member, and is none any more: it gets the map that says so.
  bool was_removed(const Hello& hello) const;
  /// The leader of partition 0 cannot take this worker in, or not yet.
  void on_join_refused(const JoinRefused& refused);
  /// A hello that was taken.
  void on_hello(WorkerRecord& worker, TimePoint now);
  /// Returns whether the adopted map is new.
  bool on_map_offer(ClusterMap offered, TimePoint now);
  /// A worker offered a map of a level that is not known here.
  void on_later_level(const std::string& why);
  /// Returns whether the adopted map is new.
  bool on_tick(TimePoint now);

  /// The adopted cluster's map, formed or not; null: none.
  const ClusterMap* map() const { return map_ ? &*map_ : nullptr; }
  /// Whether requests can be served.
  bool formed() const { return map_ && map_->formed; }
  /// What a cluster still waits for, for people; empty while all that is needed is there.
  std::string obstacle(TimePoint now) const;

 private:
  bool is_listed(std::string_view address) const;
  /// With a server file only a cluster that is mostly made of its addresses is ours, or has changed since, and has one.
  bool is_eligible(const ClusterMap& map) const;
  std::size_t connected_members(const ClusterMap& map, TimePoint now) const;
  std::optional<std::string> refusal_by_map(const Hello& hello) const;
  bool adopt_if_clear(TimePoint now);
  void adopt(const ClusterMap& map);
  void make_cluster(WorkerRecord& first, TimePoint now);
  void ask_to_join(WorkerRecord& worker, TimePoint now);
  void bring_up_to_date(WorkerRecord& worker, TimePoint now);
  void tell_all_hold(WorkerRecord& first, TimePoint now);
  std::string strangers() const;
  void log_once(LogLevel level, const std::string& event);

  const BrokerOptions& options_;
  Registry& registry_;
  const Router& router_;
  Outbox& outbox_;
  BrokerOutput& output_;
  std::map<ClusterId, ClusterMap> candidates_;  ///< The newest map of each cluster heard of, until one is adopted.
  std::optional<ClusterMap> map_;
  std::set<std::string> logged_;
};

}  // namespace trellis

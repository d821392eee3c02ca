// Router: which replica should see a request, from what the workers say of themselves.
//
// Who votes in a partition its leader says; as long as none has, the map's word counts for it.
//
// For each partition it knows the leader of the highest term that it has heard of (from the leaders' own hellos, or as
// a hint from a replica that is not leader; a higher term that nobody claims any more is believed for some 2 s, so that
// a forged one does not hide the true leader for good), and how many replicas are up.  What is asked for each request
// is kept ready; it changes with hellos and liveness only.
// Threading: none.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/options.hpp"
#include "broker/registry.hpp"
#include "protocol/cluster/cluster_map.hpp"

namespace trellis {

class Router {
 public:
  explicit Router(Registry& registry, OmittedBrokerRules omitted = {}) : registry_(registry), omitted_(omitted) {}

  /// The map to route by, which stays where it is until the next set_map; null: none.
  void set_map(const ClusterMap* map);
  const ClusterMap* map() const { return map_; }
  std::uint32_t partition_count() const { return static_cast<std::uint32_t>(partitions_.size()); }

  /// A worker says what it leads.  Appends the partitions that have another leader now.
  void on_leads(WorkerId worker, const std::vector<Leadership>& before, const std::vector<Leadership>& now,
                std::vector<PartitionId>& changed);
  /// A replica said that it is not leader, and perhaps who is.  Returns whether the known leader changed to another.
  bool on_not_leader(PartitionId partition, WorkerId from, WorkerId leader, Term term);
  /// A worker went down, or into a new incarnation: it leads nothing.
  void forget(WorkerId worker);
  /// Looks again at who is up: after each change of a worker's state.
  void refresh(TimePoint now);

  /// Looks which partitions have no leader: at each liveness interval.
  void note_leaders(TimePoint now);
  /// Whether a partition has been without a leader for longer than kLeaderlessMax: no election takes so long where
  /// enough of its replicas hear of each other, and nearly every command on it fails.
  static constexpr std::chrono::milliseconds kLeaderlessMax{3'000};
  bool misses_a_leader(TimePoint now) const;

  /// The leader, if it is known and can be sent to; else null.
  WorkerRecord* leader(PartitionId partition) const;
  WorkerId leader_id(PartitionId partition) const { return partitions_.at(partition.value).leader; }
  /// A replica for a stale read: round robin over those that are up, over suspect ones where none is; or null.
  WorkerRecord* any_replica(PartitionId partition);
  /// All replicas that are not down and connected.
  std::vector<WorkerRecord*> replicas_left(PartitionId partition) const;

  /// Who votes in the partition: of the configuration in force, as far as its leaders have told.
  const std::vector<ReplicaPlace>& voters(PartitionId partition) const;
  /// The configuration of this leader, by its own word, in the term in which it is believed to lead; nothing where it
  /// has said none, and others have.
  std::optional<LogIndex> configuration_of(PartitionId partition, WorkerId leader, Term term) const;
  std::optional<LogIndex> configuration_of(PartitionId partition, WorkerId leader) const {
    return configuration_of(partition, leader, partitions_.at(partition.value).term);
  }
  std::size_t replicas_up(PartitionId partition) const { return partitions_.at(partition.value).up; }
  std::size_t majority(PartitionId partition) const {
    return omitted_.minorities ? voters(partition).size() : voters(partition).size() / 2 + 1;
  }
  bool has_majority(PartitionId partition) const { return replicas_up(partition) >= majority(partition); }
  /// Workers that may be down with everything still guaranteed: as many as the partition bears that bears least.
  std::size_t tolerates() const { return tolerates_; }

  std::size_t members_down() const { return members_down_; }
  /// More are down than are tolerated.  Who leaves and votes nowhere any more is missed by nobody.
  bool is_short() const { return members_missed_ > tolerates_; }
  /// More workers are down than the cluster tolerates: the warning that each reply about data carries, else empty.
  const std::string& warning() const { return warning_; }
  /// Partitions that have a majority and a leader.
  std::size_t partitions_available() const;

 private:
  struct Partition {
    WorkerId leader;                   ///< 0: not known.
    Term term;                         ///< The highest heard of.
    WorkerId told_by;                  ///< Who said last, as the leader of
    Term told_in;                      ///< this term, of which configuration
    LogIndex configuration;            ///< (its entry in the leader's log)
    std::vector<ReplicaPlace> voters;  ///< these are the voters.  Empty: nobody has said.
    std::size_t up = 0;
    std::size_t turn = 0;  ///< Where the round robin stands.
    std::optional<TimePoint> leaderless_since;
    std::uint8_t passed_over = 0;  ///< Claims of a lower term, in a row, while no leader was known.
  };

  static bool is_believed_at_last(Partition& partition);
  static bool says_again(const std::vector<Leadership>& leads, const Leadership& before);
  void take_configuration(PartitionId id, WorkerId leader, const Leadership& lead);
  void count(PartitionId id);
  void count_tolerated();

  Registry& registry_;
  OmittedBrokerRules omitted_;
  const ClusterMap* map_ = nullptr;
  std::uint64_t recovery_ = 0;  ///< ClusterMap::recovery, of the map as it was last.
  std::vector<Partition> partitions_;
  std::set<WorkerId> up_;  ///< Members that are not down.
  std::size_t members_down_ = 0;
  std::size_t members_missed_ = 0;
  std::size_t tolerates_ = 0;
  std::string warning_;
};

}  // namespace trellis

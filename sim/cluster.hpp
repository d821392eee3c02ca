// Cluster: all processes of a simulation and the network between them, and the invariants that hold at each step.
//
// Checked while it runs: one leader a term in each partition; the entry applied at an index is the same on every
// replica, in every incarnation; a table of sessions is within its limits; a process ends only when it was made to.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/answer_check.hpp"
#include "sim/backup_watch.hpp"
#include "sim/checker/history.hpp"
#include "sim/client.hpp"
#include "sim/expiry_watch.hpp"
#include "sim/mutations/mutations.hpp"
#include "sim/network.hpp"
#include "sim/processes.hpp"
#include "sim/raw_client.hpp"
#include "sim/role_watch.hpp"
#include "sim/world.hpp"

namespace trellis::sim {

struct ClusterShape {
  std::size_t workers = 3;
  std::size_t spares = 0;  ///< Workers beside them, which may join later.
  std::size_t brokers = 1;
  std::size_t clients = 3;
  std::size_t raw_clients = 1;
  std::uint32_t k = 2;
  std::uint32_t partitions = 2;
  std::uint64_t snapshot_log_bytes = 64 << 10;
  std::size_t piece_size = ReplicaSettings().piece_size;
  std::size_t replies_sent_at = ShardSettings().replies_sent_at;
  std::uint64_t tail_bytes = 16 << 10;
  std::chrono::milliseconds hand_over_after{3'000};
  BrokerLimits limits;
  double refused_sends = 0;       ///< Share of what brokers have for a worker and cannot send, its queue being full.
  bool is_always_served = false;  ///< Its faults are so small that every request is served all the same.
  SessionLimits sessions;         ///< Few writes, so that a run comes to the end of them.
  bool has_roles = false;         ///< Its raw clients may not do everything (sim/role_watch.hpp).
  bool makes_backups = false;     ///< One after the other.
  std::size_t zones = 0;          ///< Worker i stands in zone i modulo this; 0: each in one of its own.
  Duration repair_after{};        ///< 0: as it is by default.
  Duration recovery_silence{};    ///< How long a recovery wants the lost ones to have been silent; 0: as in production.
  bool has_disputes = false;      ///< Brokers that recover it do so at the same moment, or are lost on the way.
  bool changes_members = false;   ///< Workers join, leave, and lose their disks.
  std::int64_t clock_drift = 0;   ///< Clocks run at most so many millionths fast or slow.
  WorkloadShape workload;
};

/// What a run came to, for people.
struct Counters {
  std::uint64_t crashes = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t crashes_in_turns = 0;
  std::uint64_t pauses = 0;
  std::uint64_t cuts = 0;
  std::uint64_t disk_faults = 0;
  std::uint64_t copies_refused = 0;  ///< Older copies of a folder.
  std::uint64_t leaders = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t installs = 0;
  std::uint64_t members_changed = 0;
  std::uint64_t backups = 0;
  std::uint64_t recoveries = 0;
  std::uint64_t applied = 0;
  std::uint64_t answered = 0;
  std::uint64_t ok = 0;
};

class Cluster {
 public:
  Cluster(World& world, const ClusterShape& shape, const Mutations& mutations);

  void start();

  World& world() { return world_; }
  Network& network() { return network_; }
  const ClusterShape& shape() const { return shape_; }
  const Mutations& mutations() const { return mutations_; }
  WorkerProcess& worker(std::size_t index) { return *workers_[index]; }
  BrokerProcess& broker(std::size_t index) { return *brokers_[index]; }
  ClientProcess& client(std::size_t index) { return *clients_[index]; }
  std::size_t workers() const { return workers_.size(); }
  std::size_t brokers() const { return brokers_.size(); }
  std::size_t clients() const { return clients_.size(); }
  RawClient& raw_client(std::size_t index) { return *raw_clients_[index]; }
  std::size_t raw_clients() const { return raw_clients_.size(); }
  /// What a broker that starts now finds in its server file: those that the cluster is made with, as long as more than
  /// one of them is a member that stays.  Afterwards somebody has added the members of the day.
  std::vector<std::string> server_file() const;
  /// A worker that had this map is down: whoever writes a server file then knows it all the same.
  void on_map_left(const ClusterMap& map);
  /// The worker that keeps the map, as the leader of partition 0; null: none.
  WorkerProcess* map_keeper();
  WorkerProcess* worker_at(const std::string& address);
  History& history() { return history_; }
  const History& history() const { return history_; }
  Counters& counters() { return counters_; }

  AnswerCheck& answers() { return answers_; }
  ExpiryWatch& expiry() { return expiry_; }
  BackupWatch& backups() { return backups_; }
  RoleWatch& roles() { return roles_; }

  // Invariants, called by the workers.
  void on_leader(PartitionId partition, Term term, std::size_t worker);
  void on_applied(PartitionId partition, LogIndex index, std::string_view command, std::size_t worker);
  /// What a worker remembers of writes, as of this turn.
  void on_sessions(PartitionId partition, const SessionTable& sessions, std::size_t worker);

  /// What the keeper of the map has, as of this turn.
  void on_kept_map(const ClusterMap& map);

  /// Whether every partition has a leader that serves, and all its replicas have applied the same and hold the same.
  bool is_level(std::string& why_not) const;
  /// Whether all are up that should be, all members know one map, and replicas are where it has them, each with its
  /// vote: then each group is as strong as it can be.
  bool has_settled(std::string& why_not) const;

 private:
  void check_members(const ClusterMap& map);
  bool is_level(PartitionId id, std::string& why_not) const;
  bool are_all_up(std::string& why_not) const;

  World& world_;
  ClusterShape shape_;
  const Mutations& mutations_;
  Network network_;
  std::vector<std::unique_ptr<WorkerProcess>> workers_;
  std::unordered_map<std::string_view, WorkerProcess*> by_address_;
  std::vector<std::unique_ptr<BrokerProcess>> brokers_;
  std::vector<std::unique_ptr<ClientProcess>> clients_;
  std::vector<std::unique_ptr<RawClient>> raw_clients_;
  History history_;
  Counters counters_;
  AnswerCheck answers_;
  ExpiryWatch expiry_;
  BackupWatch backups_;
  RoleWatch roles_;
  std::map<std::pair<PartitionId, Term>, std::size_t> leaders_;
  std::optional<ClusterMap> map_left_;  ///< The newest of workers that have gone down.
  std::set<WorkerId> given_up_;         ///< Members that are down for good, as of the newest map.
  MapVersion newest_map_;               ///< The newest that a keeper had,
  std::set<WorkerId> members_;          ///< and its members.
  std::map<PartitionId, std::unordered_map<std::uint64_t, std::uint64_t>> applied_;
};

}  // namespace trellis::sim

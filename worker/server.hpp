// WorkerServer: the poll loop around a Shard; sockets, files and the clock are here and nowhere else.
//
//   DEALER to each broker's backend        heartbeats up, requests down, replies up
//   ROUTER bound to this worker's address  what peers say
//   DEALER to each peer's address          what is said to them
//
// One wake-up takes all that waits on all sockets, is one turn of the shard, and sends each partner what has gathered.
// The log has a thread that writes and one that prepares files, and snapshots have another; each wakes the loop through
// an eventfd.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "program/cluster_gate.hpp"
#include "program/connection_watch.hpp"
#include "program/metrics_server.hpp"
#include "program/poller.hpp"
#include "program/refused_link.hpp"
#include "program/signals.hpp"
#include "program/slow_log.hpp"
#include "protocol/endpoint.hpp"
#include "worker/background_thread.hpp"
#include "worker/disk_trend.hpp"
#include "worker/log/deleted_files.hpp"
#include "worker/log/disk_log.hpp"
#include "worker/log/file_disk.hpp"
#include "worker/log/threaded_log_writer.hpp"
#include "worker/shard.hpp"
#include "worker/snapshot/file_snapshot_store.hpp"

namespace trellis {

struct WorkerSettings {
  Endpoint address;                 ///< Where peers reach this worker.
  bool joins = false;               ///< Where its folder is empty, it asks to be taken into the cluster.
  bool heals = false;               ///< Where its folder is damaged, it is set aside (worker/heal.hpp).
  std::string zone;                 ///< Its failure domain; empty: the host of its address.
  std::vector<Endpoint> brokers;    ///< Their backends.
  std::string data;                 ///< Folder of log and snapshots.
  std::optional<Endpoint> metrics;  ///< Where GET /metrics is served.
  SlowSettings slow;
  std::chrono::milliseconds election_timeout = RaftTiming().election;
  std::size_t files = 1'024;      ///< How many this process may open.
  std::optional<ClusterKey> key;  ///< Nothing: whoever reaches a port is let in.
  DiskLogSettings log;
};

/// The bounds of --election-timeout, in milliseconds: a heartbeat, a tenth of it, has to be a few ticks of the loop
/// apart from the next; nobody wants to wait longer than the upper one.
constexpr std::uint32_t kElectionTimeoutMin = 150;
constexpr std::uint32_t kElectionTimeoutMax = 60'000;

class WorkerServer final : public ShardOutput {
 public:
  /// Opens folder and sockets, and loads what the folder holds.  Errors are for people: port in use, folder not
  /// writable or not ours, damaged files.
  static Result<std::unique_ptr<WorkerServer>> open(const WorkerSettings& settings);

  /// It has returned since its replicas are to be made anew: it has to be opened again.
  bool wants_restart() const { return shard_->wants_restart(); }
  /// Runs until `stop`, hands over what it leads, and returns; or until it cannot go on.
  Result<void> run(const StopSignal& stop);

  // ShardOutput
  void to_broker(BrokerIndex broker, Frames message) override;
  void to_peer(WorkerId peer, const std::string& address, Frames message) override;
  void close_peer(WorkerId peer) override { peers_out_.erase(peer); }
  void report(LogLevel level, std::string event, std::optional<PartitionId> partition) override;
  void on_cluster(const ClusterId& cluster) override;
  std::uint64_t resident_bytes() override { return trellis::resident_bytes(); }

 private:
  WorkerServer() = default;
  /// A socket that connects.
  struct Link {
    zmq::socket_t socket;
    std::optional<RefusedLink> refused;  ///< Where keys are shown.
  };

  Result<void> bind(const Endpoint& address, std::size_t files);
  static Result<bool> heal(const std::string& folder);
  Result<void> open_folder(const std::string& folder, const DiskLogSettings& log_settings);
  Result<void> open_log(const std::string& folder, const DiskLogSettings& settings);
  Link connect(const std::string& endpoint);
  void watch(const StopSignal& stop);
  void turn();
  void look_at_links(TimePoint now);
  void publish_metrics(TimePoint now);
  /// Error: files of the log were deleted.
  Result<void> look_at_files(TimePoint now);

  std::string folder_;  ///< Where log and snapshots are.
  zmq::context_t context_{1};
  std::optional<ClusterKey> key_;
  Poller poller_;  ///< The brokers' sockets, in their order, then that of the peers, and the gate's.
  std::optional<ClusterGate> gate_;
  zmq::socket_t peers_in_;
  std::optional<ConnectionWatch> peers_watch_;
  std::vector<Link> brokers_;
  std::map<WorkerId, Link> peers_out_;
  TimePoint links_looked_at_;
  std::unique_ptr<MetricsServer> metrics_;  ///< Null: nobody asked for it.
  DiskTrend disk_trend_;
  std::unique_ptr<FileDisk> log_disk_;
  std::unique_ptr<ThreadedLogWriter> log_writer_;
  std::unique_ptr<BackgroundThread> log_background_;
  std::unique_ptr<DiskLog> log_;
  std::optional<DeletedFiles> deleted_;
  TimePoint files_looked_at_;
  std::unique_ptr<FileSnapshotStore> snapshots_;
  std::unique_ptr<BackgroundThread> background_;
  std::unique_ptr<Shard> shard_;  ///< Last: it uses all of the above.
};

}  // namespace trellis

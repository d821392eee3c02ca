// The processes of a cluster on this machine: broker, workers and gateway, as `up` starts them and ends them.
//
// A folder's cluster has one owner: the `up` that started it, unless it is detached.  Another `up` joins it, and starts
// what has ended meanwhile; the owner ends that with the rest.  Used by one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/local/cluster_folder.hpp"
#include "cli/local/local_keys.hpp"
#include "cli/local/up.hpp"
#include "program/signals.hpp"
#include "protocol/endpoint.hpp"

namespace trellis {

/// A line for people, to standard error.
void tell(const std::string& line);
/// "the broker", "the worker 127.0.0.1:9001"
std::string describe_process(const std::string& name);
/// 3 workers, 1 worker
std::string count_of(std::size_t number, const std::string& thing);

class ClusterProcesses {
 public:
  /// @param options, stop  must outlive this
  /// @param keys           of the folder's cluster
  ClusterProcesses(const UpOptions& options, const StopSignal& stop, ClusterFolder folder, ClusterShape shape,
                   std::optional<LocalKeys> keys)
      : options_(options), stop_(stop), folder_(std::move(folder)), shape_(std::move(shape)), keys_(std::move(keys)) {}
  ~ClusterProcesses() { stop_what_is_ours(); }
  ClusterProcesses(const ClusterProcesses&) = delete;
  ClusterProcesses& operator=(const ClusterProcesses&) = delete;

  /// Starts what is to run and does not, under the folder's lock.
  Result<void> start();
  /// The cluster outlives this.
  void leave_running() { keep_running_ = true; }
  /// Somebody else owns it.
  bool joined() const { return joined_; }

  const std::string& frontend() const { return running_.frontend; }
  const std::string& listen() const { return running_.listen; }
  const std::string& backend() const { return running_.backend; }
  const ClusterFolder& folder() const { return folder_; }
  /// Nothing: whoever reaches the cluster is served.
  const std::optional<LocalKeys>& keys() const { return keys_; }
  ClusterShape& shape() { return shape_; }
  const ClusterShape& shape() const { return shape_; }
  /// Workers that were not started here and listen already.
  const std::vector<std::string>& by_hand() const { return by_hand_; }

  bool is_alive(const std::string& name) const;
  /// Names of what was started here and has ended by itself.
  std::vector<std::string> ended() const;
  /// Whether one of those is a worker that found its port taken by one that was started by hand at the same moment.
  /// That one is used then, as if it had been there before.
  bool gave_way(const std::string& name);
  /// Whether one of those is a worker that was removed from the cluster.  It is no part of the folder's any more then.
  bool was_removed(const std::string& name);
  /// Workers that were started here.
  std::vector<std::string> started_workers() const;
  /// Starts one of those again, under the folder's lock; where somebody else did, nothing is done.
  Result<void> start_again(const std::string& name);
  /// Why a process that was started here has ended, where it said so, or where to look.
  std::string describe_end(const std::string& name) const;
  /// Whether the cluster's broker does not want that worker.
  bool was_refused(const std::string& name) const;
  /// A worker that the broker does not take, and why.
  struct Refusal {
    std::string address;
    std::string reason;
  };
  /// Those that came since the last call, each worker once.
  std::vector<Refusal> new_refusals();

 private:
  Result<void> begin_or_join();
  Result<void> start_missing();
  void await_workers_by_hand() const;
  Result<void> start_named(const std::string& name);
  Result<void> start_broker();
  Result<void> start_worker(const std::string& address);
  Result<void> start_gateway();
  Result<void> start_process_named(const std::string& name, const std::string& program,
                                   std::vector<std::string> arguments);
  std::string why_it_was_missing(const std::string& name) const;
  bool joins(const std::string& worker) const;
  Result<void> check_ports_are_free() const;
  void add_keys(std::vector<std::string>& arguments) const;
  void add_metrics(std::vector<std::string>& arguments, std::size_t number) const;
  void tell_about_remote(const std::string& address) const;
  void stop_what_is_ours();
  std::string last_words(const std::string& name) const;
  /// The whole lines of a process's log from `position` on, which moves behind them.
  std::vector<std::string> read_log(const std::string& name, std::uint64_t& position) const;

  const UpOptions& options_;
  const StopSignal& stop_;
  ClusterFolder folder_;
  ClusterShape shape_;
  RunningCluster running_;
  std::optional<LocalKeys> keys_;
  bool joined_ = false;
  bool keep_running_ = false;
  std::vector<std::string> by_hand_;
  std::map<std::string, std::uint64_t> log_begins_;  ///< Size of a process's log when it was started here.
  std::uint64_t broker_log_read_ = 0;
  std::set<std::string> refused_;  ///< Workers of which that was said.
};

}  // namespace trellis

// Keeps a cluster's processes running while `up` is busy with its shell: a thread that starts again what has ended.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "cli/local/cluster_processes.hpp"
#include "cli/local/restart_policy.hpp"

namespace trellis {

class Keeper {
 public:
  /// @param processes  is this thread's alone until the keeper has ended
  explicit Keeper(ClusterProcesses& processes);
  /// What it has started ends with its thread, so the processes are to be stopped right after.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

 private:
  void run();
  void look();
  void take_up(const std::string& name);

  ClusterProcesses& processes_;
  RestartPolicy policy_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_over_ = false;
  std::thread thread_;  ///< The last member: it uses the others.
};

}  // namespace trellis

// The data folder of `trellis up`: what cluster it holds, what of it runs, and where everything lies in it.
//
//   cluster.json   what the folder's cluster is made of: workers may come and go, the rest is fixed when it is made
//   running.json   the processes that were started, as long as they are to run; changed under the folder's lock
//   servers.txt    the server file that the broker is given
//   worker-ADDRESS-PORT/   a worker's log and snapshots        *.log   what the processes print
//
// Both JSON files are written beside and renamed, so that they are whole or not there.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/local/process.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// That a data file was loaded, and into which cluster: workers that were started by hand may make up another one
/// than the folder's before.
struct LoadedFile {
  std::string file;
  std::string cluster;  ///< Its id; empty where an earlier version did not keep it.
  bool operator==(const LoadedFile&) const = default;
};

/// What a folder's cluster is made of.
struct ClusterShape {
  std::vector<std::string> workers;  ///< host:port, in the order of the server file.
  std::uint32_t k = 2;
  std::uint32_t partitions = 16;
  /// Into each cluster that the folder's workers have been.
  std::vector<LoadedFile> loaded;
  /// Those of the workers that the cluster was made without: they ask to be taken in, however often they are started.
  std::vector<std::string> joining = {};
  bool operator==(const ClusterShape&) const = default;

  /// That worker is no member any more.
  void drop(const std::string& worker) {
    std::erase(workers, worker);
    std::erase(joining, worker);
    k = std::min(k, static_cast<std::uint32_t>(std::max<std::size_t>(workers.size(), 1)));
  }
  /// Replicas of a partition, and how many workers may be down.
  std::size_t replicas() const { return std::min<std::size_t>(2 * k - 1, workers.size()); }
  std::size_t tolerates() const { return (replicas() - 1) / 2; }
  /// What that cluster has the documents of; null: nothing.
  const LoadedFile* loaded_into(const std::string& cluster) const {
    const auto found = std::find_if(loaded.begin(), loaded.end(), [&cluster](const LoadedFile& each) {
      return each.cluster.empty() || each.cluster == cluster;
    });
    return found == loaded.end() ? nullptr : &*found;
  }
};

/// What was asked for; what was not comes from the folder, or is a default.
struct WantedShape {
  std::optional<std::vector<std::string>> workers;
  std::string workers_source;               ///< The server file's name, for messages.
  std::optional<std::size_t> worker_count;  ///< So many on this machine, on ports that follow each other.
  std::optional<std::uint32_t> k;
  std::optional<std::uint32_t> partitions;
};

/// The shape to run with: the folder's, and workers beside those that it has.  Errors: kInvalidArgument for one that
/// cannot be (k below 1 or above the number of workers, partitions no power of two), kFailedPrecondition where the
/// folder's differs, naming both.
Result<ClusterShape> decide_shape(const WantedShape& wanted, const std::optional<ClusterShape>& held,
                                  const std::string& folder);

/// The name of the HTTP gateway among the processes.
constexpr std::string_view kGatewayName = "gateway";

struct RunningProcess {
  std::string name;  ///< "broker", "gateway", or a worker's address.
  ProcessIdentity identity;
};

struct RunningCluster {
  bool detached = false;
  ProcessIdentity owner;  ///< The `trellis up` that ends it, unless it is detached.
  std::string frontend;   ///< host:port
  std::string backend;
  std::string listen;   ///< The gateway's; empty where an earlier version did not keep it.
  std::string metrics;  ///< The broker's; empty where none are served.
  std::vector<RunningProcess> processes;
};

class ClusterFolder {
 public:
  /// Makes the folder if need be.  Errors: it cannot be made or written, or holds something else.
  static Result<ClusterFolder> open(const std::string& path);
  /// Error: there is no such folder, or it holds something else.
  static Result<ClusterFolder> open_existing(const std::string& path);

  const std::string& path() const { return path_; }
  std::string worker_folder(const std::string& address) const;
  std::string log_file(const std::string& process) const;
  /// Whether the last that the worker said is that it was removed from its cluster.
  bool was_removed(const std::string& address) const;
  std::string server_file() const { return path_ + "/servers.txt"; }

  /// Nothing where the folder is new.  Error: the file is broken.
  Result<std::optional<ClusterShape>> shape() const;
  Result<void> keep(const ClusterShape& shape) const;
  /// What was started and not yet ended by us; whether it runs is for the asker to find out.
  std::optional<RunningCluster> running() const;
  Result<void> keep(const RunningCluster& running) const;
  void forget_running() const;

  /// Held by one process at a time, while it starts or stops things; given back with its holder.
  class Lock {
   public:
    explicit Lock(int fd) : fd_(fd) {}
    ~Lock();
    Lock(Lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Lock& operator=(Lock&&) = delete;

   private:
    int fd_;
  };
  /// Waits for it, until a signal comes; `on_wait` is called once if that takes any time.
  Result<Lock> lock(void (*on_wait)()) const;

 private:
  explicit ClusterFolder(std::string path) : path_(std::move(path)) {}
  Result<void> write_file(const std::string& name, const std::string& text) const;

  std::string path_;
};

}  // namespace trellis

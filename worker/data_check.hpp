// DataCheck: whether a worker's folder can be read, while the worker is stopped: `trellis doctor --data`.
//
//   log         each file, batch and entry as a start reads them, and what each entry holds
//   snapshots   each that a group's record names, from end to end, and that the log goes on behind it
//
// Nothing is written: a torn end of the log is no damage, and the next start cuts it off.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "worker/log/disk.hpp"
#include "worker/snapshot/snapshot_store.hpp"

namespace trellis {

struct DataCheck {
  std::vector<std::string> faults;  ///< One line each, for people: what, where, and what to do.
  /// Something is not as it was written; false where all that is wrong is that it cannot be read, or is not known here.
  bool is_damaged = false;
  /// It has a level of the cluster that is not known here, as `faults` says; nothing else was looked at.
  bool is_of_later_level = false;
  bool is_empty = false;  ///< The log holds nothing, as that of a worker which never was in a cluster.
  std::uint64_t groups = 0;
  std::uint64_t entries = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t documents = 0;  ///< Those in snapshots.
};

/// Reads all of a log and its snapshots.
DataCheck check_data(Disk& log, const SnapshotStore& snapshots);
/// The same of a folder, whose label says whether there has to be a log.
/// Error: it is no worker's, another process holds it, or its level is not known here.
Result<DataCheck> check_folder(const std::string& folder);

}  // namespace trellis

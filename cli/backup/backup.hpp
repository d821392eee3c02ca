// `trellis backup`: the records of a whole cluster as of one moment, into a folder (docs/backup.md).
//
//   cut       one moment of all partitions (client/backup/cut_attempt), tried until it is made
//   streams   what each partition froze, page by page, several partitions at a time, one file each
//   manifest  last: a folder with a manifest is whole
//
// A file `unfinished.json` holds the cut until then, so that a backup that was interrupted goes on, for as long as the
// cluster keeps what it froze.  Memory: a page and a buffer for each partition under way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/backup/manifest.hpp"
#include "client/client.hpp"
#include "program/signals.hpp"
#include "protocol/result.hpp"

namespace trellis {

struct BackupOptions {
  std::string folder;      ///< "-": one stream, to standard output.
  std::uint64_t rate = 0;  ///< Bytes a second, unpacked; 0: as fast as it goes.
  bool partial = false;    ///< Leave out partitions without a leader.
  std::size_t at_a_time = 8;
  std::chrono::milliseconds patience{30'000};  ///< How long a page, or the cut, is tried.
  const StopSignal* stop = nullptr;
};

struct BackupResult {
  Manifest manifest;
  bool went_on = false;  ///< With a cut that an earlier one had made.
  double seconds = 0;
};

/// Errors: kFailedPrecondition, the folder is no place for a backup; kUnavailable, of the cluster, or interrupted;
/// kInternal, a file cannot be written.
Result<BackupResult> back_up(Client& client, const BackupOptions& options);

}  // namespace trellis

// `trellis restore`: a backup into a cluster (docs/backup.md).
//
//   into an empty cluster   versions are raised above all that the backup knew, and the epoch; then all records are put
//                           where their key is missing, so one that was interrupted goes on
//   --merge                 records are put into a cluster in use, with `keep` where their key is missing, with
//                           `replace` in any case; nothing is raised
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/backup/users.hpp"
#include "client/client.hpp"
#include "program/signals.hpp"
#include "protocol/result.hpp"

namespace trellis {

enum class Merge : std::uint8_t { kNone, kKeep, kReplace };

struct RestoreOptions {
  std::string folder;
  std::string prefix;               ///< Only keys that begin so; with a merge.
  std::optional<std::string> into;  ///< What stands in the prefix's place.
  Merge merge = Merge::kNone;
  bool users = false;                          ///< Users and roles as well; without a merge.
  std::chrono::milliseconds patience{60'000};  ///< How long a batch is tried.
  const StopSignal* stop = nullptr;
};

struct RestoreResult {
  std::uint64_t stored = 0;
  std::uint64_t kept = 0;              ///< Keys that were there, and stayed.
  std::uint64_t streams_skipped = 0;   ///< An earlier run had restored them.
  std::optional<RestoredUsers> users;  ///< Where they were asked for.
  std::size_t users_left_out = 0;      ///< That the backup holds, where they were not.
  bool is_partial = false;             ///< The backup lacks partitions.
  double seconds = 0;
};

/// By so much the log indexes in versions are raised above the highest that the backup knew.
inline constexpr std::uint64_t kRaisedBy = std::uint64_t{1} << 38;

/// Errors: kInvalidArgument, the backup is damaged (the message names the place) or the options contradict each other;
/// kFailedPrecondition, the cluster is not empty; else the cluster's.
Result<RestoreResult> restore(Client& client, const RestoreOptions& options);

}  // namespace trellis

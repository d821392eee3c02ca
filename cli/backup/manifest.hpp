// The manifest: what a backup is made of, as JSON.
//
//   {"format": 1, "software": "0.1.0", "backup": "16 hex digits", "cluster": "32 hex digits", "epoch": 1, "k": 2,
//    "partitions": 16, "taken": "2026-01-31T12:00:00Z", "highest_index": 1042, "missing_partitions": [],
//    "users": {...},
//    "streams": [{"file": "partition-0000.msgpack.zst", "partition": 0, "index": 1042, "term": 3, "records": 17,
//                 "bytes": 2048, "checksum": "16 hex digits", "packed_bytes": 911, "packed_checksum": "..."}, ...],
//    "checksum": "16 hex digits"}
//
// The text ends with the line of its own checksum: XXH3-64 of all that stands before that line.  `index` and `term` are
// the fence at which the partition was frozen; `bytes` and `checksum` are of the stream as its trailer has them, the
// packed ones of the file.  `users` are users and roles (manifest_users.hpp), null where the cluster has no keys
// or partition 0 is missing.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/backup/damage.hpp"
#include "cli/backup/stream.hpp"
#include "protocol/access/access_records.hpp"
#include "protocol/result.hpp"

namespace trellis {

inline constexpr std::string_view kManifestFile = "manifest.json";
/// Far more than 1024 partitions take.
inline constexpr std::size_t kManifestSizeMax = 4 << 20;

struct StreamEntry {
  std::string file;
  std::uint32_t partition = 0;
  FenceName fence;
  StreamTotals totals;
  std::uint64_t packed_bytes = 0;
  std::uint64_t packed_checksum = 0;
  bool operator==(const StreamEntry&) const = default;
};

struct Manifest {
  std::string software;
  std::string backup;
  std::string cluster;
  std::uint64_t epoch = 0;
  std::uint32_t k = 0;
  std::uint32_t partitions = 0;
  std::string taken;                   ///< UTC, by the clock of who made the backup.
  std::uint64_t highest_index = 0;     ///< What stands for the log index in the highest version.
  std::vector<std::uint32_t> missing;  ///< Partitions that had no leader, and are not in it.
  std::optional<AccessRecords> users;  ///< Nothing: the cluster has no keys, or partition 0 is missing.
  std::vector<StreamEntry> streams;    ///< In the order of their partitions.
  bool operator==(const Manifest&) const = default;

  std::uint64_t records() const;
  std::uint64_t bytes() const;
  StreamHeader header_of(const StreamEntry& stream) const {
    return {backup, partitions, stream.partition, stream.fence};
  }
};

/// The name of a partition's file.
std::string stream_file(std::uint32_t partition);

std::string write_manifest(const Manifest& manifest);
/// Checks that it agrees with itself: each partition has its stream or is missing, and files have their names.
Result<Manifest, Damage> read_manifest(std::string_view text);
/// The manifest's own checksum, by which a restore is named: 63 bits, never 0.
std::uint64_t name_of_restore(const Manifest& manifest);

}  // namespace trellis

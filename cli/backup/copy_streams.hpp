// The streams of a backup: from what each partition froze into files, several partitions at a time.
#pragma once

#include <functional>
#include <vector>

#include "cli/backup/manifest.hpp"
#include "client/client.hpp"
#include "protocol/result.hpp"

namespace trellis {

struct CopyWishes {
  std::string folder;      ///< Empty: all streams go to standard output, one behind the other.
  std::uint64_t rate = 0;  ///< Bytes a second, unpacked; 0: no bound.
  std::size_t at_a_time = 8;
  std::chrono::milliseconds patience{};
};

/// Copies the streams, which have their fences, into files, and returns them with all that manifests tell of them.
/// What is finished stays where there is an error.  Errors: kUnavailable, or interrupted; kInternal, of a file.
Result<std::vector<StreamEntry>> copy_streams(Client& client, const Manifest& manifest,
                                              std::vector<StreamEntry> streams, const CopyWishes& wishes,
                                              const std::function<bool()>& interrupted);

/// Whether a replica still holds what this stream is made of.
bool is_kept(Client& client, const StreamEntry& stream, const std::function<bool()>& interrupted);

/// Has the cluster let go of what it froze, as far as it answers soon.
void end_fences(Client& client, const Manifest& manifest);

}  // namespace trellis

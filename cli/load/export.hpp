// `trellis export`: all records of a cluster as a data file, which `trellis load` takes.
//
// The records are asked for page by page in the order of their keys, each page linearizable; what is written meanwhile
// is in the file or not.  A file takes its name only once it is whole.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "cli/load/export_line.hpp"
#include "client/client.hpp"
#include "program/signals.hpp"

namespace trellis {

struct ExportOptions {
  std::string file = "-";  ///< "-": standard output.
  std::string prefix;      ///< Only keys that begin so.
  ExportFormat format = ExportFormat::kJson;
  bool stale = false;
  std::chrono::milliseconds patience{60'000};  ///< How long one page is tried.
  const StopSignal* stop = nullptr;            ///< Ends it early.
};

struct ExportResult {
  std::uint64_t records = 0;
  double seconds = 0;
};

/// Errors: kInternal, the file cannot be written; else the cluster's.  A page that lacks partitions is one, too.
Result<ExportResult> export_records(Client& client, const ExportOptions& options);

}  // namespace trellis

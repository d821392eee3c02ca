// `trellis load`: a data file into the cluster, parsed in one thread and sent from another, with a progress bar.
#pragma once

#include <chrono>
#include <string>

#include "cli/load/record_maker.hpp"
#include "client/client.hpp"
#include "program/signals.hpp"

namespace trellis {

struct LoadOptions {
  std::string file;  ///< "-": standard input.
  bool strict = false;
  RecordRules rules;
  std::chrono::milliseconds patience{60'000};  ///< How long one batch is tried.
  const StopSignal* stop = nullptr;            ///< Ends the load early.
};

/// The exit code of a load that was stopped.
constexpr int kLoadStopped = 4;

struct LoadResult {
  std::uint64_t records = 0;
  std::uint64_t errors = 0;
  double seconds = 0;
  int exit_code = 0;  ///< 0; 1: there were wrong lines; 3: the cluster did not take it; 4: stopped.
};

/// Reports wrong lines, and progress where that is a terminal, on standard error.  Errors: the file cannot be read at
/// all; kFailedPrecondition: it is not as the rules say, and what to say instead.
Result<LoadResult> load(Client& client, const LoadOptions& options);

/// loaded N records, M errors, in S s (R records/s); of one that was stopped, how far it came.
std::string to_text(const LoadResult& result);
/// The same as one line of JSON.
std::string to_json(const LoadResult& result);

}  // namespace trellis

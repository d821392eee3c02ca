// `trellis bench`: loads a cluster and measures it.
//
// Threads share nothing but the key space; each has connections of its own and a BenchGenerator, which says what is
// sent when.  Requests go to the sockets as they are: there is no retry, so that what is measured is the cluster.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/bench/generator.hpp"
#include "program/signals.hpp"
#include "program/user_key.hpp"
#include "protocol/result.hpp"

namespace trellis {

struct BenchOptions {
  std::string workload = "a";
  bool load = false;  ///< Store the keys first.
  std::uint64_t keys = 100'000;
  std::size_t value_size = 64;               ///< Bytes of a document, packed.
  std::optional<Distribution> distribution;  ///< Or else the workload's own.
  std::size_t connections = 1;
  std::size_t under_way = 64;  ///< Requests on each connection.
  std::size_t batch = 1;       ///< Operations in a request.
  std::size_t threads = 1;
  double rate = 0;                     ///< Operations a second; 0: as fast as answers come.
  double duration = 10;                ///< Seconds.
  double warm_up = 0;                  ///< Seconds before that.
  std::optional<std::uint64_t> count;  ///< Operations, instead of a duration.
  std::uint64_t seed = 1;
  std::chrono::milliseconds timeout = kTimeoutDefault;
  bool stale = false;
  std::optional<UserKey> user;  ///< Whose key is shown.
};

/// Error: kInvalidArgument, naming the flag and what would be right.
Result<void> check(const BenchOptions& options);

struct BenchResult {
  std::string workload;
  BenchFigures figures;
  double seconds = 0;
  double load_seconds = 0;  ///< 0: keys were not loaded.
  double throughput() const { return seconds > 0 ? static_cast<double>(figures.operations) / seconds : 0; }
};

/// Shows progress on standard error where that is a terminal.  Stops early, with what was measured until then, at a
/// signal.  Errors: kUnavailable where no broker answers, and what kept the keys from being loaded.
/// @param options  must have passed check()
Result<BenchResult> bench(const std::vector<std::string>& endpoints, const BenchOptions& options,
                          const StopSignal& stop);

/// A table for people.
std::string to_text(const BenchResult& result);
/// One line of JSON; latencies in microseconds.
std::string to_json(const BenchResult& result);

}  // namespace trellis

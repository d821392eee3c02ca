// The log: one line an event to stderr, as text or JSON; a thin face over spdlog.
//
//   2026-11-20T22:52:59.123Z warning worker worker=00c0ffee00c0ffee partition=3 the log's disk is slow: sync took 1.2 s
//   {"time":"2026-11-20T22:52:59.123Z","level":"warning","component":"worker","partition":3,"message":"..."}
//
// One log a process, safe to use from any thread.  Before start_log, lines go out as text at level info.  The cores
// (broker, worker) do not log: they tell what happened, and whoever runs them decides.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/log_level.hpp"
#include "protocol/types.hpp"

namespace trellis {

enum class LogFormat : std::uint8_t { kText, kJson };

struct LogSettings {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
};

/// `component` is the program without "trellis-": broker, worker, gateway.
void start_log(const std::string& component, const LogSettings& settings);

/// From now on every line names the cluster, or the worker.
void set_log_cluster(const ClusterId& cluster);
void set_log_worker(WorkerId worker);

/// Writes one line, if `level` is wanted.  A warning's message names the remedy; control characters in it become
/// blanks.
void log(LogLevel level, std::string_view message, const LogSubject& subject = {});

inline void log_info(std::string_view message) { log(LogLevel::kInfo, message); }
inline void log_warning(std::string_view message) { log(LogLevel::kWarning, message); }
inline void log_error(std::string_view message) { log(LogLevel::kError, message); }

/// Whether a line of that level would be written: ask before building an expensive one.
bool is_logged(LogLevel level);

}  // namespace trellis

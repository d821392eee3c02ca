// Processes that `up` starts and `down` ends, known by pid and start so that a later one with the same pid is left
// alone.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "protocol/result.hpp"

namespace trellis {

struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t started = 0;  ///< In clock ticks since the machine's boot, /proc/PID/stat's field 22.
  std::string boot;           ///< The machine's boot id.
  bool operator==(const ProcessIdentity&) const = default;
};

struct ProcessSpec {
  std::string program;  ///< Path.
  std::vector<std::string> arguments;
  std::string log_file;   ///< Takes what it prints, appended.
  bool detached = false;  ///< It outlives us; else it gets SIGTERM when we die, however we die.
};

/// Starts a process in a session of its own, so that Ctrl-C at our terminal does not reach it.  Settings of ours in the
/// environment (TRELLIS_...) are not handed on, but for the log's.  To be called from the main thread alone: a process
/// that is not detached dies with the thread that started it.
Result<ProcessIdentity> start_process(const ProcessSpec& spec);

ProcessIdentity own_identity();
/// That very process is there and has not ended.
bool is_running(const ProcessIdentity& process);

/// Ends processes: SIGTERM to all, and after `grace` SIGKILL to those left.  Returns when they are gone.
void stop_processes(std::span<const ProcessIdentity> processes, std::chrono::milliseconds grace);

/// The folder that holds this program.
std::string own_folder();

}  // namespace trellis

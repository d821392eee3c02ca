// `trellis doctor` and `trellis ready`: their flags, and what they do.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "program/user_key.hpp"

namespace CLI {
class App;
}

namespace trellis {

struct DoctorFlags {
  std::vector<std::string> metrics;  ///< HOST:PORT of processes.
  double wait = 0;                   ///< Seconds.
  std::string data;                  ///< A stopped worker's folder; empty: the cluster is looked at.
};

CLI::App* add_doctor(CLI::App& app, DoctorFlags& flags);
CLI::App* add_ready(CLI::App& app, DoctorFlags& flags);

struct DoctorSettings {
  std::vector<std::string> endpoints;
  std::optional<UserKey> user;
  bool json = false;
  std::chrono::milliseconds timeout;
};

/// @return the exit code: 0 healthy, 1 warnings, 2 faults
int run_doctor(const DoctorFlags& flags, const DoctorSettings& settings);
/// @return the exit code: 0 it serves, 3 it does not
int run_ready(const DoctorFlags& flags, const DoctorSettings& settings);

}  // namespace trellis

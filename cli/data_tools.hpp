// `trellis load` and `trellis export`: their flags, and what they do with them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/load/export.hpp"
#include "cli/load/load.hpp"
#include "program/user_key.hpp"

namespace CLI {
class App;
}

namespace trellis {

/// What the flags of every command say.
struct DataToolSettings {
  std::vector<std::string> endpoints;
  std::optional<UserKey> user;
  bool json = false;
  Options options;
  std::optional<std::chrono::milliseconds> patience;  ///< How long a request is tried, where --timeout was given.
};

struct LoadFlags {
  LoadOptions options;
  std::string key_field;
  bool key_line = false;
  std::string types;
};

CLI::App* add_load(CLI::App& app, LoadFlags& flags);
CLI::App* add_export(CLI::App& app, ExportOptions& options);

/// @return the exit code
int run_load(LoadFlags& flags, const DataToolSettings& settings);
int run_export(ExportOptions& options, const DataToolSettings& settings);

}  // namespace trellis

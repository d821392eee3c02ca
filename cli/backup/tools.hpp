// The tools `trellis backup`, `backup verify` and `restore`: their options, and what they print.
#pragma once

#include <string>

#include "cli/backup/backup.hpp"
#include "cli/backup/restore.hpp"
#include "cli/data_tools.hpp"

namespace CLI {
class App;
}

namespace trellis {

struct BackupFlags {
  BackupOptions backup;
  RestoreOptions restore;
  std::string verified_folder;
  CLI::App* verify = nullptr;
};

CLI::App* add_backup(CLI::App& app, BackupFlags& flags);
CLI::App* add_restore(CLI::App& app, BackupFlags& flags);

/// Both return the exit code; `backup` also does what `backup verify` asks for.
int run_backup(BackupFlags& flags, const DataToolSettings& settings);
int run_restore(BackupFlags& flags, const DataToolSettings& settings);

}  // namespace trellis

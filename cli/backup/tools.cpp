#include "cli/backup/tools.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "cli/backup/folder.hpp"
#include "cli/backup/one_stream.hpp"
#include "cli/progress_line.hpp"
#include "cli/shell/execute.hpp"
#include "program/settings.hpp"

namespace trellis {
namespace {

int report(const Error& error) {
  report_failure("trellis", error.message);
  if (error.code == Code::kInvalidArgument || error.code == Code::kFailedPrecondition) return kExitOther;
  return error.code == Code::kInternal ? kExitOther : exit_code_of(error.code);
}

int run_verify(const std::string& folder) {
  ProgressLine progress;
  const auto found = verify_folder(folder, [&](const StreamEntry& stream) { progress.show(stream.file); });
  progress.clear();
  for (const Damage& damage : found) std::printf("%s\n", to_text(damage).c_str());
  if (!found.empty()) return kExitOther;
  const auto manifest = read_manifest_of(folder);
  if (!manifest) return kExitOther;
  std::fprintf(stderr, "whole: %s records in %zu partitions, of cluster %s at %s\n",
               grouped(manifest->records()).c_str(), manifest->streams.size(), manifest->cluster.c_str(),
               manifest->taken.c_str());
  if (!manifest->missing.empty()) {
    std::fprintf(stderr, "it is a partial one: %zu partitions had no leader, and are not in it\n",
                 manifest->missing.size());
  }
  return kExitDone;
}

void tell_users(const RestoreResult& result) {
  if (result.users_left_out > 0) {
    std::fprintf(stderr, "the backup holds %zu users as well; with --users they are restored, too\n",
                 result.users_left_out);
  }
  if (!result.users) return;
  std::fprintf(stderr, "restored %zu users and %zu roles\n", result.users->users, result.users->roles);
  for (const std::string& name : result.users->stayed) {
    std::fprintf(stderr, "user %s was not restored: the name or the key is another user's here, who stays\n",
                 name.c_str());
  }
}

/// A folder for what is taken out of a stream, which goes with its owner.
class TakenApart {
 public:
  TakenApart() {
    std::error_code error;
    std::string name = (std::filesystem::temp_directory_path(error) / "trellis-backup-XXXXXX").string();
    if (!error && mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TakenApart() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  TakenApart(const TakenApart&) = delete;
  TakenApart& operator=(const TakenApart&) = delete;

  Result<std::string> take() const {
    if (path_.empty()) return Error{Code::kInternal, "cannot make a folder for temporary files; TMPDIR names another"};
    if (auto split = split_stream(STDIN_FILENO, path_); !split) return split.error();
    return path_;
  }

 private:
  std::string path_;
};

/// The folder that is named, or for "-" one that standard input was taken apart into.
Result<std::string> folder_of(const std::string& named, const TakenApart& taken) {
  return named == "-" ? taken.take() : Result<std::string>(named);
}

}  // namespace

CLI::App* add_backup(CLI::App& app, BackupFlags& flags) {
  CLI::App* backup = app.add_subcommand("backup", "Write the whole cluster as of one moment into a folder");
  backup->add_option("DIR", flags.backup.folder,
                     "The folder: a new one, an empty one, or that of an interrupted backup; - is one stream, "
                     "to standard output");
  backup->add_option("--rate", flags.backup.rate, "At most so many bytes a second: 32MiB (default: as fast as it goes)")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("BYTES");
  backup->add_flag("--partial", flags.backup.partial, "Leave out partitions that have no leader, and name them");
  backup->add_option("--at-a-time", flags.backup.at_a_time, "Partitions that are read at the same time")
      ->check(CLI::Range(std::size_t{1}, std::size_t{64}))
      ->capture_default_str()
      ->type_name("N");
  flags.verify = backup->add_subcommand("verify", "Read all of a backup, without a cluster, and name what is damaged");
  flags.verify->add_option("DIR", flags.verified_folder, "The backup's folder, or - for a stream from standard input")
      ->required();
  backup->footer(R"(
The folder holds a stream of records for each partition, and manifest.json, which is written last. What was interrupted
goes on with the same command, for as long as the cluster keeps what it froze: 5 minutes.

Examples:
  trellis backup monday
  trellis backup monday --rate 32MiB
  trellis backup - | ssh store 'cat > monday.trellis'
  trellis backup verify monday)");
  return backup;
}

CLI::App* add_restore(CLI::App& app, BackupFlags& flags) {
  RestoreOptions& options = flags.restore;
  CLI::App* restore = app.add_subcommand("restore", "Bring a backup into a cluster");
  restore->add_option("DIR", options.folder, "The backup's folder, or - for a stream from standard input")->required();
  restore->add_option("--prefix", options.prefix, "Only keys that begin so; with --merge")->type_name("TEXT");
  restore->add_option("--into", options.into, "What stands in the prefix's place; with --merge")->type_name("TEXT");
  static const std::map<std::string, Merge> kMerges = {{"keep", Merge::kKeep}, {"replace", Merge::kReplace}};
  restore
      ->add_option_function<std::string>(
          "--merge", [&options](const std::string& name) { options.merge = kMerges.at(name); },
          "Into a cluster in use: keep what is there, or replace it")
      ->check(CLI::IsMember(kMerges))
      ->type_name("HOW");
  restore->add_flag("--users", options.users, "Users and roles as well, with their keys and tokens");
  restore->footer(R"(
Without --merge the cluster has to be empty; its workers, k and partitions may be others than those of the backup. What
was interrupted goes on with the same command.

Examples:
  trellis restore monday
  trellis restore monday --users
  trellis restore monday --prefix user: --into old-user: --merge keep)");
  return restore;
}

int run_backup(BackupFlags& flags, const DataToolSettings& settings) {
  if (flags.verify->parsed()) {
    const TakenApart taken;
    const auto folder = folder_of(flags.verified_folder, taken);
    return folder ? run_verify(*folder) : report(folder.error());
  }
  if (flags.backup.folder.empty()) {
    report_failure("trellis", "backup: name a folder");
    return kExitUsage;
  }
  const StopSignal stop;
  flags.backup.stop = &stop;
  flags.backup.patience = settings.patience.value_or(flags.backup.patience);
  Client client(settings.endpoints, Client::Absent::kTell, settings.user);
  const auto result = back_up(client, flags.backup);
  if (!result) return report(result.error());
  const Manifest& manifest = result->manifest;
  std::fprintf(stderr, "%s%s records of %zu partitions as of %s, in %.1f s (%s records/s)\n",
               result->went_on ? "went on: " : "", grouped(manifest.records()).c_str(), manifest.streams.size(),
               manifest.taken.c_str(), result->seconds,
               grouped(static_cast<double>(manifest.records()) / std::max(result->seconds, 1e-3)).c_str());
  if (manifest.missing.empty()) return kExitDone;
  std::string missing;
  for (const std::uint32_t partition : manifest.missing) missing += " " + std::to_string(partition);
  const bool lacks_users = manifest.missing.front() == 0;
  std::fprintf(stderr, "partial: these partitions had no leader, and are not in it:%s%s\n", missing.c_str(),
               lacks_users ? ", nor are users and roles, which are with partition 0" : "");
  return kExitNotFound;
}

int run_restore(BackupFlags& flags, const DataToolSettings& settings) {
  const StopSignal stop;
  flags.restore.stop = &stop;
  flags.restore.patience = settings.patience.value_or(flags.restore.patience);
  const TakenApart taken;
  const auto folder = folder_of(flags.restore.folder, taken);
  if (!folder) return report(folder.error());
  flags.restore.folder = *folder;
  Client client(settings.endpoints, Client::Absent::kTell, settings.user);
  const auto result = restore(client, flags.restore);
  if (!result) return report(result.error());
  std::fprintf(stderr, "restored %s records, in %.1f s (%s records/s)%s\n", grouped(result->stored).c_str(),
               result->seconds, grouped(static_cast<double>(result->stored) / std::max(result->seconds, 1e-3)).c_str(),
               result->kept > 0 ? (", " + grouped(result->kept) + " were there and stayed").c_str() : "");
  tell_users(*result);
  if (!result->is_partial) return kExitDone;
  std::fprintf(stderr, "the backup is a partial one: some partitions are not in it\n");
  return kExitNotFound;
}

}  // namespace trellis

#include "cli/keys/keys.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "client/statement/printer.hpp"
#include "program/cluster_key.hpp"
#include "program/settings.hpp"
#include "program/user_key.hpp"
#include "protocol/access/access_changes.hpp"

namespace trellis {
namespace {

const std::string kAdministratorFile = std::string(kFirstUser) + ".user";

std::string path_of(const std::string& folder, const std::string& file) {
  return (std::filesystem::path(folder) / file).string();
}

}  // namespace

CLI::App* add_keys(CLI::App& app, std::string& folder) {
  CLI::App* keys = app.add_subcommand("keys", "`keys init DIR`: make the keys of a cluster");
  CLI::App* init = keys->add_subcommand(
      "init",
      "Make DIR/cluster.key, the key that a cluster's processes share, and DIR/admin.user, its administrator's");
  init->add_option("DIR", folder, "Where it is written; made where it is missing")->required();
  init->footer(R"(
Copy the file to each machine with a broker or a worker, readable for nobody but the user they run as, and give it to
them: --cluster-key DIR/cluster.key. Between them nobody else is let in from then on, and what they say is encrypted.

Example: trellis keys init /etc/trellis/keys)");
  return keys;
}

Result<void> make_keys(const std::string& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) return Error{Code::kInternal, "cannot make " + folder + ": " + problem.message()};
  const auto administrator = make_key_pair();
  if (!administrator) return administrator.error();
  const auto key = make_cluster_key(administrator->public_key);
  if (!key) return key.error();
  if (auto saved = save_cluster_key(*key, path_of(folder, kClusterKeyFile)); !saved) return saved;
  const UserKey user{key->public_key, administrator->public_key, administrator->secret_key};
  return save_secret(write_user_key(user, std::string(kFirstUser)), path_of(folder, kAdministratorFile));
}

int run_keys_init(const std::string& folder) {
  if (auto made = make_keys(folder); !made) {
    report_failure("trellis", made.error().message);
    return kExitOther;
  }
  const std::string path = path_of(folder, kClusterKeyFile);
  std::printf("%s\n%s\n", path.c_str(), path_of(folder, kAdministratorFile).c_str());
  std::fprintf(stderr, "trellis: start brokers and workers with --cluster-key %s\n", path.c_str());
  return kExitDone;
}

}  // namespace trellis

#include "cli/keys/keys.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "client/statement/printer.hpp"
#include "program/cluster_key.hpp"
#include "program/settings.hpp"

namespace trellis {
namespace {

int fail(const std::string& why) {
  report_failure("trellis", why);
  return kExitOther;
}

}  // namespace

CLI::App* add_keys(CLI::App& app, std::string& folder) {
  CLI::App* keys = app.add_subcommand("keys", "`keys init DIR`: make the key of a cluster");
  CLI::App* init = keys->add_subcommand("init", "Make DIR/cluster.key, the key that a cluster's processes share");
  init->add_option("DIR", folder, "Where it is written; made where it is missing")->required();
  init->footer(R"(
Copy the file to each machine with a broker or a worker, readable for nobody but the user they run as, and give it to
them: --cluster-key DIR/cluster.key. Between them nobody else is let in from then on, and what they say is encrypted.

Example: trellis keys init /etc/trellis/keys)");
  return keys;
}

int run_keys_init(const std::string& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) return fail("cannot make " + folder + ": " + problem.message());
  const auto key = make_cluster_key();
  if (!key) return fail(key.error().message);
  const std::string path = (std::filesystem::path(folder) / "cluster.key").string();
  if (auto saved = save_cluster_key(*key, path); !saved) return fail(saved.error().message);
  std::printf("%s\n", path.c_str());
  std::fprintf(stderr, "trellis: start brokers and workers with --cluster-key %s\n", path.c_str());
  return kExitDone;
}

}  // namespace trellis

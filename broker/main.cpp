// trellis-broker: options and wiring, nothing else.
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "broker/server.hpp"
#include "program/exposure.hpp"
#include "program/hangup.hpp"
#include "program/log.hpp"
#include "program/resources.hpp"
#include "program/settings.hpp"
#include "program/signals.hpp"
#include "protocol/cluster/server_file.hpp"

namespace {

using namespace trellis;

constexpr const char* kName = "trellis-broker";
constexpr int kExitWrongSetting = 2;

int wrong_setting(const std::string& message) {
  report_failure(kName, message + " (" + kName + " --help lists all flags)");
  return kExitWrongSetting;
}

std::string not_a_partition_count(const std::string& text) {
  for (std::uint32_t count = 1; count <= kPartitionsMax; count *= 2) {
    if (text == std::to_string(count)) return "";
  }
  return "\"" + text + "\" is no number of partitions; it must be a power of two from 1 to " +
         std::to_string(kPartitionsMax);
}

Result<std::vector<std::string>> load_server_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return Error{Code::kNotFound, "cannot read the server file " + path};
  return read_server_file(text.str(), path);
}

int run(const BrokerServerOptions& options) {
  StopSignal stop;
  outlive_terminal();
  auto server = BrokerServer::bind(options);
  if (!server) return report_failure(kName, server.error().message);
  log_info("clients at " + options.frontend.text() + ", workers at " + options.backend.text());
  (*server)->run(stop);
  log_info("stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  BrokerServerOptions options;
  LogSettings log_settings;
  std::string frontend = options.frontend.zmq();
  std::string backend = options.backend.zmq();
  std::string server_file;
  std::string metrics;
  std::string cluster_key;
  bool is_insecure = false;
  CLI::App app("The broker of a Trellis cluster: between clients and workers, without state of its own", kName);
  app.add_option("--frontend", frontend, "Where clients connect")->check(endpoint_problem)->capture_default_str();
  app.add_option("--backend", backend, "Where workers connect")->check(endpoint_problem)->capture_default_str();
  app.add_option("-s,--servers", server_file,
                 "The workers that make up a new cluster: a file with `address port` a line");
  app.add_option("-k,--replication", options.broker.k, "Replication factor of a new cluster")
      ->check(CLI::Range(std::uint32_t{1}, static_cast<std::uint32_t>(kWorkersMax)))
      ->capture_default_str();
  app.add_option("--partitions", options.broker.partitions, "Partitions of a new cluster, a power of two")
      ->check(not_a_partition_count)
      ->capture_default_str();
  add_cluster_key_setting(app, cluster_key);
  add_insecure_setting(app, is_insecure);
  app.add_option("--audit", options.audit,
                 "Write a line of JSON there for each refused request and each administrator's command")
      ->type_name("FILE");
  add_metrics_setting(app, metrics);
  add_slow_settings(app, options.broker.slow);
  add_log_settings(app, log_settings);
  if (const auto code = parse_settings(app, argc, argv)) return *code;
  start_log("broker", log_settings);
  end_where_memory_runs_out(kName);
  options.files = allow_all_files();

  options.frontend = *read_endpoint(frontend);
  options.backend = *read_endpoint(backend);
  options.metrics = metrics_endpoint(metrics);
  auto key = cluster_key_of(cluster_key);
  if (!key) return report_failure(kName, key.error().message);
  options.key = std::move(*key);
  const bool has_key = options.key.has_value();
  std::vector<OpenPort> ports = {{"--frontend", options.frontend, has_key, kKeyRemedy},
                                 {"--backend", options.backend, has_key, kKeyRemedy}};
  if (options.metrics) ports.push_back({"--metrics", *options.metrics, false, kMetricsRemedy});
  if (auto safe = check_exposure(ports, is_insecure); !safe) return wrong_setting(safe.error().message);
  if (!server_file.empty()) {
    auto servers = load_server_file(server_file);
    if (!servers) {
      return servers.error().code == Code::kNotFound ? report_failure(kName, servers.error().message)
                                                     : wrong_setting(servers.error().message);
    }
    options.broker.servers = std::move(*servers);
    if (options.broker.k > options.broker.servers.size()) {
      return wrong_setting("-k " + std::to_string(options.broker.k) + " needs at least as many workers, and " +
                           server_file + " lists " + std::to_string(options.broker.servers.size()));
    }
  }
  return run(options);
}

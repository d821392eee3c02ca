// trellis-worker: options and wiring.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "program/exposure.hpp"
#include "program/hangup.hpp"
#include "program/log.hpp"
#include "program/resources.hpp"
#include "program/settings.hpp"
#include "program/signals.hpp"
#include "worker/data_check.hpp"
#include "worker/server.hpp"

namespace {

constexpr int kExitWrongSetting = 2;

/// `trellis doctor --data` starts this.
int check_and_tell(const std::string& folder) {
  const auto check = trellis::check_folder(folder);
  if (!check) return trellis::report_failure("trellis-worker", check.error().message);
  for (const std::string& fault : check->faults) std::printf("%s\n", fault.c_str());
  if (!check->faults.empty()) return 2;
  std::fprintf(stderr, "whole: %llu entries of %llu partitions, and %llu snapshots with %llu documents\n",
               static_cast<unsigned long long>(check->entries), static_cast<unsigned long long>(check->groups),
               static_cast<unsigned long long>(check->snapshots), static_cast<unsigned long long>(check->documents));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace trellis;
  std::string address = "127.0.0.1";
  int port = 7410;
  std::vector<std::string> brokers = {"127.0.0.1:7401"};
  std::string data;
  std::string metrics;
  std::string cluster_key;
  bool is_insecure = false;
  std::uint32_t election_ms = static_cast<std::uint32_t>(RaftTiming().election.count());
  LogSettings log_settings;
  WorkerSettings settings;

  CLI::App app("A worker of a Trellis cluster: it holds replicas of partitions of the keys.", "trellis-worker");
  app.add_option("-a,--address", address, "Address where its peers reach it")->capture_default_str();
  app.add_option("-p,--port", port, "Port where its peers reach it")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  app.add_option("-b,--backend,--broker", brokers, "A broker's backend, HOST:PORT; repeat it for several brokers")
      ->check(endpoint_problem)
      ->capture_default_str();
  app.add_option("--data", data, "Folder of its log and snapshots, kept over restarts (default ./trellis-worker-PORT)");
  app.add_option("--election-timeout", election_ms,
                 "Milliseconds without a leader after which a partition elects another one, at least; ten round trips "
                 "to the furthest peer where that is longer.  The same for all workers")
      ->check(CLI::Range(kElectionTimeoutMin, kElectionTimeoutMax))
      ->capture_default_str();
  app.add_option("--log-bytes", settings.log.bytes_max,
                 "Bytes that its log may take, or twice the documents where that is more")
      ->check(CLI::Range(kLogBytesMin, kLogBytesMax))
      ->capture_default_str();
  app.add_flag("--join", settings.joins,
               "Where its folder is empty, it asks to be taken into the cluster that its brokers serve; else it "
               "changes nothing");
  app.add_flag("--heal", settings.heals,
               "Where its log or a snapshot is damaged, its files are set aside, and it starts anew from the other "
               "replicas, once there are enough; else it changes nothing");
  app.add_option(
         "--zone", settings.zone,
         "Its failure domain: machine, rack or data centre (default: the host of its address).  The replicas of "
         "a partition stand in as many zones as there are")
      ->check([](const std::string& name) {
        return is_zone(name) ? std::string() : "a zone's name is 1 to 64 letters, digits, and . _ : / -";
      });
  bool checks = false;
  app.add_flag("--check", checks, "Reads its folder, says what is damaged, and ends; the worker has to be stopped");
  add_cluster_key_setting(app, cluster_key);
  add_insecure_setting(app, is_insecure);
  add_metrics_setting(app, metrics);
  add_slow_settings(app, settings.slow);
  add_log_settings(app, log_settings);
  app.footer("Example: trellis-worker -a 127.0.0.1 -p 9001 -b 127.0.0.1:7401 --data /var/lib/trellis/9001");
  if (const auto code = parse_settings(app, argc, argv)) return *code;
  if (data.empty()) data = "./trellis-worker-" + std::to_string(port);
  if (checks) return check_and_tell(data);
  start_log("worker", log_settings);
  end_where_memory_runs_out("trellis-worker");

  settings.files = allow_all_files();
  settings.address = {address, static_cast<std::uint16_t>(port)};
  for (const std::string& broker : brokers) settings.brokers.push_back(*read_endpoint(broker));
  settings.data = data;

  auto key = cluster_key_of(cluster_key);
  if (!key) return report_failure("trellis-worker", key.error().message);
  settings.key = std::move(*key);
  settings.metrics = metrics_endpoint(metrics);
  std::vector<OpenPort> ports = {{"-a", settings.address, settings.key.has_value(), kKeyRemedy}};
  if (settings.metrics) ports.push_back({"--metrics", *settings.metrics, false, kMetricsRemedy});
  if (auto safe = check_exposure(ports, is_insecure); !safe) {
    report_failure("trellis-worker", safe.error().message);
    return kExitWrongSetting;
  }
  settings.election_timeout = std::chrono::milliseconds(election_ms);

  const StopSignal stop;
  outlive_terminal();
  for (bool goes_on = true; goes_on;) {
    auto server = WorkerServer::open(settings);
    if (!server) return report_failure("trellis-worker", server.error().message);
    log_info("ready");
    if (auto ran = (*server)->run(stop); !ran) return report_failure("trellis-worker", ran.error().message);
    goes_on = (*server)->wants_restart();
    if (goes_on) log_info("starts anew, to take part in the cluster that was recovered");
  }
  log_info("stopped");
  return 0;
}

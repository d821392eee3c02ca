#include "cli/doctor/doctor.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>

#include "cli/doctor/diagnose.hpp"
#include "cli/doctor/observe.hpp"
#include "cli/local/process.hpp"
#include "client/client.hpp"
#include "client/statement/printer.hpp"
#include "program/settings.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kAskAgainAfter{100};
/// Leaders go where they belong 3 s after all are level, and an election takes less.
constexpr milliseconds kSettlesWithin{6'000};

/// Why the cluster does not serve; empty: it does.
std::string why_not_ready(Client& client, const DoctorSettings& settings) {
  Options options;
  options.timeout = settings.timeout;
  const Answer answer = client.call(Command::kStatus, std::string(1, '\x90'), options);
  if (answer.reply.status != Code::kOk) return answer.reply.info.message;
  const auto status = read_status_report(answer.reply.result);
  if (!status) return "STATUS has another form";
  if (!status->is_formed()) return "the cluster is not formed yet";
  if (status->all_serve()) return "";
  return std::to_string(status->partitions - status->partitions_available) + " of " +
         std::to_string(status->partitions) + " partitions do not serve";
}

/// The worker's own code knows what its folder has to be: its program takes this one's place.
int become_checker(const std::string& folder) {
  const std::string program = own_folder() + "/trellis-worker";
  execl(program.c_str(), program.c_str(), "--check", "--data", folder.c_str(), static_cast<char*>(nullptr));
  return report_failure("trellis", "cannot start " + program + ": " + std::strerror(errno));
}

}  // namespace

CLI::App* add_doctor(CLI::App& app, DoctorFlags& flags) {
  CLI::App* doctor = app.add_subcommand("doctor", "Say what is wrong with the cluster, and what to do");
  doctor
      ->add_option("--metrics", flags.metrics,
                   "Where a broker or worker serves metrics; repeat it, to learn of disks, syncs and open files")
      ->check(endpoint_problem)
      ->allow_extra_args(false)
      ->type_name("HOST:PORT");
  doctor
      ->add_option("--data", flags.data,
                   "Read a stopped worker's folder, its log and its snapshots, instead of asking a cluster")
      ->type_name("DIR");
  doctor->footer(R"(
Each finding has a line: how bad it is, where, what, since when where that is known, and what to do. Of a healthy
cluster nothing is printed. Name all brokers with -b: each is asked, and compared with the others.

Exit codes: 0 healthy, 1 warnings (all is served), 2 faults.

Examples:
  trellis doctor
  trellis doctor -b 10.0.0.1:7400 -b 10.0.0.2:7400 --metrics 10.0.0.3:9100 --json
  trellis doctor --data /var/lib/trellis/worker-7410)");
  return doctor;
}

CLI::App* add_ready(CLI::App& app, DoctorFlags& flags) {
  CLI::App* ready = app.add_subcommand("ready", "Exit with 0 where the cluster serves, else with 3: for health checks");
  ready->add_option("--wait", flags.wait, "Wait so long for it")
      ->check(CLI::Range(0.0, 86'400.0))
      ->type_name("SECONDS")
      ->capture_default_str();
  ready->footer(R"(
It serves where it is formed and each partition has a leader that the broker reaches. What is missing is said on
standard error.

Example: trellis ready --wait 30 && trellis load data.txt)");
  return ready;
}

int run_doctor(const DoctorFlags& flags, const DoctorSettings& settings) {
  if (!flags.data.empty()) return become_checker(flags.data);
  std::vector<Endpoint> metrics;
  for (const std::string& endpoint : flags.metrics) metrics.push_back(*read_endpoint(endpoint));
  const auto end = steady_clock::now() + kSettlesWithin;
  auto findings = diagnose(observe(settings.endpoints, settings.user, metrics, settings.timeout));
  while (any_settles(findings) && steady_clock::now() < end) {  // Each look takes its time.
    findings = diagnose(observe(settings.endpoints, settings.user, metrics, settings.timeout));
  }
  std::fputs((settings.json ? to_json(findings) : to_text(findings)).c_str(), stdout);
  return exit_code_of(findings);
}

int run_ready(const DoctorFlags& flags, const DoctorSettings& settings) {
  const auto end = steady_clock::now() + std::chrono::duration<double>(flags.wait);
  Client client(settings.endpoints, flags.wait > 0 ? Client::Absent::kAwait : Client::Absent::kTell, settings.user);
  while (true) {
    const std::string why = why_not_ready(client, settings);
    if (why.empty()) return kExitDone;
    if (steady_clock::now() + kAskAgainAfter >= end) {
      report_failure("trellis", "not ready: " + why);
      return kExitUnavailable;
    }
    std::this_thread::sleep_for(kAskAgainAfter);
  }
}

}  // namespace trellis

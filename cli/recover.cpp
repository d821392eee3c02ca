#include "cli/recover.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>

#include "client/statement/printer.hpp"
#include "client/statement/report_text.hpp"
#include "protocol/json.hpp"
#include "protocol/packed.hpp"
#include "protocol/reports.hpp"

namespace trellis {
namespace {

constexpr std::chrono::milliseconds kPlanTimeout{10'000};
/// All members write the plan down, and make their replicas anew.
constexpr std::chrono::milliseconds kRecoverTimeout{600'000};

constexpr const char* kFooter = R"(
First it shows the plan: what becomes of each partition, and what may be missing afterwards; nothing has changed then.
It goes on where the cluster's id is typed, or given with --yes. What the lost ones acknowledged, and no worker that is
left holds, is lost, and they cannot come back with it: start those that can be started instead.

  trellis recover --lost 127.0.0.1:9002,127.0.0.1:9003
)";

Answer ask(Client& client, const RecoverFlags& flags, const std::string& cluster, std::chrono::milliseconds timeout) {
  std::string arguments;
  PackedWriter writer(arguments);
  writer.array(cluster.empty() ? 1 : 2).array(flags.lost.size());
  for (const std::string& member : flags.lost) writer.str(member);
  if (!cluster.empty()) writer.str(cluster);
  Options options;
  options.timeout = timeout;
  return client.call(Command::kRecover, arguments, options);
}

void print(const std::string& out, const std::string& err) {
  std::fputs(out.c_str(), stdout);
  std::fputs(err.c_str(), stderr);
  std::fflush(stdout);
}

/// The exit code, and what the answer says printed.
int show(const Answer& answer, bool json) {
  if (answer.reply.status != Code::kOk) {
    const Printed printed = print_error({answer.reply.status, answer.reply.info.message}, json);
    print(printed.out, printed.err);
    return exit_code_of(answer.reply.status);
  }
  print(json ? to_json(answer.reply.result) + "\n" : recovery_text(answer.reply.result).value_or(""), "");
  return kExitDone;
}

/// Somebody else may have recovered the cluster, or changed it, since the plan was shown.
bool is_same_plan(const RecoveryReport& shown, const RecoveryReport& done) {
  const auto is_same = [](const RecoveryReport::Partition& a, const RecoveryReport::Partition& b) {
    return a.partition == b.partition && a.worker == b.worker && a.entries == b.entries;
  };
  return shown.epoch == done.epoch && shown.lost == done.lost &&
         std::equal(shown.partitions.begin(), shown.partitions.end(), done.partitions.begin(), done.partitions.end(),
                    is_same);
}

/// The id that was typed; empty: nobody is there to type, or nothing was typed.
std::string typed_id() {
  if (isatty(STDIN_FILENO) != 1) {
    std::fputs("to go on, give the cluster's id with --yes\n", stderr);
    return "";
  }
  std::fputs("to go on, type the cluster's id: ", stderr);
  std::string line;
  std::getline(std::cin, line);
  return line;
}

}  // namespace

CLI::App* add_recover(CLI::App& app, RecoverFlags& flags) {
  CLI::App* recover = app.add_subcommand("recover", "Bring back what is left of a cluster that lost workers for good");
  recover->add_option("--lost", flags.lost, "The workers that are lost, by id or address, with commas between them")
      ->delimiter(',')
      ->required()
      ->type_name("ID,ID");
  recover->add_option("--yes", flags.yes, "The cluster's id: goes on without asking")->type_name("CLUSTER");
  recover->footer(kFooter);
  return recover;
}

int run_recover(const RecoverFlags& flags, Client& client, bool json) {
  const Answer plan = ask(client, flags, "", kPlanTimeout);
  const int code = show(plan, json);
  if (code != kExitDone) return code;
  const auto report = read_recovery_report(plan.reply.result);
  if (report && report->done) return kExitDone;  // It was done before.
  const std::string cluster = flags.yes.empty() ? typed_id() : flags.yes;
  if (cluster.empty()) return kExitDone;
  std::fputs("recovering; this takes as long as reading and writing what is left\n", stderr);
  const Answer done = ask(client, flags, cluster, kRecoverTimeout);
  const auto recovered = read_recovery_report(done.reply.result);
  const bool is_as_shown = report && recovered && recovered->done && is_same_plan(*report, *recovered);
  if (!is_as_shown || json) return show(done, json);
  print("the cluster is recovered\n", "");
  return kExitDone;
}

}  // namespace trellis

// trellis: the shell, one-shot commands, and the tools around a cluster.  Options and wiring, nothing else.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "cli/backup/tools.hpp"
#include "cli/bench/bench.hpp"
#include "cli/command_line.hpp"
#include "cli/data_tools.hpp"
#include "cli/doctor/doctor.hpp"
#include "cli/document_source.hpp"
#include "cli/keys/keys.hpp"
#include "cli/load/generate.hpp"
#include "cli/local/up.hpp"
#include "cli/member_removal.hpp"
#include "cli/moves_watch.hpp"
#include "cli/recover.hpp"
#include "cli/shell/execute.hpp"
#include "cli/shell/shell.hpp"
#include "cli/users/users.hpp"
#include "client/statement/help.hpp"
#include "program/settings.hpp"
#include "protocol/endpoint.hpp"

namespace trellis {
namespace {

constexpr std::array<std::string_view, 13> kTools = {"load",   "export",  "generate", "bench", "up",
                                                     "down",   "doctor",  "ready",    "user",  "role",
                                                     "backup", "restore", "recover"};

constexpr const char* kFooter =
    R"(Without a command: the shell; commands are read from the terminal, or a line at a time from a pipe.

Examples:
  trellis up                                    a cluster on this machine, and the shell on it
  trellis put person1 '{"name": "John", "age": 22}'
  trellis put person1 @person.json              from a file; - is standard input
  trellis get person1 --json
  trellis query person1.age -b 127.0.0.1:7400 -b 127.0.0.1:7500
  echo 'COMPUTE 2*x WHERE x = QUERY person1.age' | trellis
  trellis load users.json --key-field _id
  trellis export records.json
  trellis backup monday
  trellis member remove 127.0.0.1:9003          waits until it is gone; --detach does not
  trellis moves --watch                         what moves from worker to worker, until nothing does

Exit codes: 0 done, 1 not found or false, 2 wrong usage, 3 unavailable or timed out, 4 any other error.
Every flag can be set by the environment too: TRELLIS_BROKER, TRELLIS_TIMEOUT, ...)";

struct Settings {
  std::vector<std::string> brokers{"127.0.0.1:7400"};
  bool json = false;
  bool stale = false;
  bool no_pager = false;
  std::int64_t timeout_ms = kTimeoutDefault.count();
  LoadFlags load;
  ExportOptions exporting;
  UpOptions up;
  std::string frontend = up.frontend.text();
  std::string backend = up.backend.text();
  std::string listen;
  std::string metrics;
  std::string down_folder = up.folder;
  std::string key_file;
  GenerateOptions generate;
  BenchOptions bench;
  DoctorFlags doctor;
  BackupFlags backup;
  RecoverFlags recover;
  std::string keys_folder;
  UserFlags user_flags;
  std::string user_file;
  std::optional<UserKey> user;  ///< As the file holds it.

  std::vector<std::string> endpoints() const {
    std::vector<std::string> result;
    for (const std::string& broker : brokers) {
      if (const auto endpoint = read_endpoint(broker)) result.push_back(endpoint->zmq());
    }
    return result;
  }
  DoctorSettings doctor_settings() const { return {endpoints(), user, json, std::chrono::milliseconds(timeout_ms)}; }
  UserToolSettings user_tool_settings() const {
    return {endpoints(), user, std::chrono::milliseconds(timeout_ms), json};
  }
  StatementDefaults defaults() const {
    StatementDefaults result;
    result.options.timeout = std::chrono::milliseconds(timeout_ms);
    result.options.stale = stale;
    result.json = json;
    return result;
  }
};

void add_common(CLI::App& app, Settings& settings) {
  app.add_option("-b,--broker", settings.brokers, "A broker's endpoint, HOST:PORT; repeat it for several")
      ->check(endpoint_problem)
      ->allow_extra_args(false)
      ->capture_default_str();
  app.add_option("-u,--user", settings.user_file,
                 "The file of the key of the user who asks (default ~/.config/trellis/user, where it is); none: no key")
      ->type_name("FILE");
  app.add_flag("--json", settings.json, "Answers and errors as JSON, one line each");
  app.add_flag("--no-pager", settings.no_pager, "Long answers as they are, not through $PAGER");
  app.add_option("--timeout", settings.timeout_ms, "How long a command may take, in ms")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{kTimeoutMax.count()}))
      ->type_name("MS")
      ->capture_default_str();
  app.add_flag("--stale", settings.stale, "Reads may be answered by any replica, perhaps not with the newest");
}

CLI::App* add_up(CLI::App& app, Settings& settings) {
  CLI::App* up = app.add_subcommand("up", "Bring a cluster up on this machine, and open the shell on it");
  up->add_option("-s,--servers", settings.up.server_file,
                 "Server file: `address port` of a worker a line (default 127.0.0.1 9001, 9002 and 9003)")
      ->type_name("FILE");
  up->add_option("--workers", settings.up.workers,
                 "Workers on this machine, on ports from 9001 on; more than the folder has: the others join")
      ->check(natural_problem)
      ->type_name("N");
  up->add_option("-i,--index", settings.up.data_file, "Data file to load, once in the life of the cluster")
      ->type_name("FILE");
  up->add_option("-k,--replication", settings.up.k, "Replication factor (default 2)")->type_name("N");
  up->add_option("--partitions", settings.up.partitions, "Partitions, a power of two (default 16)")->type_name("N");
  up->add_option("--data", settings.up.folder, "Folder that keeps everything")->type_name("DIR")->capture_default_str();
  up->add_flag("--detach", settings.up.detach, "Leave the cluster running; `trellis down` stops it");
  up->add_option("-b,--frontend", settings.frontend, "Where clients connect")
      ->check(endpoint_problem)
      ->type_name("HOST:PORT")
      ->capture_default_str();
  up->add_option("--backend", settings.backend, "Where workers connect")
      ->check(endpoint_problem)
      ->type_name("HOST:PORT")
      ->capture_default_str();
  up->add_option("--listen", settings.listen, "Where HTTP is served (default 127.0.0.1:7480, where it is free)")
      ->check(endpoint_problem)
      ->type_name("HOST:PORT");
  up->add_flag("--secure", settings.up.secure,
               "Make keys in the data folder and use them; from then on every `up` on it does");
  up->add_flag("--insecure", settings.up.insecure,
               "Let what it starts listen at addresses that other machines reach even without keys");
  add_metrics_setting(*up, settings.metrics);
  up->footer(R"(
With --metrics the broker serves at that port, and the workers at those that follow, in the server file's order. What
has ended is started again, by this `up` while its shell is open, or by a second one.
Workers that run already are used as they are; for lines of other machines it waits, and prints the command to start
them there. A second `up` on the folder comes back with its documents; with more --workers, or lines in the server file,
the cluster grows, also while it runs (`trellis member remove` takes workers away). EXIT or Ctrl-D stops what it
started.

Examples:
  trellis up
  trellis up -s examples/serverFile.txt -i examples/persons.txt -k 2
  echo "GET person1" | trellis up --data /tmp/try)");
  return up;
}

CLI::App* add_down(CLI::App& app, Settings& settings) {
  CLI::App* down = app.add_subcommand("down", "Stop a cluster that `trellis up --detach` left running");
  down->add_option("--data", settings.down_folder, "Its data folder")->type_name("DIR")->capture_default_str();
  down->footer("\nExample:\n  trellis down --data trellis-data");
  return down;
}

CLI::App* add_generate(CLI::App& app, Settings& settings) {
  GenerateOptions& options = settings.generate;
  CLI::App* generate = app.add_subcommand("generate", "Write random records, for `trellis load`, to standard output");
  generate->add_option("-k,--keys", settings.key_file, "Key file: `name type` a line; types: string, int, float")
      ->type_name("FILE")
      ->required();
  generate->add_option("-n,--records", options.records, "Records, key1 ... keyN")
      ->check(natural_problem)
      ->capture_default_str();
  generate->add_option("-d,--depth", options.depth_max, "Nesting of maps inside a record, at most")
      ->capture_default_str();
  generate->add_option("-l,--length", options.string_length_max, "Letters and digits of a string, at most")
      ->capture_default_str();
  generate->add_option("-m,--map-size", options.keys_max, "Keys in each map, at most")->capture_default_str();
  generate->add_option("--seed", options.seed, "The same seed gives the same bytes")
      ->check(natural_problem)
      ->capture_default_str();
  static const std::map<std::string, GenerateOptions::Format> kFormats = {{"arrow", GenerateOptions::Format::kArrow},
                                                                          {"json", GenerateOptions::Format::kJson}};
  generate
      ->add_option_function<std::string>(
          "--format", [&options](const std::string& name) { options.format = kFormats.at(name); },
          "arrow (default) or json")
      ->check(CLI::IsMember(kFormats))
      ->type_name("FORMAT");
  generate->footer("\nExample: trellis generate -k examples/keyFile.txt -n 1000 -d 3 -l 4 -m 5 > data.txt");
  return generate;
}

CLI::App* add_bench(CLI::App& app, Settings& settings) {
  BenchOptions& options = settings.bench;
  CLI::App* bench = app.add_subcommand("bench", "Load the cluster and measure it");
  bench->add_option("WORKLOAD", options.workload, "a to f of YCSB, or put, get, query, compute, keys, increment")
      ->capture_default_str();
  bench->add_flag("--load", options.load, "Store the keys first; else they are taken to be there");
  bench->add_option("--keys", options.keys, "Keys")->capture_default_str();
  bench->add_option("--value-size", options.value_size, "Bytes of a document")->capture_default_str();
  static const std::map<std::string, Distribution> kDistributions = {
      {"uniform", Distribution::kUniform}, {"zipfian", Distribution::kZipfian}, {"latest", Distribution::kLatest}};
  bench
      ->add_option_function<std::string>(
          "--distribution", [&options](const std::string& name) { options.distribution = kDistributions.at(name); },
          "Of keys: uniform, zipfian or latest (default: the workload's)")
      ->check(CLI::IsMember(kDistributions))
      ->type_name("NAME");
  bench->add_option("--connections", options.connections, "Connections; brokers take turns")->capture_default_str();
  bench->add_option("--under-way", options.under_way, "Requests under way on each connection")->capture_default_str();
  bench->add_option("--batch", options.batch, "Operations packed into a request; 1: none are packed")
      ->capture_default_str();
  bench->add_option("--threads", options.threads, "Threads, which share the connections")->capture_default_str();
  bench
      ->add_option("--rate", options.rate, "Operations a second, sent whether or not answers come (default: no target)")
      ->type_name("N");
  bench->add_option("--duration", options.duration, "Seconds that are measured")->capture_default_str();
  bench->add_option("--count", options.count, "Operations that are measured, instead of a duration")->type_name("N");
  bench->add_option("--warm-up", options.warm_up, "Seconds before that")->capture_default_str();
  bench->add_option("--seed", options.seed, "Of the choice of keys")->capture_default_str();
  bench->footer(R"(
Throughput counts operations, latency is a request's. With --rate latency is counted from the time a request should have
been sent. There are no retries: what is not OK is counted by its status, and the exit code is 1.

Examples:
  trellis bench a --load                                 YCSB's workload A on 100,000 keys
  trellis bench get --under-way 256
  trellis bench put --connections 8 --batch 64 --threads 2
  trellis bench b --rate 20000 --duration 60 --json)");
  return bench;
}

int run_generate(Settings& settings) {
  std::ifstream file(settings.key_file);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return report_failure("trellis", "cannot read the key file " + settings.key_file);
  auto keys = read_key_file(text.str(), settings.key_file);
  if (!keys) return report_failure("trellis", keys.error().message);
  settings.generate.keys = std::move(*keys);
  if (auto good = check(settings.generate); !good) {
    report_failure("trellis", good.error().message);
    return kExitUsage;
  }
  const bool written = generate(settings.generate, [](std::string_view lines) {
    return std::fwrite(lines.data(), 1, lines.size(), stdout) == lines.size();
  });
  if (!written || std::fflush(stdout) != 0) {
    return report_failure("trellis", std::string("cannot write: ") + std::strerror(errno));
  }
  return kExitDone;
}

int run_up(Settings& settings) {
  const StopSignal stop;
  settings.up.frontend = *read_endpoint(settings.frontend);
  settings.up.backend = *read_endpoint(settings.backend);
  settings.up.listen_chosen = !settings.listen.empty();
  if (settings.up.listen_chosen) settings.up.listen = *read_endpoint(settings.listen);
  settings.up.metrics = metrics_endpoint(settings.metrics);
  settings.up.user_file = settings.user_file;
  settings.up.defaults = settings.defaults();
  settings.up.pager = !settings.no_pager;
  return up(settings.up, stop);
}

/// What the tools for data share with every command.
DataToolSettings data_tool_settings(const CLI::App& app, const Settings& settings) {
  DataToolSettings result{settings.endpoints(), settings.user, settings.json, settings.defaults().options,
                          std::nullopt};
  if (app.get_option("--timeout")->count() > 0) result.patience = std::chrono::milliseconds(settings.timeout_ms);
  return result;
}

int run_bench(Settings& settings) {
  BenchOptions& options = settings.bench;
  options.timeout = std::chrono::milliseconds(settings.timeout_ms);
  options.stale = settings.stale;
  options.user = settings.user;
  if (auto good = check(options); !good) {
    report_failure("trellis", good.error().message);
    return kExitUsage;
  }
  const StopSignal stop;
  const auto result = bench(settings.endpoints(), options, stop);
  if (!result) {
    report_failure("trellis", result.error().message);
    return exit_code_of(result.error().code);
  }
  std::printf(settings.json ? "%s\n" : "%s", (settings.json ? to_json(*result) : to_text(*result)).c_str());
  return result->figures.failed() > 0 ? kExitNotFound : kExitDone;
}

/// `trellis help load`: the tools are CLI11's, whose help is made of their options.
bool print_tool_help(const CLI::App& app, const CommandLine& line) {
  if (line.words.size() != 2 || line.words.front() != "help") return false;
  if (std::find(kTools.begin(), kTools.end(), line.words.back()) == kTools.end()) return false;
  std::fputs(app.get_subcommand(line.words.back())->help("trellis").c_str(), stdout);
  return true;
}

int run_command(const CLI::App& app, const CommandLine& line, const Settings& settings) {
  const bool json = settings.json || line.json;
  if (print_tool_help(app, line)) return kExitDone;
  if (line.help) {
    const auto help = help_text(line.words.front());
    write(help ? Printed{*help, ""} : print_error(help.error(), json));
    return help ? kExitDone : kExitUsage;
  }
  const auto words = read_document_source(line.words);
  if (!words) {
    write(print_error(words.error(), json));
    return kExitUsage;
  }
  const auto statement = parse_words(*words, settings.defaults());
  if (!statement) {
    write(print_error(statement.error(), json));
    return exit_code_of(statement.error().code);
  }
  Client client(settings.endpoints(), Client::Absent::kTell, settings.user);
  const StopSignal stop;
  if (line.watch && statement->command == Command::kMoves) return watch_moves(client, *statement, stop);
  const int code = execute(client, *statement, {json, !settings.no_pager}, [&stop] { return stop.requested(); });
  const bool is_ordered = statement->command == Command::kMemberRemove && !statement->options.dry_run;
  const bool waits = is_ordered && !line.detach && code <= kExitNotFound;
  return waits ? await_removal(client, statement->subject, stop) : code;
}

int run_shell_here(const Settings& settings) {
  const StopSignal stop;
  Client client(settings.endpoints(), Client::Absent::kTell, settings.user);
  if (isatty(STDIN_FILENO) == 1) {
    std::fprintf(stderr, "trellis %s on %s; HELP lists the commands, EXIT ends\n", TRELLIS_VERSION,
                 settings.brokers.front().c_str());
  }
  ShellOptions options;
  options.defaults = settings.defaults();
  options.stop = &stop;
  options.pager = !settings.no_pager;
  return run_shell(client, options);
}

int run(int argc, char** argv) {
  Settings settings;
  CLI::App app("The client of a Trellis cluster: a shell, one-shot commands, and tools", "trellis");
  add_common(app, settings);
  app.fallthrough();
  app.footer("\nCommands (`trellis help COMMAND` says more about one):\n" + one_shot_commands() + kFooter);
  const CLI::App* const up = add_up(app, settings);
  const CLI::App* const down = add_down(app, settings);
  const CLI::App* const load = add_load(app, settings.load);
  const CLI::App* const exporting = add_export(app, settings.exporting);
  const CLI::App* const generate = add_generate(app, settings);
  const CLI::App* const bench = add_bench(app, settings);
  const CLI::App* const doctor = add_doctor(app, settings.doctor);
  const CLI::App* const ready = add_ready(app, settings.doctor);
  const CLI::App* const keys = add_keys(app, settings.keys_folder);
  const CLI::App* const user = add_user_tool(app, settings.user_flags);
  const CLI::App* const role = add_role_tool(app, settings.user_flags);
  const CLI::App* const backup = add_backup(app, settings.backup);
  const CLI::App* const restore = add_restore(app, settings.backup);
  const CLI::App* const recover = add_recover(app, settings.recover);

  const CommandLine line = split_command_line({argv + 1, argv + argc}, kTools);
  std::vector<const char*> flags{argv[0]};
  for (const std::string& flag : line.flags) flags.push_back(flag.c_str());
  if (const auto code = parse_settings(app, static_cast<int>(flags.size()), flags.data())) return *code;
  if (up->parsed()) return run_up(settings);
  if (down->parsed()) return trellis::down(settings.down_folder);
  if (generate->parsed()) return run_generate(settings);
  if (keys->parsed()) return run_keys_init(settings.keys_folder);
  auto key = find_user_key(settings.user_file);
  if (!key) return report_failure("trellis", key.error().message);
  settings.user = std::move(*key);
  if (line.kind == CommandLine::Kind::kCommand) return run_command(app, line, settings);
  if (load->parsed()) return run_load(settings.load, data_tool_settings(app, settings));
  if (exporting->parsed()) return run_export(settings.exporting, data_tool_settings(app, settings));
  if (bench->parsed()) return run_bench(settings);
  if (doctor->parsed()) return run_doctor(settings.doctor, settings.doctor_settings());
  if (user->parsed()) return run_user_tool(*user, settings.user_flags, settings.user_tool_settings());
  if (role->parsed()) return run_role_tool(*role, settings.user_flags, settings.user_tool_settings());
  if (backup->parsed()) return run_backup(settings.backup, data_tool_settings(app, settings));
  if (restore->parsed()) return run_restore(settings.backup, data_tool_settings(app, settings));
  if (recover->parsed()) {
    Client client(settings.endpoints(), Client::Absent::kTell, settings.user);
    return run_recover(settings.recover, client, settings.json);
  }
  if (ready->parsed()) return run_ready(settings.doctor, settings.doctor_settings());
  return run_shell_here(settings);
}

}  // namespace
}  // namespace trellis

int main(int argc, char** argv) { return trellis::run(argc, argv); }

#include "cli/local/up.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

#include "cli/load/load.hpp"
#include "cli/local/cluster_folder.hpp"
#include "cli/local/cluster_processes.hpp"
#include "cli/local/keeper.hpp"
#include "cli/shell/shell.hpp"
#include "client/statement/printer.hpp"
#include "program/settings.hpp"
#include "protocol/cluster/server_file.hpp"
#include "protocol/reports.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kStopGrace{10'000};  ///< How long `down` waits for a process to end.
constexpr milliseconds kStatusTimeout{500};
constexpr milliseconds kLookEvery{50};
/// Workers that are still missing when all partitions serve are waited for this long, for the warnings' sake.
constexpr milliseconds kStragglersGrace{3'000};
/// A formed cluster whose worker has ended may become ready without it in this time.
constexpr milliseconds kWithoutWorkerGrace{15'000};
/// A worker that listens and yet is not known to the broker is mentioned after this long.
constexpr milliseconds kHintAfter{5'000};
/// And given up for after this long, which is more than a worker with a long log takes to come.
constexpr milliseconds kStrangersGrace{60'000};

int refuse(const Error& error) {
  tell("ERROR: " + error.message);
  return error.code == Code::kInvalidArgument ? kExitUsage : 1;
}

/// What went wrong, and not because of how we were called.
Error failure(std::string message) { return {Code::kInternal, std::move(message)}; }

Result<std::vector<std::string>> read_workers(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return failure("cannot read the server file " + path);
  auto workers = read_server_file(text.str(), path);
  if (!workers) return failure(workers.error().message);
  return workers;
}

/// One line at the bottom of a terminal; nothing where standard error is none.
class WaitingLine {
 public:
  ~WaitingLine() { clear(); }
  void show(const std::string& text) {
    if (!on_ || text == shown_) return;
    std::fprintf(stderr, "\r\x1b[K%s", text.c_str());
    shown_ = text;
  }
  void clear() {
    if (!shown_.empty()) std::fputs("\r\x1b[K", stderr);
    shown_.clear();
  }

 private:
  bool on_ = isatty(STDERR_FILENO) == 1;
  std::string shown_;
};

class Up {
 public:
  Up(const UpOptions& options, const StopSignal& stop, ClusterFolder folder, ClusterShape shape,
     std::optional<LocalKeys> keys)
      : options_(options),
        stop_(stop),
        processes_(options, stop, std::move(folder), std::move(shape), std::move(keys)) {}

  int run();

 private:
  Result<void> wait_until_ready(Client& client);
  std::string describe_wait(const std::optional<StatusReport>& status) const;
  void tell_tolerance() const;
  void tell_ready(const StatusReport& status, Clock::duration took) const;
  void tell_gateway() const;
  bool has_heard_all(Client& client) const;
  bool note_missing(const std::string& name);
  Result<void> look_for_ended(bool formed);
  Result<void> look_for_refused(bool formed);
  void hint_at_strangers(Client& client);

  Result<std::optional<UserKey>> own_user() const;
  void open_gateway(Client& client) const;
  int load_once(Client& client);
  int run_shell_on(Client& client);

  const UpOptions& options_;
  const StopSignal& stop_;
  ClusterProcesses processes_;
  Clock::time_point begun_;             ///< When the processes were started.
  std::string cluster_;                 ///< Its id, once it is ready.
  std::set<std::string> missing_;       ///< What has ended by itself, and workers that were refused.
  Clock::time_point first_missing_;     ///< When that was said of the first.
  std::vector<std::string> strangers_;  ///< Those that the broker does not know.
  bool hinted_ = false;
  WaitingLine waiting_;
};

int Up::run() {
  begun_ = Clock::now();
  if (auto started = processes_.start(); !started) return stop_.requested() ? 0 : refuse(started.error());
  tell_tolerance();
  auto user = own_user();
  if (!user) return refuse(user.error());
  Client client({read_endpoint(processes_.frontend())->zmq()}, Client::Absent::kAwait, *user);
  auto ready = wait_until_ready(client);
  waiting_.clear();
  if (!ready) return stop_.requested() ? 0 : refuse(ready.error());
  if (processes_.keys() && !processes_.joined()) open_gateway(client);
  const int loaded = load_once(client);
  if (loaded > 1 || stop_.requested()) return stop_.requested() ? 0 : loaded;
  if (options_.detach) {
    processes_.leave_running();
    tell("it runs in the background; `trellis` opens a shell on it, `trellis up --data " + options_.folder +
         "` starts again what has ended, `trellis down --data " + options_.folder + "` stops it");
    return loaded;
  }
  std::optional<Keeper> keeper;
  if (!processes_.joined()) keeper.emplace(processes_);
  const int code = run_shell_on(client);
  return stop_.requested() ? 0 : std::max(loaded, code);
}

/// As whom it asks: of keys that the environment names, the user is the caller's.
Result<std::optional<UserKey>> Up::own_user() const {
  if (processes_.keys()) return std::optional(processes_.keys()->administrator);
  if (!names_a_cluster_key()) return std::optional<UserKey>();
  return find_user_key(options_.user_file);
}

/// The gateway has tried to be let in since it started.
void Up::open_gateway(Client& client) const {
  if (auto added = add_gateway_user(client, *processes_.keys()); !added) tell("WARNING: " + added.error().message);
  tell("it asks for keys: `trellis -u " + processes_.keys()->administrator_file +
       "` is its administrator, `trellis user add NAME --role ROLE -u ...` adds users, `trellis user token NAME` lets "
       "them in over HTTP");
}

void Up::tell_tolerance() const {
  const ClusterShape& shape = processes_.shape();
  const std::size_t full = 2 * std::size_t{shape.k} - 1;
  if (shape.workers.size() >= full) return;
  tell("with " + count_of(shape.workers.size(), "worker") + " and k=" + std::to_string(shape.k) + ", " +
       count_of(shape.tolerates(), "worker") + " may be down with everything guaranteed; " + std::to_string(full) +
       " workers would allow " + std::to_string(shape.k - 1));
}

Result<void> Up::wait_until_ready(Client& client) {
  const auto begun = Clock::now();
  auto gap = begun;  // When not all partitions served, for the last time.
  Options options;
  options.timeout = kStatusTimeout;
  const std::string no_arguments(1, '\x90');
  while (!stop_.requested()) {
    const Answer answer = client.call(Command::kStatus, no_arguments, options, [this] { return stop_.requested(); });
    const auto status = read_status_report(answer.reply.result);
    const auto now = Clock::now();
    if (!status || !status->all_serve()) gap = now;
    const bool all_up = status && status->workers_up >= status->workers;
    if (gap != now && ((all_up && has_heard_all(client)) || now - gap > kStragglersGrace || !missing_.empty())) {
      waiting_.clear();
      cluster_ = *status->cluster;
      tell_ready(*status, now - begun);
      tell_gateway();
      return {};
    }
    waiting_.show(describe_wait(status));
    const bool is_formed = status && status->is_formed();
    if (auto good = look_for_refused(is_formed); !good) return good;
    if (auto good = look_for_ended(is_formed); !good) return good;
    if (now - begun > kHintAfter) hint_at_strangers(client);
    if (now - begun > kStrangersGrace && !strangers_.empty() && !is_formed) {
      return failure(strangers_.front() + " is in use by a program that does not reach the broker at " +
                     processes_.backend() + "; stop it, or choose another port for the worker");
    }
    client.run(kLookEvery);
  }
  return failure("stopped");
}

/// Whether the broker has heard the workers that were started here: of one that ended a moment ago and was started
/// again it may still think that it is up.
bool Up::has_heard_all(Client& client) const {
  const std::vector<std::string> workers = processes_.started_workers();
  if (workers.empty()) return true;
  Options options;
  options.timeout = kStatusTimeout;
  const auto since = Clock::now() - begun_;
  const Answer answer = client.call(Command::kMembers, std::string(1, '\x90'), options);
  const auto members = read_member_reports(answer.reply.result);
  return members && std::all_of(workers.begin(), workers.end(), [&](const std::string& address) {
           return std::any_of(members->begin(), members->end(), [&](const MemberReport& member) {
             return member.address == address && member.last_heartbeat_ms &&
                    milliseconds(*member.last_heartbeat_ms) < since;
           });
         });
}

std::string Up::describe_wait(const std::optional<StatusReport>& status) const {
  if (!status) return "waiting for the broker ...";
  const auto of = [](std::uint64_t some, std::uint64_t all) {
    return std::to_string(some) + " of " + std::to_string(all);
  };
  if (!status->is_formed()) {
    return "waiting for the workers: " + of(status->workers_up, processes_.shape().workers.size()) + " are there ...";
  }
  return "waiting for the partitions: " + of(status->partitions_available, status->partitions) + " serve ...";
}

void Up::tell_ready(const StatusReport& status, Clock::duration took) const {
  char seconds[16];
  std::snprintf(seconds, sizeof seconds, "%.1f", std::chrono::duration<double>(took).count());
  tell(std::string("ready after ") + seconds + " s: " + std::to_string(status.workers_up) + " of " +
       count_of(status.workers, "worker") + " up, " + count_of(status.partitions, "partition"));
}

void Up::tell_gateway() const {
  if (processes_.joined() || !processes_.is_alive(std::string(kGatewayName))) return;
  tell("HTTP, and a page to look at the cluster: http://" + processes_.listen() + "/");
}

/// @return  whether that is new
bool Up::note_missing(const std::string& name) {
  if (missing_.empty()) first_missing_ = Clock::now();
  return missing_.insert(name).second;
}

/// A process of ours that ends while the cluster is being made ends the attempt; one of a cluster that was made before
/// may be done without.
Result<void> Up::look_for_ended(bool formed) {
  for (const std::string& name : processes_.ended()) {
    if (processes_.gave_way(name) || processes_.was_removed(name)) continue;
    if (name == kGatewayName || !note_missing(name)) continue;  // Nothing waits for the gateway.
    const std::string what = processes_.describe_end(name);
    if (!formed || name == "broker") return failure(what);
    if (processes_.was_refused(name)) continue;  // That was told already.
    waiting_.clear();
    tell("WARNING: " + what);
  }
  if (missing_.empty() || Clock::now() - first_missing_ <= kWithoutWorkerGrace) return {};
  std::string names;
  for (const std::string& name : missing_) names += (names.empty() ? "" : " and ") + name;
  return failure("without " + names + " not all partitions can serve");
}

/// The same for workers that the broker does not take; they may go on running, as those started by hand do.
Result<void> Up::look_for_refused(bool formed) {
  for (const auto& [address, reason] : processes_.new_refusals()) {
    const std::string what = "the worker " + address + " was refused: " + reason;
    if (!formed) return failure(what);
    const std::vector<std::string>& workers = processes_.shape().workers;
    if (std::find(workers.begin(), workers.end(), address) != workers.end()) note_missing(address);
    waiting_.clear();
    tell("WARNING: " + what);
  }
  return {};
}

/// Names, once, the workers that listen without the broker knowing them.
void Up::hint_at_strangers(Client& client) {
  if (hinted_ || processes_.by_hand().empty()) return;
  Options options;
  options.timeout = kStatusTimeout;
  const Answer answer = client.call(Command::kMembers, std::string(1, '\x90'), options);
  const auto members = read_member_reports(answer.reply.result);
  if (answer.reply.status != Code::kOk || !members) return;
  hinted_ = true;
  waiting_.clear();
  for (const std::string& address : processes_.by_hand()) {
    const auto is_there = [&address](const MemberReport& member) { return member.address == address; };
    if (std::any_of(members->begin(), members->end(), is_there)) continue;
    strangers_.push_back(address);
    tell("a ZeroMQ program listens at " + address + " and has not reached the broker; if it is a trellis-worker, it " +
         "needs -b " + processes_.backend());
  }
}

/// @return 0, also where there is nothing to do; 1: some lines were wrong; above: it failed.
int Up::load_once(Client& client) {
  if (!options_.data_file) return 0;
  ClusterShape& shape = processes_.shape();
  if (const LoadedFile* const loaded = shape.loaded_into(cluster_)) {
    tell("not loading " + *options_.data_file + " again: this cluster has the documents of " + loaded->file +
         "; `trellis load` loads more");
    return 0;
  }
  if (!shape.loaded.empty())
    tell("these workers are another cluster than this folder's before, so the data file is loaded");
  LoadOptions load_options;
  load_options.file = *options_.data_file;
  load_options.stop = &stop_;
  const auto result = load(client, load_options);
  if (!result) return refuse(failure(result.error().message));
  tell(to_text(*result));
  if (result->exit_code > 1) return result->exit_code;
  shape.loaded.push_back({*options_.data_file, cluster_});
  if (auto kept = processes_.folder().keep(shape); !kept) tell("WARNING: " + kept.error().message);
  return result->exit_code;
}

int Up::run_shell_on(Client& client) {
  if (isatty(STDIN_FILENO) == 1) {
    tell(std::string("HELP lists the commands; EXIT or Ctrl-D ends") +
         (processes_.joined() ? " this shell, the cluster goes on" : " and stops the cluster"));
  }
  ShellOptions shell_options;
  shell_options.defaults = options_.defaults;
  shell_options.stop = &stop_;
  shell_options.pager = options_.pager;
  return run_shell(client, shell_options);
}

}  // namespace

int up(const UpOptions& options, const StopSignal& stop) {
  if (options.data_file && *options.data_file != "-" && access(options.data_file->c_str(), R_OK) != 0) {
    return refuse(failure("cannot read the data file " + *options.data_file));
  }
  WantedShape wanted;
  wanted.k = options.k;
  wanted.worker_count = options.workers;
  wanted.partitions = options.partitions;
  if (options.server_file) {
    auto workers = read_workers(*options.server_file);
    if (!workers) return refuse(workers.error());
    wanted.workers = std::move(*workers);
    wanted.workers_source = *options.server_file;
  }
  if (access(options.folder.c_str(), F_OK) != 0) {  // What cannot be is refused before a folder is made for it.
    if (auto possible = decide_shape(wanted, std::nullopt, options.folder); !possible) return refuse(possible.error());
  }
  auto folder = ClusterFolder::open(options.folder);
  if (!folder) return refuse(folder.error());
  auto held = folder->shape();
  if (!held) return refuse(held.error());
  if (*held) {
    const std::vector<std::string> workers = (*held)->workers;
    for (const std::string& worker : workers) {
      if (folder->was_removed(worker)) (*held)->drop(worker);
    }
  }
  auto shape = decide_shape(wanted, *held, options.folder);
  if (!shape) return refuse(shape.error());
  // Beside those that the cluster was made with, workers have to join it.
  for (const std::string& worker : shape->workers) {
    const bool is_new =
        *held && std::find((*held)->workers.begin(), (*held)->workers.end(), worker) == (*held)->workers.end();
    if (is_new) shape->joining.push_back(worker);
  }
  auto keys = local_keys(options.folder, options.secure);
  if (!keys) return refuse(keys.error());
  return Up(options, stop, std::move(*folder), std::move(*shape), std::move(*keys)).run();
}

int down(const std::string& path) {
  const auto folder = ClusterFolder::open_existing(path);
  if (!folder) return refuse(folder.error());
  auto lock = folder->lock([] { tell("another `trellis up` or `down` is at work on this folder; waiting for it"); });
  if (!lock) return refuse(lock.error());
  std::vector<ProcessIdentity> processes;
  if (const auto running = folder->running()) {
    for (const RunningProcess& process : running->processes) {
      if (is_running(process.identity)) processes.push_back(process.identity);
    }
  }
  stop_processes(processes, kStopGrace);
  folder->forget_running();
  tell(processes.empty() ? "nothing of " + path + " was running" : "stopped the cluster of " + path);
  return 0;
}

}  // namespace trellis

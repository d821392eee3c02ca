#include "client/up.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

#include "client/cluster_folder.hpp"
#include "client/load.hpp"
#include "client/network_probe.hpp"
#include "client/printer.hpp"
#include "client/shell.hpp"
#include "program/settings.hpp"
#include "protocol/packed.hpp"
#include "protocol/server_file.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kStopGrace{10'000};
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

void tell(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

int refuse(const Error& error) {
  tell("ERROR: " + error.message);
  return error.code == Code::kInvalidArgument ? kExitUsage : 1;
}

/// What went wrong, and not because of how we were called.
Error failure(std::string message) { return {Code::kInternal, std::move(message)}; }

std::string last_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::string last;
  while (std::getline(file, line)) {
    if (!line.empty()) last = line;
  }
  return last;
}

std::string count_of(std::size_t number, const std::string& thing) {
  return std::to_string(number) + " " + thing + (number == 1 ? "" : "s");
}

Result<std::vector<std::string>> read_workers(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return failure("cannot read the server file " + path);
  auto workers = read_server_file(text.str(), path);
  if (!workers) return failure(workers.error().message);
  return workers;
}

/// STATUS, as far as it is of use here.
struct ClusterStatus {
  bool formed = false;
  std::uint64_t partitions = 0;
  std::uint64_t partitions_available = 0;
  std::uint64_t workers = 0;
  std::uint64_t workers_up = 0;

  bool all_serve() const { return formed && partitions > 0 && partitions_available == partitions; }
};

std::optional<ClusterStatus> read_status(const Reply& reply) {
  if (reply.status != Code::kOk) return std::nullopt;
  ClusterStatus status;
  PackedReader reader(reply.result);
  for (auto left = reader.read_map().value_or(0); left > 0; --left) {
    const auto name = reader.read_str();
    const auto packed = reader.read_value();
    if (!name || !packed) return std::nullopt;
    PackedReader value(*packed);
    if (*name == "cluster") status.formed = value.read_str().has_value();
    if (*name == "partitions") status.partitions = value.read_uint().value_or(0);
    if (*name == "partitions_available") status.partitions_available = value.read_uint().value_or(0);
    if (*name == "workers") status.workers = value.read_uint().value_or(0);
    if (*name == "workers_up") status.workers_up = value.read_uint().value_or(0);
  }
  return status;
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
  Up(const UpOptions& options, const StopSignal& stop, ClusterFolder folder, ClusterShape shape)
      : options_(options), stop_(stop), folder_(std::move(folder)), shape_(std::move(shape)) {}
  ~Up() { stop_what_is_ours(); }
  Up(const Up&) = delete;
  Up& operator=(const Up&) = delete;

  int run();

 private:
  Result<void> start();
  Result<void> start_broker();
  Result<void> start_worker(const std::string& address);
  Result<void> start_gateway();
  Result<void> start_process_named(const std::string& name, const std::string& program,
                                   std::vector<std::string> arguments);
  Result<void> check_ports_are_free() const;
  void tell_about_remote(const std::string& address) const;
  void tell_tolerance() const;

  Result<void> wait_until_ready(Client& client);
  std::string describe_wait(const std::optional<ClusterStatus>& status) const;
  void tell_ready(const ClusterStatus& status, Clock::duration took) const;
  void tell_gateway() const;
  Result<void> look_for_ended(bool formed);
  void hint_at_strangers(Client& client);
  bool is_alive(const std::string& name) const;

  int load_once(Client& client);
  int run_shell_on(Client& client);
  void stop_what_is_ours();

  const UpOptions& options_;
  const StopSignal& stop_;
  ClusterFolder folder_;
  ClusterShape shape_;
  RunningCluster running_;
  bool joined_ = false;                 ///< Somebody else started it.
  bool keep_running_ = false;           ///< --detach, once it stands.
  std::vector<std::string> by_hand_;    ///< Workers that listen already.
  std::set<std::string> ended_;         ///< Processes of ours that have ended by themselves.
  Clock::time_point first_end_;         ///< Of those.
  std::vector<std::string> strangers_;  ///< Those of them that the broker does not know.
  bool hinted_ = false;
  WaitingLine waiting_;
};

int Up::run() {
  if (auto started = start(); !started) return stop_.requested() ? 0 : refuse(started.error());
  Client client({read_endpoint(running_.frontend)->zmq()});
  auto ready = wait_until_ready(client);
  waiting_.clear();
  if (!ready) return stop_.requested() ? 0 : refuse(ready.error());
  const int loaded = load_once(client);
  if (loaded > 1 || stop_.requested()) return stop_.requested() ? 0 : loaded;
  if (options_.detach) {
    keep_running_ = true;
    tell("it runs in the background; `trellis` opens a shell on it, `trellis down --data " + options_.folder +
         "` stops it");
    return loaded;
  }
  const int code = run_shell_on(client);
  return stop_.requested() ? 0 : std::max(loaded, code);
}

/// Starts what is to run and does not, under the folder's lock.
Result<void> Up::start() {
  auto lock = folder_.lock([] { tell("another `trellis up` or `down` is at work on this folder; waiting for it"); });
  if (!lock) return lock.error();
  const auto before = folder_.running();
  if (before) running_ = *before;
  const bool abandoned = before && !before->detached && !is_running(before->owner);
  if (abandoned) {  // Its processes were told to end when it died.
    std::vector<ProcessIdentity> left;
    for (const RunningProcess& process : before->processes) left.push_back(process.identity);
    stop_processes(left, kStopGrace);
  }
  joined_ = before && !abandoned && is_alive("broker");
  if (!joined_) {
    running_ = {options_.detach, own_identity(), options_.frontend.text(), options_.backend.text(), {}};
    if (before && before->detached && !abandoned) running_.processes = before->processes;  // Workers without a broker.
    if (auto free = check_ports_are_free(); !free) return free;
  } else if (options_.frontend != UpOptions{}.frontend && options_.frontend.text() != running_.frontend) {
    return failure("this folder's cluster runs already, with its frontend at " + running_.frontend +
                   "; `trellis down` stops it");
  }
  if (auto kept = folder_.keep(shape_); !kept) return kept;
  tell_tolerance();
  tell(joined_ ? "the cluster of " + folder_.path() + " runs already, at " + running_.frontend
               : "starting a cluster of " + count_of(shape_.workers.size(), "worker") + " at " + running_.frontend +
                     ", data in " + folder_.path());
  if (!joined_) {
    if (auto started = start_broker(); !started) return started;
  }
  for (const std::string& address : shape_.workers) {
    if (auto started = start_worker(address); !started) return started;
  }
  return start_gateway();
}

Result<void> Up::check_ports_are_free() const {
  for (const auto& [endpoint, flag] : {std::pair(options_.frontend, "--frontend"), {options_.backend, "--backend"}}) {
    if (probe(endpoint) == Listener::kNobody) continue;
    return failure(endpoint.text() + " is in use by a program that this `up` did not start; stop it, or choose " +
                   "another port with " + flag);
  }
  return {};
}

Result<void> Up::start_broker() {
  {
    std::ofstream file(folder_.server_file());
    for (const std::string& address : shape_.workers) {
      const auto endpoint = *read_endpoint(address);
      file << endpoint.host << " " << endpoint.port << "\n";
    }
    if (!file.flush()) return failure("cannot write " + folder_.server_file());
  }
  return start_process_named(
      "broker", "trellis-broker",
      {"--frontend", running_.frontend, "--backend", running_.backend, "-s", folder_.server_file(), "-k",
       std::to_string(shape_.k), "--partitions", std::to_string(shape_.partitions)});
}

/// Starts the worker of a line of the server file, unless it runs already or belongs to another machine.
Result<void> Up::start_worker(const std::string& address) {
  if (is_alive(address) || (joined_ && !running_.detached)) return {};
  const Endpoint endpoint = *read_endpoint(address);
  if (!is_of_this_machine(endpoint.host)) {
    tell_about_remote(address);
    return {};
  }
  switch (probe(endpoint)) {
    case Listener::kZeroMq: by_hand_.push_back(address); return {};
    case Listener::kOther: return failure(address + " is in use by a program that is no trellis-worker");
    case Listener::kNobody: break;
  }
  Endpoint backend = *read_endpoint(running_.backend);
  if (backend.host == "0.0.0.0" || backend.host == "*") backend.host = "127.0.0.1";
  return start_process_named(address, "trellis-worker",
                             {"-a", endpoint.host, "-p", std::to_string(endpoint.port), "-b", backend.text(), "--data",
                              folder_.worker_folder(address)});
}

/// The cluster does without a gateway where it cannot be started, or where its port is taken and nobody chose it.
Result<void> Up::start_gateway() {
  if (is_alive(std::string(kGatewayName)) || (joined_ && !running_.detached)) return {};
  if (probe(options_.listen) != Listener::kNobody) {
    const std::string taken = options_.listen.text() + " is in use by a program that this `up` did not start";
    if (options_.listen_chosen) return failure(taken + "; stop it, or choose another port with --listen");
    tell("no HTTP gateway: " + taken + "; --listen chooses another port");
    return {};
  }
  Endpoint frontend = *read_endpoint(running_.frontend);
  if (frontend.host == "0.0.0.0" || frontend.host == "*") frontend.host = "127.0.0.1";
  const auto started = start_process_named(std::string(kGatewayName), "trellis-gateway",
                                           {"--listen", options_.listen.text(), "-b", frontend.text()});
  if (!started && !stop_.requested()) {
    tell("WARNING: no HTTP gateway: " + started.error().message + "; the cluster goes on without it");
    return {};
  }
  return started;
}

Result<void> Up::start_process_named(const std::string& name, const std::string& program,
                                     std::vector<std::string> arguments) {
  if (stop_.requested()) return failure("stopped");
  const ProcessSpec spec{own_folder() + "/" + program, std::move(arguments), folder_.log_file(name), running_.detached};
  auto identity = start_process(spec);
  if (!identity) return failure(identity.error().message);
  std::erase_if(running_.processes, [&name](const RunningProcess& process) { return process.name == name; });
  running_.processes.push_back({name, *identity});
  return folder_.keep(running_);
}

void Up::tell_about_remote(const std::string& address) const {
  const Endpoint worker = *read_endpoint(address);
  const Endpoint backend = *read_endpoint(running_.backend);
  tell("waiting for " + address + ", which is another machine's; start it there: trellis-worker -a " + worker.host +
       " -p " + std::to_string(worker.port) + " -b " + backend.text());
  if (is_of_this_machine(backend.host) && backend.host.starts_with("127.")) {
    tell("it cannot reach a backend at " + backend.text() + ": give this machine's address with --backend");
  }
}

void Up::tell_tolerance() const {
  const std::size_t full = 2 * std::size_t{shape_.k} - 1;
  if (shape_.workers.size() >= full) return;
  tell("with " + count_of(shape_.workers.size(), "worker") + " and k=" + std::to_string(shape_.k) + ", " +
       count_of(shape_.tolerates(), "worker") + " may be down with everything guaranteed; " + std::to_string(full) +
       " workers would allow " + std::to_string(shape_.k - 1));
}

bool Up::is_alive(const std::string& name) const {
  return std::any_of(running_.processes.begin(), running_.processes.end(), [&name](const RunningProcess& process) {
    return process.name == name && is_running(process.identity);
  });
}

Result<void> Up::wait_until_ready(Client& client) {
  const auto begun = Clock::now();
  auto gap = begun;  // When not all partitions served, for the last time.
  Options options;
  options.timeout = kStatusTimeout;
  const std::string no_arguments(1, '\x90');
  while (!stop_.requested()) {
    const Answer answer = client.call(Command::kStatus, no_arguments, options, [this] { return stop_.requested(); });
    const auto status = read_status(answer.reply);
    const auto now = Clock::now();
    if (!status || !status->all_serve()) gap = now;
    const bool all_up = status && status->workers_up >= status->workers;
    if (gap != now && (all_up || now - gap > kStragglersGrace || !ended_.empty())) {
      waiting_.clear();
      tell_ready(*status, now - begun);
      tell_gateway();
      return {};
    }
    waiting_.show(describe_wait(status));
    if (auto good = look_for_ended(status && status->formed); !good) return good;
    if (now - begun > kHintAfter) hint_at_strangers(client);
    if (now - begun > kStrangersGrace && !strangers_.empty() && !(status && status->formed)) {
      return failure(strangers_.front() + " is in use by a program that does not reach the broker at " +
                     running_.backend + "; stop it, or choose another port for the worker");
    }
    client.run(kLookEvery);
  }
  return failure("stopped");
}

std::string Up::describe_wait(const std::optional<ClusterStatus>& status) const {
  if (!status) return "waiting for the broker ...";
  const auto of = [](std::uint64_t some, std::uint64_t all) {
    return std::to_string(some) + " of " + std::to_string(all);
  };
  if (!status->formed) {
    return "waiting for the workers: " + of(status->workers_up, shape_.workers.size()) + " are there ...";
  }
  return "waiting for the partitions: " + of(status->partitions_available, status->partitions) + " serve ...";
}

void Up::tell_ready(const ClusterStatus& status, Clock::duration took) const {
  char seconds[16];
  std::snprintf(seconds, sizeof seconds, "%.1f", std::chrono::duration<double>(took).count());
  tell(std::string("ready after ") + seconds + " s: " + std::to_string(status.workers_up) + " of " +
       count_of(status.workers, "worker") + " up, " + count_of(status.partitions, "partition"));
}

void Up::tell_gateway() const {
  if (joined_ || !is_alive(std::string(kGatewayName))) return;
  tell("HTTP, and a page to look at the cluster: http://" + options_.listen.text() + "/");
}

/// A process of ours that ends while the cluster is being made ends the attempt; one of a cluster that was made before
/// may be done without.
Result<void> Up::look_for_ended(bool formed) {
  for (const RunningProcess& process : running_.processes) {
    if (process.name == kGatewayName) continue;  // Nothing waits for it.
    if (is_running(process.identity) || !ended_.insert(process.name).second) continue;
    if (ended_.size() == 1) first_end_ = Clock::now();
    const std::string what = (process.name == "broker" ? "the broker" : "the worker " + process.name) +
                             " has ended: " + last_line(folder_.log_file(process.name));
    if (!formed || process.name == "broker") return failure(what);
    waiting_.clear();
    tell("WARNING: " + what);
  }
  if (!ended_.empty() && Clock::now() - first_end_ > kWithoutWorkerGrace) {
    return failure("without " + *ended_.begin() + " not all partitions can serve; its log is " +
                   folder_.log_file(*ended_.begin()));
  }
  return {};
}

/// Names, once, the workers that listen without the broker knowing them.
void Up::hint_at_strangers(Client& client) {
  if (hinted_ || by_hand_.empty()) return;
  Options options;
  options.timeout = kStatusTimeout;
  const Answer answer = client.call(Command::kMembers, std::string(1, '\x90'), options);
  if (answer.reply.status != Code::kOk) return;
  hinted_ = true;
  waiting_.clear();
  for (const std::string& address : by_hand_) {
    if (answer.reply.result.find(address) != std::string_view::npos) continue;
    strangers_.push_back(address);
    tell("a ZeroMQ program listens at " + address + " and has not reached the broker; if it is a trellis-worker, it " +
         "needs -b " + running_.backend);
  }
}

/// @return 0, also where there is nothing to do; 1: some lines were wrong; above: it failed.
int Up::load_once(Client& client) {
  if (!options_.data_file) return 0;
  if (shape_.loaded) {
    tell("not loading " + *options_.data_file + " again: this folder has the documents of " + *shape_.loaded +
         "; `trellis load` loads more");
    return 0;
  }
  LoadOptions load_options;
  load_options.file = *options_.data_file;
  load_options.stop = &stop_;
  const auto result = load(client, load_options);
  if (!result) return refuse(failure(result.error().message));
  tell(to_text(*result));
  if (result->exit_code > 1) return result->exit_code;
  shape_.loaded = *options_.data_file;
  if (auto kept = folder_.keep(shape_); !kept) tell("WARNING: " + kept.error().message);
  return result->exit_code;
}

int Up::run_shell_on(Client& client) {
  if (isatty(STDIN_FILENO) == 1) {
    tell(std::string("HELP lists the commands; EXIT or Ctrl-D ends") +
         (joined_ ? " this shell, the cluster goes on" : " and stops the cluster"));
  }
  ShellOptions shell_options;
  shell_options.defaults = options_.defaults;
  shell_options.stop = &stop_;
  shell_options.pager = options_.pager;
  return run_shell(client, shell_options);
}

void Up::stop_what_is_ours() {
  if (joined_ || keep_running_ || running_.processes.empty()) return;
  std::vector<ProcessIdentity> processes;
  for (const RunningProcess& process : running_.processes) processes.push_back(process.identity);
  stop_processes(processes, kStopGrace);
  folder_.forget_running();
}

}  // namespace

int up(const UpOptions& options, const StopSignal& stop) {
  if (options.data_file && *options.data_file != "-" && access(options.data_file->c_str(), R_OK) != 0) {
    return refuse(failure("cannot read the data file " + *options.data_file));
  }
  WantedShape wanted;
  wanted.k = options.k;
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
  const auto held = folder->shape();
  if (!held) return refuse(held.error());
  auto shape = decide_shape(wanted, *held, options.folder);
  if (!shape) return refuse(shape.error());
  return Up(options, stop, std::move(*folder), std::move(*shape)).run();
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

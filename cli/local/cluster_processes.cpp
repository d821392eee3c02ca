#include "cli/local/cluster_processes.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "cli/local/network_probe.hpp"

namespace trellis {
namespace {

constexpr std::chrono::milliseconds kStopGrace{10'000};
/// Workers that are started by hand one behind the other listen within this time.
constexpr std::chrono::milliseconds kByHandGrace{500};
/// How a worker's last words begin that gives up since its broker does not want it.
constexpr std::string_view kRefused = "refused by the broker: ";

/// And of one that has nowhere to listen.
constexpr std::string_view kPortTaken = "cannot listen on ";

/// What went wrong, and not because of how we were called.
Error failure(std::string message) { return {Code::kInternal, std::move(message)}; }

void tell_of_waiting() { tell("another `trellis up` or `down` is at work on this folder; waiting for it"); }

/// Where to connect to what listens everywhere.
Endpoint near_end(const std::string& listening) {
  Endpoint endpoint = *read_endpoint(listening);
  if (endpoint.host == "0.0.0.0" || endpoint.host == "*") endpoint.host = "127.0.0.1";
  return endpoint;
}

}  // namespace

void tell(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

std::string describe_process(const std::string& name) {
  return name == "broker" || name == kGatewayName ? "the " + name : "the worker " + name;
}

std::string count_of(std::size_t number, const std::string& thing) {
  return std::to_string(number) + " " + thing + (number == 1 ? "" : "s");
}

Result<void> ClusterProcesses::start() {
  auto lock = folder_.lock(tell_of_waiting);
  if (!lock) return lock.error();
  if (auto begun = begin_or_join(); !begun) return begun;
  if (auto kept = folder_.keep(shape_); !kept) return kept;
  tell(joined_ ? "the cluster of " + folder_.path() + " runs already, at " + running_.frontend
               : "starting a cluster of " + count_of(shape_.workers.size(), "worker") + " at " + running_.frontend +
                     ", data in " + folder_.path());
  return start_missing();
}

/// Finds out whose the cluster is, and sets up running_ accordingly.
Result<void> ClusterProcesses::begin_or_join() {
  const auto before = folder_.running();
  if (before) running_ = *before;
  const bool abandoned = before && !before->detached && !is_running(before->owner);
  if (abandoned) {  // Its processes were told to end when it died, but for those that another `up` started.
    std::vector<ProcessIdentity> left;
    for (const RunningProcess& process : before->processes) left.push_back(process.identity);
    stop_processes(left, kStopGrace);
  }
  const bool some_run = std::any_of(running_.processes.begin(), running_.processes.end(),
                                    [](const RunningProcess& process) { return is_running(process.identity); });
  joined_ = before && !abandoned && (some_run || !before->detached);
  if (!joined_) {
    running_ = {options_.detach, own_identity(), options_.frontend.text(), options_.backend.text(), {}, {}, {}};
  }
  // What has ended is started again where it was, unless something else was asked for now.
  if (options_.listen_chosen || running_.listen.empty()) running_.listen = options_.listen.text();
  if (options_.metrics) running_.metrics = options_.metrics->text();
  if (!joined_) return {};
  if (options_.frontend != UpOptions{}.frontend && options_.frontend.text() != running_.frontend) {
    return failure("this folder's cluster runs already, with its frontend at " + running_.frontend +
                   "; `trellis down` stops it");
  }
  return {};
}

Result<void> ClusterProcesses::start_missing() {
  std::error_code no_log;
  const auto log_size = std::filesystem::file_size(folder_.log_file("broker"), no_log);
  broker_log_read_ = no_log ? 0 : log_size;
  if (auto started = start_named("broker"); !started) return started;
  if (!joined_) await_workers_by_hand();
  for (const std::string& address : shape_.workers) {
    if (auto started = start_named(address); !started) return started;
  }
  return start_named(std::string(kGatewayName));
}

/// Where somebody starts workers by hand, those that do not listen yet may be about to.
void ClusterProcesses::await_workers_by_hand() const {
  std::size_t ours = 0;
  std::size_t listening = 0;
  for (const std::string& address : shape_.workers) {
    const Endpoint endpoint = *read_endpoint(address);
    if (!is_of_this_machine(endpoint.host)) continue;
    ++ours;
    if (probe(endpoint) != Listener::kNobody) ++listening;
  }
  if (listening > 0 && listening < ours) std::this_thread::sleep_for(kByHandGrace);
}

Result<void> ClusterProcesses::start_named(const std::string& name) {
  if (is_alive(name)) return {};
  if (name == "broker") return start_broker();
  return name == kGatewayName ? start_gateway() : start_worker(name);
}

Result<void> ClusterProcesses::check_ports_are_free() const {
  for (const auto& [endpoint, flag] :
       {std::pair(*read_endpoint(running_.frontend), "--frontend"), {*read_endpoint(running_.backend), "--backend"}}) {
    if (probe(endpoint) == Listener::kNobody) continue;
    return failure(endpoint.text() + " is in use by a program that this `up` did not start; stop it, or choose " +
                   "another port with " + flag);
  }
  return {};
}

Result<void> ClusterProcesses::start_broker() {
  if (auto free = check_ports_are_free(); !free) return free;
  {
    std::ofstream file(folder_.server_file());
    for (const std::string& address : shape_.workers) {
      const auto endpoint = *read_endpoint(address);
      file << endpoint.host << " " << endpoint.port << "\n";
    }
    if (!file.flush()) return failure("cannot write " + folder_.server_file());
  }
  std::vector<std::string> arguments = {"--frontend",   running_.frontend,
                                        "--backend",    running_.backend,
                                        "-s",           folder_.server_file(),
                                        "-k",           std::to_string(shape_.k),
                                        "--partitions", std::to_string(shape_.partitions)};
  add_metrics(arguments, 0);
  add_keys(arguments);
  return start_process_named("broker", "trellis-broker", std::move(arguments));
}

/// Starts the worker of a line of the server file, unless it runs already or belongs to another machine.
Result<void> ClusterProcesses::start_worker(const std::string& address) {
  const Endpoint endpoint = *read_endpoint(address);
  if (!is_of_this_machine(endpoint.host)) {
    if (!joined_) tell_about_remote(address);
    return {};
  }
  switch (probe(endpoint)) {
    case Listener::kZeroMq:
      by_hand_.push_back(address);
      log_begins_.erase(address);
      return {};
    case Listener::kOther: return failure(address + " is in use by a program that is no trellis-worker");
    case Listener::kNobody: break;
  }
  std::vector<std::string> arguments = {"-a",     endpoint.host,
                                        "-p",     std::to_string(endpoint.port),
                                        "-b",     near_end(running_.backend).text(),
                                        "--data", folder_.worker_folder(address)};
  if (joins(address)) arguments.emplace_back("--join");
  const auto at = std::find(shape_.workers.begin(), shape_.workers.end(), address);
  add_metrics(arguments, 1 + static_cast<std::size_t>(at - shape_.workers.begin()));
  add_keys(arguments);
  return start_process_named(address, "trellis-worker", std::move(arguments));
}

void ClusterProcesses::add_keys(std::vector<std::string>& arguments) const {
  if (keys_) arguments.insert(arguments.end(), {"--cluster-key", keys_->cluster_file});
  if (options_.insecure) arguments.emplace_back("--insecure");
}

/// The broker serves metrics at the port that was asked for, and the workers at those that follow.
void ClusterProcesses::add_metrics(std::vector<std::string>& arguments, std::size_t number) const {
  if (running_.metrics.empty()) return;
  Endpoint endpoint = *read_endpoint(running_.metrics);
  endpoint.port = static_cast<std::uint16_t>(endpoint.port + number);
  arguments.insert(arguments.end(), {"--metrics", endpoint.text()});
}

/// The cluster does without a gateway where it cannot be started, or where its port is taken and nobody chose it.
Result<void> ClusterProcesses::start_gateway() {
  if (probe(*read_endpoint(running_.listen)) != Listener::kNobody) {
    const std::string taken = running_.listen + " is in use by a program that this `up` did not start";
    if (options_.listen_chosen) return failure(taken + "; stop it, or choose another port with --listen");
    if (!joined_) tell("no HTTP gateway: " + taken + "; --listen chooses another port");
    return {};
  }
  std::vector<std::string> arguments = {"--listen", running_.listen, "-b", near_end(running_.frontend).text()};
  if (keys_) {
    arguments.insert(arguments.end(), {"-u", keys_->gateway_file, "--tokens"});
  } else if (!names_a_cluster_key()) {
    arguments.insert(arguments.end(), {"-u", std::string(kNoUser)});  // Whatever key its caller has.
  }
  if (options_.insecure) arguments.emplace_back("--insecure");
  auto started = start_process_named(std::string(kGatewayName), "trellis-gateway", std::move(arguments));
  if (!started && !stop_.requested()) {
    tell("WARNING: no HTTP gateway: " + started.error().message + "; the cluster goes on without it");
    return {};
  }
  return started;
}

/// For people, where it is started in a cluster that runs already.
std::string ClusterProcesses::why_it_was_missing(const std::string& name) const {
  const bool has_run = std::any_of(running_.processes.begin(), running_.processes.end(),
                                   [&name](const RunningProcess& process) { return process.name == name; });
  if (has_run) return ", which had ended";
  return joins(name) ? ", which is new and joins the cluster" : ", which did not run";
}

bool ClusterProcesses::joins(const std::string& worker) const {
  return std::find(shape_.joining.begin(), shape_.joining.end(), worker) != shape_.joining.end();
}

/// What is started in a cluster of another `up` is to outlive this one.
Result<void> ClusterProcesses::start_process_named(const std::string& name, const std::string& program,
                                                   std::vector<std::string> arguments) {
  if (stop_.requested()) return failure("stopped");
  std::error_code no_log;
  const auto log_size = std::filesystem::file_size(folder_.log_file(name), no_log);
  const ProcessSpec spec{own_folder() + "/" + program, std::move(arguments), folder_.log_file(name),
                         running_.detached || joined_};
  auto identity = start_process(spec);
  if (!identity) return failure(identity.error().message);
  if (joined_) tell("started " + describe_process(name) + why_it_was_missing(name));
  log_begins_[name] = no_log ? 0 : log_size;
  std::erase_if(running_.processes, [&name](const RunningProcess& process) { return process.name == name; });
  running_.processes.push_back({name, *identity});
  return folder_.keep(running_);
}

void ClusterProcesses::tell_about_remote(const std::string& address) const {
  const Endpoint worker = *read_endpoint(address);
  const Endpoint backend = *read_endpoint(running_.backend);
  tell("waiting for " + address + ", which is another machine's; start it there: trellis-worker -a " + worker.host +
       " -p " + std::to_string(worker.port) + " -b " + backend.text() +
       (keys_ ? " --cluster-key FILE, a copy of " + keys_->cluster_file : ""));
  if (is_of_this_machine(backend.host) && backend.host.starts_with("127.")) {
    tell("it cannot reach a backend at " + backend.text() + ": give this machine's address with --backend");
  }
}

bool ClusterProcesses::is_alive(const std::string& name) const {
  return std::any_of(running_.processes.begin(), running_.processes.end(), [&name](const RunningProcess& process) {
    return process.name == name && is_running(process.identity);
  });
}

std::vector<std::string> ClusterProcesses::ended() const {
  std::vector<std::string> names;
  for (const auto& [name, begin] : log_begins_) {
    if (!is_alive(name)) names.push_back(name);
  }
  return names;
}

bool ClusterProcesses::gave_way(const std::string& name) {
  if (name == "broker" || name == kGatewayName || !last_words(name).starts_with(kPortTaken)) return false;
  if (probe(*read_endpoint(name)) != Listener::kZeroMq) return false;
  by_hand_.push_back(name);
  log_begins_.erase(name);
  return true;
}

bool ClusterProcesses::was_removed(const std::string& name) {
  const auto begin = log_begins_.find(name);
  if (begin == log_begins_.end() || name == "broker" || name == kGatewayName) return false;
  if (!folder_.was_removed(name)) return false;
  tell(describe_process(name) + " was removed from the cluster, and has ended");
  log_begins_.erase(name);
  shape_.drop(name);
  if (auto kept = folder_.keep(shape_); !kept) tell("WARNING: " + kept.error().message);
  return true;
}

std::vector<std::string> ClusterProcesses::started_workers() const {
  std::vector<std::string> workers;
  for (const std::string& address : shape_.workers) {
    if (log_begins_.contains(address)) workers.push_back(address);
  }
  return workers;
}

Result<void> ClusterProcesses::start_again(const std::string& name) {
  auto lock = folder_.lock([] {});
  if (!lock) return lock.error();
  const auto now = folder_.running();
  if (!now) {
    log_begins_.clear();
    return failure("the cluster was stopped by `trellis down`; nothing of it is started again");
  }
  running_.processes = now->processes;
  return start_named(name);
}

std::vector<std::string> ClusterProcesses::read_log(const std::string& name, std::uint64_t& position) const {
  std::ifstream file(folder_.log_file(name));
  if (!file.seekg(static_cast<std::streamoff>(position))) return {};
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line) && !file.eof(); lines.push_back(std::move(line))) {
    position += line.size() + 1;
  }
  return lines;
}

/// A program that gives up says why in a line that begins with its name (report_failure).
std::string ClusterProcesses::last_words(const std::string& name) const {
  const auto begin = log_begins_.find(name);
  if (begin == log_begins_.end()) return "";
  std::string words;
  std::uint64_t position = begin->second;
  for (const std::string& line : read_log(name, position)) {
    if (line.starts_with("trellis-")) words = line.substr(std::min(line.find(": ") + 2, line.size()));
  }
  return words;
}

bool ClusterProcesses::was_refused(const std::string& name) const { return last_words(name).starts_with(kRefused); }

std::string ClusterProcesses::describe_end(const std::string& name) const {
  const std::string words = last_words(name);
  return describe_process(name) + " has ended" +
         (words.empty() ? "; its log is " + folder_.log_file(name) : ": " + words);
}

/// The broker knows of all workers, also of those that were started by hand.  Its line is
/// ... refused worker ID at ADDRESS: reason
std::vector<ClusterProcesses::Refusal> ClusterProcesses::new_refusals() {
  std::vector<Refusal> refusals;
  for (const std::string& line : read_log("broker", broker_log_read_)) {
    const std::size_t refused = line.find("refused worker ");
    const std::size_t at = refused == std::string::npos ? refused : line.find(" at ", refused);
    const std::size_t colon = at == std::string::npos ? at : line.find(": ", at);
    if (colon == std::string::npos) continue;
    Refusal refusal{line.substr(at + 4, colon - at - 4), line.substr(colon + 2)};
    if (refused_.insert(refusal.address).second) refusals.push_back(std::move(refusal));
  }
  return refusals;
}

void ClusterProcesses::stop_what_is_ours() {
  if (joined_ || keep_running_ || running_.processes.empty()) return;
  auto lock = folder_.lock([] {});
  if (const auto now = folder_.running()) running_.processes = now->processes;
  std::vector<ProcessIdentity> processes;
  for (const RunningProcess& process : running_.processes) processes.push_back(process.identity);
  stop_processes(processes, kStopGrace);
  folder_.forget_running();
}

}  // namespace trellis

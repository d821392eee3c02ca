#include "cli/local/cluster_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "protocol/endpoint.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kFormat = 1;
/// What stands in the log of a worker that was removed, and is followed by no more than that it ends.
constexpr std::string_view kRemoved = "this worker was removed from cluster ";
constexpr std::streamoff kLastWordsSize = 600;
constexpr const char* kShapeFile = "cluster.json";
constexpr const char* kRunningFile = "running.json";
const std::vector<std::string> kWorkersDefault = {"127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003"};

Error failure(std::string message) { return {Code::kInternal, std::move(message)}; }
Error differs(std::string message) { return {Code::kFailedPrecondition, std::move(message)}; }

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : " ") + text;
  return all;
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// `before`, and as many more on this machine as it takes, on the ports that follow.
Result<std::vector<std::string>> with_count(std::vector<std::string> before, std::size_t count) {
  if (before.size() > count) {
    return differs(std::to_string(before.size()) + " workers are there, and --workers is " + std::to_string(count) +
                   "; `trellis member remove ADDRESS` takes one away");
  }
  Endpoint next = before.empty() ? Endpoint{"127.0.0.1", 9000} : *read_endpoint(before.back());
  while (before.size() < count) {
    if (next.port == UINT16_MAX) return invalid_argument("--workers: there are no ports left behind " + next.text());
    ++next.port;
    if (!contains(before, next.text())) before.push_back(next.text());
  }
  return before;
}

bool is_power_of_two(std::uint32_t number) { return number != 0 && (number & (number - 1)) == 0; }

json to_json(const ProcessIdentity& identity) {
  return {{"pid", identity.pid}, {"started", identity.started}, {"boot", identity.boot}};
}

ProcessIdentity read_identity(const json& object) {
  return {object.at("pid").get<pid_t>(), object.at("started").get<std::uint64_t>(),
          object.at("boot").get<std::string>()};
}

Result<void> check_shape(const ClusterShape& shape, const std::string& source) {
  const std::string lists = source + " lists " + std::to_string(shape.workers.size());
  if (shape.k < 1) return invalid_argument("-k must be at least 1");
  if (shape.k > shape.workers.size()) {
    return invalid_argument("-k " + std::to_string(shape.k) + " needs at least as many workers, and " + lists);
  }
  if (!is_power_of_two(shape.partitions) || shape.partitions > kPartitionsMax) {
    return invalid_argument("--partitions must be a power of two from 1 to " + std::to_string(kPartitionsMax) +
                            ", not " + std::to_string(shape.partitions));
  }
  return {};
}

}  // namespace

Result<ClusterShape> decide_shape(const WantedShape& wanted, const std::optional<ClusterShape>& held,
                                  const std::string& folder) {
  const ClusterShape before = held.value_or(ClusterShape{kWorkersDefault, 2, kPartitionsDefault, {}});
  ClusterShape shape = before;
  if (wanted.workers) shape.workers = *wanted.workers;
  if (wanted.k) shape.k = *wanted.k;
  if (wanted.partitions) shape.partitions = *wanted.partitions;
  const std::string hint = "; use its own, or another folder with --data";
  if (wanted.worker_count) {
    auto counted =
        with_count(held || wanted.workers ? shape.workers : std::vector<std::string>(), *wanted.worker_count);
    if (!counted) return counted.error();
    shape.workers = std::move(*counted);
  }
  const bool keeps_all = std::all_of(before.workers.begin(), before.workers.end(),
                                     [&shape](const std::string& each) { return contains(shape.workers, each); });
  if (held && !keeps_all) {
    return differs(folder + " holds a cluster of the workers " + joined(before.workers) + ", and " +
                   wanted.workers_source + " lists " + joined(shape.workers) +
                   "; `trellis member remove ADDRESS` takes a worker away" + hint);
  }
  if (held && shape.k != before.k) {
    return differs(folder + " holds a cluster with k=" + std::to_string(before.k) + ", and -k is " +
                   std::to_string(shape.k) + hint);
  }
  if (held && shape.partitions != before.partitions) {
    return differs(folder + " holds a cluster of " + std::to_string(before.partitions) +
                   " partitions, and --partitions is " + std::to_string(shape.partitions) + hint);
  }
  const std::string source = wanted.workers ? wanted.workers_source : held ? folder : "the default";
  if (auto good = check_shape(shape, source); !good) return good.error();
  return shape;
}

Result<ClusterFolder> ClusterFolder::open(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return failure("cannot make the folder " + path + ": " + error.message());
  if (access(path.c_str(), W_OK | X_OK) != 0) {
    return failure("cannot write to the folder " + path + ": " + std::strerror(errno));
  }
  return open_existing(path);
}

Result<ClusterFolder> ClusterFolder::open_existing(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return failure(path + " is no folder; `trellis up --data` makes one");
  const std::string absolute = fs::absolute(path).lexically_normal().string();
  const bool ours = fs::exists(path + "/" + kShapeFile) || fs::exists(path + "/lock");
  if (!ours && !fs::is_empty(path, error)) {
    return failure(path + " holds other files than a cluster of `trellis up`; choose another folder with --data");
  }
  return ClusterFolder(absolute);
}

std::string ClusterFolder::worker_folder(const std::string& address) const {
  std::string name = address;
  std::replace(name.begin(), name.end(), ':', '-');
  return path_ + "/worker-" + name;
}

std::string ClusterFolder::log_file(const std::string& process) const {
  const bool is_worker = process != "broker" && process != kGatewayName;
  return (is_worker ? worker_folder(process) : path_ + "/" + process) + ".log";
}

bool ClusterFolder::was_removed(const std::string& address) const {
  std::ifstream file(log_file(address), std::ios::ate);
  if (!file) return false;
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - kLastWordsSize));
  std::stringstream last;
  last << file.rdbuf();
  return last.str().find(kRemoved) != std::string::npos;
}

Result<std::optional<ClusterShape>> ClusterFolder::shape() const {
  const std::string path = path_ + "/" + kShapeFile;
  const auto text = read_file(path);
  if (!text) return std::optional<ClusterShape>();
  try {
    const json object = json::parse(*text);
    if (object.at("format") != kFormat) return failure(path + " is of another version of trellis");
    ClusterShape shape;
    object.at("workers").get_to(shape.workers);
    object.at("k").get_to(shape.k);
    object.at("partitions").get_to(shape.partitions);
    if (const auto joining = object.find("joining"); joining != object.end()) joining->get_to(shape.joining);
    const json& loaded = object.at("loaded");
    if (loaded.is_string()) {  // An earlier version kept the last one alone.
      shape.loaded.push_back({loaded.get<std::string>(), object.value("loaded_cluster", "")});
    } else if (!loaded.is_null()) {
      for (const json& each : loaded) {
        shape.loaded.push_back({each.at("file").get<std::string>(), each.at("cluster").get<std::string>()});
      }
    }
    if (auto good = check_shape(shape, path); !good) return failure(path + ": " + good.error().message);
    return std::optional(std::move(shape));
  } catch (const json::exception&) {
    return failure(path + " is broken: it is not what `trellis up` wrote; restore it, or use another folder");
  }
}

Result<void> ClusterFolder::keep(const ClusterShape& shape) const {
  json object = {{"format", kFormat}, {"workers", shape.workers}, {"k", shape.k}, {"partitions", shape.partitions}};
  if (!shape.joining.empty()) object["joining"] = shape.joining;
  object["loaded"] = json::array();
  for (const LoadedFile& each : shape.loaded) {
    object["loaded"].push_back({{"file", each.file}, {"cluster", each.cluster}});
  }
  return write_file(kShapeFile, object.dump(2, ' ', false, json::error_handler_t::replace));
}

std::optional<RunningCluster> ClusterFolder::running() const {
  const auto text = read_file(path_ + "/" + kRunningFile);
  if (!text) return std::nullopt;
  try {
    const json object = json::parse(*text);
    if (object.at("format") != kFormat) return std::nullopt;
    RunningCluster running;
    object.at("detached").get_to(running.detached);
    running.owner = read_identity(object.at("owner"));
    object.at("frontend").get_to(running.frontend);
    object.at("backend").get_to(running.backend);
    running.listen = object.value("listen", "");
    running.metrics = object.value("metrics", "");
    for (const json& process : object.at("processes")) {
      running.processes.push_back({process.at("name").get<std::string>(), read_identity(process)});
    }
    return running;
  } catch (const json::exception&) {
    return std::nullopt;  // Nothing that could be ended by it safely.
  }
}

Result<void> ClusterFolder::keep(const RunningCluster& running) const {
  json processes = json::array();
  for (const RunningProcess& process : running.processes) {
    json entry = to_json(process.identity);
    entry["name"] = process.name;
    processes.push_back(std::move(entry));
  }
  const json object = {{"format", kFormat},
                       {"detached", running.detached},
                       {"owner", to_json(running.owner)},
                       {"frontend", running.frontend},
                       {"backend", running.backend},
                       {"listen", running.listen},
                       {"metrics", running.metrics},
                       {"processes", std::move(processes)}};
  return write_file(kRunningFile, object.dump(2));
}

void ClusterFolder::forget_running() const { unlink((path_ + "/" + kRunningFile).c_str()); }

ClusterFolder::Lock::~Lock() {
  if (fd_ >= 0) close(fd_);
}

Result<ClusterFolder::Lock> ClusterFolder::lock(void (*on_wait)()) const {
  const std::string path = path_ + "/lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return failure("cannot write " + path + ": " + std::strerror(errno));
  Lock lock(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
  on_wait();
  if (flock(fd, LOCK_EX) != 0) return failure("cannot lock " + path + ": " + std::strerror(errno));
  return lock;
}

/// Written beside, synced and renamed.
Result<void> ClusterFolder::write_file(const std::string& name, const std::string& text) const {
  const std::string path = path_ + "/" + name;
  const std::string beside = path + ".new";
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const std::string line = text + "\n";
  bool good = fd >= 0 && write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && fsync(fd) == 0;
  const int reason = errno;
  if (fd >= 0) close(fd);
  if (good) good = rename(beside.c_str(), path.c_str()) == 0;
  if (!good) return failure("cannot write " + path + ": " + std::strerror(reason));
  return {};
}

}  // namespace trellis

#include "worker/server.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>

#include "program/log.hpp"
#include "program/process.hpp"
#include "program/reconnect.hpp"
#include "program/resources.hpp"
#include "program/service_manager.hpp"
#include "program/zmq_frames.hpp"
#include "worker/folder_label.hpp"
#include "worker/heal.hpp"
#include "worker/membership_records.hpp"
#include "worker/raft/log_records.hpp"
#include "worker/timing.hpp"

namespace trellis {
namespace {

/// One turn takes at most so many messages from one socket, so that no partner starves the others.
constexpr int kMessagesPerTurn = 1000;
/// A message between processes of the cluster is never larger; a forged length is not believed.
constexpr std::int64_t kMessageSizeMax = 256 << 20;
/// Whether files of the log were deleted is looked at so often, and told at the second look.
constexpr std::chrono::seconds kFilesLookedAtEvery{10};
/// Whether a connection was refused is looked at so often.
constexpr std::chrono::milliseconds kLinksLookedAtEvery{100};
/// Peers, and what they leave behind while they reconnect.
constexpr std::size_t kPeerConnectionsMax = 4 * kWorkersMax;
/// SIGTERM: how long handing over may take.
constexpr std::chrono::milliseconds kLeaveWithin{1'500};

void set_common(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::maxmsgsize, kMessageSizeMax);
  socket.set(zmq::sockopt::heartbeat_ivl, 1'000);
  socket.set(zmq::sockopt::heartbeat_timeout, 3'000);
  set_reconnecting(socket);
}

Error io_error(const std::string& what, const std::string& why, const std::string& remedy) {
  return {Code::kInternal, what + ": " + why + "; " + remedy};
}

}  // namespace

Result<std::unique_ptr<WorkerServer>> WorkerServer::open(const WorkerSettings& settings) {
  std::unique_ptr<WorkerServer> server(new WorkerServer());
  server->key_ = settings.key;
  if (auto bound = server->bind(settings.address, settings.files); !bound) return bound.error();
  if (settings.metrics) {
    auto metrics = MetricsServer::listen(*settings.metrics);
    if (!metrics) return metrics.error();
    server->metrics_ = std::move(*metrics);
  }
  const auto is_anew = settings.heals ? heal(settings.data) : Result<bool>(false);
  if (!is_anew) return is_anew.error();
  if (auto opened = server->open_folder(settings.data, settings.log); !opened) return opened.error();
  ShardSettings shard_settings;
  shard_settings.address = settings.address.text();
  shard_settings.brokers = settings.brokers.size();
  shard_settings.joins = settings.joins || *is_anew;
  shard_settings.zone = settings.zone;
  shard_settings.slow = settings.slow;
  shard_settings.first_access = first_access_records(settings.key);
  shard_settings.replica.timing = timing_of(settings.election_timeout);
  server->background_ = std::make_unique<BackgroundThread>();
  log_info("worker at " + settings.address.text() + ", reading its data in " + settings.data);
  auto shard = Shard::open(std::move(shard_settings), *server->log_, *server->snapshots_, *server->background_, *server,
                           random_bits, monotonic_now());
  if (!shard) return Error{shard.error().code, settings.data + ": " + shard.error().message};
  server->shard_ = std::move(*shard);
  set_log_worker(server->shard_->membership().self());
  for (const Endpoint& broker : settings.brokers) server->brokers_.push_back(server->connect(broker.zmq()));
  return server;
}

/// Whether it is to ask for the place that it had, as one whose folder was set aside, now or before.
Result<bool> WorkerServer::heal(const std::string& folder) {
  const auto healing = set_damage_aside(folder);
  if (!healing) return healing.error();
  if (*healing) {
    for (const std::string& fault : (*healing)->faults) log_warning(folder + ": " + fault);
    log_warning("the damaged files are in " + (*healing)->aside +
                " now; this worker starts with an empty folder, and asks for the place that it had");
  }
  return was_damaged(folder);
}

Result<void> WorkerServer::bind(const Endpoint& address, std::size_t files) {
  peers_in_ = zmq::socket_t(context_, zmq::socket_type::router);
  set_common(peers_in_);
  if (key_) {
    gate_.emplace(context_, *key_);
    gate_->admit_members(peers_in_, "the peers' port");
  }
  const std::size_t connections_max = std::min(kPeerConnectionsMax, files_for_clients(files));
  peers_watch_.emplace(context_, peers_in_, "the peers' port",
                       ConnectionLimits{connections_max, connections_max, 2 * kMessageSizeMax});
  try {
    peers_in_.bind(address.zmq());
  } catch (const zmq::error_t& error) {
    const std::string remedy = error.num() == EADDRINUSE ? "is another worker running there? choose another -p"
                                                         : "-a must be an address of this machine";
    return io_error("cannot listen on " + address.text(), error.what(), remedy);
  }
  return {};
}

Result<void> WorkerServer::open_folder(const std::string& folder, const DiskLogSettings& log_settings) {
  folder_ = folder;
  namespace fs = std::filesystem;
  std::error_code problem;
  fs::create_directories(folder, problem);
  if (problem) return io_error("cannot make the data folder " + folder, problem.message(), "choose another --data");
  const bool is_ours = fs::exists(folder + "/log", problem);
  const auto label = folder_label(folder);
  if (label && !is_ours) return log_is_gone(folder, *label);
  const auto is_others = [](const fs::directory_entry& entry) {
    return !is_set_aside(entry.path().filename().string());
  };
  fs::directory_iterator entries(folder, problem);
  if (!problem && !is_ours && std::any_of(fs::begin(entries), fs::end(entries), is_others)) {
    return io_error("the data folder " + folder, "it holds something else than a worker's data",
                    "choose another --data");
  }
  if (problem) return io_error("cannot read the data folder " + folder, problem.message(), "choose another --data");
  if (auto opened = open_log(folder + "/log", log_settings); !opened) return opened;
  if (const auto identity = log_->get(records::kIdentityName); label && identity && !*identity) {
    return log_is_gone(folder, *label);
  }
  auto snapshots = FileSnapshotStore::open_folder(folder + "/snapshots");
  if (!snapshots) return snapshots.error();
  snapshots_ = std::move(*snapshots);
  return {};
}

Result<void> WorkerServer::open_log(const std::string& folder, const DiskLogSettings& settings) {
  auto disk = FileDisk::open_folder(folder);
  if (!disk) return disk.error();
  log_disk_ = std::move(*disk);
  log_writer_ = std::make_unique<ThreadedLogWriter>();
  log_background_ = std::make_unique<BackgroundThread>();
  auto log = DiskLog::open(*log_disk_, *log_writer_, *log_background_, random_bits, settings);
  if (!log) return Error{log.error().code, "the log in " + folder + ": " + log.error().message};
  log_ = std::move(*log);
  if (log_->torn()) log_warning(*log_->torn());
  deleted_.emplace(folder);
  return {};
}

WorkerServer::Link WorkerServer::connect(const std::string& endpoint) {
  Link link{zmq::socket_t(context_, zmq::socket_type::dealer), std::nullopt};
  set_common(link.socket);
  // What is said to a dead partner must not reach its next incarnation.
  link.socket.set(zmq::sockopt::immediate, true);
  if (key_) {
    show_key(link.socket, *key_);
    link.refused.emplace(context_, link.socket, endpoint);
  }
  link.socket.connect(endpoint);
  return link;
}

void WorkerServer::look_at_links(TimePoint now) {
  if (!key_ || now - links_looked_at_ < kLinksLookedAtEvery) return;
  links_looked_at_ = now;
  for (Link& broker : brokers_) broker.refused->tick(broker.socket, now);
  for (auto& [id, peer] : peers_out_) peer.refused->tick(peer.socket, now);
}

void WorkerServer::watch(const StopSignal& stop) {
  for (Link& broker : brokers_) poller_.add(broker.socket);
  poller_.guard(poller_.add(peers_in_), Intake::kFramesMax, *peers_watch_);
  if (gate_) poller_.add(gate_->questions());
  poller_.add(log_writer_->completion_fd());
  poller_.add(log_background_->fd());
  poller_.add(background_->fd());
  poller_.add(stop.fd());
}

Result<void> WorkerServer::run(const StopSignal& stop) {
  watch(stop);
  ServiceManager manager;
  std::optional<TimePoint> leave_by;
  if (shard_->removed()) log_info(*shard_->removed());
  while (!shard_->removed()) {
    const auto wait = shard_->next_turn() - monotonic_now();
    poller_.wait(std::chrono::ceil<std::chrono::milliseconds>(std::max(wait, Duration::zero())));
    turn();
    manager.on_turn(monotonic_now());
    if (shard_->wants_restart()) return {};
    if (shard_->failure()) return Error{Code::kInternal, *shard_->failure()};
    if (auto looked = look_at_files(monotonic_now()); !looked) return looked;
    if (stop.requested() && !leave_by) {
      poller_.remove(stop.fd());
      leave_by = monotonic_now() + kLeaveWithin;
      shard_->begin_leaving();
      manager.on_stopping();
    }
    if (leave_by && (shard_->has_left() || monotonic_now() >= *leave_by)) return {};
  }
  return {};
}

void WorkerServer::turn() {
  shard_->begin_turn(monotonic_now());
  for (BrokerIndex i = 0; i < brokers_.size(); ++i) {
    poller_.receive_all(i, kMessagesPerTurn, [this, i](Frames& frames) { shard_->on_broker_message(i, frames); });
  }
  poller_.receive_all(brokers_.size(), kMessagesPerTurn, [this](Frames& frames) {
    frames.erase(frames.begin());  // The routing id: peers say who they are themselves.
    shard_->on_peer_message(frames);
  });
  shard_->end_turn();
  const TimePoint now = monotonic_now();
  if (gate_) {
    poller_.receive_all(brokers_.size() + 1, kMessagesPerTurn,
                        [this, now](Frames& question) { gate_->on_question(question, now); });
  }
  look_at_links(now);
  peers_watch_->tick(now);
  shard_->report_slow(now);
  if (metrics_ && metrics_->is_due(now)) publish_metrics(now);
}

void WorkerServer::publish_metrics(TimePoint now) {
  const auto disk = disk_trend_.is_due(now) ? disk_bytes(folder_) : std::nullopt;
  if (disk) {
    const LogRoom room = shard_->room();
    disk_trend_.on_look(now, {disk->free, room.bytes, room.bound, snapshots_->unfinished_bytes()});
  }
  MetricsText folder;
  folder.disk("worker", folder_);
  folder.gauge("trellis_worker_damages_kept",
               "Folders with damaged files that --heal has set aside and that are there yet.",
               static_cast<double>(damages_kept(folder_)));
  const auto full_in = disk_trend_.full_in();
  folder.gauge("trellis_worker_disk_full_in_seconds", "When it is full at the pace of late; +Inf: it does not fill.",
               full_in ? full_in->count() : std::numeric_limits<double>::infinity());
  metrics_->publish(
      now, metrics_of(shard_->counts(), *shard_) + metrics_of("worker", {{"peers", &*peers_watch_}}) + folder.text());
}

Result<void> WorkerServer::look_at_files(TimePoint now) {
  if (now - files_looked_at_ < kFilesLookedAtEvery) return {};
  files_looked_at_ = now;
  const auto file = deleted_->look();
  if (!file) return {};
  return Error{
      Code::kInternal,
      *file +
          " was deleted under this worker, which stops: what it acknowledges would not be there at its next "
          "start. Put the folder back as it was last, if that can be done; the other replicas hold this worker's data "
          "and serve on without it"};
}

void WorkerServer::to_broker(BrokerIndex broker, Frames message) {
  // Lost where the broker is gone: it learns all it needs from the next heartbeat, and sends again what was under way.
  static_cast<void>(send(brokers_[broker].socket, message));
  poller_.look_at(broker);
}

void WorkerServer::to_peer(WorkerId peer, const std::string& address, Frames message) {
  auto at = peers_out_.find(peer);
  if (at == peers_out_.end()) at = peers_out_.emplace(peer, connect("tcp://" + address)).first;
  static_cast<void>(send(at->second.socket, message));  // Raft sends again what is lost.
}

void WorkerServer::report(LogLevel level, std::string event, std::optional<PartitionId> partition) {
  log(level, event, {std::nullopt, partition});
}

void WorkerServer::on_cluster(const ClusterId& cluster) {
  set_log_cluster(cluster);
  const auto stored = log_->get(records::kIdentityName);
  if (!stored || !*stored) return;
  const auto identity = records::read_number(**stored);
  if (!identity) return;
  // Without it a lost log is taken for an empty folder, which its brokers refuse all the same.
  if (auto put = put_folder_label(folder_, WorkerId{*identity}, cluster); !put) log_warning(put.error().message);
}

}  // namespace trellis

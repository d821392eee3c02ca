#include "gateway/server.hpp"

#include <thread>

#include "gateway/certificates.hpp"
#include "gateway/cluster_side.hpp"
#include "gateway/http_side.hpp"
#include "program/hangup.hpp"
#include "program/log.hpp"
#include "program/process.hpp"
#include "program/service_manager.hpp"
#include "program/slow_log.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kTurn{200};
constexpr milliseconds kLastTurn{20};
constexpr seconds kDrainTime{10};
constexpr seconds kFarewellTime{1};

class Server : public GatewayServer {
 public:
  Server(const GatewayOptions& options, std::unique_ptr<Certificates> certificates)
      : certificates_(std::move(certificates)),
        http_({options.listen, options.hosts, options.connections_max, options.request_time, options.bodies_max,
               options.asks_for_tokens, certificates_ != nullptr},
              SlowLog(options.slow)),
        cluster_(options.brokers, options.user, HttpSide::hooks(), [this] { return http_.own_counts(); }) {}
  ~Server() override { http_.stop(); }

  Result<void> start() { return http_.start(cluster_); }
  void run(const StopSignal& stop) override;

 private:
  void drain();
  void reload();

  std::unique_ptr<Certificates> certificates_;  ///< Null: HTTP is not encrypted.
  HttpSide http_;
  ClusterSide cluster_;
};

void Server::run(const StopSignal& stop) {
  ServiceManager manager;
  TimePoint looked = monotonic_now();
  while (!stop.requested()) {
    cluster_.run_turn(kTurn);
    const TimePoint now = monotonic_now();
    manager.on_turn(now);
    if (certificates_ != nullptr && take_hang_up()) reload();
    if (now - looked < seconds(1)) continue;
    looked = now;
    http_.close_the_slow(now);
  }
  manager.on_stopping();
  drain();
}

void Server::reload() {
  if (const auto loaded = certificates_->reload(); !loaded) {
    return log_warning("the certificate stays as it was: " + loaded.error().message);
  }
  log_info("the certificate was read anew");
}

/// Takes no more connections and gives those under way some time to come to their end; what still waits then is sent
/// away.
void Server::drain() {
  http_.close_listener();
  const TimePoint end = monotonic_now() + kDrainTime;
  while (http_.busy() > 0 && monotonic_now() < end) cluster_.run_turn(kLastTurn);
  cluster_.close();
  // Its calls may still be answered, for exchanges that are gone: it is not run any more.
  const TimePoint sent = monotonic_now() + kFarewellTime;
  while (http_.busy() > 0 && monotonic_now() < sent) std::this_thread::sleep_for(kLastTurn);
  http_.stop();
}

}  // namespace

Result<std::unique_ptr<GatewayServer>> GatewayServer::listen(const GatewayOptions& options) {
  std::unique_ptr<Certificates> certificates;
  if (!options.tls_certificate.empty()) {
    auto loaded = Certificates::load(options.tls_certificate, options.tls_key);
    if (!loaded) return loaded.error();
    certificates = std::move(*loaded);
    note_hang_ups();
  }
  auto server = std::make_unique<Server>(options, std::move(certificates));
  if (auto started = server->start(); !started) return started.error();
  return std::unique_ptr<GatewayServer>(std::move(server));
}

}  // namespace trellis

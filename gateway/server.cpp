#include "gateway/server.hpp"

#include <thread>

#include "gateway/cluster_side.hpp"
#include "gateway/http_side.hpp"
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
  explicit Server(const GatewayOptions& options)
      : http_({options.listen, options.hosts, options.connections_max, options.request_time, options.bodies_max},
              SlowLog(options.slow)),
        cluster_(options.brokers, HttpSide::hooks(), [this] { return http_.own_counts(); }) {}
  ~Server() override { http_.stop(); }

  Result<void> start() { return http_.start(cluster_); }
  void run(const StopSignal& stop) override;

 private:
  void drain();

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
    if (now - looked < seconds(1)) continue;
    looked = now;
    http_.close_the_slow(now);
  }
  manager.on_stopping();
  drain();
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
  auto server = std::make_unique<Server>(options);
  if (auto started = server->start(); !started) return started.error();
  return std::unique_ptr<GatewayServer>(std::move(server));
}

}  // namespace trellis

// bench-hellos [WORKERS] [PARTITIONS] [SECONDS]: what a broker pays for the hellos of its workers (256 and 1024, k=2).
//
// A broker's core takes the bytes that so many workers would send it in SECONDS (10) of simulated time, every
// kHeartbeatInterval one hello each, with the groups that they lead, their voters and how far their followers are
// behind.  Only the broker's own processor time counts: what a hello takes on its way is the kernel's and ZeroMQ's.
#include <time.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "broker/broker.hpp"
#include "protocol/cluster/cluster_messages.hpp"

namespace trellis {
namespace {

using std::chrono::seconds;

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

Frames frames_of(BundleWriter& bundle) { return bundle.take(); }

/// Workers that say hello, and answer what a broker asks of one that has just come.
class Workers final : public BrokerOutput {
 public:
  Workers(std::uint32_t workers, std::uint32_t partitions) {
    std::mt19937_64 random(1);  // Ids and nonces are random numbers.
    ClusterSpec spec;
    spec.k = 2;
    spec.partitions = partitions;
    for (std::uint32_t i = 0; i < workers; ++i) {
      spec.workers.emplace_back(WorkerId{random()},
                                "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ":7410");
    }
    map_ = make_cluster_map(std::string(32, 'a'), spec);
    map_.formed = true;
    for (const auto& [id, address] : spec.workers) hellos_.push_back(hello_of(id, address));
  }

  std::size_t count() const { return hellos_.size(); }
  /// The bytes of a worker's hello at this time.
  Frames hello(std::size_t worker, TimePoint now) {
    Hello& hello = hellos_[worker];
    hello.stamps.sent = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count());
    ++hello.keys;
    BundleWriter bundle;
    add(bundle, hello);
    return frames_of(bundle);
  }
  std::string address_of_backend(std::size_t worker) const { return "w" + std::to_string(worker); }
  /// What was asked, and is to be answered with the map.
  std::vector<std::size_t> take_asked() { return std::exchange(asked_, {}); }
  Frames map_offer() const {
    BundleWriter bundle;
    add_map_offer(bundle, map_);
    return frames_of(bundle);
  }
  std::uint64_t welcomes() const { return welcomes_; }
  std::uint64_t bytes_of_hello() const { return bytes_; }

  void to_client(const ClientAddress&, Frame) override {}
  bool to_worker(const BackendAddress& worker, Frames bundle) override {
    const auto number = static_cast<std::size_t>(std::stoul(worker.substr(1)));
    BundleReader reader(bundle);
    while (const auto item = reader.next()) {
      switch (static_cast<MessageType>(item->type)) {
        case MessageType::kWelcome: ++welcomes_; break;
        case MessageType::kMapWanted: asked_.push_back(number); break;
        case MessageType::kChallenge: hellos_[number].token = read_challenge(*item)->token; break;
        default: break;
      }
    }
    return true;
  }
  void log(LogLevel, std::string_view, const LogSubject&) override {}

 private:
  Hello hello_of(WorkerId id, const std::string& address) {
    Hello hello;
    hello.id = id;
    hello.nonce = {~id.value};
    hello.address = address;
    hello.cluster = map_.cluster;
    hello.map_epoch = map_.epoch;
    hello.map_version = map_.version;
    hello.formed = true;
    for (std::uint32_t i = 0; i < map_.partition_count(); ++i) {
      const Placement& placement = map_.partitions[i];
      if (placement.find(id) == nullptr) continue;
      ++hello.partitions;
      if (placement.preferred_leader != id) continue;
      hello.leads.push_back({{i}, {3}, {7}, placement.replicas});
      for (const ReplicaPlace& place : placement.replicas) {
        if (place.worker == id) continue;
        FollowerLag lag;
        lag.follower = place.worker;
        lag.entries = 3;
        hello.load.followers.push_back(lag);
      }
    }
    hello.load.resident_bytes = 1 << 30;
    BundleWriter bundle;
    add(bundle, hello);
    for (const Frame& frame : frames_of(bundle)) bytes_ += frame.size();
    return hello;
  }

  ClusterMap map_;
  std::vector<Hello> hellos_;
  std::vector<std::size_t> asked_;
  std::uint64_t welcomes_ = 0;
  std::uint64_t bytes_ = 0;
};

/// Has all say hello once.  Returns the processor time that the broker took.
double beat(Broker& broker, Workers& workers, TimePoint now) {
  std::vector<Frames> hellos;
  for (std::size_t i = 0; i < workers.count(); ++i) hellos.push_back(workers.hello(i, now));
  const double begun = processor_seconds();
  for (std::size_t i = 0; i < workers.count(); ++i) {
    broker.on_worker_message(workers.address_of_backend(i), hellos[i], now);
  }
  broker.on_tick(now);
  broker.flush(now);
  const double took = processor_seconds() - begun;
  for (const std::size_t worker : workers.take_asked()) {
    broker.on_worker_message(workers.address_of_backend(worker), workers.map_offer(), now);
  }
  return took;
}

int run(std::uint32_t worker_count, std::uint32_t partitions, int seconds_told) {
  Workers workers(worker_count, partitions);
  TimePoint now{seconds(1'000)};
  Broker broker(BrokerOptions{}, workers, std::mt19937_64(1), now);
  for (int i = 0; i < 50; ++i) beat(broker, workers, now += kHeartbeatInterval);
  const std::uint64_t welcomes = workers.welcomes();
  double took = 0;
  const int beats = seconds_told * 1000 / static_cast<int>(kHeartbeatInterval.count());
  for (int i = 0; i < beats; ++i) took += beat(broker, workers, now += kHeartbeatInterval);
  const std::uint64_t said = static_cast<std::uint64_t>(beats) * worker_count;
  if (workers.welcomes() - welcomes < said / 4) {  // Not each is answered.
    std::cerr << "bench-hellos: the broker does not take what these workers say\n";
    return 1;
  }
  std::cout << worker_count << " workers, " << partitions << " partitions: " << workers.bytes_of_hello() / worker_count
            << " bytes a hello, " << said / seconds_told << " a second, " << 1e6 * took / static_cast<double>(said)
            << " us each, " << 100 * took / seconds_told << " % of a core\n";
  return 0;
}

}  // namespace
}  // namespace trellis

int main(int argc, char** argv) {
  const auto number = [&](int i, int otherwise) { return argc > i ? std::atoi(argv[i]) : otherwise; };
  return trellis::run(static_cast<std::uint32_t>(number(1, 256)), static_cast<std::uint32_t>(number(2, 1024)),
                      number(3, 10));
}

#include "cli/bench/bench.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <zmq.hpp>

#include "cli/bench/key_load.hpp"
#include "cli/progress_line.hpp"
#include "program/show_key.hpp"
#include "protocol/check.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t kSlotsMax = 1'000'000;
/// Requests that a broker takes from one client.
constexpr std::size_t kUnderWayMax = 65'536;
constexpr std::size_t kConnectionsMax = 10'000;
constexpr std::size_t kThreadsMax = 64;
constexpr double kDurationMax = 1e6;  // Seconds.
/// Replies taken from one socket before the others are looked at.
constexpr int kRepliesPerTurn = 1'000;
constexpr milliseconds kTickEvery{100};
constexpr milliseconds kProgressEvery{200};
constexpr milliseconds kConnectWithin{5'000};

TimePoint clock_now() {
  return TimePoint(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

Duration to_duration(double seconds) { return std::chrono::duration_cast<Duration>(Seconds(seconds)); }

/// Becomes readable at a time that is set, to the microsecond; polls alone know milliseconds.
class Alarm {
 public:
  Alarm() : fd_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) { CHECK(fd_ >= 0); }
  ~Alarm() { close(fd_); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  int fd() const { return fd_; }
  /// Replaces the time that was set before.  One that has passed rings at once.
  void set(TimePoint time) {
    if (time == time_) return;
    time_ = time;
    const auto since = std::max<std::int64_t>(1, time.time_since_epoch().count());
    itimerspec when{};
    when.it_value.tv_sec = since / 1'000'000;
    when.it_value.tv_nsec = since % 1'000'000 * 1'000;
    CHECK(timerfd_settime(fd_, TFD_TIMER_ABSTIME, &when, nullptr) == 0);
  }

 private:
  int fd_;
  TimePoint time_{};
};

/// The connections of one thread and its generator.
class Lane final : private BenchOutput {
 public:
  /// @param endpoints  of this lane's connections, one each
  Lane(zmq::context_t& context, const std::vector<std::string>& endpoints, const std::optional<UserKey>& user,
       const BenchPlan& plan, KeySpace& keys)
      : generator_(plan, keys, *this), open_loop_(plan.rate > 0) {
    for (const std::string& endpoint : endpoints) {
      zmq::socket_t& socket = sockets_.emplace_back(context, zmq::socket_type::dealer);
      socket.set(zmq::sockopt::linger, 0);
      socket.set(zmq::sockopt::sndhwm, 0);
      socket.set(zmq::sockopt::rcvhwm, 0);
      if (user) show_key(socket, *user);
      socket.connect(endpoint);
    }
    for (zmq::socket_t& socket : sockets_) items_.push_back({socket.handle(), 0, ZMQ_POLLIN, 0});
    items_.push_back({nullptr, alarm_.fd(), ZMQ_POLLIN, 0});
  }

  /// Waits until every connection has answered a PING.
  Result<void> connect(TimePoint deadline);
  void run(const std::atomic<bool>& stop);
  const BenchGenerator& generator() const { return generator_; }

 private:
  bool send(std::size_t connection, std::string_view request) override {
    zmq::message_t message(request.data(), request.size());
    return sockets_[connection].send(message, zmq::send_flags::dontwait).has_value();
  }
  bool take_replies(zmq::socket_t& socket);
  void wait();

  std::vector<zmq::socket_t> sockets_;
  Alarm alarm_;
  std::vector<zmq::pollitem_t> items_;  ///< The sockets, then the alarm.
  zmq::message_t message_;
  BenchGenerator generator_;
  bool open_loop_;
};

Result<void> Lane::connect(TimePoint deadline) {
  for (zmq::socket_t& socket : sockets_) {
    const std::string ping = pack_request(0, Command::kPing, "\x90", {});
    socket.send(zmq::buffer(ping), zmq::send_flags::none);
  }
  for (zmq::socket_t& socket : sockets_) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - clock_now());
    socket.set(zmq::sockopt::rcvtimeo, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (!socket.recv(message_)) {
      return Error{Code::kUnavailable, "no answer from " + socket.get(zmq::sockopt::last_endpoint) +
                                           "; start a broker (`trellis up`), or name another with -b"};
    }
  }
  return {};
}

void Lane::run(const std::atomic<bool>& stop) {
  generator_.begin(clock_now());
  TimePoint tick = clock_now() + kTickEvery;
  while (!generator_.done()) {
    generator_.send_due(clock_now());
    bool any = false;
    if (sockets_.size() == 1) {
      any = take_replies(sockets_.front());
    } else {
      for (std::size_t i = 0; i < sockets_.size(); ++i) {
        if (items_[i].revents != 0 && take_replies(sockets_[i])) any = true;
      }
    }
    if (!any) wait();
    if (const TimePoint now = clock_now(); now >= tick) {
      generator_.on_tick(now);
      if (stop) generator_.stop();
      tick = now + kTickEvery;
    }
  }
}

bool Lane::take_replies(zmq::socket_t& socket) {
  int taken = 0;
  while (taken < kRepliesPerTurn && socket.recv(message_, zmq::recv_flags::dontwait)) {
    ++taken;
    generator_.on_reply(clock_now(), message_.to_string_view());
  }
  return taken > 0;
}

void Lane::wait() {
  if (open_loop_) {
    if (const auto due = generator_.next_due()) alarm_.set(*due);
  }
  const std::size_t watched = open_loop_ && generator_.next_due() ? items_.size() : sockets_.size();
  if (zmq_poll(items_.data(), static_cast<int>(watched), kTickEvery.count()) < 0) CHECK(zmq_errno() == EINTR);
}

/// All lanes of a run.
class Run {
 public:
  Run(const std::vector<std::string>& endpoints, const BenchOptions& options, const Workload& workload);

  Result<void> connect() {
    const TimePoint deadline = clock_now() + kConnectWithin;
    for (auto& lane : lanes_) {
      if (auto connected = lane->connect(deadline); !connected) return connected;
    }
    return {};
  }
  BenchFigures run(const StopSignal& stop);

 private:
  BenchPlan plan_of(std::size_t lane, std::size_t connections) const;
  void watch(const StopSignal& stop, const std::atomic<std::size_t>& running, std::atomic<bool>& stop_lanes) const;

  const BenchOptions& options_;
  const Workload& workload_;
  KeySpace keys_;
  zmq::context_t context_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

Run::Run(const std::vector<std::string>& endpoints, const BenchOptions& options, const Workload& workload)
    : options_(options), workload_(workload), keys_(options.keys), context_(static_cast<int>(options.threads)) {
  context_.set(zmq::ctxopt::max_sockets, static_cast<int>(options.connections) + 16);
  for (std::size_t i = 0; i < options.threads; ++i) {
    std::vector<std::string> of_lane;
    for (std::size_t c = i; c < options.connections; c += options.threads) {
      of_lane.push_back(endpoints[c % endpoints.size()]);
    }
    lanes_.push_back(std::make_unique<Lane>(context_, of_lane, options.user, plan_of(i, of_lane.size()), keys_));
  }
}

/// A lane's part of the whole: as large as its part of the connections.
BenchPlan Run::plan_of(std::size_t lane, std::size_t connections) const {
  BenchPlan plan;
  plan.workload = &workload_;
  plan.requests = {options_.value_size, options_.timeout, options_.stale};
  plan.distribution = options_.distribution.value_or(workload_.distribution);
  plan.connections = connections;
  plan.under_way = options_.under_way;
  plan.batch = options_.batch;
  plan.rate = options_.rate * static_cast<double>(connections) / static_cast<double>(options_.connections);
  if (options_.count) plan.count = *options_.count / options_.threads + (lane < *options_.count % options_.threads);
  plan.duration = to_duration(options_.duration);
  plan.warm_up = to_duration(options_.warm_up);
  plan.seed = options_.seed * 0x10001 + lane;
  return plan;
}

BenchFigures Run::run(const StopSignal& stop) {
  std::atomic<bool> stop_lanes{false};
  std::atomic<std::size_t> running{lanes_.size()};
  std::vector<std::thread> threads;
  for (auto& lane : lanes_) {
    threads.emplace_back([&stop_lanes, &running, &lane] {
      lane->run(stop_lanes);
      --running;
      running.notify_one();
    });
  }
  watch(stop, running, stop_lanes);
  for (std::thread& thread : threads) thread.join();
  BenchFigures figures;
  for (const auto& lane : lanes_) figures.merge(lane->generator().figures());
  return figures;
}

/// Shows progress until all lanes have ended.
void Run::watch(const StopSignal& stop, const std::atomic<std::size_t>& running, std::atomic<bool>& stop_lanes) const {
  ProgressLine progress;
  const TimePoint begun = clock_now();
  TimePoint before = begun;
  std::uint64_t operations_before = 0;
  while (running > 0) {
    zmq::pollitem_t item{nullptr, stop.fd(), ZMQ_POLLIN, 0};
    if (stop_lanes) {
      std::this_thread::sleep_for(kTickEvery);
    } else {
      zmq_poll(&item, 1, kProgressEvery.count());
    }
    if (stop.requested()) stop_lanes = true;
    std::uint64_t operations = 0;
    std::uint64_t errors = 0;
    for (const auto& lane : lanes_) {
      operations += lane->generator().operations_so_far();
      errors += lane->generator().errors_so_far();
    }
    const TimePoint now = clock_now();
    const double rate = static_cast<double>(operations - operations_before) / Seconds(now - before).count();
    progress.show(formatted("%.1f s  ", Seconds(now - begun).count()) + grouped(operations) + " operations  " +
                  grouped(rate) + "/s  " + grouped(errors) + " errors");
    before = now;
    operations_before = operations;
  }
}

}  // namespace

Result<void> check(const BenchOptions& options) {
  const Workload* const workload = find_workload(options.workload);
  if (workload == nullptr) {
    std::string names;
    for (const Workload& each : workloads()) names.append(names.empty() ? "" : ", ").append(each.name);
    return invalid_argument("there is no workload '" + options.workload + "'; there are " + names);
  }
  const auto in_range = [](std::string_view flag, std::uint64_t value, std::uint64_t least,
                           std::uint64_t most) -> Result<void> {
    if (value >= least && value <= most) return {};
    return invalid_argument(std::string(flag) + " must be " + std::to_string(least) + " to " + std::to_string(most) +
                            ", not " + std::to_string(value));
  };
  const Result<void> checks[] = {
      in_range("--keys", options.keys, 1, 1'000'000'000),
      in_range("--value-size", options.value_size, kBenchDocumentMin, kDocumentSizeMax),
      in_range("--connections", options.connections, 1, kConnectionsMax),
      in_range("--under-way", options.under_way, 1, kUnderWayMax),
      in_range("--batch", options.batch, 1, kBatchItemsMax),
      in_range("--threads", options.threads, 1, std::min(kThreadsMax, options.connections)),
      in_range("--connections times --under-way", options.connections * options.under_way, 1, kSlotsMax),
  };
  for (const Result<void>& each : checks) {
    if (!each) return each;
  }
  if (options.batch > 1 && !workload->packs()) {
    return invalid_argument("--batch is for a, b, c, d, put, get and query; what " + options.workload +
                            " asks cannot stand in a BATCH");
  }
  if (options.batch * (options.value_size + 32) > kRequestSizeMax) {
    return invalid_argument("--batch times --value-size is more than a request may have, " +
                            std::to_string(kRequestSizeMax) + " bytes");
  }
  if (!(options.rate >= 0)) return invalid_argument("--rate must not be negative");
  if (!(options.duration > 0 && options.duration <= kDurationMax)) {
    return invalid_argument("--duration must be more than 0 seconds, and at most 1000000");
  }
  if (!(options.warm_up >= 0 && options.warm_up <= kDurationMax)) {
    return invalid_argument("--warm-up must be 0 to 1000000 seconds");
  }
  if (options.count && *options.count == 0) return invalid_argument("--count must be at least 1");
  return {};
}

Result<BenchResult> bench(const std::vector<std::string>& endpoints, const BenchOptions& options,
                          const StopSignal& stop) {
  const Workload& workload = *find_workload(options.workload);
  BenchResult result;
  result.workload = options.workload;
  Run run(endpoints, options, workload);
  if (auto connected = run.connect(); !connected) return connected.error();
  if (options.load) {
    const TimePoint begun = clock_now();
    if (auto loaded = load_bench_keys(endpoints, options, stop); !loaded) return loaded.error();
    result.load_seconds = Seconds(clock_now() - begun).count();
  }
  result.figures = run.run(stop);
  result.seconds = Seconds(result.figures.span).count();
  return result;
}

}  // namespace trellis

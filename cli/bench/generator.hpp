// The load generator of one thread: which request to send when, and what became of each.
//
// A pure core: no socket, no clock.  It is handed replies and the time, and answers into a BenchOutput.
//
// Closed loop (no target rate): every slot sends its next request as soon as its last one is answered.  Open loop: the
// n-th request is due at n / rate, whether or not earlier ones are answered; where all slots are taken it waits, and
// that wait counts: its latency begins when it was due (no coordinated omission).
//
// Invariant: a slot has at most one request under way; a reply that is late, repeated or uninvited is ignored.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/bench/histogram.hpp"
#include "cli/bench/workload.hpp"
#include "protocol/types.hpp"

namespace trellis {

class BenchOutput {
 public:
  virtual ~BenchOutput() = default;
  /// Sends a request on a connection of this thread's.  False: that was not possible.
  virtual bool send(std::size_t connection, std::string_view request) = 0;
};

struct BenchPlan {
  const Workload* workload = nullptr;
  RequestMaker::Settings requests;
  Distribution distribution = Distribution::kUniform;
  std::size_t connections = 1;         ///< Connections of this thread; rate and count are its own, too.
  std::size_t under_way = 64;          ///< Requests on each connection.
  std::size_t batch = 1;               ///< Operations in a request; 1: no BATCH.
  double rate = 0;                     ///< Operations a second; 0: closed loop.
  std::optional<std::uint64_t> count;  ///< Operations that are measured; or else `duration` decides.
  Duration duration{};
  Duration warm_up{};  ///< Before that; not measured.
  std::uint64_t seed = 1;
};

/// What was measured.  Latencies are in microseconds, of requests: a BATCH is one.
struct BenchFigures {
  Histogram all;
  std::array<Histogram, kOperations> by_operation;  ///< Only without BATCH.
  std::uint64_t operations = 0;                     ///< Answered, errors included.
  std::map<std::string, std::uint64_t> errors;      ///< Operations by status; "NO_ANSWER": none came.
  Duration span{};                                  ///< From the end of the warm-up to the last answer.

  void merge(const BenchFigures& other);
  std::uint64_t failed() const;
};

class BenchGenerator {
 public:
  /// Beyond its timeout a request is waited for so long, since the broker's own word at the deadline says more.
  static constexpr std::chrono::milliseconds kGrace{1'000};

  BenchGenerator(const BenchPlan& plan, KeySpace& keys, BenchOutput& output);

  /// The clock of the plan begins.
  void begin(TimePoint now);
  /// Sends all that is due.
  void send_due(TimePoint now);
  void on_reply(TimePoint now, std::string_view reply);
  /// Gives up requests whose answer never came; call it every now and then.
  void on_tick(TimePoint now);
  /// No more is sent; what is under way is waited for.
  void stop() { stopped_ = true; }

  /// When send_due() has something to do, while nothing arrives.  Nothing: not before a reply.
  std::optional<TimePoint> next_due() const;
  /// All that was to be sent is answered.
  bool done() const { return stopped_ && free_.size() == slots_.size(); }
  const BenchFigures& figures() const { return figures_; }
  /// For a progress line; from any thread.
  std::uint64_t operations_so_far() const { return operations_.load(std::memory_order_relaxed); }
  std::uint64_t errors_so_far() const { return errors_.load(std::memory_order_relaxed); }

 private:
  struct Slot {
    std::uint64_t id = 0;  ///< The id of the request under way; 0: none.
    TimePoint due;         ///< Latency is counted from here.
    TimePoint sent;
    Operation operation = Operation::kRead;  ///< Without BATCH.
    bool measured = false;
    std::size_t operations = 0;
    std::vector<std::uint64_t> inserted;    ///< Keys that exist once this is answered.
    std::optional<std::uint64_t> to_write;  ///< kReadModifyWrite: the key, while its write is to follow.
  };

  TimePoint due_at(std::uint64_t request) const;
  bool may_send(TimePoint due) const;
  void send_next(TimePoint now, TimePoint due, std::size_t place);
  void send_write(TimePoint now, std::size_t place);
  void send(TimePoint now, std::size_t place, std::string_view request);
  RequestMaker::Values draw(Slot& slot);
  std::uint64_t new_id(std::size_t place);
  void count(const Slot& slot, std::string_view status, std::uint64_t operations);
  void count_items(const Slot& slot, std::string_view result);
  void finish(TimePoint now, std::size_t place);

  BenchPlan plan_;
  KeySpace& keys_;
  BenchOutput& output_;
  BenchRandom random_;
  KeyChooser chooser_;
  RequestMaker maker_;
  std::vector<Slot> slots_;        ///< Slot i is of connection i % connections.
  std::vector<std::size_t> free_;  ///< Slots without a request.
  std::uint64_t turns_ = 0;        ///< Makes ids new; an id is turn * slots + slot.
  std::uint64_t requests_ = 0;     ///< Sent so far, second halves not counted.
  std::uint64_t measured_ = 0;     ///< Operations sent that are measured.
  TimePoint begun_;
  TimePoint measure_from_;
  bool stopped_ = false;
  BenchFigures figures_;
  std::atomic<std::uint64_t> operations_{0};
  std::atomic<std::uint64_t> errors_{0};
};

}  // namespace trellis

// ClientProcess: a client of the cluster, which asks through the client library's core and writes down what it was
// told.
//
// Its operations are drawn at random over few keys, so that they meet.  Some writes bring a session of their own and
// are sent again after they were answered, or were not.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/call_table.hpp"
#include "sim/network.hpp"
#include "sim/recorded_call.hpp"
#include "sim/workload.hpp"

namespace trellis::sim {

class Cluster;

class ClientProcess final : public CallOutput {
 public:
  ClientProcess(Cluster& cluster, std::size_t index);

  ProcessNumber number() const { return number_; }
  void start();
  /// Ends without a word, and another client takes its place.
  void restart();
  /// No further operations are begun.
  void finish() { is_finishing_ = true; }
  bool has_finished() const { return calls_.empty(); }

  void on_broker(std::size_t broker, bool is_up);
  void receive(std::size_t broker, Frame reply);

  /// One linearizable operation on `key`, by itself: a probe.  `done` is told whether it was answered OK, unmarked.
  void probe(Command command, const std::string& key, std::function<void(bool)> done);
  /// Asks what no history holds.  `done` is told the answer, unless this client ends before.
  void ask(Command command, const std::string& arguments, Options options, std::function<void(const Reply&)> done);
  void ask(Command command, const std::string& arguments, std::chrono::milliseconds timeout,
           std::function<void(const Reply&)> done);

 private:
  struct Call {
    RecordedCall recorded;
    std::function<void(bool)> done;
  };

  bool send(std::size_t place, const Frame& request) override;
  void on_answer(std::uint64_t id, Answer answer) override;

  /// Each client lists the brokers in another order: where one stands in its list, and which one stands there.
  std::size_t place_of(std::size_t broker) const;
  std::size_t broker_at(std::size_t place) const;
  void think();
  void begin_operation();
  void begin_batch();
  void begin_call(Operation operation, Duration timeout, std::function<void(bool)> done = {});
  Operation repetition();
  RecordedCall record(std::vector<Operation> operations, Duration timeout);
  std::uint64_t floor() const;
  void arm();
  TimePoint local_now() const { return clock_.local(world_.now()); }

  Cluster& cluster_;
  World& world_;
  std::size_t index_;
  ProcessNumber number_;
  ProcessClock clock_;
  Workload workload_;
  std::unique_ptr<CallTable> table_;
  std::map<std::uint64_t, Call> calls_;
  std::map<std::uint64_t, std::function<void(const Reply&)>> asked_;  ///< What no history holds.
  std::vector<Operation> repeatable_;  ///< With sessions of their own, already asked at least once.
  std::string session_;
  std::uint64_t next_seq_ = 1;
  std::uint64_t incarnation_ = 0;
  std::size_t thinking_ = 0;
  bool is_finishing_ = false;
  std::optional<TimePoint> armed_;
  std::map<std::string, std::uint64_t> copies_;  ///< For mutations: how often each request was sent.
};

}  // namespace trellis::sim

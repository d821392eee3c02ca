// RawClient: a client without a library.
//
// It sends each frame once, to one broker, and waits for the reply until a little after the deadline.  Its writes bring
// no session, so that the broker makes them under its own.  Now and then it connects anew, and what was said to its
// connection before is lost; it also asks for what no history holds, and sends what is no request.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "sim/network.hpp"
#include "sim/recorded_call.hpp"
#include "sim/workload.hpp"

namespace trellis::sim {

class Cluster;

class RawClient {
 public:
  /// @param number  behind those of the other clients
  RawClient(Cluster& cluster, std::size_t index, ProcessNumber number);

  ProcessNumber number() const { return number_; }
  void start();
  /// No further operations are begun.
  void finish() { is_finishing_ = true; }
  bool has_finished() const { return calls_.empty(); }

  /// A reply to this connection of it.
  void receive(std::uint64_t connection, const Frame& reply);

 private:
  struct Call {
    RecordedCall recorded;
    bool is_compute = false;  ///< In the history it is a QUERY of the same path.
  };

  void connect();
  void think();
  void begin();
  void begin_call(Command command, const std::string& arguments, Options options, std::vector<Operation> operations);
  void on_silence();
  void begin_compute();
  void begin_report();
  void begin_listing(Command command);
  void check_role(const Call& call, const Reply& reply);
  void send_rubbish();
  void send(const Frame& frame);

  Cluster& cluster_;
  World& world_;
  std::size_t index_;
  ProcessNumber number_;
  Workload workload_;
  std::map<std::uint64_t, Call> calls_;
  std::map<std::uint64_t, Command> listings_;  ///< With roles: what it sees is no whole history's.
  std::uint64_t next_id_ = 1;
  std::uint64_t connection_ = 0;
  std::size_t broker_ = 0;
  bool is_finishing_ = false;
};

}  // namespace trellis::sim

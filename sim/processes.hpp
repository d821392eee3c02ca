// The processes of a simulated cluster: the cores of worker and broker, each in a loop like that of its *_server, but
// with simulated sockets, disk and clock.  A process has many incarnations; what it keeps between them is its disk.
//
// A crash may come in the middle of a turn: after any message taken in or sent out, before or behind the start of a
// write.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/broker.hpp"
#include "sim/client_address.hpp"
#include "sim/disk.hpp"
#include "sim/mutations/mutated_messages.hpp"
#include "sim/network.hpp"
#include "sim/reply_ledger.hpp"
#include "sim/simulated_background.hpp"
#include "worker/shard.hpp"

namespace trellis::sim {

class Cluster;

/// What all processes have in common: an incarnation that begins and ends, and turns that do not overlap.
class Process {
 public:
  virtual ~Process() = default;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  bool is_up() const { return is_up_; }
  std::uint64_t incarnation() const { return incarnation_; }
  ProcessNumber number() const { return number_; }
  const std::string& name() const { return name_; }
  /// It has run without a break since then; nothing while it is down or paused.
  std::optional<TimePoint> well_since() const;
  /// How long it had been up when it went down last.
  Duration well_before() const { return well_before_; }
  /// It has been down since then; nothing while it is up.
  std::optional<TimePoint> down_since() const;

  void start();
  /// Ends this incarnation.  After a power cut the disk may have lost more, and nobody is told of closed connections.
  void crash(bool power_cut);
  /// Ends this incarnation at the n-th step of its turns from now on.
  void crash_after(std::uint64_t steps) { steps_left_ = steps; }
  /// SIGSTOP: no turn for a while.
  void pause(Duration time);
  /// The machine is suspended: no turn for a while, and the clock stands still.
  void suspend(Duration time);
  /// The next turn takes so long.
  void work_for(Duration time) { turn_takes_ = time; }
  /// SIGCONT, before the pause is over.
  void resume();
  /// Ended and not started until told so.
  bool is_held_down = false;
  /// It has ended in good order, or is lost, and is not started any more.
  bool has_ended = false;

 protected:
  static constexpr std::size_t kMessagesPerTurn = 1000;

  Process(Cluster& cluster, ProcessNumber number, std::string name);

  /// Thrown by a step to end the incarnation at that point.
  struct LifeEnds {};
  void step();

  /// Begins the incarnation; false: it could not start.
  virtual bool begin() = 0;
  virtual void take_turn() = 0;
  virtual TimePoint next_turn() const = 0;  ///< Local time.
  virtual void end(bool power_cut) = 0;

  /// Something waits: take a turn as soon as possible.
  void wake();
  TimePoint local_now() const;
  /// The process stops by itself, and its supervisor starts it again.
  void stop(const std::string& why);

  /// What is said in a turn leaves at its end.
  void carry(ProcessNumber to, std::uint64_t size, std::function<void()> arrive);

  Cluster& cluster_;
  World& world_;
  bool in_turn_ = false;

 private:
  void schedule(TimePoint when);
  void turn();
  void restart_later();

  ProcessNumber number_;
  std::string name_;
  ProcessClock clock_;
  bool is_up_ = false;
  std::uint64_t incarnation_ = 0;
  std::uint64_t steps_left_ = 0;  ///< 0: no crash is due.
  bool must_stop_ = false;
  Duration turn_takes_{};  ///< The next one, beside what all take.
  TimePoint busy_until_;
  Duration well_before_{};
  TimePoint changed_at_;  ///< When it last went up or down, or was paused; while paused, when that ends.
  std::optional<TimePoint> scheduled_;
  std::uint64_t schedule_number_ = 0;
};

class WorkerProcess final : public Process, public ShardOutput {
 public:
  WorkerProcess(Cluster& cluster, std::size_t index);

  std::size_t index() const { return index_; }
  const std::string& address() const { return address_; }
  const Shard* shard() const { return shard_.get(); }
  /// Who it is, or was last; zero: it never began.
  WorkerId id() const { return id_; }
  Disk& disk() { return disk_; }
  void receive_from_broker(BrokerIndex broker, Frames message);
  void receive_from_peer(Frames message);
  /// It speaks to this broker over another connection from now on, and what comes over the one before is lost.
  void reconnect(BrokerIndex broker) { ++connections_[broker]; }
  std::uint64_t connection(BrokerIndex broker) const;
  /// Whether it should be up, once all faults have ended.
  bool is_expected() const { return incarnation() > 0 && !has_ended; }
  /// It is down, and its disk is empty from now on.
  void wipe();
  /// As the leader of partition 0: returns whether the change was begun, or is there already.
  bool change_map(const Shard::MapChange& change);
  /// SIGTERM: hands over what it leads, and ends.
  void leave();

 private:
  bool begin() override;
  bool cannot_start(const Error& why);
  void take_turn() override;
  TimePoint next_turn() const override { return shard_->next_turn(); }
  void end(bool power_cut) override;
  void watch();

  void to_broker(BrokerIndex broker, Frames message) override;
  void to_peer(WorkerId peer, const std::string& address, Frames message) override;
  void report(LogLevel level, std::string event, std::optional<PartitionId> partition) override;
  void on_applied(PartitionId group, LogIndex index, std::string_view command) override;
  void on_settled(PartitionId group) override { settled_.insert(group); }

  std::size_t index_;
  std::string address_;
  WorkerId id_;
  Disk disk_;
  std::unique_ptr<SimulatedBackground> background_;
  std::deque<std::pair<BrokerIndex, Frames>> from_brokers_;
  std::deque<Frames> from_peers_;
  std::unique_ptr<Shard> shard_;
  std::optional<TimePoint> leave_by_;
  std::map<BrokerIndex, std::uint64_t> connections_;  ///< How often it has connected anew.
  struct Progress {
    std::uint64_t applied = 0;
    std::uint64_t snapshot = 0;
    Term led;                   ///< The last term in which it was told of as leader.
    bool is_looked_at = false;  ///< In this incarnation.
  };
  BootNonce nonce_;                           ///< As last said to a peer.
  std::map<PartitionId, Progress> progress_;  ///< As of the last turn.
  std::set<PartitionId> settled_;             ///< In this turn: only these can have changed.
};

class BrokerProcess final : public Process, public BrokerOutput {
 public:
  BrokerProcess(Cluster& cluster, std::size_t index);

  const Broker* broker() const { return broker_.get(); }
  void receive_from_worker(std::size_t worker, std::uint64_t incarnation, std::uint64_t connection, Frames message);
  void receive_from_client(const SimulatedClient& client, Frame request);

 private:
  struct Connection {
    std::size_t worker;
    std::uint64_t incarnation;
    std::uint64_t number;
  };
  bool begin() override;
  void take_turn() override;
  TimePoint next_turn() const override { return broker_->next_deadline(); }
  void end(bool power_cut) override;

  void to_client(const ClientAddress& client, Frame reply) override;
  void on_users(const AccessRecords& records) override;
  std::optional<Asker> asker_of(const Frames& message);
  void deliver(const SimulatedClient& client, const Frame& reply);
  bool to_worker(const BackendAddress& worker, Frames bundle) override;
  void log(LogLevel level, std::string_view event, const LogSubject& subject) override;

  std::size_t index_;
  std::map<BackendAddress, Connection> connections_;
  std::deque<std::pair<BackendAddress, Frames>> from_workers_;
  LastAnswers last_answers_;  ///< For the mutation "answer-for-later".
  std::deque<Frames> from_clients_;
  std::map<std::string, std::uint64_t> guests_;    ///< With roles: as which user each connection was let in.
  std::map<std::string, std::string> last_reply_;  ///< For mutations.
  std::uint64_t replies_ = 0;                      ///< For mutations.
  ReplyLedger ledger_;
  std::unique_ptr<Broker> broker_;
};

}  // namespace trellis::sim

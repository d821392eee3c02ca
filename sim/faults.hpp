// Faults: what goes wrong in a simulation, drawn from the seed, until it is told to end.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/fault_kinds.hpp"

namespace trellis::sim {

class Faults {
 public:
  /// Draws how often which faults will come.
  explicit Faults(Cluster& cluster);
  /// These and no others, at such intervals; workers that were killed are back within `restart_max`.
  void only(std::vector<FaultKind> kinds, Duration pause_min, Duration pause_max, Duration restart_max);

  /// Faults come from now on.
  void begin();
  /// All faults end, and everything is mended and started.
  void end();

 private:
  void schedule_next();
  void happen(FaultKind kind);
  void cut(const std::vector<std::pair<ProcessNumber, ProcessNumber>>& links, Duration time);
  void cut_for_a_while(const std::vector<std::pair<ProcessNumber, ProcessNumber>>& links);
  /// A worker that leads something, if there is one.
  WorkerProcess& some_leader();
  /// Its peers and it hear nothing of each other; the brokers are heard.
  std::vector<std::pair<ProcessNumber, ProcessNumber>> links_to_peers(const WorkerProcess& worker);
  /// These and the other workers hear nothing of each other, and the last broker hears of these alone, while the other
  /// brokers hear of all but these.
  std::vector<std::pair<ProcessNumber, ProcessNumber>> links_that_seclude(const std::set<ProcessNumber>& secluded);
  /// @param is_other_heard  that broker hears of one other, too
  void seclude(const WorkerProcess& worker, Duration time, bool is_other_heard = false);
  /// The worker itself, where there is no other.
  const WorkerProcess& other_than(const WorkerProcess& worker);
  /// As seclude(), with another worker on the same side.
  void seclude_two(const WorkerProcess& worker, Duration time);
  void leave_few();
  void leave_few_to_new_brokers();
  void cut_from_broker(WorkerProcess& worker, BrokerProcess& broker, Duration time);
  /// A little after it leads; never, if that takes until then.
  void once_it_leads(WorkerProcess& worker, TimePoint until, std::function<void()> then);
  void restart_at_once(WorkerProcess& worker);
  void give_two_lives(WorkerProcess& leader);
  void seclude_echoed(const WorkerProcess& leader);
  void put_back_older_copy(WorkerProcess& worker, WorkerProcess& away, WorkerProcess& knowing);
  void put_back_copy_before_last_start(WorkerProcess& worker, WorkerProcess& away);
  // sim/member_faults.cpp
  void change_members(FaultKind kind);
  WorkerProcess* join_one();
  void delay_wish();
  void remove_again(WorkerProcess& joined, BrokerProcess& broker, TimePoint until);
  void lose_one(bool comes_back);
  void kill_zone();
  void lose_for_good();
  void damage_and_heal();
  void restart_in_turn();
  std::set<ProcessNumber> outsiders_of(PartitionId partition, const Replica& leader, bool are_former);
  void seclude_outsiders(bool are_former, TimePoint until);
  // sim/recover_faults.cpp
  struct Disaster;
  void lose_majority();
  bool holds_all(const std::vector<std::size_t>& left) const;
  std::optional<std::size_t> least_majority() const;
  void recover(const std::shared_ptr<Disaster>& disaster);
  void strike(const std::shared_ptr<Disaster>& disaster, TimePoint until);
  void lose(Disaster& disaster, std::size_t lost);
  void end_recovery(Disaster& disaster);
  void come_back(const std::shared_ptr<Disaster>& disaster, Duration stay);
  void lose_again(const std::shared_ptr<Disaster>& disaster, const std::vector<std::size_t>& returned);
  void dispute(const std::shared_ptr<Disaster>& disaster);
  void once_written(const std::shared_ptr<Disaster>& disaster, bool by_all, const std::function<void()>& then);
  void strike_again(const std::shared_ptr<Disaster>& disaster);
  void fall_in_two(const Disaster& disaster);
  void return_unheard(const std::shared_ptr<Disaster>& disaster);
  void cut_off_taken(const Disaster& disaster, Duration time);
  void kill_brokers();
  void lose_one_more(Disaster& disaster);
  /// Asked for again until it is so, or cannot be.
  void order(Shard::MapChange change, TimePoint until);
  void start_older_copy(WorkerProcess& worker, Disk::Image image);
  void disk_trouble(FaultKind kind);
  /// Undone later, unless all has ended before.
  void undo_after(Duration delay, std::function<void()> undo);
  Duration a_while();

  Cluster& cluster_;
  World& world_;
  Random& random_;
  std::vector<FaultKind> kinds_;  ///< As often in here as it is likely.
  Duration pause_min_{};
  Duration pause_max_{};
  std::optional<Duration> restart_max_;
  NetworkConditions usual_network_;
  bool is_recovering_ = false;  ///< A disaster at a time.
  bool is_wish_late_ = false;   ///< One at a time.
  bool has_ended_ = false;
};

}  // namespace trellis::sim

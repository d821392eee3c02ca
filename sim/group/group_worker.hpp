// GroupWorker: one worker of a group that is simulated by itself: its disk, its incarnations, the replica that it holds
// or not, and what the workers say to each other of the group's members.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/disk.hpp"
#include "sim/group/group.hpp"
#include "sim/world.hpp"
#include "worker/raft/local_replica.hpp"
#include "worker/raft/reconcile.hpp"
#include "worker/raft/replica.hpp"

namespace trellis::sim {

class Group;

constexpr PartitionId kGroup{0};

inline WorkerId worker_id_of(std::size_t index) { return WorkerId{index + 101}; }
inline std::size_t index_of(WorkerId worker) { return worker.value - 101; }

class GroupWorker final : public ReplicaHost, public ReplicaOwner {
 public:
  GroupWorker(Group& group, std::size_t index);

  /// Holds a replica of the group from the beginning on.
  void found(ReplicaId replica, const std::vector<ReplicaPlace>& voters);
  void start();
  void crash(bool power_cut);
  /// It is down, and its disk is gone with it.
  void lose();
  void restart_within(Duration time);
  void pause(Duration time);
  void receive(RaftMessage message);
  void propose();
  void hand_over();

  // Members that change.
  /// A copy of the map came by; an older one than it has changes nothing.
  void learn_map(std::uint64_t version);
  /// Leader only: takes the next step towards the target.
  void reconcile();
  /// Says that it is there, and whether its replica misses a leader; a leader tells newcomers of themselves.
  void greet();

  bool is_up() const { return is_up_; }
  bool is_lost() const { return is_lost_; }
  bool is_paused() const { return world_.now() < paused_until_; }
  bool is_ready() const { return replica_ && replica_->is_ready(); }
  std::size_t index() const { return index_; }
  WorkerId id() const { return worker_id_of(index_); }
  const Replica* replica() const { return replica_.get(); }
  /// For how long it has not heard the other.
  Duration silence_of(WorkerId other) const;
  Disk& disk() { return disk_; }
  std::uint64_t state() const { return state_; }
  std::uint64_t followed() const { return followed_; }

  // ReplicaHost
  LogStore& log_store() override { return disk_.log(); }
  BatchNumber collecting_batch() const override { return collecting_; }
  BatchNumber durable_batch() const override { return durable_; }
  TimePoint now() const override { return world_.now(); }
  std::uint64_t random() override { return world_.random().bits(); }
  void send(const ReplicaPlace& to, RaftMessage message, BatchNumber after) override;
  void run_in_background(std::function<void()> work, std::function<void()> done) override;
  void wake(PartitionId) override { is_woken_ = true; }

  // ReplicaOwner
  Result<void> apply(LogIndex index, std::string_view command) override;
  std::unique_ptr<SnapshotJob> freeze(LogIndex index, Term term) override;
  Result<void> restore(std::string_view descriptor) override;
  void on_snapshot_recorded(std::string_view) override {}
  void on_snapshot_failed(const Error&) override {}
  void on_leader(Term term) override;
  void on_step_down() override {}

 private:
  /// Something happens to this incarnation, now or when it is not paused any more.
  void turn(std::function<void()> what);
  void end_turn();
  void take_durable();
  void tick_later();
  void open_replica();
  void propose_one(std::string_view bytes, std::vector<CommandBuffer>& into);
  /// Towards the target of that version.
  void take_step(std::uint64_t version);
  GroupView view() const;
  void remove_too_early();
  void say(WorkerId to, std::function<void(GroupWorker&)> what);
  void on_greeting(WorkerId from, bool misses_leader);
  void tell_members(WorkerId to);
  void on_notice(const MembersNotice& notice);

  Group& group_;
  World& world_;
  std::size_t index_;
  Disk disk_;
  std::uint64_t incarnation_ = 0;
  bool is_up_ = false;
  bool is_lost_ = false;
  TimePoint paused_until_;
  records::LocalReplica local_;
  BatchNumber opening_after_ = 0;  ///< A replica was made in this batch; 0: none waits.
  std::unique_ptr<Replica> replica_;
  BatchNumber collecting_ = 1;
  BatchNumber under_way_ = 0;
  BatchNumber durable_ = 0;
  std::multimap<BatchNumber, std::pair<ReplicaPlace, RaftMessage>> held_;
  bool is_woken_ = false;
  std::uint64_t applied_ = 0;
  std::uint64_t state_ = 0;     ///< A hash over all commands applied.
  std::uint64_t followed_ = 0;  ///< The version of the map that the group follows, as far as is applied here.
  std::uint64_t map_ = 1;       ///< The version of the map that this worker has.
  std::map<WorkerId, TimePoint> heard_;
  TimePoint leader_heard_;
};

}  // namespace trellis::sim

// One run of a group by itself: its workers, the network between them, the faults, and what is checked.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/group/group.hpp"
#include "sim/group/group_worker.hpp"
#include "sim/group/targets.hpp"
#include "sim/network.hpp"
#include "sim/world.hpp"

namespace trellis::sim {

/// The command by which a group follows a version of the map, and the version in one; nothing where it is another.
std::string follow_command(std::uint64_t version);
std::optional<std::uint64_t> followed_version_of(std::string_view command);

class Group {
 public:
  explicit Group(const GroupSettings& settings);
  RunOutcome run();

  World& world() { return world_; }
  const GroupSettings& settings() const { return settings_; }
  const ReplicaSettings& replica_settings() const { return replica_settings_; }
  const Targets& targets() const { return *targets_; }
  std::size_t size() const { return workers_.size(); }
  Counters& counters() { return outcome_.counters; }
  /// Something is said by one worker to another.
  void carry(std::size_t from, std::size_t to, std::uint64_t size, std::function<void(GroupWorker&)> arrive);

  void on_leader(std::size_t worker, Term term);
  void on_applied(std::size_t worker, std::uint64_t index, std::string_view command, std::uint64_t state);
  void on_restored(std::uint64_t index, std::uint64_t state);
  void on_made(ReplicaId replica);
  void on_deleted(ReplicaId replica) { deleted_.insert(replica); }
  /// A leader changes the members from `before` on.
  void on_change(std::size_t leader, const GroupStep& step, const ReplicaConfiguration& before);

 private:
  void schedule(Duration least, Duration most, std::function<void()> what);
  void schedule_member_changes();
  void greet_later(GroupWorker& worker);
  void reconcile_later();
  void fault();
  void cut_for_a_while(std::size_t worker, bool outward, bool inward);
  GroupWorker& some_worker() { return *workers_[world_.random().below(workers_.size())]; }
  GroupWorker& some_leader();
  /// The worker that leads in the highest term, of those that are up and serve.
  const GroupWorker* newest_leader() const;
  void end_faults();
  bool is_level(std::string& why_not) const;
  bool is_settled(std::string& why_not) const;

  std::vector<WorkerId> available() const;
  void spread_map();
  void lose_one();
  bool may_lose(const GroupWorker& worker) const;
  /// How many members the group has lost, as its newest leader sees it; all, where nobody leads.
  std::size_t lost_members() const;
  /// Nothing is done to this worker that keeps it from being heard, from now until then.
  void disturb(std::size_t worker, Duration time);

  GroupSettings settings_;
  World world_;
  Network network_;
  ReplicaSettings replica_settings_;
  std::vector<std::unique_ptr<GroupWorker>> workers_;
  std::unique_ptr<Targets> targets_;
  bool has_ended_ = false;
  std::map<std::uint64_t, std::size_t> leaders_;
  struct Applied {
    std::uint64_t command;
    std::uint64_t state;
  };
  std::map<std::uint64_t, Applied> applied_;
  std::map<std::size_t, TimePoint> disturbed_until_;
  std::set<ReplicaId> deleted_;
  RunOutcome outcome_;
};

}  // namespace trellis::sim

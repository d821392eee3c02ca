// ExpiryWatch: whether documents that expire are gone in time, and tell rightly what is left of theirs.
//
// That none goes early is for the checkers of histories, whatever happens.  Late is another matter: a group's time
// stands still while nobody leads it, and what a new leader had not heard of it is lost.  So this keeps for each
// partition how long nobody served it and how often its leader changed, and allows that much, and kLateMax.  It says
// nothing of documents in whose time links were cut or slow, disks had faults, or a majority of the replicas started
// anew, since these know no more than their logs, a minute old.
//
// What it looks at are the keys that begin with kPrefix.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/reply.hpp"
#include "protocol/types.hpp"
#include "sim/checker/history.hpp"
#include "worker/raft/replica.hpp"

namespace trellis::sim {

class Cluster;

class ExpiryWatch {
 public:
  static constexpr std::string_view kPrefix = "t/";

  explicit ExpiryWatch(Cluster& cluster);

  /// Looks at the partitions again and again, from now on.
  void begin();
  /// An operation begins, and is answered.
  void on_call(const Operation& operation);
  void on_answer(const Operation& operation, const ReplyInfo& info);

 private:
  /// How a partition was served, up to some moment.
  struct Service {
    Duration unserved{};
    std::uint64_t leaders = 0;
    std::uint64_t disk_faults = 0;
    std::vector<std::uint64_t> incarnations;  ///< One a worker.
  };
  /// What is known of the time of a key's document.
  struct Lifetime {
    std::size_t writes = 0;   ///< That were asked for.
    std::size_t unknown = 0;  ///< Those among them of which it is not known yet, or never, whether they took effect.
    bool is_for_good = false;
    TimePoint called;  ///< The first of them.
    Service since;     ///< Up to then.
    /// What the last one that took effect says, and when it was under way.
    std::uint64_t ttl_ms = 0;
    TimePoint write_called;
    TimePoint write_returned;
    std::optional<TimePoint> due_by;  ///< By the slowest of clocks.
  };

  void look();
  Service service_of(PartitionId partition) const;
  void take(Lifetime& lifetime, const Operation& write) const;
  void check(const Lifetime& lifetime, const Operation& read, const ReplyInfo& info) const;
  void check_left(const Lifetime& lifetime, const Operation& read, std::uint64_t left) const;
  /// How late a document may go; nothing where that cannot be said.
  std::optional<Duration> allowed(const Lifetime& lifetime, PartitionId partition) const;
  PartitionId partition_of_key(std::string_view key) const;
  /// True time in which the slowest clock, or the fastest one, runs through this.
  Duration by_slowest(std::uint64_t ms) const;
  Duration by_fastest(std::uint64_t ms) const;

  Cluster& cluster_;
  std::size_t replicas_;  ///< How many each partition has.
  struct Seen {
    Duration unserved{};
    std::uint64_t leaders = 0;
    std::pair<std::size_t, std::uint64_t> leader;  ///< Worker and term.
  };
  std::vector<Seen> seen_;  ///< By partition.
  /// The replicas of a partition that are well at the moment that is looked at.
  struct Well {
    std::vector<ReplicaId> replicas;
    const Replica* newest_leader = nullptr;
  };
  std::vector<Well> well_;  ///< By partition; room for each look.
  std::map<std::string, Lifetime, std::less<>> lifetimes_;
};

}  // namespace trellis::sim

// AnswerCheck: what the cluster owes its clients while faults last, by the state that it has been in for a while.
//
//   of the replicas of what was asked for        its answer
//   all are up, or a majority is, the rest down  comes within the timeout and is not marked
//   so many are down that none is a majority     writes: a refusal.  Reads: marked, what the freshest replica left
//   holds anything in between                          may be any, and histories are the only checker
//
// "For a while" is longer than a broker's warm-up, than it takes to hear of a worker or to miss it, and than an
// election.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/reply.hpp"
#include "sim/checker/history.hpp"

namespace trellis::sim {

class Cluster;
class World;

/// A key's document as one replica holds it.
struct HeldDocument {
  std::size_t worker = 0;
  std::uint64_t applied = 0;
  std::optional<std::uint64_t> version;  ///< Nothing: it holds none.
};

class AnswerCheck {
 public:
  explicit AnswerCheck(Cluster& cluster);

  /// A replica of this partition is with this worker.
  void on_replica(PartitionId partition, std::size_t worker) { hosts_.at(partition.value).insert(worker); }

  /// For a read that is asked now: what the freshest replica left holds, where none of its partition is a majority.
  std::optional<HeldDocument> freshest_left(const Operation& read) const;

  /// Whether by then no fault was felt any more, and none has come since.
  bool is_all_well_since(TimePoint then) const;

  /// An operation has been answered.  `held` is what freshest_left() said when it was asked.
  void check(const Operation& operation, const ReplyInfo& info, Duration timeout,
             const std::optional<HeldDocument>& held) const;

 private:
  /// The replicas of one partition, or all workers, since some moment.
  struct Standing {
    std::size_t all = 0;
    std::size_t up = 0;
    std::size_t down = 0;
    std::size_t tolerated() const { return (all - 1) / 2; }
    bool has_majority() const { return all > 0 && up + down == all && down <= tolerated(); }
    bool lacks_majority() const { return all > 0 && down > tolerated(); }
  };
  /// The shape of the time in which an operation was under way.
  struct Span {
    TimePoint settled;    ///< Since then the up are up,
    TimePoint forgotten;  ///< and since then the down are down: what they said before may come so much later.
  };
  Span span_since(TimePoint call) const;
  Standing standing_of(const std::set<std::size_t>& workers, const Span& span) const;
  /// How many have failed: workers, or zones where replicas stand in zones.
  std::size_t failed_of(const Span& span) const;
  std::vector<Standing> standings_of(const Operation& operation, const Span& span) const;
  bool brokers_are_well(const Span& span) const;
  bool is_calm(const Span& span) const;
  /// Neither messages nor disks take longer than usual.
  bool is_quick() const;
  bool loses_slices() const;
  void check_service(const Operation& operation, const ReplyInfo& info, Duration timeout) const;
  void check_without_majority(const Operation& operation, const ReplyInfo& info) const;
  void check_freshness(const Operation& operation, const HeldDocument& held) const;
  std::optional<HeldDocument> freshest(PartitionId partition, const std::string& key, const Span& span) const;

  Cluster& cluster_;
  World& world_;
  TimePoint start_;
  std::size_t replicas_;                      ///< How many each partition has.
  std::set<std::size_t> workers_;             ///< All.
  std::vector<std::set<std::size_t>> hosts_;  ///< By partition, as far as seen.
};

}  // namespace trellis::sim

// Recoveries: brings back a cluster whose members are in part lost for good, with more replicas than it tolerates.
//
//   RECOVER ─▶ ask all members that are left what is there, under a number that no lower one counts beside
//              make the plan of it (protocol/cluster/recovery_plan), or carry on one that somebody wrote down before
//              have all that it keeps write it down: from then on it counts, whoever carries it on
//              offer it as the newest map, until all have it, and what was made anew is led
//
// Without the cluster's id, or as a dry run, it ends with the plan, and nothing has changed.  Any number of brokers may
// do this at once, and come to the same (worker/recovery_promise.hpp); here it is one at a time, and whoever asks for
// the same gets the same answer.
// Threading: none; pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/formation.hpp"
#include "broker/merge/merger.hpp"
#include "broker/pool.hpp"
#include "broker/registry.hpp"
#include "protocol/arguments.hpp"
#include "protocol/cluster/recovery_plan.hpp"

namespace trellis {

class Recoveries {
 public:
  /// Who has not answered is asked again so often.
  static constexpr std::chrono::milliseconds kAskEvery{300};
  /// What was told holds for a while: where others take longer to tell, it is asked for once more.
  static constexpr std::chrono::seconds kToldFor{10};

  Recoveries(BootNonce broker, const BrokerOptions& options, const Registry& registry, const Formation& formation,
             Outbox& outbox)
      : broker_(broker), options_(options), registry_(registry), formation_(formation), outbox_(outbox) {}

  /// Its answer comes with take_done(), at `deadline` at the latest.
  void begin(Tag tag, const RecoveryArguments& wanted, bool dry_run, TimePoint deadline, TimePoint now);
  void on_told(WorkerId from, RecoveryTold told, TimePoint now);
  void on_written(WorkerId from, const RecoveryWritten& written);
  void on_tick(TimePoint now);
  /// The cluster's map is this one from now on.
  void on_map(const ClusterMap& map);

  /// Which of them this broker has heard lately, for whom another one asks; empty: none.
  std::string heard_lately(const std::vector<WorkerId>& lost, TimePoint now) const;

  bool has_news() const { return decided_ || !done_.empty(); }
  std::vector<std::pair<Tag, MergedAnswer>> take_done() { return std::exchange(done_, {}); }
  /// A map that all members which it keeps have written down: it is the cluster's from now on.
  std::optional<ClusterMap> take_plan() { return std::exchange(decided_, std::nullopt); }

 private:
  enum class Step : std::uint8_t { kAsking, kWriting, kAdopting };
  struct Order {
    std::vector<Tag> tags;
    bool shows_only = false;
    TimePoint deadline;
    std::set<WorkerId> lost;
    std::vector<WorkerId> left;
    Step step = Step::kAsking;
    RecoveryNumber number;
    std::uint64_t outbid = 0;  ///< The next attempt has to be a higher one; 0: none is wanted.
    std::map<WorkerId, RecoveryTold> told;
    std::set<WorkerId> written;
    std::optional<ClusterMap> plan;
    RecoveryReport report;
    TimePoint asked_at;  ///< First,
    TimePoint said_at;   ///< and last.
  };
  /// Whom recoveries have left behind since this broker began, and how the last one ended.
  struct Past {
    std::set<std::string, std::less<>> names;  ///< Ids and addresses.
    RecoveryReport report;
  };

  std::optional<Error> resolve(const RecoveryArguments& wanted, std::set<WorkerId>& lost) const;
  std::optional<Error> obstacle(const Order& order, const ClusterMap& map, TimePoint now) const;
  void say(TimePoint now);
  void make_plan(TimePoint now);
  bool is_in_force() const;
  std::string tell_why_late() const;
  void end(const MergedAnswer& answer);
  void end_with_report();
  void fail(Error error) { end(answer_of(std::move(error))); }
  std::string address_of(WorkerId worker) const;

  BootNonce broker_;
  const BrokerOptions& options_;
  const Registry& registry_;
  const Formation& formation_;
  Outbox& outbox_;
  std::uint64_t attempts_ = 0;
  std::optional<Order> order_;
  std::optional<ClusterMap> decided_;
  std::vector<std::pair<Tag, MergedAnswer>> done_;
  std::optional<ClusterMap> known_;  ///< The cluster's map, as it was last.
  Past past_;
};

}  // namespace trellis

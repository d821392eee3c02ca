#include "protocol/cluster/recovery_plan.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "protocol/check.hpp"
#include "protocol/cluster/targets.hpp"

namespace trellis {
namespace {

/// What is left of one group.
struct Remains {
  struct Replica {
    WorkerId worker;
    ReplicaEnd end;
  };
  std::vector<Replica> replicas;

  static bool is_less_fresh(const Replica& a, const Replica& b) {
    return std::tuple(a.end.last_term, a.end.last_index, a.end.configuration_index, b.worker) <
           std::tuple(b.end.last_term, b.end.last_index, b.end.configuration_index, a.worker);
  }
  /// Null: nothing.
  const Replica* freshest(bool takes_last = false) const {
    const auto at = std::max_element(replicas.begin(), replicas.end(), is_less_fresh);
    if (at == replicas.end()) return nullptr;
    const auto is_equal = [&](const Replica& each) {
      return each.end.last_term == at->end.last_term && each.end.last_index == at->end.last_index;
    };
    return takes_last ? &*std::find_if(replicas.rbegin(), replicas.rend(), is_equal) : &*at;
  }
  const Replica* stalest() const {
    const auto at = std::min_element(replicas.begin(), replicas.end(), is_less_fresh);
    return at == replicas.end() ? nullptr : &*at;
  }
  /// Null: it is not there.
  const Replica* find(ReplicaId id) const {
    const auto at =
        std::find_if(replicas.begin(), replicas.end(), [id](const Replica& each) { return each.end.replica == id; });
    return at == replicas.end() ? nullptr : &*at;
  }
  bool holds(const ReplicaPlace& place) const {
    return std::any_of(replicas.begin(), replicas.end(), [&place](const Replica& each) {
      return each.worker == place.worker && each.end.replica == place.id;
    });
  }
  /// Whether it goes on by itself: all give their votes to the freshest, which needs most voters of its configuration,
  /// and whoever has an older one needs that vote.  Who is no member any more, or has another replica now, has none.
  bool has_majority() const {
    const Replica* const candidate = freshest();
    if (candidate == nullptr) return false;
    const auto& all = candidate->end.voters;
    const auto left = std::count_if(all.begin(), all.end(), [this](const ReplicaPlace& voter) { return holds(voter); });
    return 2 * static_cast<std::size_t>(left) > all.size();
  }
  std::uint64_t highest_term() const {
    std::uint64_t term = 0;
    for (const Replica& replica : replicas) term = std::max({term, replica.end.term, replica.end.last_term});
    return term;
  }
};

std::map<PartitionId, Remains> remains_of(const std::vector<MemberAccount>& accounts) {
  std::map<PartitionId, Remains> remains;
  for (const MemberAccount& account : accounts) {
    for (const ReplicaEnd& end : account.ends) {
      // A newcomer that has been sent nothing yet has nothing to give.
      if (end.last_index != 0) remains[end.partition].replicas.push_back({account.worker, end});
    }
  }
  return remains;
}

Error refuse(std::string why) { return {Code::kFailedPrecondition, std::move(why)}; }

WorkerId least_burdened(const ClusterMap& map, const std::map<WorkerId, std::size_t>& burdens) {
  const auto burden = [&](WorkerId worker) {
    const auto at = burdens.find(worker);
    return at == burdens.end() ? 0 : at->second;
  };
  const Member* best = nullptr;
  for (const Member& member : map.members) {
    if (member.state == MemberState::kLeaving) continue;
    if (best == nullptr || std::tuple(burden(member.id), member.id) < std::tuple(burden(best->id), best->id)) {
      best = &member;
    }
  }
  CHECK(best != nullptr);
  return best->id;
}

}  // namespace

const ClusterMap& newest_map(const std::vector<MemberAccount>& accounts) {
  CHECK(!accounts.empty());
  return std::max_element(
             accounts.begin(), accounts.end(),
             [](const MemberAccount& a, const MemberAccount& b) { return a.map.number() < b.map.number(); })
      ->map;
}

Result<ClusterMap> plan_recovery(const ClusterMap& base, const std::vector<MemberAccount>& accounts,
                                 const std::set<WorkerId>& lost, const PlanRules& rules) {
  ClusterMap plan = base;
  std::vector<MemberAccount> left;
  for (const Member& member : plan.members) {
    if (lost.contains(member.id)) continue;
    const auto account = std::find_if(accounts.begin(), accounts.end(),
                                      [&member](const MemberAccount& each) { return each.worker == member.id; });
    if (account == accounts.end()) {
      return refuse("member " + member.address + " is neither named as lost nor there: start it, or name it as well");
    }
    left.push_back(*account);
  }
  std::erase_if(plan.members, [&lost](const Member& member) { return lost.contains(member.id); });
  // Who was about to leave, or was given up, is needed now; it is a member again, and can be removed once more.
  for (Member& member : plan.members) member.state = MemberState::kMember;
  if (plan.members.empty()) return refuse("no member would be left");
  ++plan.epoch;
  ++plan.version;
  ++plan.recovery;
  plan.next_replica += kRecoveryLeap;
  plan.recovered.clear();
  auto remains = remains_of(left);
  std::map<WorkerId, std::size_t> burdens;
  for (std::uint32_t i = 0; i < plan.partition_count(); ++i) {
    Placement& placement = plan.partitions[i];
    const Remains& group = remains[{i}];
    std::erase_if(placement.replicas, [&](const ReplicaPlace& place) { return plan.find(place.worker) == nullptr; });
    if (group.has_majority()) continue;
    const Remains::Replica* const freshest = rules.takes_stalest ? group.stalest() : group.freshest(rules.takes_last);
    const WorkerId worker = freshest == nullptr ? least_burdened(plan, burdens) : freshest->worker;
    ++burdens[worker];
    const ReplicaPlace place{{plan.next_replica++}, worker};
    plan.recovered.push_back({{i},
                              place,
                              freshest == nullptr ? ReplicaId{} : freshest->end.replica,
                              group.highest_term() + kRecoveryTermLeap});
    // All others get new ids as well: what they hold of the group is no part of it any more.
    placement.replicas = {place};
    placement.preferred_leader = worker;
  }
  retarget(plan);
  if (auto good = check(plan); !good) return refuse("there is no plan: " + good.error().message);
  return plan;
}

RecoveryReport report_of(const ClusterMap& plan, const ClusterMap& before, const std::vector<MemberAccount>& accounts) {
  RecoveryReport report;
  report.cluster = plan.cluster;
  report.epoch = plan.epoch;
  for (const Member& member : before.members) {
    if (plan.find(member.id) == nullptr) report.lost.push_back(member.address);
  }
  const auto remains = remains_of(accounts);
  for (const RecoveredReplica& each : plan.recovered) {
    RecoveryReport::Partition& partition = report.partitions.emplace_back();
    partition.partition = each.partition.value;
    partition.worker = plan.find(each.place.worker)->address;
    const auto at = remains.find(each.partition);
    const Remains::Replica* const taken = at == remains.end() ? nullptr : at->second.find(each.from);
    if (taken == nullptr) {
      partition.note = "nothing is left of it: it begins empty";
      continue;
    }
    partition.replicas = at->second.replicas.size();
    partition.entries = taken->end.last_index;
    partition.note =
        "what was acknowledged behind entry " + std::to_string(taken->end.last_index) + " of its log is missing";
  }
  report.whole = plan.partition_count() - plan.recovered.size();
  return report;
}

}  // namespace trellis

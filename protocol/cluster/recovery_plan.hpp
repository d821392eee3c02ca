// What becomes of a cluster some of whose members are lost for good, with more replicas than it tolerates.
//
// A group goes on by itself where most voters of the freshest log's configuration are there, each with the very replica
// that it names; it does without the lost ones as without members that leave.  Where they are not, the freshest
// replica is taken for the group: the one whose last entry has the highest term, and of those the highest index (Raft
// dissertation, 3.6.1), whether it is on its way out or in.  It begins anew under another id, in another term, at an
// index that is kRecoveryLeap higher, so that no version is given out twice.  Where nothing is left of a group one
// begins empty.
//
// The plan is the next map: of the next epoch, without the lost ones, on top of the newest that any member holds.  One
// that all who are there of its members wrote down earlier may have been decided: it is carried on as it is, or, where
// it keeps a member that is lost by now, it is the map that the next plan is made from.
//
// What a lost member acknowledged and no member left holds is lost.  Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "protocol/cluster/cluster_map.hpp"
#include "protocol/cluster/recovery_messages.hpp"
#include "protocol/reports.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// By so much the indexes and ids of replicas of a recovery lie above all that was known before,
constexpr std::uint64_t kRecoveryLeap = std::uint64_t{1} << 32;
/// and their terms by so much: whoever joins a group takes no leap beyond 2^32 (worker/raft/objections.hpp).
constexpr std::uint64_t kRecoveryTermLeap = std::uint64_t{1} << 20;

/// What a member said is left with it.
struct MemberAccount {
  WorkerId worker;
  ClusterMap map;
  std::vector<ReplicaEnd> ends;
};

/// How the simulator has plans made, to see what comes of it.
struct PlanRules {
  bool takes_stalest = false;  ///< A rule that is left out.
  bool takes_last = false;     ///< It takes the last worker's of those that are equally fresh.
};

/// @param base      the map that it replaces
/// @param accounts  of all its members but the lost ones; what others have counts for nothing
/// Error: kFailedPrecondition, where one of those is missing, or none would be left.
Result<ClusterMap> plan_recovery(const ClusterMap& base, const std::vector<MemberAccount>& accounts,
                                 const std::set<WorkerId>& lost, const PlanRules& rules = {});

/// What the plan does, partition by partition, and what may be missing afterwards.
/// @param before  the newest map of the accounts
RecoveryReport report_of(const ClusterMap& plan, const ClusterMap& before, const std::vector<MemberAccount>& accounts);

/// The newest map of the accounts, of which there is one at least.
const ClusterMap& newest_map(const std::vector<MemberAccount>& accounts);

}  // namespace trellis

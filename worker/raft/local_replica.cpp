#include "worker/raft/local_replica.hpp"

#include <algorithm>

namespace trellis {
namespace {

/// Whether the leader's log had come to the entry by which the replica was added, or can never come to it.
bool is_past_addition(const MembersNotice& notice, const records::LocalReplica& local) {
  if (notice.term.value != local.term) return notice.term.value > local.term;
  return notice.last.value >= local.index;
}

}  // namespace

std::optional<records::LocalReplica> replica_to_make(const MembersNotice& notice, WorkerId self,
                                                     const records::LocalReplica& local) {
  if (local.held.value != 0) return std::nullopt;
  const auto& members = notice.configuration.members;
  const auto added =
      std::find_if(members.begin(), members.end(), [self](const auto& each) { return each.place.worker == self; });
  if (added == members.end() || added->place.id <= local.deleted) return std::nullopt;
  // A voter has votes and entries to its name: whoever is one and is not here was lost, and is not made up for.
  if (added->role == ReplicaRole::kVoter) return std::nullopt;
  return records::LocalReplica{added->place.id, notice.term.value, notice.configuration.index.value, local.deleted};
}

std::optional<records::LocalReplica> replica_to_delete(const MembersNotice& notice,
                                                       const records::LocalReplica& local) {
  if (local.held.value == 0 || !notice.configuration.is_committed || !is_past_addition(notice, local)) {
    return std::nullopt;
  }
  const auto& members = notice.configuration.members;
  const auto is_held = [&](const ReplicaPlace& place) { return place.id == local.held; };
  if (std::any_of(members.begin(), members.end(), [&](const auto& each) { return is_held(each.place); }) ||
      std::any_of(notice.target.begin(), notice.target.end(), is_held)) {
    return std::nullopt;
  }
  return records::LocalReplica{{}, 0, 0, std::max(local.deleted, local.held)};
}

}  // namespace trellis

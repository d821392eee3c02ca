#include "worker/recover_replica.hpp"

#include <algorithm>

#include "protocol/cluster/recovery_plan.hpp"
#include "worker/raft/entry_type.hpp"
#include "worker/raft/replica.hpp"
#include "worker/snapshot/snapshot_file.hpp"
#include "worker/state/entry.hpp"
#include "worker/state/system_records.hpp"

namespace trellis {
namespace {

struct OldState {
  StateMachine state;
  LogIndex last;  ///< Applied.
  std::vector<std::string> descriptors;
};

Result<void> apply(StateMachine& state, LogIndex index, std::string_view payload) {
  if (is_system_entry(payload)) return state.apply_system(index, payload);
  CommandReader commands(payload);
  while (const auto command = commands.next()) {
    if (!*command) return command->error();
    static_cast<void>(state.apply(index, commands.position(), **command, false));
  }
  return {};
}

Result<OldState> read_old(PartitionId group, const SessionLimits& sessions, LogStore& store,
                          const SnapshotStore& snapshots) {
  OldState old{StateMachine(sessions), {}, {}};
  const auto stored = store.get(records::snapshot_name(group));
  if (!stored) return stored.error();
  if (*stored) {
    const auto record = records::read_snapshot_record(**stored);
    if (!record) return record.error();
    const auto descriptor = read_snapshot_descriptor(record->descriptor);
    if (!descriptor) return descriptor.error();
    auto state = read_snapshot(*descriptor, snapshots, sessions);
    if (!state) return state.error();
    old.state = std::move(*state);
    old.last = {record->index};
    old.descriptors.push_back(record->descriptor);
  }
  const auto take = [&old](LogIndex index, const EntryHead& head, std::string_view payload) -> Result<void> {
    if (index <= old.last) return {};
    old.last = index;
    return is_command_type(head.type) ? apply(old.state, index, payload) : Result<void>();
  };
  if (auto scanned = store.entries(group, take); !scanned) return scanned.error();
  return old;
}

}  // namespace

bool is_to_be_recovered(const RecoveredReplica& replica, WorkerId self, const records::LocalReplica& local) {
  if (replica.place.worker != self || replica.place.id <= local.deleted) return false;
  return local.held != replica.place.id && (replica.from.value == 0 || local.held == replica.from);
}

Result<RecoveredRecords> recover_replica(const RecoveredReplica& replica, const records::LocalReplica& local,
                                         const ClusterMap& map, const SessionLimits& sessions, LogStore& store,
                                         SnapshotStore& snapshots, const RandomSource& random) {
  const PartitionId group = replica.partition;
  auto old = replica.from.value == 0 ? Result<OldState>(OldState{StateMachine(sessions), {}, {}})
                                     : read_old(group, sessions, store, snapshots);
  if (!old) return old.error();
  const LogIndex index{old->last.value + kRecoveryLeap};
  StateMachine& state = old->state;
  if (group.value == 0) {
    const std::string entry = map_entry(state.system().map_version(), map);
    if (auto applied = state.apply_system(index, entry); !applied) return applied.error();
  }
  if (auto applied = state.apply_system(index, follow_entry(map.number(), map.level)); !applied) return applied.error();
  FrozenState frozen = state.freeze();
  frozen.applied = index;
  const Term term{replica.term};
  const auto descriptor =
      write_snapshot(frozen, group, index, term, snapshot_name(group, index, term, random()), snapshots);
  if (!descriptor) return descriptor.error();
  const std::string packed = encode(*descriptor);
  RecoveredRecords made{{replica.place.id, replica.term, index.value, std::max(local.deleted, local.held)},
                        std::move(old->descriptors)};
  made.descriptors.push_back(packed);
  Replica::remove(store, group, made.local);
  store.put_hard_state(group, {replica.term, 0});
  const records::ConfigurationMember alone{replica.place, static_cast<std::uint8_t>(ReplicaRole::kVoter)};
  store.put(records::snapshot_name(group),
            records::pack(records::SnapshotRecord{index.value, replica.term, index.value, {alone}, packed}));
  return made;
}

}  // namespace trellis

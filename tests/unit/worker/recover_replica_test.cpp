// A replica that is made anew holds what the old one's snapshot and log held, committed or not.
#include "worker/recover_replica.hpp"

#include <gtest/gtest.h>

#include "protocol/cluster/recovery_plan.hpp"
#include "tests/support/memory_log_store.hpp"
#include "tests/unit/worker/memory_snapshot_store.hpp"
#include "worker/raft/replica.hpp"
#include "worker/snapshot/snapshot_file.hpp"
#include "worker/state/system_records.hpp"

namespace trellis {
namespace {

constexpr WorkerId kSelf{1};

class Recovered : public ::testing::Test {
 protected:
  Recovered() {
    ClusterSpec spec{2, 2, {{kSelf, "w1:1"}, {{2}, "w2:1"}, {{3}, "w3:1"}}};
    map = make_cluster_map(std::string(32, 'a'), spec);
    map.formed = true;
    map.version = kFormedVersion;
    for (std::uint32_t i = 0; i < 2; ++i) Replica::bootstrap(store, {i}, map.partitions[i].replicas);
    // What a leader of partition 0 wrote, which nobody is known to have committed.
    const std::string entry = map_entry({}, map);
    store.append({0}, {2}, {1, 1}, entry);
    store.append({0}, {3}, {4, 1}, follow_entry(map.number(), map.level));
    write();
    const auto plan = plan_recovery(map, {{kSelf, map, ends()}}, {{2}, {3}});
    EXPECT_TRUE(plan);
    next = *plan;
  }
  std::vector<ReplicaEnd> ends() const {
    std::vector<ReplicaEnd> ends;
    for (std::uint32_t i = 0; i < 2; ++i) {
      const auto& replicas = map.partitions[i].replicas;
      ends.push_back({{i}, map.partitions[i].find(kSelf)->id, 4, i == 0 ? 4u : 1u, i == 0 ? 3u : 1u, 1, replicas});
    }
    return ends;
  }
  records::LocalReplica local(std::uint32_t i) const { return {map.partitions[i].find(kSelf)->id, 0, 0, {}}; }
  void write() {
    store.start_write();
    ASSERT_TRUE(store.finish_write());
  }
  StateMachine recovered(std::uint32_t i) {
    const auto made = recover_replica(next.recovered[i], local(i), next, {}, store, snapshots, [] { return 7; });
    EXPECT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->local.held, next.recovered[i].place.id);
    EXPECT_EQ(made->local.deleted, local(i).held);
    write();
    const auto record = records::read_snapshot_record(**store.get(records::snapshot_name({i})));
    EXPECT_TRUE(record);
    EXPECT_EQ(record->configuration.size(), 1u);
    EXPECT_EQ(record->configuration.front().place, next.recovered[i].place);
    EXPECT_EQ(record->term, next.recovered[i].term);
    index = record->index;
    EXPECT_EQ((*store.hard_state({i}))->term, next.recovered[i].term);
    auto state = read_snapshot(*read_snapshot_descriptor(record->descriptor), snapshots);
    EXPECT_TRUE(state) << state.error().message;
    return std::move(*state);
  }

  MemoryLogStore store;
  MemorySnapshotStore snapshots;
  ClusterMap map;
  ClusterMap next;
  std::uint64_t index = 0;
};

TEST_F(Recovered, BeginsBehindAllThatItsLogHeldAndKeepsTheMapThatNamesIt) {
  const StateMachine state = recovered(0);
  EXPECT_EQ(index, 3 + kRecoveryLeap);
  ASSERT_NE(state.system().map, nullptr);
  EXPECT_EQ(*state.system().map, next);
  EXPECT_EQ(state.system().followed, next.number());
  std::size_t entries = 0;
  EXPECT_TRUE(store.entries({0}, [&entries](LogIndex, const EntryHead&, std::string_view) -> Result<void> {
    ++entries;
    return {};
  }));
  EXPECT_EQ(entries, 0u) << "its log begins anew";
}

TEST_F(Recovered, OnlyPartitionZeroKeepsTheMap) {
  const StateMachine state = recovered(1);
  EXPECT_EQ(state.system().map, nullptr);
  EXPECT_EQ(state.system().followed, next.number());
}

TEST_F(Recovered, IsMadeOnceOnTheWorkerThatTheMapNames) {
  const RecoveredReplica& replica = next.recovered.front();
  EXPECT_TRUE(is_to_be_recovered(replica, kSelf, local(0)));
  EXPECT_FALSE(is_to_be_recovered(replica, {2}, local(0)));
  EXPECT_FALSE(is_to_be_recovered(replica, kSelf, {replica.place.id, 9, 9, local(0).held})) << "it is there";
  EXPECT_FALSE(is_to_be_recovered(replica, kSelf, {{}, 0, 0, replica.place.id})) << "it has moved away since";
}

}  // namespace
}  // namespace trellis

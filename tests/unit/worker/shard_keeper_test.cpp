// What the leader of partition 0 does with the map, as brokers ask it to.
#include <gtest/gtest.h>

#include "protocol/cluster/map_changes.hpp"
#include "tests/unit/worker/shard_cluster.hpp"

namespace trellis::test {
namespace {

class ShardKeeper : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster.form(2);
    ASSERT_TRUE(cluster.run_until([this] { return map() != nullptr; }));
  }

  Worker& keeper() { return cluster.worker(cluster.leader(PartitionId{0}).value_or(0)); }
  const ClusterMap* map() { return keeper().shard->kept_map(); }

  /// As a broker passes it on.
  void wish(const MapVersion& known) {
    keeper().offered_map.reset();
    BundleWriter out;
    add(out, JoinWanted{kJoining, {1}, "127.0.0.1:9099", "", known});
    keeper().from_broker.push_back(out.take());
    cluster.step();
    cluster.step();
  }
  bool becomes_member() {
    return cluster.run_until([this] { return map() != nullptr && map()->find(kJoining) != nullptr; },
                             milliseconds(300));
  }

  static constexpr WorkerId kJoining{77};
  Cluster cluster{3};
};

TEST_F(ShardKeeper, AWishByTheMapAsItIsMakesAMember) {
  wish(map()->number());
  EXPECT_TRUE(becomes_member());
}

TEST_F(ShardKeeper, AWishByAnotherMapIsAnsweredWithTheMap) {
  MapVersion earlier = map()->number();
  --earlier.version;
  for (const MapVersion& known : {MapVersion(), earlier}) {
    wish(known);
    ASSERT_TRUE(keeper().offered_map);
    EXPECT_EQ(keeper().offered_map->number(), map()->number());
    EXPECT_FALSE(becomes_member());
  }
}

/// It may have waited, twice even, at a broker that stood still.
TEST_F(ShardKeeper, AWishThatComesOnceItsWorkerWasRemovedChangesNothing) {
  const MapVersion known = map()->number();
  wish(known);
  ASSERT_TRUE(becomes_member());
  const auto leave = [](const ClusterMap& now) { return with_removal(now, kJoining, false); };
  ASSERT_TRUE(cluster.run_until([&] { return static_cast<bool>(keeper().shard->change_map(leave)); }));
  ASSERT_TRUE(cluster.run_until([&] { return map() != nullptr && map()->find(kJoining) == nullptr; }));
  wish(known);
  EXPECT_FALSE(becomes_member());
  wish(map()->number());
  EXPECT_TRUE(becomes_member()) << "it is there, and wants to";
}

}  // namespace
}  // namespace trellis::test

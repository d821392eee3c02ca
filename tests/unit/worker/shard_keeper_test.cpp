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

/// What it knew was of an earlier leadership, and all have been silent since.
TEST_F(ShardKeeper, WhoLeadsAgainTakesNobodyForDownWhomItHasNotAskedYet) {
  const std::size_t first = *cluster.leader(PartitionId{0});
  std::string k;
  PackedWriter(k).array(1).map(1).str("k").natural(1);
  std::uint64_t tag = 1'000'000;
  const auto ask_first = [&] {  // In each turn, so that one comes in the very turn in which it leads.
    WorkerRequest request;
    request.tag = request.seq = ++tag;
    request.kind = RequestKind::kCluster;
    request.timeout_ms = 5'000;
    request.session = "session";
    request.body = Frame(pack_request(77, Command::kSettings, k, {}));
    BundleWriter out;
    add(out, request);
    cluster.worker(first).from_broker.push_back(out.take());
  };
  cluster.cut_off = {first};
  ASSERT_TRUE(cluster.run_until([&] { return cluster.leader(PartitionId{0}).value_or(first) != first; }));
  cluster.run_until([] { return false; }, milliseconds(4'000));
  const auto is_done = [&] {
    const auto leader = cluster.leader(PartitionId{0});
    if (leader && *leader != first) cluster.cut_off = {*leader};
    ask_first();
    return leader == first && map() != nullptr && map()->k == 1;
  };
  ASSERT_TRUE(cluster.run_until(is_done, milliseconds(60'000)));
  for (const auto& [number, answer] : cluster.replies_) {
    if (answer.outcome != Outcome::kDone) continue;
    const auto reply = read_reply(answer.body.bytes());
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, Code::kOk) << reply->info.message;
  }
}

}  // namespace
}  // namespace trellis::test

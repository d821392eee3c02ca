// A cluster whose processes are far from each other: half a second each way, clients included.
#include <gtest/gtest.h>

#include "sim/checker/checker.hpp"
#include "sim/cluster.hpp"

namespace trellis::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Far : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  static ClusterShape shape() {
    ClusterShape shape;
    shape.brokers = 2;
    shape.raw_clients = 0;  // They connect anew now and then, and lose their answers.
    shape.clock_drift = 1'000;
    // To the broker, to the leader, to its peers, and back.
    shape.workload.timeout_min = shape.workload.timeout_max = seconds(10);
    return shape;
  }
  Far() : world(GetParam()), cluster(world, shape(), mutations) {
    cluster.network().conditions.delay_min = milliseconds(490);
    cluster.network().conditions.delay_max = milliseconds(510);
  }
  void pass(Duration time) { world.run_until(world.now() + time); }

  Mutations mutations;
  World world;
  Cluster cluster;
};

TEST_P(Far, LeadersStayAndEveryCommandIsAnswered) {
  cluster.start();
  pass(seconds(120));  // The cluster is made, leaders are elected, and go to where they are preferred.
  const TimePoint settled = world.now();
  const std::uint64_t leaders = cluster.counters().leaders;
  pass(seconds(120));
  EXPECT_EQ(cluster.counters().leaders, leaders) << "no leader has changed";
  for (std::size_t i = 0; i < cluster.clients(); ++i) cluster.client(i).finish();
  pass(seconds(15));
  std::size_t answered = 0;
  for (const Operation& operation : cluster.history().operations) {
    if (operation.call < settled) continue;
    ++answered;
    EXPECT_NE(operation.outcome(), Outcome::kUnknown) << to_text(operation);
    EXPECT_NE(operation.status, Code::kUnavailable) << to_text(operation);
    EXPECT_TRUE(operation.guaranteed) << to_text(operation);
  }
  EXPECT_GT(answered, 100u);
  EXPECT_TRUE(check(cluster.history()).is_right());
  EXPECT_FALSE(world.violation()) << *world.violation();
}

INSTANTIATE_TEST_SUITE_P(Seeds, Far, ::testing::Range<std::uint64_t>(1, 6));

}  // namespace
}  // namespace trellis::sim

// A worker's part in a recovery: what it tells, whom it listens to meanwhile, and what it makes anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/cluster/recovery_plan.hpp"
#include "tests/unit/worker/shard_cluster.hpp"

namespace trellis::test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

/// The second and the third of three workers are lost; what was written is on all of them.
class LostMajority : public ::testing::Test {
 protected:
  LostMajority() {
    cluster.form();
    EXPECT_EQ(cluster.put("key", "value"), cluster.put("other", "value"));
    pass(seconds(1));
    for (std::size_t i = 0; i < 3; ++i) ids.push_back(cluster.worker(i).hello.id);
  }
  void lose_two(milliseconds ago = seconds(31)) {
    cluster.crash(1);
    cluster.crash(2);
    pass(ago);
  }
  void pass(milliseconds time) {
    cluster.run_until([] { return false; }, time);
  }
  const ClusterMap& map() { return *cluster.worker(0).shard->membership().map(); }

  RecoveryTold ask(std::uint64_t attempt = 1) {
    Worker& worker = cluster.worker(0);
    worker.told.reset();
    BundleWriter out;
    add(out, RecoveryAsk{{1, attempt, 7}, map().cluster, {ids[1], ids[2]}});
    worker.from_broker.push_back(out.take());
    EXPECT_TRUE(cluster.run_until([&worker] { return worker.told.has_value(); }));
    return worker.told.value_or(RecoveryTold{});
  }
  ClusterMap plan_of(const RecoveryTold& told) {
    const auto plan = plan_recovery(map(), {{ids[0], map(), told.ends}}, {ids[1], ids[2]});
    EXPECT_TRUE(plan) << plan.error().message;
    return *plan;
  }
  RecoveryWritten write_down(const ClusterMap& plan, std::uint64_t attempt = 1) {
    Worker& worker = cluster.worker(0);
    worker.written.reset();
    BundleWriter out;
    add(out, RecoveryPlan{{1, attempt, 7}, pack(plan)});
    worker.from_broker.push_back(out.take());
    EXPECT_TRUE(cluster.run_until([&worker] { return worker.written.has_value(); }));
    return worker.written.value_or(RecoveryWritten{});
  }

  Cluster cluster{3, 2};
  std::vector<WorkerId> ids;
};

TEST_F(LostMajority, NothingIsToldWhileALostOneWasHeardLately) {
  lose_two(seconds(10));
  EXPECT_THAT(ask().refusal, HasSubstr("cannot tell yet that 127.0.0.1:9002 is gone"));
  pass(seconds(21));
  const RecoveryTold told = ask(2);
  EXPECT_EQ(told.refusal, "");
  EXPECT_EQ(told.ends.size(), 2u);
  EXPECT_EQ(told.map, pack(map()));
}

TEST_F(LostMajority, WhatIsMadeAnewHoldsWhatWasWritten) {
  lose_two();
  const ClusterMap plan = plan_of(ask());
  EXPECT_EQ(write_down(plan).refusal, "");
  EXPECT_FALSE(cluster.worker(0).shard->wants_restart()) << "it may not have been decided";
  BundleWriter offer;
  add_map_offer(offer, plan);
  cluster.worker(0).from_broker.push_back(offer.take());
  ASSERT_TRUE(cluster.run_until([this] { return cluster.worker(0).shard->wants_restart(); }));
  cluster.crash(0);
  cluster.start(0);
  EXPECT_EQ(cluster.get("key"), "value");
  EXPECT_EQ(map().recovery, 1u);
  cluster.crash(0);
  cluster.start(0);
  EXPECT_EQ(cluster.get("key"), "value") << "it is made once";
  // One that was lost is there again, and is not listened to.
  cluster.start(1);
  pass(seconds(5));
  EXPECT_EQ(cluster.leader({0}), 0u);
}

TEST_F(LostMajority, APlanIsNotWrittenDownWhereOneThatItLeavesBehindWasHeardMeanwhile) {
  lose_two();
  const ClusterMap plan = plan_of(ask());
  cluster.start(1);
  ASSERT_TRUE(cluster.run_until([this] { return cluster.leader({0}).has_value(); })) << "two are a majority again";
  EXPECT_THAT(write_down(plan).refusal, HasSubstr("127.0.0.1:9002 was heard just now"));
  EXPECT_EQ(cluster.worker(0).shard->recovery_plan(), nullptr);
}

TEST_F(LostMajority, OnceAPlanIsWrittenDownThoseThatItLeavesBehindAreNotListenedTo) {
  lose_two();
  ASSERT_EQ(write_down(plan_of(ask())).refusal, "");
  for (int incarnation = 0; incarnation < 2; ++incarnation) {
    ASSERT_NE(cluster.worker(0).shard->recovery_plan(), nullptr);
    cluster.start(1);
    pass(seconds(5));
    EXPECT_FALSE(cluster.leader({0})) << "it would agree with it on what the plan forgets";
    cluster.crash(1);
    cluster.crash(0);
    cluster.start(0);
  }
}

TEST_F(LostMajority, APlanThatComesLateIsNotWrittenDown) {
  lose_two();
  const ClusterMap plan = plan_of(ask());
  pass(seconds(31));
  EXPECT_THAT(write_down(plan).refusal, HasSubstr("too long ago"));
}

}  // namespace
}  // namespace trellis::test

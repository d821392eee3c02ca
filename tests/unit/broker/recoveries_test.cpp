// RECOVER: all members that are left are asked, write the plan down, and then have it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/cluster/recovery_plan.hpp"
#include "protocol/packed.hpp"
#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

/// The last three of five workers are lost.
class Recovering : public ::testing::Test {
 protected:
  Recovering() : cluster({.workers = 5, .k = 3}) {
    cluster.make_cluster();
    for (std::size_t i = 2; i < 5; ++i) cluster.worker(i).alive = false;
    cluster.pass(milliseconds(2'000));
  }

  void recover(bool with_id = true,
               std::vector<std::string> lost = {"127.0.0.1:9003", "127.0.0.1:9004", "127.0.0.1:9005"}) {
    std::string arguments;
    PackedWriter writer(arguments);
    writer.array(with_id ? 2 : 1).array(lost.size());
    for (const std::string& each : lost) writer.str(each);
    if (with_id) writer.str(cluster.map.cluster);
    Options options;
    options.timeout = seconds(60);
    cluster.send(Command::kRecover, arguments, options);
    cluster.turn();
  }
  RecoveryTold account(std::size_t worker, std::uint64_t index) {
    RecoveryTold told;
    told.number = cluster.worker(worker).recovery_asks.back().number;
    told.map = pack(cluster.map);
    for (std::uint32_t i = 0; i < cluster.map.partition_count(); ++i) {
      const auto& replicas = cluster.map.partitions[i].replicas;
      const ReplicaId own = cluster.map.partitions[i].find(cluster.worker(worker).hello.id)->id;
      told.ends.push_back({{i}, own, 2, 2, index, 1, replicas});
    }
    return told;
  }
  void tell_all() {
    cluster.worker(0).tell(account(0, 100));
    cluster.worker(1).tell(account(1, 90));
    cluster.turn();
  }
  RecoveryReport report() {
    const Received reply = cluster.reply();
    EXPECT_EQ(reply.status, Code::kOk) << reply.info.message;
    const auto report = read_recovery_report(reply.result);
    EXPECT_TRUE(report);
    return report.value_or(RecoveryReport{});
  }

  Harness cluster;
};

TEST_F(Recovering, IsRefusedWhileALostOneWasHeardAMomentAgo) {
  recover();
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kFailedPrecondition);
  EXPECT_THAT(reply.info.message,
              HasSubstr("127.0.0.1:9003 may be alive: this broker heard it 3 s ago; if it is gone for good, ask "
                        "again in 28 s"));
  EXPECT_TRUE(cluster.worker(0).recovery_asks.empty());
}

TEST_F(Recovering, WithoutTheClustersIdItTellsThePlanAndChangesNothing) {
  cluster.pass(seconds(31));
  recover(false);
  ASSERT_EQ(cluster.worker(0).recovery_asks.size(), 1u);
  EXPECT_EQ(cluster.worker(0).recovery_asks.front().lost.size(), 3u);
  tell_all();
  const RecoveryReport plan = report();
  EXPECT_FALSE(plan.done);
  EXPECT_EQ(plan.lost.size(), 3u);
  ASSERT_EQ(plan.partitions.size(), cluster.map.partition_count());
  EXPECT_EQ(plan.partitions.front().worker, "127.0.0.1:9001") << "the freshest";
  EXPECT_EQ(plan.partitions.front().entries, 100u);
  EXPECT_TRUE(cluster.worker(0).recovery_plans.empty());
}

TEST_F(Recovering, ThePlanIsTheMapOnceAllHaveWrittenItDown) {
  cluster.pass(seconds(31));
  recover();
  tell_all();
  ASSERT_EQ(cluster.worker(0).recovery_plans.size(), 1u);
  ASSERT_EQ(cluster.worker(1).recovery_plans.size(), 1u);
  const RecoveryNumber number = cluster.worker(0).recovery_plans.front().number;
  const auto plan = read_cluster_map(cluster.worker(0).recovery_plans.front().map);
  ASSERT_TRUE(plan);
  cluster.worker(0).tell(RecoveryWritten{number, 0, ""});
  cluster.pass(milliseconds(200));
  EXPECT_EQ(cluster.worker(0).map->epoch, cluster.map.epoch) << "one has not written it down";
  cluster.worker(1).tell(RecoveryWritten{number, 0, ""});
  cluster.pass(milliseconds(600));
  EXPECT_EQ(*cluster.worker(0).map, *plan);
  EXPECT_EQ(*cluster.worker(1).map, *plan);
  EXPECT_TRUE(cluster.replies().empty()) << "what was made anew is not led yet";
  for (const RecoveredReplica& each : plan->recovered) {
    cluster.worker(each.place.worker.value - 1).lead(each.partition, Term{each.term + 1});
  }
  cluster.pass(milliseconds(200));
  EXPECT_TRUE(report().done);
  recover();
  EXPECT_TRUE(report().done) << "whoever asks once more, since the answer was lost, has it";
}

TEST_F(Recovering, APlanThatSomebodyWroteDownBeforeIsCarriedOn) {
  cluster.pass(seconds(31));
  recover();
  // By it the stalest replicas were taken.
  MemberAccount other{{2}, cluster.map, account(1, 90).ends};
  MemberAccount empty{{1}, cluster.map, {}};
  const auto earlier = plan_recovery(cluster.map, {empty, other}, {{3}, {4}, {5}});
  ASSERT_TRUE(earlier) << earlier.error().message;
  for (const std::size_t worker : {0, 1}) {
    RecoveryTold told = account(worker, 100 - 10 * worker);
    told.accepted = {1, 1, 1};
    told.plan = pack(*earlier);
    cluster.worker(worker).tell(told);
  }
  cluster.turn();
  ASSERT_EQ(cluster.worker(0).recovery_plans.size(), 1u);
  EXPECT_EQ(cluster.worker(0).recovery_plans.front().map, pack(*earlier));
}

TEST_F(Recovering, WhoeverIsOutbidAsksAgainWithAHigherNumber) {
  cluster.pass(seconds(31));
  recover();
  const RecoveryNumber first = cluster.worker(0).recovery_asks.front().number;
  RecoveryTold outbid;
  outbid.number = first;
  outbid.promised = 7;
  outbid.refusal = "somebody else recovers this cluster";
  cluster.worker(0).tell(outbid);
  cluster.pass(milliseconds(800));
  EXPECT_EQ(cluster.worker(0).recovery_asks.back().number.attempt, 8u);
  EXPECT_EQ(cluster.worker(1).recovery_asks.back().number.attempt, 8u);
  tell_all();
  EXPECT_EQ(cluster.worker(0).recovery_plans.front().number.attempt, 8u);
}

TEST_F(Recovering, TheLastAttemptIsMadeAndWhoeverHasToOutbidItIsTold) {
  cluster.pass(seconds(31));
  recover();
  const auto outbid = [this](std::uint64_t promised) {
    RecoveryTold told;
    told.number = cluster.worker(0).recovery_asks.back().number;
    told.promised = promised;
    told.refusal = "somebody else recovers this cluster";
    cluster.worker(0).tell(told);
    cluster.pass(milliseconds(800));
  };
  outbid(kRecoveryAttemptMax - 1);
  EXPECT_EQ(cluster.worker(0).recovery_asks.back().number.attempt, kRecoveryAttemptMax);
  EXPECT_TRUE(cluster.replies().empty());
  outbid(kRecoveryAttemptMax);
  const Received refused = cluster.reply();
  EXPECT_EQ(refused.status, Code::kFailedPrecondition);
  EXPECT_THAT(refused.info.message, HasSubstr("attempt 4294967296, the last one"));
  const std::size_t asked = cluster.worker(0).recovery_asks.size();
  recover();
  EXPECT_EQ(cluster.reply().status, Code::kFailedPrecondition) << "this broker has made it";
  EXPECT_EQ(cluster.worker(0).recovery_asks.size(), asked);
}

TEST_F(Recovering, EveryMemberThatIsNotNamedHasToBeThere) {
  cluster.pass(seconds(31));
  recover(true, {"127.0.0.1:9003"});
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kFailedPrecondition);
  EXPECT_THAT(reply.info.message, HasSubstr("9004 is neither named as lost nor there"));
  recover(true, {"127.0.0.1:1"});
  EXPECT_EQ(cluster.reply().status, Code::kNotFound);
}

TEST_F(Recovering, AMemberThatHasHeardALostOneRefuses) {
  cluster.pass(seconds(31));
  recover();
  RecoveryTold told;
  told.number = cluster.worker(0).recovery_asks.front().number;
  told.refusal = "it has been without a word of 127.0.0.1:9003 for 4 s only, and wants 30 s";
  cluster.worker(0).tell(told);
  cluster.turn();
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kFailedPrecondition);
  EXPECT_THAT(reply.info.message, HasSubstr("127.0.0.1:9001 says: it has been without a word"));
}

TEST_F(Recovering, APlanThatKeepsAMemberWhichIsLostByNowIsWhatTheNextOneIsMadeFrom) {
  cluster.pass(seconds(31));
  recover();
  MemberAccount three{{3}, cluster.map, {}};
  MemberAccount two{{2}, cluster.map, account(1, 90).ends};
  MemberAccount one{{1}, cluster.map, account(0, 100).ends};
  const auto earlier = plan_recovery(cluster.map, {one, two, three}, {{4}, {5}});
  ASSERT_TRUE(earlier) << earlier.error().message;
  for (const std::size_t worker : {0, 1}) {
    RecoveryTold told = account(worker, 100 - 10 * worker);
    told.accepted = {1, 1, 1};
    told.plan = pack(*earlier);
    cluster.worker(worker).tell(told);
  }
  cluster.turn();
  ASSERT_EQ(cluster.worker(0).recovery_plans.size(), 1u);
  const auto plan = read_cluster_map(cluster.worker(0).recovery_plans.front().map);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->recovery, earlier->recovery + 1);
  EXPECT_GT(plan->number(), earlier->number());
  EXPECT_EQ(plan->members.size(), 2u);
}

TEST_F(Recovering, APlanThatOneLacksWasNeverDecidedAndIsMadeAnewOfWhatThereIsNow) {
  cluster.pass(seconds(31));
  recover();
  MemberAccount one{{1}, cluster.map, account(0, 100).ends};
  MemberAccount two{{2}, cluster.map, account(1, 90).ends};
  const auto earlier = plan_recovery(cluster.map, {one, two}, {{3}, {4}, {5}});
  ASSERT_TRUE(earlier) << earlier.error().message;
  RecoveryTold told = account(0, 100);
  told.accepted = {1, 1, 1};
  told.plan = pack(*earlier);
  cluster.worker(0).tell(told);
  cluster.worker(1).tell(account(1, 110));  // Those that are lost came back for a while, and were heard by it alone.
  cluster.turn();
  ASSERT_EQ(cluster.worker(0).recovery_plans.size(), 1u);
  const auto plan = read_cluster_map(cluster.worker(0).recovery_plans.front().map);
  ASSERT_TRUE(plan);
  for (const RecoveredReplica& each : plan->recovered) EXPECT_EQ(each.place.worker, WorkerId{2});
}

TEST_F(Recovering, APlanThatIsNotWrittenDownIsMadeAnew) {
  cluster.pass(seconds(31));
  recover();
  tell_all();
  const RecoveryNumber first = cluster.worker(1).recovery_plans.front().number;
  cluster.worker(1).tell(RecoveryWritten{first, 0, "127.0.0.1:9004 was heard just now"});
  cluster.pass(milliseconds(800));
  EXPECT_EQ(cluster.worker(1).recovery_asks.back().number.attempt, first.attempt + 1);
  EXPECT_TRUE(cluster.replies().empty());
}

TEST_F(Recovering, WhoeverAsksForTheSameMeanwhileGetsTheSameAnswer) {
  cluster.pass(seconds(31));
  recover(false);
  recover(false);
  tell_all();
  ASSERT_EQ(cluster.replies().size(), 2u);
  EXPECT_EQ(cluster.replies().front().result, cluster.replies().back().result);
}

TEST_F(Recovering, AnotherBrokersRecoveryIsTheAnswer) {
  cluster.pass(seconds(31));
  recover();
  MemberAccount one{{1}, cluster.map, account(0, 100).ends};
  MemberAccount two{{2}, cluster.map, account(1, 90).ends};
  const auto plan = plan_recovery(cluster.map, {one, two}, {{3}, {4}, {5}});
  ASSERT_TRUE(plan);
  cluster.worker(0).hold(*plan);
  cluster.worker(0).offer_map();
  cluster.pass(milliseconds(600));
  for (const RecoveredReplica& each : plan->recovered) {
    cluster.worker(each.place.worker.value - 1).lead(each.partition, Term{each.term + 1});
  }
  cluster.pass(milliseconds(600));
  EXPECT_TRUE(report().done);
  EXPECT_THAT(cluster.broker->metrics(cluster.now), HasSubstr("trellis_broker_recoveries_total 1\n"));
}

TEST_F(Recovering, AnotherBrokerIsToldWhomThisOneHears) {
  BundleWriter bundle;
  add(bundle, RecoveryAsk{{1, 1, 99}, cluster.map.cluster, {{3}, {4}}});
  cluster.from_worker(cluster.worker(0), bundle);
  cluster.turn();
  ASSERT_EQ(cluster.worker(0).recovery_heard.size(), 1u);
  EXPECT_THAT(cluster.worker(0).recovery_heard.front().refusal, HasSubstr("heard 127.0.0.1:9003 3 s ago"));
  cluster.pass(seconds(31));
  BundleWriter later;
  add(later, RecoveryAsk{{1, 2, 99}, cluster.map.cluster, {{3}, {4}}});
  cluster.from_worker(cluster.worker(0), later);
  cluster.turn();
  EXPECT_EQ(cluster.worker(0).recovery_heard.back().refusal, "");
}

}  // namespace
}  // namespace trellis::test

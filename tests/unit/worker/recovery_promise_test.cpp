// What a worker promises to those who recover its cluster.
#include "worker/recovery_promise.hpp"

#include <gtest/gtest.h>

#include "protocol/cluster/recovery_plan.hpp"
#include "tests/support/memory_log_store.hpp"

namespace trellis {
namespace {

class Promises : public ::testing::Test {
 protected:
  Promises() {
    ClusterSpec spec{2, 1, {{{1}, "w1:1"}, {{2}, "w2:1"}, {{3}, "w3:1"}}};
    map = make_cluster_map(std::string(32, 'a'), spec);
    map.formed = true;
    map.version = kFormedVersion;
    const MemberAccount account{{1}, map, {}};
    plan = *plan_recovery(map, {account}, {{2}, {3}});
    restart();
  }
  void restart() {
    auto loaded = RecoveryPromise::load(store);
    ASSERT_TRUE(loaded) << loaded.error().message;
    promise = std::move(*loaded);
  }
  void write() {
    store.start_write();
    ASSERT_TRUE(store.finish_write());
  }
  RecoveryAsk ask(std::uint64_t attempt, std::uint64_t broker = 7) const {
    return {{1, attempt, broker}, map.cluster, {{2}, {3}}};
  }

  MemoryLogStore store;
  RecoveryPromise promise;
  ClusterMap map;
  ClusterMap plan;
};

TEST_F(Promises, NoLowerNumberCountsAnyMoreAlsoAfterARestart) {
  EXPECT_EQ(promise.on_ask(ask(2), map, store).refusal, "");
  write();
  restart();
  const RecoveryTold refused = promise.on_ask(ask(1), map, store);
  EXPECT_NE(refused.refusal, "");
  EXPECT_EQ(refused.promised, 2u) << "so that whoever asks knows what it takes";
  const RecoveryWritten late = promise.on_plan({{1, 1, 7}, pack(plan)}, map, store);
  EXPECT_NE(late.refusal, "");
  EXPECT_EQ(late.promised, 2u);
  EXPECT_EQ(promise.plan(map), nullptr);
}

TEST_F(Promises, WhatThisWorkerHasAgainstAPlanCountsUntilItWroteItDown) {
  static_cast<void>(promise.on_ask(ask(1), map, store));
  const auto objection = [](const ClusterMap&) { return std::string("it is heard again"); };
  EXPECT_EQ(promise.on_plan({{1, 1, 7}, pack(plan)}, map, store, objection).refusal, "it is heard again");
  EXPECT_EQ(promise.plan(map), nullptr);
  EXPECT_EQ(promise.on_plan({{1, 1, 7}, pack(plan)}, map, store).refusal, "");
  EXPECT_EQ(promise.on_plan({{1, 1, 7}, pack(plan)}, map, store, objection).refusal, "") << "its answer was lost";
}

TEST_F(Promises, APlanMayTakeThePlaceOfOneThatNobodyCanCarryOn) {
  static_cast<void>(promise.on_ask(ask(1), map, store));
  ASSERT_EQ(promise.on_plan({{1, 1, 7}, pack(plan)}, map, store).refusal, "");
  static_cast<void>(promise.on_ask(ask(2), map, store));
  const MemberAccount account{{1}, map, {}};
  const ClusterMap next = *plan_recovery(plan, {account}, {});
  EXPECT_EQ(promise.on_plan({{1, 2, 7}, pack(next)}, map, store).refusal, "");
  EXPECT_EQ(*promise.plan(map), next);
  EXPECT_EQ(promise.plan(next), nullptr);
}

TEST_F(Promises, WhoeverAsksLaterIsToldThePlanThatWasWrittenDown) {
  static_cast<void>(promise.on_ask(ask(1), map, store));
  EXPECT_EQ(promise.on_plan({{1, 1, 7}, pack(plan)}, map, store).refusal, "");
  write();
  restart();
  ASSERT_NE(promise.plan(map), nullptr);
  EXPECT_EQ(*promise.plan(map), plan);
  const RecoveryTold told = promise.on_ask(ask(2, 8), map, store);
  EXPECT_EQ(told.refusal, "");
  EXPECT_EQ(told.plan, pack(plan));
  EXPECT_EQ(told.accepted, (RecoveryNumber{1, 1, 7}));
  EXPECT_EQ(told.map, pack(map));
}

TEST_F(Promises, APlanThatWasNotAskedForUnderItsNumberIsNotWrittenDown) {
  static_cast<void>(promise.on_ask(ask(1), map, store));
  EXPECT_NE(promise.on_plan({{1, 2, 7}, pack(plan)}, map, store).refusal, "");
  EXPECT_NE(promise.on_plan({{1, 1, 7}, "no map"}, map, store).refusal, "");
  EXPECT_NE(promise.on_plan({{1, 1, 7}, pack(map)}, map, store).refusal, "") << "it is not newer";
  EXPECT_EQ(promise.plan(map), nullptr);
}

TEST_F(Promises, OnceTheClusterIsRecoveredTheNextOneCounts) {
  static_cast<void>(promise.on_ask(ask(5), map, store));
  static_cast<void>(promise.on_plan({{1, 5, 7}, pack(plan)}, map, store));
  EXPECT_EQ(promise.plan(plan), nullptr) << "it is in force";
  EXPECT_NE(promise.on_ask(ask(6), plan, store).refusal, "") << "it was asked for the one before";
  const RecoveryAsk next{{2, 1, 7}, map.cluster, {{1}}};
  EXPECT_EQ(promise.on_ask(next, plan, store).refusal, "");
}

TEST_F(Promises, AnotherClusterIsNoneOfItsBusiness) {
  RecoveryAsk other = ask(1);
  other.cluster = std::string(32, 'b');
  EXPECT_NE(promise.on_ask(other, map, store).refusal, "");
}

}  // namespace
}  // namespace trellis

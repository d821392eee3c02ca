// Commands for one partition: whom they go to, and how.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/fence.hpp"
#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::HasSubstr;

constexpr PartitionId kPartition{1};

FakeWorker& leader(Harness& cluster) { return cluster.worker(cluster.map.placement(kPartition).preferred_leader); }

TEST(FenceCommands, AFenceIsAWriteOfItsPartition) {
  Harness cluster;
  cluster.make_cluster();
  const auto id = cluster.send(Command::kFence, pack_fence({kPartition.value, FenceAction::kBegin, {}}));
  const WorkerRequest request = leader(cluster).take();
  EXPECT_EQ(request.partition, kPartition);
  EXPECT_TRUE(request.broker_session);
  EXPECT_EQ(request.mode, ReadMode::kLinearizable);
  leader(cluster).answer_ok(request, pack_result(Fence{{9, 4}, 9}));
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.id, id);
  EXPECT_EQ(reply.status, Code::kOk);
}

TEST(FenceCommands, WhetherItHoldsIsAskedLikeALinearizableRead) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kFenceHolds, pack_fence_holds(kPartition.value, {9, 4}));
  const WorkerRequest request = leader(cluster).take();
  EXPECT_EQ(request.mode, ReadMode::kChecked);
  EXPECT_TRUE(request.session.empty());
}

TEST(FenceCommands, WhatWasFrozenIsAskedOfAnyReplica) {
  Harness cluster;
  cluster.make_cluster();
  std::size_t asked = 0;
  for (int i = 0; i < 3; ++i) {
    cluster.send(Command::kFenceRead, pack_fence_page({kPartition.value, {9, 4}, std::nullopt, 1'000}));
  }
  for (const ReplicaPlace& replica : cluster.map.placement(kPartition).replicas) {
    const WorkerRequest request = cluster.worker(replica.worker).take();
    EXPECT_EQ(request.mode, ReadMode::kStale);
    ++asked;
  }
  EXPECT_EQ(asked, 3u) << "they take turns";
}

TEST(FenceCommands, APartitionThatIsNotThereIsRefused) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kFence, pack_fence({cluster.map.partition_count(), FenceAction::kBegin, {}}));
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kInvalidArgument);
  EXPECT_THAT(reply.info.message, HasSubstr("no such partition"));
}

}  // namespace
}  // namespace trellis::test

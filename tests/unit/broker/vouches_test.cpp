// Whom the broker asks to vouch for the leaders that it sends reads to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// All that were asked since the last time.
std::vector<std::pair<WorkerId, VouchWanted>> take_vouches(Harness& cluster) {
  std::vector<std::pair<WorkerId, VouchWanted>> taken;
  for (std::size_t i = 0; i < cluster.options.workers; ++i) {
    FakeWorker& worker = cluster.worker(i);
    for (const VouchWanted& wanted : worker.vouches) taken.emplace_back(worker.hello.id, wanted);
    worker.vouches.clear();
  }
  return taken;
}

TEST(Vouches, ForAReadAnotherReplicaIsAskedInTheSameFlush) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kGet, packed_key("a"));
  FakeWorker& leader = cluster.leader_of("a");
  EXPECT_EQ(leader.take().mode, ReadMode::kVouched);
  const auto vouches = take_vouches(cluster);
  ASSERT_EQ(vouches.size(), 1u) << "one and the leader are two of three";
  const auto& [from, wanted] = vouches.front();
  EXPECT_NE(from, leader.hello.id);
  EXPECT_EQ(wanted.leader, leader.hello.id);
  EXPECT_EQ(wanted.ticket, leader.ticket);
  EXPECT_NE(wanted.ticket.number, 0u);
  EXPECT_THAT(wanted.partitions, ElementsAre(cluster.partition("a")));
}

TEST(Vouches, AreForALaterTicketWithEachFlush) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kGet, packed_key("a"));
  const Ticket first = cluster.leader_of("a").ticket;
  cluster.turn();
  cluster.send(Command::kGet, packed_key("a"));
  const Ticket second = cluster.leader_of("a").ticket;
  EXPECT_EQ(second.broker, first.broker);
  EXPECT_GT(second.number, first.number);
  EXPECT_EQ(take_vouches(cluster).back().second.ticket, second);
}

TEST(Vouches, AreAskedForOnceForAllReadsOfAFlush) {
  Harness cluster;
  cluster.make_cluster();
  cluster.send(Command::kCount, packed_array({}));
  std::size_t partitions = 0;
  for (const auto& [from, wanted] : take_vouches(cluster)) {
    EXPECT_EQ(wanted.ticket.number, cluster.worker(wanted.leader).ticket.number);
    EXPECT_NE(from, wanted.leader);
    partitions += wanted.partitions.size();
  }
  EXPECT_EQ(partitions, 4u) << "each of the four partitions once";
}

TEST(Vouches, AreNotNeededForWritesNorForStaleReads) {
  Harness cluster;
  cluster.make_cluster();
  Options stale;
  stale.stale = true;
  cluster.send(Command::kGet, packed_key("a"), stale);
  cluster.send(Command::kDelete, packed_key("a"));
  EXPECT_THAT(take_vouches(cluster), IsEmpty());
  for (std::size_t i = 0; i < 3; ++i) {
    for (const WorkerRequest& request : cluster.worker(i).requests) EXPECT_NE(request.mode, ReadMode::kVouched);
  }
}

TEST(Vouches, ComeFromAsManyAsAMajorityTakes) {
  Harness cluster({.workers = 5, .k = 3});
  cluster.make_cluster();
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_EQ(take_vouches(cluster).size(), 2u);
}

TEST(Vouches, AWorkerThatIsSuspectIsNotAsked) {
  Harness cluster;
  cluster.make_cluster();
  const std::size_t leader = cluster.leader_of("a").hello.id.value - 1;
  FakeWorker& silent = cluster.worker((leader + 1) % 3);
  FakeWorker& other = cluster.worker((leader + 2) % 3);
  silent.alive = false;
  cluster.pass(milliseconds(700));
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_EQ(take_vouches(cluster).front().first, other.hello.id);
  other.alive = false;
  cluster.pass(milliseconds(700));
  cluster.worker(leader).requests.clear();
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_THAT(take_vouches(cluster), IsEmpty());
  EXPECT_EQ(cluster.worker(leader).take().mode, ReadMode::kLinearizable) << "the leader has to ask itself";
}

TEST(Vouches, AGroupOfOneNeedsNone) {
  Harness cluster({.workers = 1, .k = 1});
  cluster.make_cluster();
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_EQ(cluster.worker(0).take().mode, ReadMode::kLinearizable);
}

}  // namespace
}  // namespace trellis::test

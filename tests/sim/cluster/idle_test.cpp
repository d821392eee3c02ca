// A group that nobody asks anything for an hour, and whose leader is killed then: it writes no entry, so its time is in
// no log, and documents are gone when they are due all the same.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "sim/cluster.hpp"

namespace trellis::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr PartitionId kPartition{0};
constexpr std::uint64_t kTtl = 3'600'000;
/// What docs/protocol.md allows where all is well, and what a new leader had not heard.
constexpr Duration kLateMax = milliseconds(150) + milliseconds(100);
constexpr Duration kStep = milliseconds(10);

class Idle : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  static ClusterShape shape() {
    ClusterShape shape;
    shape.partitions = 1;
    shape.raw_clients = 0;
    shape.workload.expiring = 1;
    shape.workload.ttl_ms = kTtl;
    return shape;
  }
  Idle() : world(GetParam()), cluster(world, shape(), mutations) {}

  void pass(Duration time) { world.run_until(world.now() + time); }
  /// The partition at the worker that serves it; null: none.
  const Partition* leader(std::size_t* index = nullptr) {
    for (std::size_t i = 0; i < cluster.workers(); ++i) {
      if (!cluster.worker(i).is_up() || cluster.worker(i).shard() == nullptr) continue;
      const auto& partitions = cluster.worker(i).shard()->partitions();
      const auto at = partitions.find(kPartition);
      if (at == partitions.end() || !at->second->replica().is_ready()) continue;
      if (index != nullptr) *index = i;
      return at->second.get();
    }
    return nullptr;
  }
  /// The writes that gave a document its time, and to which nothing came behind.
  std::map<std::string, Operation> stored() const {
    std::map<std::string, Operation> found;
    std::set<std::string> touched;
    for (const Operation& operation : cluster.history().operations) {
      if (operation.command == Command::kPut && operation.status == Code::kOk) {
        found.emplace(operation.key, operation);
      } else if (operation.command != Command::kGet && operation.command != Command::kHas &&
                 operation.command != Command::kTtl) {
        touched.insert(operation.key);
      }
    }
    std::erase_if(found, [&](const auto& each) { return touched.contains(each.first); });
    return found;
  }

  Mutations mutations;
  World world;
  Cluster cluster;
};

TEST_P(Idle, DocumentsAreGoneInTimeAfterALeaderThatWasAloneForAnHour) {
  cluster.start();
  pass(seconds(8));
  for (std::size_t i = 0; i < cluster.clients(); ++i) cluster.client(i).finish();
  pass(seconds(3'585));
  std::size_t killed = 0;
  ASSERT_NE(leader(&killed), nullptr);
  cluster.worker(killed).is_held_down = true;
  cluster.worker(killed).crash(false);
  std::map<std::string, Operation> waiting = stored();
  ASSERT_GT(waiting.size(), 20u);
  Duration unserved{};
  for (const TimePoint end = world.now() + seconds(30); world.now() < end && !waiting.empty(); pass(kStep)) {
    const Partition* const partition = leader();
    if (partition == nullptr) {
      unserved += kStep;
      continue;
    }
    for (auto at = waiting.begin(); at != waiting.end();) {
      const Operation& put = at->second;
      const bool is_there = partition->state().documents().contains(at->first);
      if (is_there) {
        EXPECT_LE(world.now(), *put.returned + milliseconds(kTtl) + unserved + kLateMax + kStep)
            << "late: " << at->first;
      } else {
        EXPECT_GE(world.now(), put.call + milliseconds(kTtl)) << "early: " << at->first;
      }
      at = is_there ? std::next(at) : waiting.erase(at);
    }
  }
  EXPECT_TRUE(waiting.empty());
  EXPECT_FALSE(world.violation()) << *world.violation();
}

INSTANTIATE_TEST_SUITE_P(Seeds, Idle, ::testing::Range<std::uint64_t>(1, 3));

}  // namespace
}  // namespace trellis::sim

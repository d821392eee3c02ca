// Workers that no broker hears, and leadership; workers that are far from each other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/worker/shard_cluster.hpp"

namespace trellis::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

/// Three workers of eight partitions; the broker hears all of them, and each leads something.
class BrokersHearing : public ::testing::Test {
 protected:
  BrokersHearing() {
    cluster.form();
    hear({0, 1, 2});
    EXPECT_TRUE(await([this] { return all_are_led_as_preferred(); }));
  }
  void hear(const std::set<std::size_t>& heard) {
    for (std::size_t i = 0; i < cluster.size(); ++i) cluster.worker(i).is_heard_by_broker = heard.contains(i);
  }
  bool all_are_led() {
    for (std::uint32_t i = 0; i < 8; ++i) {
      if (!cluster.leader({i})) return false;
    }
    return true;
  }
  bool all_are_led_as_preferred() {
    const ClusterMap& map = *cluster.worker(1).shard->membership().map();
    for (std::uint32_t i = 0; i < 8; ++i) {
      const auto leader = cluster.leader({i});
      if (!leader || cluster.worker(*leader).hello.id != map.placement({i}).preferred_leader) return false;
    }
    return true;
  }
  bool await(const std::function<bool()>& holds, milliseconds within = milliseconds(20'000)) {
    return cluster.run_until(holds, within);
  }
  void pass(milliseconds time) {
    cluster.run_until([] { return false; }, time);
  }
  /// Who leads each partition.
  std::vector<std::optional<std::size_t>> leaders() {
    std::vector<std::optional<std::size_t>> leaders;
    for (std::uint32_t i = 0; i < 8; ++i) leaders.push_back(cluster.leader({i}));
    return leaders;
  }

  Cluster cluster{3, 8};
};

TEST_F(BrokersHearing, AWorkerThatNoBrokerHearsHandsOverWhatItLeadsWithinTwoSeconds) {
  hear({1, 2});
  EXPECT_TRUE(await([this] { return cluster.led_by(0) == 0; }, milliseconds(2'000)));
  EXPECT_TRUE(await([this] { return all_are_led(); }, milliseconds(500)));
  EXPECT_THAT(cluster.worker(0).events, Contains(HasSubstr("no broker hears this worker while others are heard")));
}

TEST_F(BrokersHearing, ItIsHandedNothingUntilItIsHeardAgain) {
  hear({1, 2});
  ASSERT_TRUE(await([this] { return cluster.led_by(0) == 0; }));
  for (int i = 0; i < 40; ++i) {
    pass(milliseconds(250));
    ASSERT_EQ(cluster.led_by(0), 0u) << "preferred as it is";
  }
  hear({0, 1, 2});
  EXPECT_TRUE(await([this] { return cluster.led_by(0) > 0; }));
  EXPECT_THAT(cluster.worker(0).events, Contains("a broker hears this worker again"));
}

TEST_F(BrokersHearing, ItGoesOnAsAReplica) {
  hear({1, 2});
  ASSERT_TRUE(await([this] { return cluster.led_by(0) == 0; }));
  cluster.crash(2);  // Now each majority needs it.
  ASSERT_TRUE(await([this] { return all_are_led(); }));
  cluster.put("user:7", "ada");
  EXPECT_EQ(cluster.get("user:7"), "ada");
}

TEST_F(BrokersHearing, ItWinsNoElectionThatAnotherCanWin) {
  hear({1, 2});
  ASSERT_TRUE(await([this] { return cluster.led_by(0) == 0; }));
  for (int i = 0; i < 5; ++i) {
    cluster.crash(2);
    cluster.start(2);
    ASSERT_TRUE(await([this] { return all_are_led(); }));
    EXPECT_EQ(cluster.led_by(0), 0u);
    pass(milliseconds(4'000));
  }
}

TEST_F(BrokersHearing, WhereNoWorkerIsHeardNothingChanges) {
  const auto before = leaders();
  hear({});
  for (int i = 0; i < 40; ++i) {
    pass(milliseconds(250));
    ASSERT_EQ(leaders(), before);
  }
}

TEST_F(BrokersHearing, AWorkerThatStartsWithoutABrokerLeadsNothing) {
  cluster.crash(0);
  ASSERT_TRUE(await([this] { return all_are_led(); }));
  hear({1, 2});
  cluster.start(0);
  for (int i = 0; i < 40; ++i) {
    pass(milliseconds(250));
    ASSERT_EQ(cluster.led_by(0), 0u);
  }
}

TEST_F(BrokersHearing, UnheardWorkersLeadWhereNobodyElseIsLeft) {
  hear({1});
  ASSERT_TRUE(await([this] { return cluster.led_by(0) + cluster.led_by(2) == 0; }));
  cluster.crash(1);
  EXPECT_TRUE(await([this] { return all_are_led(); })) << "two of three are a majority, heard or not";
}

/// As far as a signal needs for half of the way around the earth, some ten times over.
constexpr milliseconds kFar{500};

class FarApart : public ::testing::Test {
 protected:
  std::uint64_t terms() {
    std::uint64_t sum = 0;
    for (const auto& [id, partition] : cluster.worker(0).shard->partitions()) sum += partition->replica().term().value;
    return sum;
  }
  bool are_led() { return cluster.leader({0}) && cluster.leader({1}); }

  Cluster cluster{3, 2};
};

TEST_F(FarApart, LeadersStayOnceTheDistanceIsKnown) {
  cluster.latency = kFar;
  cluster.form();
  ASSERT_TRUE(cluster.run_until([this] { return are_led(); }, milliseconds(60'000)));
  cluster.run_until([] { return false; }, milliseconds(20'000));  // Preferred leaders take over.
  const ClusterMap& map = *cluster.worker(1).shard->membership().map();
  for (const PartitionId id : {PartitionId{0}, PartitionId{1}}) {
    EXPECT_EQ(cluster.worker(*cluster.leader(id)).hello.id, map.placement(id).preferred_leader);
  }
  const std::uint64_t settled = terms();
  for (int i = 0; i < 120; ++i) {
    cluster.run_until([] { return false; }, milliseconds(1'000));
    ASSERT_TRUE(are_led());
  }
  EXPECT_EQ(terms(), settled);
}

TEST_F(FarApart, WritesAndReadsAreAnswered) {
  cluster.latency = kFar;
  cluster.form();
  ASSERT_TRUE(cluster.run_until([this] { return are_led(); }, milliseconds(60'000)));
  cluster.put("user:7", "ada");
  EXPECT_EQ(cluster.get("user:7"), "ada");
}

TEST_F(FarApart, WorkersThatMoveApartFindLeadersAgain) {
  cluster.form();
  ASSERT_TRUE(cluster.run_until([this] { return are_led(); }));
  cluster.latency = kFar;
  cluster.run_until([] { return false; }, milliseconds(30'000));
  EXPECT_TRUE(cluster.run_until([this] { return are_led(); }, milliseconds(60'000)));
  const std::uint64_t settled = terms();
  cluster.run_until([] { return false; }, milliseconds(60'000));
  EXPECT_EQ(terms(), settled);
}

TEST_F(FarApart, AQuestionIsNotAskedAgainBeforeItsAnswerCanBeThere) {
  cluster.latency = kFar;
  cluster.form();
  ASSERT_TRUE(cluster.run_until([this] { return are_led(); }, milliseconds(60'000)));
  cluster.put("user:7", "ada");
  cluster.asked_.clear();
  EXPECT_EQ(cluster.get("user:7"), "ada");
  EXPECT_LE(cluster.asked_.size(), 3u) << "one peer, and both where that took long";
}

TEST(Shard, AWorkerThatIsCutOffFromItsPeersLeadsNothingAfterASecond) {
  Cluster cluster(3, 8);
  cluster.form();
  ASSERT_TRUE(cluster.run_until([&] { return cluster.led_by(0) > 0; }));
  cluster.cut_off.insert(0);
  EXPECT_TRUE(cluster.run_until([&] { return cluster.led_by(0) == 0 && cluster.worker(0).hello.leads.empty(); },
                                milliseconds(1'200)));
}

}  // namespace
}  // namespace trellis::test

// Making a cluster, taking one over, and who is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/broker/harness.hpp"

namespace trellis::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

HarnessOptions with_server_file() {
  HarnessOptions options;
  options.with_server_file = true;
  return options;
}

std::string status_field(Harness& cluster, std::string_view field) {
  cluster.send(Command::kStatus, packed_array({}), {}, "status");
  const Received reply = cluster.reply("status");
  PackedReader reader(reply.result);
  for (auto left = reader.read_map().value_or(0); left > 0; --left) {
    const auto name = reader.read_str();
    const auto value = reader.read_value();
    if (name == field) return std::string(*value);
  }
  return "no such field";
}

const std::string kNil = "\xc0";
const std::string kTrue = "\xc3";

TEST(Formation, TheFirstListedWorkerMakesTheMapOnceAllAreThereAndEmpty) {
  Harness cluster(with_server_file());
  cluster.worker(0).say_hello();
  cluster.worker(1).say_hello();
  EXPECT_FALSE(cluster.worker(0).form);
  cluster.worker(2).say_hello();
  cluster.worker(0).say_hello();
  ASSERT_TRUE(cluster.worker(0).form);
  EXPECT_FALSE(cluster.worker(1).form);
  const ClusterSpec& spec = cluster.worker(0).form->spec;
  EXPECT_EQ(spec.k, 2u);
  EXPECT_EQ(spec.partitions, 4u);
  ASSERT_EQ(spec.workers.size(), 3u);
  EXPECT_EQ(spec.workers[2].second, "127.0.0.1:9003");
}

TEST(Formation, ABrokerWithoutServerFileMakesNone) {
  Harness cluster;
  cluster.pass(milliseconds(3'000));
  EXPECT_FALSE(cluster.worker(0).form);
  EXPECT_GT(cluster.worker(0).welcomes, 20);
  EXPECT_EQ(status_field(cluster, "cluster"), kNil);
}

TEST(Formation, BringsTheMapToAllAndTellsItsMakerWhenAllHoldIt) {
  Harness cluster(with_server_file());
  cluster.send(Command::kGet, packed_key("a"));
  cluster.pass(milliseconds(250));
  FakeWorker& maker = cluster.worker(0);
  ASSERT_TRUE(maker.form);
  ClusterMap map = cluster.map;
  map.formed = false;
  maker.hold(map);
  cluster.pass(milliseconds(200));
  ASSERT_GT(maker.maps_wanted, 0);
  EXPECT_EQ(cluster.worker(1).hello.cluster, "") << "nobody has seen the map yet";
  maker.offer_map();
  cluster.pass(milliseconds(10));
  EXPECT_EQ(cluster.worker(1).hello.cluster, map.cluster);
  EXPECT_EQ(cluster.worker(2).hello.cluster, map.cluster);
  cluster.pass(milliseconds(500));
  EXPECT_GT(maker.all_holds, 0);
  EXPECT_EQ(status_field(cluster, "cluster"), kNil) << "being made";

  map.formed = true;
  maker.hold(map);
  cluster.pass(milliseconds(100));
  maker.offer_map();
  cluster.pass(milliseconds(500));
  EXPECT_TRUE(cluster.worker(1).hello.formed);
  EXPECT_TRUE(cluster.worker(2).hello.formed);
  EXPECT_EQ(status_field(cluster, "cluster"), packed_str(map.cluster));
  FakeWorker& leader = cluster.leader_of("a");
  leader.lead(cluster.partition("a"), Term{1});
  leader.answer_ok(leader.take(), packed_uint(1));
  EXPECT_EQ(cluster.reply().status, Code::kOk) << "asked before there was a cluster";
}

TEST(Formation, ARequestIsToldWhatAClusterThatIsNotThereWaitsFor) {
  Harness cluster(with_server_file());
  cluster.worker(1).alive = false;
  cluster.send(Command::kGet, packed_key("a"));
  cluster.pass(milliseconds(1'990));
  EXPECT_TRUE(cluster.replies().empty());
  cluster.pass(milliseconds(60));
  const Received reply = cluster.reply();
  EXPECT_EQ(reply.status, Code::kUnavailable);
  EXPECT_EQ(reply.info.message, "the cluster waits for 127.0.0.1:9002");
}

/// Else the worker would be refused as one that has lost its data, and missed until it speaks again.
TEST(Formation, AHelloFromBeforeTheWorkerHeldTheMapIsNoNews) {
  Harness cluster;
  cluster.make_cluster();
  FakeWorker& worker = cluster.worker(1);
  const Hello last = worker.hello;
  worker.hello.cluster.clear();
  worker.hello.map_version = 0;
  worker.hello.formed = false;
  worker.say_hello();
  worker.hello = last;
  EXPECT_THAT(worker.refusals, IsEmpty());
  cluster.send(Command::kGet, packed_key("a"));
  EXPECT_EQ(cluster.leader_of("a").take().mode, ReadMode::kChecked) << "a majority is there";
  EXPECT_THAT(status_field(cluster, "workers_up"), packed_uint(3));
}

TEST(Formation, ABrokerThatStartsTakesOverTheClusterOnceAMajorityIsThere) {
  Harness cluster;
  for (std::size_t i = 0; i < 3; ++i) cluster.worker(i).hold(cluster.map);
  cluster.worker(1).alive = false;
  cluster.worker(2).alive = false;
  cluster.pass(milliseconds(200));
  EXPECT_GT(cluster.worker(0).maps_wanted, 0);
  cluster.worker(0).offer_map();
  cluster.pass(milliseconds(500));
  EXPECT_EQ(status_field(cluster, "cluster"), kNil) << "one of three";
  cluster.worker(1).say_hello();
  EXPECT_EQ(status_field(cluster, "cluster"), packed_str(cluster.map.cluster));
}

TEST(Formation, AfterTheWarmUpTheClusterWithMostMembersIsTakenOver) {
  Harness cluster;
  cluster.worker(0).hold(cluster.map);
  cluster.worker(1).alive = false;
  cluster.worker(2).alive = false;
  cluster.pass(milliseconds(200));
  cluster.worker(0).offer_map();
  cluster.pass(milliseconds(1'700));
  EXPECT_EQ(status_field(cluster, "cluster"), kNil);
  cluster.pass(milliseconds(200));
  EXPECT_EQ(status_field(cluster, "cluster"), packed_str(cluster.map.cluster));
}

TEST(Formation, MembersThatLackTheNewestMapGetIt) {
  Harness cluster;
  cluster.make_cluster();
  ClusterMap newer = cluster.map;
  newer.version = 2;
  cluster.worker(1).hold(newer);
  cluster.pass(milliseconds(400));
  ASSERT_GT(cluster.worker(1).maps_wanted, 0);
  cluster.worker(1).offer_map();
  cluster.pass(milliseconds(400));
  EXPECT_EQ(cluster.worker(0).hello.map_version, 2u);
  EXPECT_EQ(cluster.worker(2).hello.map_version, 2u);
}

TEST(Formation, RefusesAWipedWorkerAndNamesTheClusterAndWhy) {
  Harness cluster;
  cluster.make_cluster();
  cluster.worker(2).alive = false;
  cluster.pass(milliseconds(2'000));
  FakeWorker& wiped = cluster.add_worker(WorkerId{77}, "127.0.0.1:9003");
  wiped.say_hello();
  ASSERT_EQ(wiped.refusals.size(), 1u);
  EXPECT_THAT(wiped.refusals[0], AllOf(HasSubstr(cluster.map.cluster), HasSubstr("127.0.0.1:9003"),
                                       HasSubstr("emptied"), HasSubstr("acknowledged")));
  EXPECT_THAT(cluster.events, Contains(AllOf(HasSubstr("refused"), HasSubstr("127.0.0.1:9003"))));
}

/// A wish counts by the map that its worker knew: so the worker is told of it first.
TEST(Formation, AWishToJoinIsPassedOnWithTheMapThatItsWorkerKnew) {
  Harness cluster;
  cluster.make_cluster();
  FakeWorker& keeper = cluster.worker(cluster.map.placement(PartitionId{0}).preferred_leader);
  FakeWorker& joining = cluster.add_worker(WorkerId{77}, "127.0.0.1:9004");
  joining.hello.joins = true;
  joining.say_hello();
  EXPECT_TRUE(keeper.wishes.empty()) << "it knew no map";
  EXPECT_EQ(joining.hello.map_number(), cluster.map.number());
  joining.say_hello();
  ASSERT_EQ(keeper.wishes.size(), 1u);
  EXPECT_EQ(keeper.wishes[0],
            (JoinWanted{WorkerId{77}, joining.hello.nonce, "127.0.0.1:9004", "", cluster.map.number()}));
  ClusterMap newer = cluster.map;
  newer.version += 5;
  keeper.hold(newer);
  cluster.pass(milliseconds(400));
  keeper.offer_map();
  cluster.pass(milliseconds(600));
  EXPECT_EQ(joining.hello.map_number(), newer.number());
  EXPECT_EQ(keeper.wishes.back().map, newer.number());
  joining.hello.map_version += 3;  // By way of another broker it knows a newer one.
  cluster.pass(milliseconds(400));
  EXPECT_EQ(keeper.wishes.back().map, joining.hello.map_number());
}

TEST(Formation, RefusesWhoDoesNotBelong) {
  Harness cluster;
  cluster.make_cluster();

  FakeWorker& foreign = cluster.add_worker(WorkerId{50}, "127.0.0.1:9010");
  foreign.hello.cluster = std::string(32, 'b');
  foreign.say_hello();
  ASSERT_EQ(foreign.refusals.size(), 1u);
  EXPECT_THAT(foreign.refusals[0], AllOf(HasSubstr(std::string(32, 'b')), HasSubstr(std::string(32, 'a'))));

  FakeWorker& outsider = cluster.add_worker(WorkerId{51}, "127.0.0.1:9011");
  outsider.say_hello();
  ASSERT_EQ(outsider.refusals.size(), 1u);
  EXPECT_THAT(outsider.refusals[0], HasSubstr("127.0.0.1:9011 is not a member"));

  FakeWorker moved(cluster, WorkerId{3}, "127.0.0.1:9012");
  FakeWorker& known_elsewhere = cluster.add_worker(WorkerId{3}, "127.0.0.1:9012");
  known_elsewhere.connection = "another";
  known_elsewhere.hold(cluster.map);
  known_elsewhere.say_hello();
  ASSERT_EQ(known_elsewhere.refusals.size(), 1u);
  EXPECT_THAT(known_elsewhere.refusals[0], HasSubstr("belongs at 127.0.0.1:9003, not at 127.0.0.1:9012"));

  FakeWorker& other_version = cluster.add_worker(WorkerId{52}, "127.0.0.1:9013");
  other_version.hello.protocol_version = kHelloVersion + 1;
  other_version.say_hello();
  ASSERT_EQ(other_version.refusals.size(), 1u);
  EXPECT_THAT(other_version.refusals[0], HasSubstr("version " + std::to_string(kHelloVersion + 1)));
}

TEST(Formation, AMemberThatLostItsMapIsNotTakenBackInAFormedCluster) {
  Harness cluster;
  cluster.make_cluster();
  cluster.worker(1).hello.cluster.clear();
  cluster.worker(1).hello.map_version = 0;
  cluster.worker(1).restart();
  ASSERT_FALSE(cluster.worker(1).refusals.empty());
  EXPECT_THAT(cluster.worker(1).refusals[0], HasSubstr("has lost what it held"));
}

TEST(Formation, WithAServerFileAnUnlistedWorkerIsRefused) {
  Harness cluster(with_server_file());
  FakeWorker& unlisted = cluster.add_worker(WorkerId{77}, "127.0.0.1:9999");
  unlisted.say_hello();
  ASSERT_EQ(unlisted.refusals.size(), 1u);
  EXPECT_THAT(unlisted.refusals[0], HasSubstr("127.0.0.1:9999 is not in the server file"));
}

TEST(Formation, AServerFileThatIsNotTheClustersMembersIsTold) {
  Harness cluster(with_server_file());
  ClusterMap map = make_cluster_map(
      std::string(32, 'b'),
      {.k = 2,
       .partitions = 4,
       .workers = {{WorkerId{1}, "127.0.0.1:9001"}, {WorkerId{2}, "127.0.0.1:9002"}, {WorkerId{9}, "127.0.0.1:9009"}}});
  map.formed = true;
  cluster.worker(0).hold(map);
  cluster.worker(1).hold(map);
  cluster.pass(milliseconds(200));
  cluster.worker(0).offer_map();
  cluster.worker(1).offer_map();
  cluster.pass(milliseconds(2'500));
  EXPECT_THAT(cluster.events, Contains(HasSubstr("it lacks 127.0.0.1:9009 and it lists 127.0.0.1:9003, which is no "
                                                 "member; the cluster stays as it is")));
}

TEST(Formation, AClusterThatHasLeftAllThatTheServerFileListsIsNamedWithWhatToDo) {
  Harness cluster(with_server_file());
  ClusterMap map = make_cluster_map(
      std::string(32, 'b'),
      {.k = 2, .partitions = 4, .workers = {{WorkerId{8}, "127.0.0.1:8001"}, {WorkerId{9}, "127.0.0.1:8002"}}});
  map.formed = true;
  map.version = kFormedVersion + 5;
  FakeWorker& moved = cluster.add_worker(WorkerId{8}, "127.0.0.1:8001");
  moved.hold(map);
  cluster.worker(0).alive = false;
  cluster.pass(milliseconds(200));
  moved.offer_map();
  cluster.send(Command::kGet, packed_key("a"));
  cluster.pass(milliseconds(4'000));
  EXPECT_THAT(cluster.reply().info.message,
              AllOf(HasSubstr("the cluster waits for 127.0.0.1:9001; workers of cluster " + map.cluster +
                              " (127.0.0.1:8001, 127.0.0.1:8002) are here"),
                    HasSubstr("or start the broker without -s")));
  EXPECT_EQ(status_field(cluster, "cluster"), kNil);
}

/// It is refused, and its cluster will never be this broker's.
TEST(Formation, AWorkerOfAnotherClusterDoesNotKeepTheListedOnesFromMakingTheirs) {
  Harness cluster(with_server_file());
  ClusterMap other =
      make_cluster_map(std::string(32, 'b'), {.k = 1, .partitions = 4, .workers = {{WorkerId{8}, "127.0.0.1:8001"}}});
  other.formed = true;
  cluster.worker(1).alive = false;
  FakeWorker& stranger = cluster.add_worker(WorkerId{8}, "127.0.0.1:8001");
  stranger.hold(other);
  cluster.pass(milliseconds(200));
  stranger.offer_map();
  cluster.pass(milliseconds(2'500));
  ASSERT_FALSE(stranger.refusals.empty());
  cluster.worker(1).alive = true;
  cluster.pass(milliseconds(1'000));
  EXPECT_TRUE(cluster.worker(0).form);
}

TEST(Formation, OneFolderOfAnotherClusterDoesNotTakeTheBrokerWithIt) {
  Harness cluster(with_server_file());
  ClusterMap other = make_cluster_map(
      std::string(32, 'b'),
      {.k = 2,
       .partitions = 4,
       .workers = {{WorkerId{3}, "127.0.0.1:9003"}, {WorkerId{8}, "127.0.0.1:8001"}, {WorkerId{9}, "127.0.0.1:8002"}}});
  other.formed = true;
  cluster.worker(2).hold(other);
  cluster.pass(milliseconds(200));
  cluster.worker(2).offer_map();
  cluster.pass(milliseconds(4'000));
  EXPECT_EQ(status_field(cluster, "cluster"), kNil);
  ASSERT_FALSE(cluster.worker(2).refusals.empty());
  EXPECT_THAT(cluster.worker(2).refusals[0], HasSubstr("belongs to cluster " + other.cluster));
  EXPECT_TRUE(cluster.worker(0).refusals.empty());
}

TEST(Formation, OfTwoLiveWorkersWithOneAddressTheSecondIsRefused) {
  Harness cluster;
  cluster.pass(milliseconds(200));
  FakeWorker& second = cluster.add_worker(WorkerId{77}, "127.0.0.1:9001");
  cluster.pass(milliseconds(1'000));
  ASSERT_FALSE(second.refusals.empty());
  EXPECT_THAT(second.refusals[0], HasSubstr("held by another live worker"));
  EXPECT_TRUE(cluster.worker(0).refusals.empty());
}

TEST(Formation, OfTwoLiveWorkersWithOneIdAndAddressTheFirstGoesOn) {
  Harness cluster;
  cluster.make_cluster();
  FakeWorker& copy = cluster.add_worker(WorkerId{1}, "127.0.0.1:9001");
  copy.connection = "copy";
  copy.hello.nonce = BootNonce{4711};
  copy.hold(cluster.map);
  cluster.pass(milliseconds(1'500));
  ASSERT_FALSE(copy.refusals.empty());
  EXPECT_THAT(copy.refusals[0], HasSubstr("same id"));
  EXPECT_TRUE(copy.was_refused_for_good);
  EXPECT_THAT(cluster.events, Contains(AllOf(HasSubstr("refused worker"), HasSubstr("same id"))));
  EXPECT_TRUE(cluster.worker(0).refusals.empty());
  const int welcomes = cluster.worker(0).welcomes;
  cluster.pass(milliseconds(500));
  EXPECT_GE(cluster.worker(0).welcomes, welcomes + 4);
}

TEST(Formation, AWorkerThatStartsAgainAtOnceIsTakenAtOnce) {
  Harness cluster;
  cluster.make_cluster();
  cluster.worker(0).restart();
  const int welcomes = cluster.worker(0).welcomes;
  cluster.pass(milliseconds(1'500));
  EXPECT_TRUE(cluster.worker(0).refusals.empty());
  EXPECT_GE(cluster.worker(0).welcomes, welcomes + 14);
}

TEST(Formation, WhatAFormerLifeSaidChangesNothingHoweverLateItComes) {
  Harness cluster;
  cluster.make_cluster();
  FakeWorker& late = cluster.add_worker(WorkerId{1}, "127.0.0.1:9001");
  late.hello = cluster.worker(0).hello;
  late.connection = "former";
  late.alive = false;
  cluster.worker(0).restart();
  const int welcomes = cluster.worker(0).welcomes;
  for (int i = 0; i < 20; ++i) {
    cluster.pass(milliseconds(190));
    late.say_hello();
  }
  EXPECT_TRUE(cluster.worker(0).refusals.empty());
  EXPECT_GE(cluster.worker(0).welcomes, welcomes + 36);
  EXPECT_EQ(late.welcomes, 0);
}

TEST(Formation, WhatADeadLifeSaidIsNotTakenForALaterLifeByABrokerThatDidNotKnowIt) {
  Harness cluster;
  cluster.make_cluster();
  FakeWorker& late = cluster.add_worker(WorkerId{1}, "127.0.0.1:9001");
  late.hello = cluster.worker(0).hello;
  late.hello.nonce = BootNonce{4711};
  late.connection = "long ago";
  late.alive = false;
  const int welcomes = cluster.worker(0).welcomes;
  for (int i = 0; i < 20; ++i) {
    cluster.pass(milliseconds(190));
    late.say_hello();
  }
  EXPECT_TRUE(cluster.worker(0).refusals.empty());
  EXPECT_GE(cluster.worker(0).welcomes, welcomes + 36);
  EXPECT_EQ(late.welcomes, 0);
}

TEST(Formation, OfTwoLiveWorkersTheFirstGoesOnThoughItWasPausedWhenTheSecondCame) {
  Harness cluster;
  cluster.make_cluster();
  cluster.worker(0).alive = false;
  FakeWorker& copy = cluster.add_worker(WorkerId{1}, "127.0.0.1:9001");
  copy.connection = "copy";
  copy.hello.nonce = BootNonce{4711};
  copy.hold(cluster.map);
  cluster.pass(milliseconds(3'000));
  EXPECT_TRUE(copy.refusals.empty());
  EXPECT_GT(copy.welcomes, 20);
  cluster.worker(0).alive = true;
  cluster.pass(milliseconds(500));
  ASSERT_FALSE(copy.refusals.empty());
  EXPECT_TRUE(copy.was_refused_for_good);
  EXPECT_THAT(copy.refusals[0], HasSubstr("same id"));
  EXPECT_TRUE(cluster.worker(0).refusals.empty());
}

TEST(Formation, AnEmptyWorkerThatIsStartedWithAnotherFolderTakesThePlaceOfTheOldOne) {
  Harness cluster;
  cluster.pass(milliseconds(200));
  cluster.worker(0).alive = false;
  FakeWorker& second = cluster.add_worker(WorkerId{77}, "127.0.0.1:9001");
  cluster.pass(milliseconds(1'000));
  EXPECT_TRUE(second.refusals.empty());
  EXPECT_GT(second.welcomes, 3);
}

}  // namespace
}  // namespace trellis::test

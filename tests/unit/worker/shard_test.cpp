// Shards that talk to each other over a perfect network, with a scripted broker: making a cluster, writing, reading,
// losing the leader, restarting.  What happens on a bad network is the simulator's to find (sim/).
#include "worker/shard.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/worker/shard_cluster.hpp"

namespace trellis::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

TEST(Shard, StoresAndReadsBackOnOneWorker) {
  Cluster cluster(1);
  cluster.form(1);
  cluster.put("user:7", "ada");
  EXPECT_EQ(cluster.get("user:7"), "ada");
  EXPECT_EQ(cluster.get("nobody"), "NOT_FOUND");
}

TEST(Shard, TellsWhereTheTimeOfSlowRequestsWent) {
  Cluster::slow.after = milliseconds(5);
  Cluster cluster(3);
  Cluster::slow = {};
  cluster.form();
  cluster.put("key", "value");
  EXPECT_EQ(cluster.get("key"), "value");
  const std::size_t leader = *cluster.leader(partition_of("key", 2));
  // Turns are 5 ms apart and take 2: a write's entry is proposed in one, and applied some turns later.
  EXPECT_THAT(
      cluster.worker(leader).events,
      Contains(AllOf(HasSubstr("slow: PUT took "), HasSubstr(" (--slow-ms 5): 0.0 ms in the queue, "),
                     HasSubstr("0 ms log sync and replication, 2.0 ms applying; a disk or a follower is slow"))));
  EXPECT_THAT(cluster.worker(leader).events,
              Contains(AllOf(HasSubstr("slow: GET took "), HasSubstr("ms confirming leadership, 2.0 ms reading"))));
}

TEST(Shard, NamesTheKeyOfASlowRequestWhereKeysMayBeNamed) {
  Cluster::slow = {.after = milliseconds(1), .names_keys = true};
  Cluster cluster(1, 1);
  Cluster::slow = {};
  cluster.form(1);
  cluster.put("user:7", "value");
  EXPECT_EQ(cluster.get("user:7"), "value");
  EXPECT_THAT(cluster.worker(0).events, Contains(HasSubstr("slow: PUT \"user:7\" took ")));
  EXPECT_THAT(cluster.worker(0).events, Contains(HasSubstr("slow: GET \"user:7\" took ")));
}

TEST(Shard, TellsHowLongASlowWriteWaitedForTheOneBeforeIt) {
  Cluster::slow.after = milliseconds(5);
  Cluster cluster(3, 1);
  Cluster::slow = {};
  cluster.form();
  cluster.put("key", "value");
  const std::size_t leader = *cluster.leader(PartitionId{0});
  const std::size_t followers[] = {(leader + 1) % 3, (leader + 2) % 3};
  for (const std::size_t follower : followers) cluster.crash(follower);
  for (const std::uint64_t tag : {1'000'001, 1'000'002}) {
    WorkerRequest request;
    request.tag = tag;
    request.timeout_ms = 5'000;
    request.session = "another";
    request.seq = tag;
    std::string arguments;
    PackedWriter(arguments).array(2).str("key").str("value");
    request.id = 77;
    request.command = Command::kPut;
    request.body = Frame(arguments);
    BundleWriter out;
    add(out, request);
    cluster.worker(leader).from_broker.push_back(out.take());
    cluster.step();  // The second comes while the first waits for a follower.
  }
  for (const std::size_t follower : followers) cluster.start(follower);
  ASSERT_TRUE(cluster.run_until([&] { return cluster.replies_.contains(1'000'002); }));
  EXPECT_THAT(cluster.worker(leader).events.back(),
              ::testing::ContainsRegex("slow: PUT .* [1-9][0-9.]* ms in the queue"));
}

TEST(Shard, TellsItsLoadInItsHeartbeats) {
  Cluster cluster(3, 1);
  cluster.form();
  for (int i = 0; i < 5; ++i) cluster.put("key" + std::to_string(i), "value");
  const std::size_t leader = *cluster.leader(PartitionId{0});
  ASSERT_TRUE(cluster.run_until([&] {
    const WorkerLoad& load = cluster.worker(leader).hello.load;
    return load.requests == 5 && load.followers.empty();
  })) << "nobody is behind for long";
  EXPECT_GT(cluster.worker(leader).hello.load.request_microseconds, 0u);
  const std::size_t follower = (leader + 1) % 3;
  const WorkerId follower_id = cluster.worker(follower).hello.id;
  cluster.crash(follower);
  cluster.put("key", "value");
  ASSERT_TRUE(cluster.run_until([&] {
    const auto& behind = cluster.worker(leader).hello.load.followers;
    return behind.size() == 1 && behind[0].follower == follower_id && behind[0].entries == 1 &&
           behind[0].milliseconds >= 300;
  })) << "one that has crashed falls behind";
}

TEST(Shard, StoresAndReadsBackOnThreeWorkers) {
  Cluster cluster(3);
  cluster.form();
  for (int i = 0; i < 50; ++i) cluster.put("key" + std::to_string(i), "value" + std::to_string(i));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(cluster.get("key" + std::to_string(i)), "value" + std::to_string(i));
}

TEST(Shard, AReadAsksAsManyPeersAsAMajorityTakes) {
  Cluster cluster(3, 1);
  cluster.form();
  cluster.put("user:7", "ada");
  cluster.asked_.clear();
  EXPECT_EQ(cluster.get("user:7"), "ada");
  ASSERT_EQ(cluster.asked_.size(), 1u);
  EXPECT_EQ(cluster.get("user:7"), "ada");
  ASSERT_EQ(cluster.asked_.size(), 2u);
  EXPECT_EQ(cluster.asked_[0], cluster.asked_[1]);
}

TEST(Shard, AReadAsksAllPeersWhereTheFirstOneIsDown) {
  Cluster cluster(3, 1);
  cluster.form();
  cluster.put("user:7", "ada");
  cluster.asked_.clear();
  EXPECT_EQ(cluster.get("user:7"), "ada");
  const std::size_t down = cluster.asked_.at(0);
  cluster.crash(down);
  EXPECT_EQ(cluster.get("user:7"), "ada");
  cluster.asked_.clear();
  EXPECT_EQ(cluster.get("user:7"), "ada");
  ASSERT_EQ(cluster.asked_.size(), 1u) << "the one that answered last comes first";
  EXPECT_NE(cluster.asked_[0], down);
}

TEST(Shard, AnAcknowledgedPutSurvivesTheLossOfItsLeader) {
  Cluster cluster(3, 1);
  cluster.form();
  cluster.put("user:7", "ada");
  cluster.crash(*cluster.leader({0}));
  EXPECT_EQ(cluster.get("user:7"), "ada");
}

TEST(Shard, EverythingAcknowledgedSurvivesTheCrashOfAllWorkers) {
  Cluster cluster(3);
  cluster.form();
  for (int i = 0; i < 20; ++i) cluster.put("key" + std::to_string(i), "value");
  for (std::size_t i = 0; i < 3; ++i) cluster.crash(i);
  for (std::size_t i = 0; i < 3; ++i) cluster.start(i);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(cluster.get("key" + std::to_string(i)), "value");
}

TEST(Shard, AWriteSentTwiceHappensOnce) {
  Cluster cluster(3, 1);
  cluster.form();
  const std::string first = cluster.put("k", "one", 5);
  cluster.put("k", "two", 6);
  EXPECT_EQ(cluster.put("k", "one", 5), first);
  EXPECT_EQ(cluster.get("k"), "two");
}

TEST(Shard, AWorkerThatWasAwayCatchesUpThroughASnapshot) {
  Cluster cluster(3, 1, 20'000);
  cluster.form();
  cluster.put("before", "it left");
  const std::size_t away = (*cluster.leader({0}) + 1) % 3;
  cluster.crash(away);
  for (int i = 0; i < 400; ++i) cluster.put("key" + std::to_string(i % 50), "value" + std::to_string(i));
  EXPECT_GT(cluster.worker(*cluster.leader({0})).shard->partitions().at({0})->replica().snapshot_index(), 0u);
  cluster.start(away);
  const auto level = [&] {
    const auto& leader = *cluster.worker(*cluster.leader({0})).shard->partitions().at({0});
    const auto& other = *cluster.worker(away).shard->partitions().at({0});
    return other.replica().applied() == leader.replica().applied();
  };
  EXPECT_TRUE(cluster.run_until(level, milliseconds(30'000)));
  EXPECT_EQ(cluster.worker(away).shard->partitions().at({0})->state().keys(), 51u);
  // And after a restart from the snapshot that it was sent.
  cluster.crash(away);
  cluster.start(away);
  EXPECT_GE(cluster.worker(away).shard->partitions().at({0})->state().keys(), 51u);
}

TEST(Shard, LeadersGoBackToWhereTheyArePreferred) {
  Cluster cluster(3, 8);
  cluster.form();
  cluster.crash(0);
  ASSERT_TRUE(cluster.run_until([&] {
    for (std::uint32_t i = 0; i < 8; ++i) {
      if (!cluster.leader({i})) return false;
    }
    return true;
  }));
  cluster.start(0);
  EXPECT_TRUE(cluster.run_until(
      [&] {
        const ClusterMap& map = *cluster.worker(1).shard->membership().map();
        for (std::uint32_t i = 0; i < 8; ++i) {
          const auto leader = cluster.leader({i});
          if (!leader || cluster.worker(*leader).hello.id != map.placement({i}).preferred_leader) return false;
        }
        return true;
      },
      milliseconds(60'000)));
}

TEST(Shard, AFailedDiskStopsTheWorkerWithoutAnswering) {
  Cluster cluster(1, 1);
  cluster.form(1);
  Worker& worker = cluster.worker(0);
  worker.store.fails = true;
  WorkerRequest request;
  request.tag = 999'999;
  request.timeout_ms = 5000;
  request.session = "s";
  request.seq = 1;
  std::string arguments;
  PackedWriter(arguments).array(2).str("k").str("v");
  request.id = 1;
  request.command = Command::kPut;
  request.body = Frame(arguments);
  BundleWriter out;
  add(out, request);
  TimePoint now = worker.shard->now();
  worker.shard->begin_turn(now);
  worker.shard->end_turn();
  worker.shard->begin_turn(now += milliseconds(5));
  worker.shard->on_broker_message(0, out.take());
  for (int i = 0; i < 10 && !worker.shard->failure(); ++i) {
    worker.shard->end_turn();
    worker.shard->begin_turn(now += milliseconds(5));
  }
  ASSERT_TRUE(worker.shard->failure());
  EXPECT_NE(worker.shard->failure()->find("disk"), std::string::npos);
  EXPECT_FALSE(cluster.replies_.contains(999'999));
}

/// The right term and round, and another nonce: said to an incarnation of this worker that has ended.
TEST(Shard, AConfirmationMeantForAnEarlierLifeProvesNothing) {
  Cluster cluster(3, 1);
  cluster.form();
  cluster.put("user:7", "ada");
  const std::size_t at = *cluster.leader({0});
  Shard& shard = *cluster.worker(at).shard;
  const Hello peer = cluster.worker((at + 1) % 3).hello;
  TimePoint now = shard.now();
  const auto turn = [&](const std::function<void()>& what) {
    shard.begin_turn(now += milliseconds(1));
    what();
    shard.end_turn();
  };
  turn([&] {
    WorkerRequest request;
    request.tag = 900'001;
    request.timeout_ms = 5000;
    std::string arguments;
    PackedWriter(arguments).array(1).str("user:7");
    request.id = 1;
    request.command = Command::kGet;
    request.body = Frame(arguments);
    BundleWriter out;
    add(out, request);
    shard.on_broker_message(0, out.take());
  });
  const auto confirm = [&](BootNonce nonce) {
    const Partition& partition = *shard.partitions().at({0});
    const Term term = partition.replica().term();
    BundleWriter out;
    out.add(static_cast<std::uint8_t>(PeerMessageType::kFrom),
            pack(Speaker{peer.cluster, peer.id, peer.nonce, 1, false}));
    out.add(
        static_cast<std::uint8_t>(PeerMessageType::kAnswer),
        pack_answer(
            {nonce, partition.proof().asked(), {{{0}, partition.replica().member_on(peer.id)->place.id, term, term}}}));
    const Frames answer = out.take();
    turn([&] { shard.on_peer_message(answer); });
  };
  const BootNonce nonce = cluster.worker(at).hello.nonce;
  confirm({nonce.value + 1});
  EXPECT_FALSE(cluster.replies_.contains(900'001));
  confirm(nonce);
  EXPECT_TRUE(cluster.replies_.contains(900'001));
}

TEST(Shard, AnswersLeadershipQuestionsWithTheTermsThatItKnows) {
  Cluster cluster(3, 2);
  cluster.form();
  ASSERT_TRUE(cluster.run_until([&] { return cluster.leader({0}) && cluster.leader({1}); }));
  BundleWriter out;
  add(out, LeadershipQuestion{{55}, 9, {{0}, {1}, {77}}});
  cluster.worker(1).from_broker.push_back(out.take());
  cluster.step();
  const LeadershipAnswer& confirm = cluster.leadership_checks_.at(0);
  EXPECT_EQ(confirm.broker, BootNonce{55});
  EXPECT_EQ(confirm.read_context, 9u);
  ASSERT_EQ(confirm.terms.size(), 2u) << "it has no replica of partition 77";
  for (const auto& [partition, replica, term] : confirm.terms) {
    EXPECT_EQ(term, cluster.worker(1).shard->partitions().at(partition)->replica().term());
    EXPECT_EQ(replica, cluster.worker(1).shard->partitions().at(partition)->replica().self().id);
  }
}

/// What a broker sent before it heard that the worker runs again, wherever it waited.
TEST(Shard, AFrozenTurnAnswersWhatWaitedAsNotApplied) {
  Cluster cluster(1, 1);
  cluster.form(1);
  Shard& shard = *cluster.worker(0).shard;
  const auto ask = [&](std::uint64_t tag, std::uint64_t heard) {
    WorkerRequest request;
    request.tag = tag;
    request.timeout_ms = 5000;
    request.session = "s";
    request.seq = tag;
    request.heard = heard;
    std::string arguments;
    PackedWriter(arguments).array(2).str("k").str("v");
    request.id = 1;
    request.command = Command::kPut;
    request.body = Frame(arguments);
    BundleWriter out;
    add(out, request);
    shard.on_broker_message(0, out.take());
  };
  const std::uint64_t before = cluster.worker(0).hello.stamps.sent;
  TimePoint now = shard.now() + Shard::kFrozenAfter + milliseconds(1);
  shard.begin_turn(now);
  ask(900'001, before);
  shard.end_turn();
  ASSERT_TRUE(cluster.replies_.contains(900'001));
  EXPECT_EQ(cluster.replies_[900'001].outcome, Outcome::kBusy);
  const std::uint64_t after = cluster.worker(0).hello.stamps.sent;
  EXPECT_EQ(after, to_stamp(now)) << "it says hello as soon as it wakes";
  shard.begin_turn(now += milliseconds(5));
  ask(900'002, before);
  ask(900'003, after);
  shard.end_turn();
  shard.begin_turn(now += milliseconds(5));
  shard.end_turn();
  EXPECT_EQ(cluster.replies_[900'002].outcome, Outcome::kBusy) << "it stood in a queue on the way to the socket";
  EXPECT_EQ(cluster.replies_[900'003].outcome, Outcome::kDone);
}

TEST(Shard, AWorkerThatIsWelcomeNowhereStopsWithTheReason) {
  Cluster cluster(1, 1);
  Shard& shard = *cluster.worker(0).shard;
  BundleWriter out;
  add(out, Refused{"this address is another worker's"});
  shard.begin_turn(shard.now() + milliseconds(5));
  shard.on_broker_message(0, out.take());
  ASSERT_TRUE(shard.failure());
  EXPECT_NE(shard.failure()->find("this address is another worker's"), std::string::npos);
}

TEST(Shard, AWorkerThatWasWelcomeGoesOnWhenItIsRefused) {
  Cluster cluster(1, 1);
  Shard& shard = *cluster.worker(0).shard;
  BundleWriter out;
  add(out, Welcome{{1}});
  add(out, Refused{"a mistake"});
  shard.begin_turn(shard.now() + milliseconds(5));
  shard.on_broker_message(0, out.take());
  EXPECT_FALSE(shard.failure());
}

/// What a broker says of it a stranger may have told that broker; its peers know it.
TEST(Shard, AWorkerThatHoldsDataAndIsKnownToItsPeersIsNotSentAwayByABroker) {
  Cluster cluster(3, 1);
  cluster.form();
  cluster.run_until([] { return false; }, milliseconds(4'000));
  Shard& shard = *cluster.worker(0).shard;
  BundleWriter out;
  add(out, Refused{"another live worker has the same id", cluster.worker(0).hello.nonce, true});
  shard.begin_turn(shard.now() + milliseconds(5));
  shard.on_broker_message(0, out.take());
  shard.end_turn();
  EXPECT_FALSE(shard.failure());
  EXPECT_THAT(cluster.worker(0).events, Contains(AllOf(HasSubstr("the same id"), HasSubstr("keeps its data"))));
}

TEST(Shard, AWorkerThatHoldsDataStopsWhereNeitherBrokersNorPeersTakeIt) {
  Cluster cluster(3, 1);
  cluster.form();
  for (const std::size_t each : {0, 1, 2}) cluster.crash(each);
  cluster.start(0);
  Shard& shard = *cluster.worker(0).shard;
  const auto refuse_for = [&](milliseconds time) {
    for (const TimePoint until = shard.now() + time; shard.now() < until && !shard.failure();) {
      BundleWriter out;
      add(out, Refused{"this is cluster b"});
      shard.begin_turn(shard.now() + milliseconds(20));
      shard.on_broker_message(0, out.take());
      shard.end_turn();
    }
  };
  refuse_for(milliseconds(2'900));
  EXPECT_FALSE(shard.failure()) << "perhaps its peers come yet";
  refuse_for(milliseconds(500));
  ASSERT_TRUE(shard.failure());
  EXPECT_THAT(*shard.failure(), AllOf(HasSubstr("this is cluster b"), HasSubstr("no other worker of its cluster")));
}

TEST(Shard, WhatIsSaidToAnEarlierLifeIsNoneOfTheWorkersBusiness) {
  Cluster cluster(1, 1);
  cluster.form(1);
  Shard& shard = *cluster.worker(0).shard;
  const BootNonce other{cluster.worker(0).hello.nonce.value + 1};
  BundleWriter out;
  add(out, Refused{"another live worker has the same id", other, true});
  add(out, Challenge{other, 4711});
  shard.begin_turn(shard.now() + milliseconds(5));
  shard.on_broker_message(0, out.take());
  shard.end_turn();
  EXPECT_FALSE(shard.failure());
  EXPECT_EQ(cluster.worker(0).hello.token, 0u);
}

TEST(Shard, AChallengeIsAnsweredAtOnce) {
  Cluster cluster(1, 1);
  cluster.form(1);
  Shard& shard = *cluster.worker(0).shard;
  BundleWriter out;
  add(out, Challenge{cluster.worker(0).hello.nonce, 4711});
  shard.begin_turn(shard.now() + milliseconds(1));
  shard.on_broker_message(0, out.take());
  shard.end_turn();
  EXPECT_EQ(cluster.worker(0).hello.token, 4711u);
}

TEST(Shard, AWorkerThatLeavesHandsOverWhatItLeads) {
  Cluster cluster(3, 4);
  cluster.form();
  cluster.put("user:7", "ada");
  Shard& leaving = *cluster.worker(*cluster.leader({0})).shard;
  leaving.begin_leaving();
  EXPECT_TRUE(cluster.run_until([&] { return leaving.has_left(); }));
  EXPECT_EQ(cluster.get("user:7"), "ada");
}

/// A worker keeps up to 64 MiB for a broker that takes nothing, and says of all else that it was not sent.
TEST(Shard, LargeRepliesBeyondItsMemoryAreToldAndNotLost) {
  Cluster cluster(1, 1);
  cluster.form(1);
  cluster.put("key", std::string(10'000'000, 'x'));
  Worker& worker = cluster.worker(0);
  const auto ask = [&](std::uint64_t tag, Command command, const std::string& arguments, std::uint32_t page_bytes) {
    WorkerRequest request;
    request.tag = tag;
    request.mode = ReadMode::kStale;
    request.timeout_ms = 5'000;
    request.page_bytes = page_bytes;
    request.id = 77;
    request.command = command;
    request.body = Frame(arguments);
    BundleWriter out;
    add(out, request);
    worker.from_broker.push_back(out.take());
  };
  std::string get;
  PackedWriter(get).array(1).str("key");
  std::string scan;
  PackedWriter(scan).array(3).str("").natural(1'000).nil();

  worker.is_read_by_broker = false;
  for (std::uint64_t tag = 900; tag < 910; ++tag) ask(tag, Command::kGet, get, 0);
  cluster.step();
  ask(910, Command::kScan, scan, 1 << 20);
  cluster.step();
  worker.is_read_by_broker = true;
  const auto count = [&](Outcome outcome) {
    return std::count_if(cluster.replies_.begin(), cluster.replies_.end(),
                         [&](const auto& reply) { return reply.first >= 900 && reply.second.outcome == outcome; });
  };
  EXPECT_TRUE(cluster.run_until([&] { return count(Outcome::kDone) == 6; })) << count(Outcome::kDone);
  EXPECT_EQ(count(Outcome::kUnknown), 4);
  EXPECT_EQ(cluster.replies_[910].outcome, Outcome::kBusy) << "the page was not made";
  ask(911, Command::kScan, scan, 1 << 20);
  EXPECT_TRUE(cluster.run_until([&] { return cluster.replies_[911].outcome == Outcome::kDone; }));
}

TEST(Shard, MegabytesForAPeerGoInBundlesOfTheirOwn) {
  Cluster cluster(3, 1);
  cluster.form();
  const std::string large(700'000, 'x');
  for (int i = 0; i < 5; ++i) cluster.put("key" + std::to_string(i), large);
  const std::size_t away = (*cluster.leader({0}) + 1) % 3;
  cluster.crash(away);
  for (int i = 0; i < 5; ++i) cluster.put("key" + std::to_string(i), large);
  cluster.start(away);
  EXPECT_TRUE(cluster.run_until([&] {
    const auto leader = cluster.leader({0});
    return leader && cluster.worker(away).shard->partitions().at({0})->replica().applied() ==
                         cluster.worker(*leader).shard->partitions().at({0})->replica().applied();
  }));
  std::size_t largest = 0;
  for (std::size_t i = 0; i < 3; ++i) largest = std::max(largest, cluster.worker(i).largest_to_peer);
  EXPECT_GT(largest, 0u);
  EXPECT_LT(largest, 3u << 20);
}

}  // namespace
}  // namespace trellis::test

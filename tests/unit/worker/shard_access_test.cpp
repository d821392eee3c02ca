// Users and roles in a cluster of workers: replicated with partition 0, copied to all members, told to brokers.
#include <gtest/gtest.h>

#include "protocol/access/access_changes.hpp"
#include "tests/unit/worker/shard_cluster.hpp"

namespace trellis::test {
namespace {

std::string arguments_of_user(const std::string& name) {
  std::string out;
  std::string key = name;
  key.resize(kPublicKeySize, '.');
  PackedWriter(out).array(3).str(name).bin(key).str("reader");
  return out;
}

Code status_of(const std::string& frame) {
  const auto reply = read_reply(frame);
  return reply ? reply->status : Code::kInternal;
}

class ShardAccess : public ::testing::Test {
 protected:
  void SetUp() override { Cluster::first_access = first_access_records(std::string(kPublicKeySize, '!')); }
  void TearDown() override { Cluster::first_access.reset(); }

  static bool all_tell_of(Cluster& cluster, std::uint64_t version) {
    return cluster.every([version](const Worker& worker) { return worker.access_version == version; });
  }
};

TEST_F(ShardAccess, TheFirstIsReplicatedAndAllMembersTellOfIt) {
  Cluster cluster(5);
  cluster.form(2);
  EXPECT_TRUE(cluster.run_until([&] { return all_tell_of(cluster, 1); })) << "also members without partition 0";
}

TEST_F(ShardAccess, AChangeIsWithAllMembersAtOnceAndWithTheBrokerThatAsked) {
  Cluster cluster(5);
  cluster.form(2);
  ASSERT_TRUE(cluster.run_until([&] { return all_tell_of(cluster, 1); }));
  EXPECT_EQ(status_of(cluster.ask_keeper(Command::kUserAdd, arguments_of_user("ada"))), Code::kOk);
  const std::size_t leader = *cluster.leader(PartitionId{0});
  ASSERT_TRUE(cluster.worker(leader).offered);
  EXPECT_NE(cluster.worker(leader).offered->find_user("ada"), nullptr);
  EXPECT_TRUE(cluster.run_until([&] { return all_tell_of(cluster, 2); }, milliseconds(500)));
  BundleWriter wanted;
  add_access_wanted(wanted);
  cluster.worker(4).from_broker.push_back(wanted.take());
  EXPECT_TRUE(cluster.run_until([&] { return cluster.worker(4).offered.has_value(); }));
  EXPECT_NE(cluster.worker(4).offered->find_user("ada"), nullptr);
}

TEST_F(ShardAccess, OfManyChangesAtOnceEachIsDoneAndNoneIsLost) {
  Cluster cluster(3);
  cluster.form(2);
  ASSERT_TRUE(cluster.run_until([&] { return all_tell_of(cluster, 1); }));
  const std::size_t leader = *cluster.leader(PartitionId{0});
  constexpr std::size_t kMany = 20;
  BundleWriter out;
  for (std::size_t i = 0; i < kMany; ++i) {
    WorkerRequest request;
    request.tag = 9'000 + i;
    request.kind = RequestKind::kCluster;
    request.timeout_ms = 5000;
    request.session = "session";
    request.seq = 9'000 + i;
    request.body = Frame(pack_request(i, Command::kUserAdd, arguments_of_user("user" + std::to_string(i)), {}));
    add(out, request);
  }
  cluster.worker(leader).from_broker.push_back(out.take());
  EXPECT_TRUE(cluster.run_until([&] {
    for (std::size_t i = 0; i < kMany; ++i) {
      if (!cluster.replies_.contains(9'000 + i)) return false;
    }
    return true;
  }));
  for (std::size_t i = 0; i < kMany; ++i) {
    EXPECT_EQ(status_of(std::string(cluster.replies_[9'000 + i].body.bytes())), Code::kOk);
    EXPECT_NE(cluster.worker(leader).offered->find_user("user" + std::to_string(i)), nullptr) << i;
  }
}

/// A copy is a request with the same session, seq and content; it may come by another broker, or to another leader.
TEST_F(ShardAccess, ACopyThatComesBehindAnotherChangeDoesNotUndoIt) {
  Cluster cluster(3);
  cluster.form(2);
  ASSERT_TRUE(cluster.run_until([&] { return all_tell_of(cluster, 1); }));
  std::string ada;
  PackedWriter(ada).array(1).str("ada");
  const std::string added = cluster.ask_keeper(Command::kUserAdd, arguments_of_user("ada"), 1);
  EXPECT_EQ(PackedReader(read_reply(added)->result).read_bool(), true);
  const std::string removed = cluster.ask_keeper(Command::kUserRemove, ada, 2);
  ASSERT_EQ(status_of(removed), Code::kOk);
  const std::string refused = cluster.ask_keeper(Command::kUserRemove, ada, 3);
  ASSERT_EQ(status_of(refused), Code::kNotFound);
  EXPECT_NE(read_reply(refused)->info.message.find("no user"), std::string::npos);
  ASSERT_EQ(status_of(cluster.ask_keeper(Command::kUserAdd, arguments_of_user("ada"), 4)), Code::kOk);

  const std::string late = cluster.ask_keeper(Command::kUserAdd, arguments_of_user("ada"), 1);
  EXPECT_EQ(PackedReader(read_reply(late)->result).read_bool(), true) << "as it was answered first";
  EXPECT_EQ(status_of(cluster.ask_keeper(Command::kUserRemove, ada, 2)), Code::kOk);
  EXPECT_EQ(status_of(cluster.ask_keeper(Command::kUserRemove, ada, 3)), Code::kNotFound);
  const std::size_t leader = *cluster.leader(PartitionId{0});
  EXPECT_EQ(cluster.worker(leader).offered->version, 5u) << "each of the four made one";
  EXPECT_NE(cluster.worker(leader).offered->find_user("ada"), nullptr);
}

TEST_F(ShardAccess, TheyOutliveARestartOfAllAndTheirFirstIsNotTakenAgain) {
  Cluster cluster(3);
  cluster.form(2);
  ASSERT_TRUE(cluster.run_until([&] { return all_tell_of(cluster, 1); }));
  ASSERT_EQ(status_of(cluster.ask_keeper(Command::kUserAdd, arguments_of_user("ada"))), Code::kOk);
  for (std::size_t i = 0; i < 3; ++i) cluster.crash(i);
  Cluster::first_access = first_access_records(std::string(kPublicKeySize, '?'));
  for (std::size_t i = 0; i < 3; ++i) {
    cluster.worker(i).access_version = 0;
    cluster.start(i);
  }
  ASSERT_TRUE(cluster.run_until([&] { return all_tell_of(cluster, 2); }));
  const std::string listed = cluster.ask_keeper(Command::kUserList, "\x90");
  EXPECT_NE(listed.find("ada"), std::string::npos);
}

TEST_F(ShardAccess, WithoutKeysThereAreNoUsers) {
  Cluster::first_access.reset();
  Cluster cluster(3);
  cluster.form(2);
  std::string told;  // Nothing, until its leader keeps the map.
  ASSERT_TRUE(cluster.run_until([&] {
    told = cluster.ask_keeper(Command::kUserAdd, arguments_of_user("ada"));
    return !told.empty();
  }));
  EXPECT_EQ(status_of(told), Code::kFailedPrecondition);
  EXPECT_TRUE(all_tell_of(cluster, 0));
}

}  // namespace
}  // namespace trellis::test

// When a worker makes a replica, and when it may delete one.
#include "worker/raft/local_replica.hpp"

#include <gtest/gtest.h>

namespace trellis {
namespace {

constexpr WorkerId kWorker{107};
constexpr ReplicaPlace kReplica{{7}, kWorker};
constexpr ReplicaPlace kOther{{1}, {101}};

using records::LocalReplica;

/// What a leader of term 5 says, whose configuration is the entry 20 of a log of 30.
MembersNotice notice(std::vector<ReplicaMember> members, std::vector<ReplicaPlace> target = {}) {
  return {{5}, {30}, {{20}, {5}, true, std::move(members)}, std::move(target)};
}
MembersNotice with(ReplicaRole role) {
  return notice({{kOther, ReplicaRole::kVoter}, {kReplica, role}}, {kOther, kReplica});
}
MembersNotice without() { return notice({{kOther, ReplicaRole::kVoter}}, {kOther}); }

TEST(LocalReplica, IsMadeWhereALeaderNamesItAsAdded) {
  const auto made = replica_to_make(with(ReplicaRole::kStandby), kWorker, {});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->held, kReplica.id);
  EXPECT_EQ(made->term, 5u);
  EXPECT_EQ(made->index, 20u);
  EXPECT_FALSE(replica_to_make(without(), kWorker, {}));
  EXPECT_FALSE(replica_to_make(with(ReplicaRole::kStandby), kWorker, *made)) << "it is there";
}

TEST(LocalReplica, IsNeverMadeAgainOnceItOrALaterOneWasDeleted) {
  EXPECT_FALSE(replica_to_make(with(ReplicaRole::kSpare), kWorker, {{}, 0, 0, {7}}));
  EXPECT_FALSE(replica_to_make(with(ReplicaRole::kSpare), kWorker, {{}, 0, 0, {8}}));
  const auto made = replica_to_make(with(ReplicaRole::kSpare), kWorker, {{}, 0, 0, {6}});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->deleted, ReplicaId{6});
}

TEST(LocalReplica, AVoterThatIsNotHereWasLostAndIsNotMadeUpFor) {
  EXPECT_FALSE(replica_to_make(with(ReplicaRole::kVoter), kWorker, {}));
}

TEST(LocalReplica, IsDeletedOnceItsGroupHasItNoMore) {
  const auto gone = replica_to_delete(without(), {{7}, 4, 10, {3}});
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->held, ReplicaId{});
  EXPECT_EQ(gone->deleted, ReplicaId{7});
  EXPECT_TRUE(replica_to_delete(without(), {{7}, 0, 0, {}})) << "one that was there from the beginning";
  EXPECT_FALSE(replica_to_delete(without(), {})) << "there is none";
}

TEST(LocalReplica, NotYetIsNotNoMore) {
  EXPECT_FALSE(replica_to_delete(without(), {{7}, 6, 10, {}})) << "a leader of an earlier term has yet to hear of it";
  EXPECT_FALSE(replica_to_delete(without(), {{7}, 5, 31, {}})) << "its leader had not added it when it said so";
  EXPECT_TRUE(replica_to_delete(without(), {{7}, 5, 30, {}}));
}

TEST(LocalReplica, ARemovalThatIsNotCommittedMayBeTakenBack) {
  MembersNotice said = without();
  said.configuration.is_committed = false;
  EXPECT_FALSE(replica_to_delete(said, {{7}, 4, 10, {}}));
}

TEST(LocalReplica, OneThatTheTargetNamesIsAddedAgain) {
  MembersNotice said = without();
  said.target.push_back(kReplica);
  EXPECT_FALSE(replica_to_delete(said, {{7}, 4, 10, {}}));
}

}  // namespace
}  // namespace trellis

// A replica whose group's members change: who is heard, who votes, who leads, and what is kept of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/cluster/bundle.hpp"
#include "tests/unit/worker/raft/replica_harness.hpp"

namespace trellis {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Harness = ReplicaHarness;

constexpr std::uint8_t kConfiguration = 3;
constexpr ReplicaPlace kStranger{{77}, {177}};

ReplicaMember voter(const ReplicaPlace& place) { return {place, ReplicaRole::kVoter}; }
ReplicaMember standby(const ReplicaPlace& place) { return {place, ReplicaRole::kStandby}; }

/// An AppendEntries with one configuration, behind the entry at `previous`.
RaftMessage append_configuration(std::uint64_t term, std::uint64_t previous, std::uint64_t previous_term,
                                 const std::vector<ReplicaMember>& members, std::uint64_t commit = 0) {
  std::string payload;
  FieldWriter fields(payload);
  fields.u8(1).u64(members.size());
  for (const ReplicaMember& member : members) {
    fields.u64(member.place.id.value).raw(to_string(member.place.worker)).u8(0);
    fields.u8(static_cast<std::uint8_t>(member.role));
  }
  RaftMessage message = append_of(term, {previous, previous_term, {}, commit});
  std::string body;
  pack_entry(body, term, kConfiguration, payload);
  message.entries = 1;
  message.body = Frame(std::move(body));
  return message;
}

bool is_granted(Harness& harness, const RaftMessage& request) {
  harness.take(RaftMessageKind::kRequestVoteResult);
  harness.receive(request);
  harness.sync();
  const auto answers = harness.take(RaftMessageKind::kRequestVoteResult);
  return answers.size() == 1 && answers[0].granted;
}

/// A standby of kPeer's by its own log, which knows kPeer as its leader.
void join_as_standby(Harness& harness) {
  ASSERT_TRUE(harness.start());
  harness.receive(append_configuration(2, 1, 1, {voter(kPeer), standby(kSelf)}));
  harness.sync();
  ASSERT_THAT(harness.replica->voters(), ElementsAre(kPeer));
  ASSERT_EQ(harness.replica->leader(), kPeer);
}

TEST(ReplicaMembers, ACandidateIsHeardThoughThisLogGivesItNoVote) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  EXPECT_TRUE(is_granted(harness, vote_request(9, 100, 8, kStranger)));
}

TEST(ReplicaMembers, WhatIsMeantForAnotherReplicaOnItsWorkerIsDropped) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  RaftMessage request = vote_request(9, 100, 8);
  request.to = {9};
  EXPECT_FALSE(is_granted(harness, request));
  EXPECT_EQ(harness.replica->term(), Term{1});
}

TEST(ReplicaMembers, R14AStandbyByItsOwnLogGivesItsVote) {
  Harness harness({kPeer, kSelf});
  join_as_standby(harness);
  EXPECT_TRUE(is_granted(harness, vote_request(3, 2, 2, kPeer)));
  EXPECT_EQ(harness.replica->voted_for(), kPeer.worker);
  EXPECT_THAT(harness.replica->voters(), ElementsAre(kPeer)) << "it had the role for that one call";
}

TEST(ReplicaMembers, R14AStandbyForgetsALeaderThatItHasNotHeardForAnElectionTimeout) {
  Harness harness({kPeer, kSelf});
  join_as_standby(harness);
  RaftMessage request = vote_request(3, 2, 2, kPeer);
  request.disrupt_leader = false;
  EXPECT_FALSE(is_granted(harness, request)) << "its leader has just been heard";
  harness.time += harness.settings.timing.election;
  EXPECT_TRUE(is_granted(harness, request));
}

TEST(ReplicaMembers, WhoIsNotInItsOwnConfigurationGivesNoVote) {
  Harness harness({kPeer, kOther});
  ASSERT_TRUE(harness.start());
  EXPECT_FALSE(is_granted(harness, vote_request(3, 2, 2, kPeer)));
}

TEST(ReplicaMembers, OneThatJoinsBeginsWithNothingAndIsFilledByItsLeader) {
  Harness harness({kPeer});
  Replica::remove(harness.store, kGroup, {});
  Replica::make(harness.store, kGroup, {kSelf.id, 2, 7, {}});
  harness.sync();
  ASSERT_TRUE(harness.start());
  EXPECT_EQ(harness.replica->last_index(), LogIndex{0});
  EXPECT_THAT(harness.replica->voters(), IsEmpty());
  harness.receive(append_configuration(2, 0, 0, {voter(kPeer)}));
  harness.sync();
  harness.receive(append_configuration(2, 1, 2, {voter(kPeer), standby(kSelf)}));
  harness.sync();
  EXPECT_THAT(harness.replica->voters(), ElementsAre(kPeer));
  const auto own = harness.replica->member(kSelf.id);
  ASSERT_TRUE(own);
  EXPECT_EQ(own->role, ReplicaRole::kStandby);
  ASSERT_TRUE(harness.restart());
  EXPECT_EQ(harness.replica->last_index(), LogIndex{2});
}

TEST(ReplicaMembers, ALogThatLostAllThatItKnewToBeCommittedIsDamaged) {
  Harness harness({kPeer});
  Replica::remove(harness.store, kGroup, {});
  Replica::make(harness.store, kGroup, {kSelf.id, 2, 7, {}});
  harness.store.put(records::commit_name(kGroup), records::pack_number(5));
  harness.sync();
  EXPECT_FALSE(harness.start());
}

TEST(ReplicaMembers, NothingIsLeftOfOneThatWasRemovedButThatItWas) {
  Harness harness;
  ASSERT_TRUE(harness.start());
  harness.receive(append_of(2, {1, 1, {2, 2, 2}, 3}));
  harness.sync();
  harness.replica.reset();
  Replica::remove(harness.store, kGroup, {{}, 0, 0, kSelf.id});
  harness.sync();
  std::size_t records = 0;
  ASSERT_TRUE(harness.store.scan("", "\xff", [&](std::string_view, std::string_view value) -> Result<void> {
    ++records;
    EXPECT_EQ(records::read_local_replica(value)->deleted, kSelf.id);
    return {};
  }));
  EXPECT_EQ(records, 1u);
}

/// A leader of {kSelf, kPeer} that has committed up to its barrier.
void lead_of_two(Harness& harness) {
  ASSERT_TRUE(harness.start());
  harness.lead();
}

TEST(ReplicaMembers, ALeaderAddsOneStepByStep) {
  Harness harness({kSelf, kPeer});
  lead_of_two(harness);
  ASSERT_TRUE(harness.replica->change(MemberChange::kAdd, kOther));
  EXPECT_TRUE(harness.replica->is_changing());
  EXPECT_FALSE(harness.replica->change(MemberChange::kMakeStandby, kOther)) << "the first is not committed";
  harness.sync();
  harness.acknowledge(kPeer);
  ASSERT_TRUE(harness.replica->change(MemberChange::kMakeStandby, kOther));
  harness.sync();
  harness.acknowledge(kPeer);
  harness.acknowledge(kOther);
  ASSERT_TRUE(harness.replica->change(MemberChange::kPromote, kOther));
  EXPECT_THAT(harness.replica->voters(), ElementsAre(kSelf, kPeer, kOther));
  EXPECT_FALSE(harness.replica->configuration().is_committed);
  harness.sync();
  harness.acknowledge(kOther);
  EXPECT_TRUE(harness.replica->configuration().is_committed);
  EXPECT_EQ(harness.replica->configuration().term, harness.replica->term());
}

TEST(ReplicaMembers, R12ALeaderNeverRemovesItselfNorTheLastVoter) {
  Harness harness({kSelf, kPeer});
  lead_of_two(harness);
  EXPECT_FALSE(harness.replica->change(MemberChange::kRemove, kSelf));
  EXPECT_TRUE(harness.replica->change(MemberChange::kRemove, kPeer));
  harness.sync();
  EXPECT_THAT(harness.replica->voters(), ElementsAre(kSelf));
  EXPECT_TRUE(harness.replica->configuration().is_committed);
}

TEST(ReplicaMembers, R12AMajorityOfTheNewConfigurationHoldsTheOneInForce) {
  Harness harness({kSelf, kPeer, kOther});
  lead_of_two(harness);
  ASSERT_TRUE(harness.replica->change(MemberChange::kAdd, kStranger));
  harness.sync();
  harness.acknowledge(kPeer);
  ASSERT_FALSE(harness.replica->is_changing());
  EXPECT_FALSE(harness.replica->change(MemberChange::kRemove, kPeer)) << "kOther does not hold it yet";
  EXPECT_TRUE(harness.replica->change(MemberChange::kRemove, kOther));
}

/// R13: one that follows and is the lone voter by now asks nobody for a vote.
TEST(ReplicaMembers, R13ALoneVoterThatLearntAHigherTermLeadsInOneOfItsOwn) {
  Harness harness({kSelf, kPeer});
  lead_of_two(harness);
  ASSERT_TRUE(harness.replica->change(MemberChange::kRemove, kPeer));
  harness.sync();
  harness.receive(vote_request(40, 1, 1, kPeer));
  ASSERT_FALSE(harness.replica->is_leader());
  ASSERT_EQ(harness.replica->term(), Term{40});
  for (int i = 0; i < 100 && !harness.replica->is_leader(); ++i) {
    harness.tick();
    harness.sync();
  }
  EXPECT_TRUE(harness.replica->is_leader());
  EXPECT_EQ(harness.replica->term(), Term{41});
  EXPECT_EQ(harness.replica->voted_for(), kSelf.worker);
}

}  // namespace
}  // namespace trellis

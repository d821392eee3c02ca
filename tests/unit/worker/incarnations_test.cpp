// Workers that greet each other, starts and copies of their folders, and strangers that meddle.
#include "worker/incarnations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "tests/support/memory_log_store.hpp"

namespace trellis {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr WorkerId kAnn{1};
constexpr WorkerId kBob{2};
constexpr WorkerId kCat{3};
constexpr PartitionId kGroup{5};
const std::vector<WorkerId> kReplicas = {kAnn, kBob, kCat};

/// A worker as far as others can see it: a folder, and what it says.
struct Side final : IncarnationsOutput {
  explicit Side(WorkerId worker) : id(worker) {}
  void say_to_peer(WorkerId peer, PeerMessageType type, const std::string& header) override {
    said.push_back({peer, type, header});
  }
  void start(TimePoint now, Promise held, std::optional<WorkerId> vote = WorkerId{}) {
    store.crash();
    said.clear();
    nonce = {next_random++};
    batch = 1;
    self = std::make_unique<Incarnations>(nonce, now, Incarnations::Omitted());
    ASSERT_TRUE(self->load(store, [this] { return next_random++; }));
    self->on_opened(kGroup, vote, held);
    sync();
  }
  void sync() {
    store.start_write();
    ASSERT_TRUE(*store.finish_write());
    self->on_durable(batch++);
  }
  Speaker speaker() const { return {"", id, nonce, self->number(), false}; }
  void hear(const Speaker& from, PeerMessageType type, const std::string& header) {
    self->on_handshake(from, type, header, store, batch, *this);
  }

  struct Said {
    WorkerId to;
    PeerMessageType type;
    std::string header;
  };
  WorkerId id;
  MemoryLogStore store;
  std::unique_ptr<Incarnations> self;
  BootNonce nonce;
  BatchNumber batch = 1;
  std::deque<Said> said;
  std::uint64_t next_random = id.value * 1'000'000;
};

class IncarnationsTest : public ::testing::Test {
 protected:
  IncarnationsTest() {
    for (const WorkerId id : {kAnn, kBob}) map.members.push_back({id, "", MemberState::kMember, 0, {}});
  }
  /// Those that are here say all that they have to say to each other, and keep it.
  void talk() {
    now += Incarnations::kAskEvery;
    for (int round = 0; round < 10; ++round) {
      for (Side* side : here) side->self->tick(map, side->id, now, side->store, *side);
      for (Side* from : here) deliver(*from);
    }
    for (Side* side : here) side->sync();
  }
  void deliver(Side& from) {
    for (const Side::Said& said : std::exchange(from.said, {})) {
      const auto to = std::find_if(here.begin(), here.end(), [&](const Side* side) { return side->id == said.to; });
      if (to == here.end()) continue;
      static_cast<void>(listens(**to, from));
      (*to)->hear(from.speaker(), said.type, said.header);
    }
  }
  bool listens(Side& to, const Side& from) { return to.self->listens_to(from.speaker(), now, to); }

  TimePoint now{std::chrono::hours(1)};
  ClusterMap map;
  Side ann{kAnn};
  Side bob{kBob};
  Side cat{kCat};
  std::vector<Side*> here{&ann, &bob};  ///< The others are away.
};

TEST_F(IncarnationsTest, TwoThatHaveProvenThemselvesListenToEachOther) {
  ann.start(now, {{7}, 1, 1, false});
  bob.start(now, {{7}, 1, 1, false});
  EXPECT_FALSE(listens(bob, ann));
  talk();
  EXPECT_TRUE(listens(bob, ann));
  EXPECT_TRUE(listens(ann, bob));
  EXPECT_EQ(ann.self->number(), 1u);
}

TEST_F(IncarnationsTest, AStartCountsOnceItIsDurable) {
  ann.start(now, {{7}, 1, 1, false});
  bob.start(now, {{7}, 1, 1, false});
  talk();
  ann.start(now, {{7}, 1, 1, false});
  EXPECT_EQ(ann.self->number(), 2u);
  bob.store.holds_back = true;
  const auto no_sync = [&] {
    now += Incarnations::kAskEvery;
    ann.self->tick(map, kAnn, now, ann.store, ann);
    bob.hear(ann.speaker(), PeerMessageType::kArrival, ann.said.front().header);
    ann.said.clear();
    ann.hear(bob.speaker(), PeerMessageType::kKnown, bob.said.back().header);
    ann.self->tick(map, kAnn, now, ann.store, ann);
    bob.hear(ann.speaker(), PeerMessageType::kProof, ann.said.back().header);
  };
  no_sync();
  EXPECT_FALSE(listens(bob, ann));
  bob.store.holds_back = false;
  bob.sync();
  EXPECT_TRUE(listens(bob, ann));
}

TEST_F(IncarnationsTest, AnOlderCopyIsToldByTheNumberOfItsStarts) {
  ann.start(now, {{7}, 1, 1, false});
  bob.start(now, {{7}, 1, 1, false});
  talk();
  const MemoryLogStore older = ann.store;
  ann.start(now, {{7}, 1, 1, false});
  talk();
  ann.store = older;
  for (int again = 0; again < 3; ++again) {  // However often it is started.
    ann.start(now, {{7}, 1, 1, false});
    talk();
    ASSERT_TRUE(ann.self->older_copy());
    EXPECT_THAT(*ann.self->older_copy(), HasSubstr("start number 2"));
    EXPECT_FALSE(listens(bob, ann));
  }
}

TEST_F(IncarnationsTest, NobodyListensBeforeAllHaveToldOrTheOthersAreSilent) {
  map.members.push_back({kCat, "", MemberState::kMember, 0, {}});
  ann.start(now, {{7}, 1, 1, false});
  bob.start(now, {{7}, 1, 1, false});
  talk();
  EXPECT_FALSE(listens(bob, ann)) << "the third may know better";
  now += Incarnations::kPeersWithin;
  talk();
  EXPECT_TRUE(listens(bob, ann));
}

/// A start that cat has heard of is unknown to bob, who must not keep the copy's start of the same number.
TEST_F(IncarnationsTest, TheRightFolderIsTakenInWhereAnOlderCopyOfItWasStarted) {
  map.members.push_back({kCat, "", MemberState::kMember, 0, {}});
  here = {&ann, &bob, &cat};
  for (Side* side : here) side->start(now, {{7}, 1, 1, false});
  talk();
  const MemoryLogStore older = ann.store;
  ann.start(now, {{7}, 1, 1, false});
  now += Incarnations::kPeersWithin;
  here = {&ann, &cat};
  talk();
  ASSERT_TRUE(listens(cat, ann));
  const MemoryLogStore right = ann.store;

  ann.store = older;
  ann.start(now, {{7}, 1, 1, false});
  here = {&ann, &bob};
  talk();
  here = {&ann, &bob, &cat};
  talk();
  EXPECT_TRUE(ann.self->older_copy());

  ann.store = right;
  ann.start(now, {{7}, 1, 1, false});
  talk();
  EXPECT_FALSE(ann.self->older_copy());
  EXPECT_TRUE(listens(bob, ann));
}

TEST_F(IncarnationsTest, AnOlderCopyIsToldByWhatItsReplicaAcknowledged) {
  ann.start(now, {{7}, 4, 10, false});
  bob.start(now, {{7}, 4, 10, false});
  talk();
  bob.self->on_promise(kAnn, kGroup, {{7}, 4, 2010, false});
  ann.start(now, {{7}, 4, 11, false});  // A copy of the running worker's disk: its next start is new.
  talk();
  ASSERT_TRUE(ann.self->older_copy());
  EXPECT_THAT(*ann.self->older_copy(), HasSubstr("up to entry 2010 in term 4"));
  EXPECT_FALSE(listens(bob, ann));
  EXPECT_FALSE(ann.self->may_take_part(kReplicas, kAnn, now + std::chrono::hours(1)));
}

TEST_F(IncarnationsTest, AnOlderCopyIsToldByTheVoteThatItGave) {
  ann.start(now, {{7}, 4, 10, false});
  bob.start(now, {{7}, 4, 10, false});
  talk();
  bob.self->on_promise(kAnn, kGroup, {{7}, 4, 0, true});
  ann.start(now, {{7}, 4, 10, false}, kBob);
  talk();
  EXPECT_FALSE(ann.self->older_copy()) << "its folder has the vote";
  // Found by the simulator (moves 500290): whom it voted for was no leader, and left the group in the same term.
  ann.start(now, {{7}, 4, 10, false}, std::nullopt);
  talk();
  EXPECT_FALSE(ann.self->older_copy()) << "there is one vote in a term, and its folder has it";
  ann.start(now, {{7}, 4, 10, false}, kCat);
  talk();
  EXPECT_TRUE(ann.self->older_copy());
}

/// Found by the simulator (joins 600006): a newcomer, started anew when it held nothing but an old snapshot, waited for
/// members of its group that had been removed from the cluster.
TEST(Witnesses, AreMembersOfTheClusterThatTheLogOrTheMapNames) {
  ClusterMap map;
  for (const WorkerId id : kReplicas) map.members.push_back({.id = id, .address = {}, .virtual_nodes = {}});
  map.partitions.resize(8);
  map.partitions[kGroup.value].replicas = {{{4}, kBob}, {{9}, kCat}};
  constexpr WorkerId kRemoved{9};
  EXPECT_THAT(witnesses_of(map, kGroup, {{{1}, kRemoved}, {{2}, kAnn}}), ElementsAre(kAnn, kBob, kCat));
  EXPECT_THAT(witnesses_of(map, kGroup, {}), ElementsAre(kBob, kCat));
}

TEST_F(IncarnationsTest, WhatALaterTermReplacedIsNotMissed) {
  ann.start(now, {{7}, 4, 10, false});
  bob.start(now, {{7}, 4, 10, false});
  talk();
  bob.self->on_promise(kAnn, kGroup, {{7}, 4, 2010, true});
  ann.start(now, {{7}, 5, 12, false});
  talk();
  EXPECT_FALSE(ann.self->older_copy());
  EXPECT_TRUE(listens(bob, ann));
}

TEST_F(IncarnationsTest, WhatAnEarlierReplicaOfTheGroupPromisedIsNotMissed) {
  ann.start(now, {{7}, 4, 10, false});
  bob.start(now, {{7}, 4, 10, false});
  talk();
  bob.self->on_promise(kAnn, kGroup, {{7}, 4, 2010, true});
  ann.start(now, {{9}, 0, 0, false});  // The replica was deleted, and another one made.
  talk();
  EXPECT_FALSE(ann.self->older_copy());
  bob.self->on_promise(kAnn, kGroup, {{9}, 5, 3000, false});
  ann.start(now, {{9}, 5, 3000, false});
  ann.self->on_deleted(kGroup, {9});
  talk();
  EXPECT_FALSE(ann.self->older_copy()) << "that one was deleted here, too";
  ann.start(now, {{7}, 4, 2010, false});
  talk();
  ASSERT_TRUE(ann.self->older_copy()) << "this folder has never heard of the second replica";
}

TEST_F(IncarnationsTest, WhatAPeerPromisedOutlivesWhoKeepsIt) {
  ann.start(now, {{7}, 4, 10, false});
  bob.start(now, {{7}, 4, 10, false});
  talk();
  bob.self->on_promise(kAnn, kGroup, {{7}, 4, 2010, false});
  now += Incarnations::kKeepEvery;
  talk();
  bob.start(now, {{7}, 4, 2010, false});
  ann.start(now, {{7}, 4, 11, false});
  talk();
  EXPECT_TRUE(ann.self->older_copy());
}

TEST_F(IncarnationsTest, AFolderOfEarlierSoftwareIsTakenIn) {
  ann.start(now, {{7}, 9, 5000, false});
  bob.start(now, {{7}, 9, 5000, false});
  EXPECT_EQ(ann.self->number(), 1u);
  talk();
  EXPECT_FALSE(ann.self->older_copy());
  EXPECT_TRUE(listens(bob, ann));
}

TEST_F(IncarnationsTest, AGroupIsJoinedOnceAllHaveToldOrTheOthersAreSilent) {
  ann.start(now, {{7}, 1, 1, false});
  bob.start(now, {{7}, 1, 1, false});
  const TimePoint started = now;
  EXPECT_FALSE(ann.self->may_take_part(kReplicas, kAnn, started + std::chrono::hours(1))) << "nobody has told";
  talk();
  EXPECT_FALSE(ann.self->may_take_part(kReplicas, kAnn, started + milliseconds(200)));
  EXPECT_TRUE(ann.self->may_take_part(kReplicas, kAnn, started + Incarnations::kPeersWithin));
  EXPECT_TRUE(ann.self->may_take_part({kAnn, kBob}, kAnn, started + milliseconds(200)));
  EXPECT_TRUE(ann.self->may_take_part({kAnn}, kAnn, started));
}

TEST_F(IncarnationsTest, AStrangerIsNeitherBelievedNorTakenForAMember) {
  ann.start(now, {{7}, 1, 1, false});
  bob.start(now, {{7}, 1, 1, false});
  talk();
  // Who is not reached at the member's address does not know the challenge.
  const Known lie{12345, 6789, 1'000'000, {77}, {}};
  ann.hear(bob.speaker(), PeerMessageType::kKnown, pack(lie));
  EXPECT_FALSE(ann.self->older_copy());
  const Speaker forged{"", kAnn, {77}, 1'000'000, false};
  bob.hear(forged, PeerMessageType::kProof, pack_challenge(12345));
  bob.sync();
  EXPECT_FALSE(bob.self->listens_to(forged, now, bob));
  EXPECT_TRUE(listens(bob, ann)) << "the true one keeps its place";
}

TEST_F(IncarnationsTest, FloodsOfStrangersAreChallengedNowAndThen) {
  ann.start(now, {{7}, 1, 1, false});
  bob.start(now, {{7}, 1, 1, false});
  talk();
  bob.said.clear();
  for (std::uint64_t i = 0; i < 1000; ++i) {
    EXPECT_FALSE(bob.self->listens_to({"", kAnn, {i}, 5 + i, false}, now, bob));
  }
  EXPECT_LE(bob.said.size(), 1u);
  EXPECT_GE(bob.self->dropped(), 1000u);
}

}  // namespace
}  // namespace trellis

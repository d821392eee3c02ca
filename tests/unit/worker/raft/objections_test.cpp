// What only a broken peer or a stranger says: it is dropped before the library hears it, told, and changes nothing.
#include "worker/raft/objections.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/worker/raft/replica_surroundings.hpp"
#include "worker/raft/replica.hpp"
#include "worker/raft/stored_configuration.hpp"

namespace trellis {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint8_t kCommand = 1;

class Harness final : public ReplicaSurroundings<ReplicaHost>, public ReplicaOwner {
 public:
  explicit Harness(const std::vector<ReplicaPlace>& voters = {kSelf, kPeer, kOther}) : ReplicaSurroundings(voters) {
    start();
  }
  void start() {
    replica.reset();
    lose_memory();
    replica = std::make_unique<Replica>(kGroup, settings, *this, *this);
    ASSERT_TRUE(replica->start());
  }
  Replica* find_replica() override { return replica.get(); }
  void settle() override { replica->settle(); }
  void tick_replica() override { replica->tick(); }
  void on_message_refused(PartitionId, const std::string& why) override { refusals.push_back(why); }

  // ReplicaOwner
  Result<void> apply(LogIndex, std::string_view) override { return {}; }
  std::unique_ptr<SnapshotJob> freeze(LogIndex, Term) override { return nullptr; }
  Result<void> restore(std::string_view) override { return {}; }
  void on_snapshot_recorded(std::string_view) override {}
  void on_snapshot_failed(const Error&) override {}
  void on_leader(Term) override {}
  void on_step_down() override {}

  /// An AppendEntries of kPeer with commands of these terms.
  void append(std::uint64_t term, std::uint64_t previous, std::uint64_t previous_term,
              const std::vector<std::uint64_t>& terms, std::uint64_t commit = 0) {
    RaftMessage message;
    message.kind = RaftMessageKind::kAppendEntries;
    message.from = kPeer;
    message.term = term;
    message.index = previous;
    message.log_term = previous_term;
    message.other = commit;
    std::string body;
    for (const std::uint64_t each : terms) pack_entry(body, each, kCommand, "a command");
    message.entries = static_cast<std::uint32_t>(terms.size());
    message.body = Frame(std::move(body));
    receive(message);
    sync();
  }
  void ask_for_vote(std::uint64_t term) {
    RaftMessage message;
    message.kind = RaftMessageKind::kRequestVote;
    message.from = kOther;
    message.term = term;
    message.other = kOther.id.value;
    message.index = 100;
    message.log_term = term;
    message.disrupt_leader = true;
    receive(message);
    sync();
  }

  std::unique_ptr<Replica> replica;
  std::vector<std::string> refusals;
};

TEST(Objections, ATermThatJumpsBeyondTheBoundIsNotTakenOver) {
  Harness harness;
  harness.append(5, 1, 1, {5}, 2);
  harness.ask_for_vote(5 + kTermJumpMax + 1);
  EXPECT_EQ(harness.replica->term(), Term{5});
  ASSERT_EQ(harness.refusals.size(), 1u);
  EXPECT_THAT(harness.refusals[0], AllOf(HasSubstr("RequestVote of worker"), HasSubstr("its term is more than"),
                                         HasSubstr("here: term 5, committed up to entry 2")));
  harness.start();
  EXPECT_EQ(harness.replica->term(), Term{5}) << "nor after a restart";
  harness.ask_for_vote(5 + kTermJumpMax);
  EXPECT_EQ(harness.replica->term(), Term{5 + kTermJumpMax});
}

TEST(Objections, ATermThatNoGroupComesToIsNoMessage) {
  RaftMessage message;
  message.kind = RaftMessageKind::kTimeoutNow;
  message.from = kPeer;
  message.to = kSelf.id;
  message.term = kTermMax;
  EXPECT_TRUE(read_raft_message(kPeer.worker, pack_head(message), {}));
  message.term = kTermMax + 1;
  EXPECT_FALSE(read_raft_message(kPeer.worker, pack_head(message), {}));
}

TEST(Objections, EntriesThatContradictWhatIsCommittedAreDroppedAndTheReplicaGoesOn) {
  Harness harness;
  harness.append(5, 1, 1, {5, 5}, 3);
  ASSERT_EQ(harness.replica->commit_index(), LogIndex{3});
  harness.append(7, 1, 1, {6, 6, 7});
  ASSERT_EQ(harness.refusals.size(), 1u);
  EXPECT_THAT(harness.refusals[0],
              AllOf(HasSubstr("AppendEntries of worker"), HasSubstr("entry 2 is committed here in term 5"),
                    HasSubstr("term 6"), HasSubstr("older copy")));
  EXPECT_FALSE(harness.replica->failure());
  harness.append(7, 3, 5, {7}, 4);
  EXPECT_EQ(harness.replica->commit_index(), LogIndex{4}) << "what fits is taken";
}

TEST(Objections, APreviousEntryThatContradictsWhatIsCommittedIsOneToo) {
  Harness harness;
  harness.append(5, 1, 1, {5, 5}, 3);
  harness.append(7, 3, 6, {7});
  EXPECT_EQ(harness.refusals.size(), 1u);
  EXPECT_FALSE(harness.replica->failure());
}

TEST(Objections, WhatIsNotCommittedMayBeReplaced) {
  Harness harness;
  harness.append(5, 1, 1, {5, 5}, 2);
  harness.append(7, 2, 5, {6, 7}, 4);
  EXPECT_TRUE(harness.refusals.empty());
  EXPECT_EQ(harness.replica->commit_index(), LogIndex{4});
}

TEST(Objections, WhereTheLibraryGivesUpTheLineSaysAllThatIsKnown) {
  Harness harness;
  harness.append(5, 1, 1, {5, 5}, 3);
  RaftMessage message;
  message.kind = RaftMessageKind::kAppendEntries;
  message.from = kPeer;
  message.term = 7;
  message.index = 3;
  message.log_term = 6;
  EXPECT_THAT(describe(message), HasSubstr("AppendEntries of worker 0000000000000066 in term 7, entry 3 of term 6"));
}

/// R13: the library elects it in the term that it finds.
TEST(LoneVoter, LeadsEachLifeInATermOfItsOwn) {
  Harness harness({kSelf});
  EXPECT_TRUE(harness.replica->is_leader());
  EXPECT_EQ(harness.replica->term(), Term{2});
  harness.sync();
  harness.start();
  EXPECT_TRUE(harness.replica->is_leader());
  EXPECT_EQ(harness.replica->term(), Term{3});
  EXPECT_EQ(harness.replica->voted_for(), kSelf.worker);
  harness.start();
  EXPECT_EQ(harness.replica->term(), Term{3}) << "the incarnation before ended before anything of it was durable";
}

TEST(LoneVoter, AConfigurationIsReadAsTheLibraryWritesIt) {
  MemoryLogStore store;
  Replica::bootstrap(store, kGroup, {kSelf, kPeer});
  store.start_write();
  ASSERT_TRUE(*store.finish_write());
  std::string payload;
  ASSERT_TRUE(store.entries(kGroup, [&payload](LogIndex, const EntryHead&, std::string_view bytes) -> Result<void> {
    payload = bytes;
    return {};
  }));
  const auto members = records::read_configuration_entry(payload);
  ASSERT_TRUE(members);
  ASSERT_EQ(members->size(), 2u);
  EXPECT_EQ((*members)[1].place, kPeer);
  EXPECT_FALSE(records::is_lone_voter(*members, kSelf.id));
  constexpr std::size_t kPaddingMax = 7;  // The library fills up to a multiple of 8 bytes.
  for (std::size_t size = 0; size + kPaddingMax < payload.size(); ++size) {
    EXPECT_FALSE(records::read_configuration_entry(payload.substr(0, size))) << size;
  }
}

}  // namespace
}  // namespace trellis

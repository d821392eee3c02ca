#include "client/backup/cut_attempt.hpp"

#include <gtest/gtest.h>

#include "protocol/packed.hpp"

namespace trellis {
namespace {

std::string fence_of(std::uint32_t partition) { return pack_result(Fence{{100 + partition, 3}, 100 + partition}); }
std::string word(bool holds) {
  std::string packed;
  PackedWriter(packed).boolean(holds);
  return packed;
}

/// Answers come one after the other; what is asked next is returned.
std::vector<CutAsk> answer(CutAttempt& attempt, const CutAsk& ask, const std::string& result, Code status = Code::kOk,
                           bool guaranteed = true) {
  Reply reply;
  reply.status = status;
  reply.result = result;
  reply.info.guaranteed = guaranteed;
  reply.info.message = status == Code::kOk ? "" : "no leader";
  return attempt.on_answer(ask, reply);
}

struct Fenced {
  CutAttempt attempt{{0, 1}};
  std::vector<CutAsk> questions;

  Fenced() {
    const auto fences = attempt.begin();
    EXPECT_EQ(fences.size(), 2u);
    EXPECT_TRUE(answer(attempt, fences[0], fence_of(0)).empty()) << "the other one is awaited";
    questions = answer(attempt, fences[1], fence_of(1));
  }
};

FenceAction action_of(const CutAsk& ask) { return read_fence(ask.arguments)->action; }

TEST(CutAttempt, IsMadeWhereAllHoldAfterTheLastFence) {
  Fenced fenced;
  ASSERT_EQ(fenced.questions.size(), 2u);
  EXPECT_EQ(fenced.questions[1].command, Command::kFenceHolds);
  EXPECT_TRUE(answer(fenced.attempt, fenced.questions[0], word(true)).empty());
  EXPECT_FALSE(fenced.attempt.is_over());
  const auto released = answer(fenced.attempt, fenced.questions[1], word(true));
  ASSERT_EQ(released.size(), 2u);
  EXPECT_EQ(action_of(released[0]), FenceAction::kKeep);
  EXPECT_FALSE(released[0].is_awaited);
  EXPECT_TRUE(fenced.attempt.is_made());
  EXPECT_EQ(fenced.attempt.fences().at(1).name, (FenceName{101, 3}));
}

TEST(CutAttempt, FailsWhereOneHasLetGoAndEndsAllFences) {
  Fenced fenced;
  EXPECT_TRUE(answer(fenced.attempt, fenced.questions[0], word(false)).empty());
  const auto ended = answer(fenced.attempt, fenced.questions[1], word(true));
  ASSERT_EQ(ended.size(), 2u);
  EXPECT_EQ(action_of(ended[0]), FenceAction::kEnd);
  EXPECT_TRUE(fenced.attempt.is_over());
  EXPECT_FALSE(fenced.attempt.is_made());
  EXPECT_FALSE(fenced.attempt.reason().empty());
  EXPECT_TRUE(fenced.attempt.unreachable().empty());
}

TEST(CutAttempt, AWordThatNoMajorityStandsBehindCountsForNothing) {
  Fenced fenced;
  answer(fenced.attempt, fenced.questions[0], word(true), Code::kOk, false);
  answer(fenced.attempt, fenced.questions[1], word(true));
  EXPECT_TRUE(fenced.attempt.is_over());
  EXPECT_FALSE(fenced.attempt.is_made());
}

TEST(CutAttempt, NamesPartitionsThatNobodyAnswersFor) {
  CutAttempt attempt({0, 1});
  const auto fences = attempt.begin();
  answer(attempt, fences[0], fence_of(0));
  const auto ended = answer(attempt, fences[1], "", Code::kUnavailable);
  ASSERT_EQ(ended.size(), 1u) << "there is one fence";
  EXPECT_TRUE(attempt.is_over());
  EXPECT_EQ(attempt.unreachable().size(), 1u);
  EXPECT_EQ(attempt.unreachable().at(1), "no leader");
}

TEST(CutAttempt, AnswersThatComeTwiceOrTooLateCountForNothing) {
  Fenced fenced;
  CutAsk fence;
  fence.partition = 0;
  EXPECT_TRUE(answer(fenced.attempt, fence, fence_of(0)).empty()) << "all fences are there";
  answer(fenced.attempt, fenced.questions[0], word(true));
  EXPECT_TRUE(answer(fenced.attempt, fenced.questions[0], word(true)).empty());
  EXPECT_FALSE(fenced.attempt.is_over());
  answer(fenced.attempt, fenced.questions[1], word(true));
  EXPECT_TRUE(answer(fenced.attempt, fenced.questions[1], word(false)).empty());
  EXPECT_TRUE(fenced.attempt.is_made());
}

TEST(CutAttempt, OfNoPartitionIsNone) {
  CutAttempt attempt({});
  EXPECT_TRUE(attempt.begin().empty());
  EXPECT_TRUE(attempt.is_over());
  EXPECT_FALSE(attempt.is_made());
}

}  // namespace
}  // namespace trellis

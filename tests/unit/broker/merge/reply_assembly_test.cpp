#include "broker/merge/reply_assembly.hpp"

#include <gtest/gtest.h>

#include "protocol/packed.hpp"

namespace trellis {
namespace {

MergedAnswer answer_of(std::size_t outcomes, std::size_t size) {
  MergedAnswer answer;
  PackedWriter(answer.result).array(outcomes);
  for (std::size_t i = 0; i < outcomes; ++i) {
    std::string packed;
    PackedWriter(packed).str("OK").str(std::string(size, 'x')).map(0);
    answer.outcomes.emplace_back(std::move(packed));
  }
  answer.info.warnings.emplace_back("a warning");
  return answer;
}

std::string whole(const MergedAnswer& answer, Effort most, std::size_t& turns) {
  ReplyAssembly assembly(7, answer);
  for (turns = 1; !assembly.go_on(most).is_done;) ++turns;
  return std::string(std::move(assembly).take().bytes());
}

TEST(ReplyAssembly, AReplyIsTheSameInHoweverManyTurnsItIsPutTogether) {
  const MergedAnswer answer = answer_of(1'000, 2'000);
  std::size_t turns = 0;
  const std::string at_once = whole(answer, 1'000 * kEffortMillisecond, turns);
  EXPECT_EQ(turns, 1u);
  EXPECT_EQ(whole(answer, 10'000, turns), at_once);
  EXPECT_GT(turns, 50u);
  const auto reply = read_reply(at_once);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->id, 7u);
  EXPECT_EQ(reply->info.warnings.size(), 1u);
  PackedReader items(reply->result);
  ASSERT_EQ(items.read_array(), 1'000u);
  EXPECT_EQ(PackedReader(*items.read_value()).read_array(), 3u);
}

TEST(ReplyAssembly, ATurnTakesWhatItMayAndOneOutcome) {
  ReplyAssembly assembly(7, answer_of(1'000, 2'000));
  for (JobTurn turn{0, false}; !turn.is_done;) {
    turn = assembly.go_on(20'000);
    EXPECT_LE(turn.taken, 20'000u + 2 * 2'100);
  }
}

}  // namespace
}  // namespace trellis

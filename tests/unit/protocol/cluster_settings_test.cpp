// SETTINGS: what may be set, each bound at its edge.
#include "protocol/cluster_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/arguments.hpp"

namespace trellis {
namespace {

using ::testing::HasSubstr;

std::string setting(std::string_view name, std::uint64_t value) {
  std::string packed;
  PackedWriter(packed).array(1).map(1).str(name).natural(value);
  return packed;
}

TEST(ClusterSettings, EachHasBoundsThatHold) {
  EXPECT_EQ(read_settings(setting("moves", 1))->moves, 1u);
  EXPECT_EQ(read_settings(setting("moves", kMovesMax))->moves, kMovesMax);
  EXPECT_EQ(read_settings(setting("move_rate", 0))->move_rate, 0u);
  EXPECT_EQ(read_settings(setting("move_rate", kMoveRateMin))->move_rate, kMoveRateMin);
  EXPECT_EQ(read_settings(setting("move_rate", kMoveRateMax))->move_rate, kMoveRateMax);
  EXPECT_EQ(read_settings(setting("k", kWorkersMax))->k, kWorkersMax);
  EXPECT_EQ(read_settings(setting("repair_after_ms", 0))->repair_after, std::chrono::milliseconds(0));
  EXPECT_EQ(read_settings(setting("repair_after_ms", 3'000))->repair_after, kRepairAfterMin);
  for (const auto& [name, value] :
       std::initializer_list<std::pair<std::string_view, std::uint64_t>>{{"moves", 0},
                                                                         {"moves", kMovesMax + 1},
                                                                         {"moves", std::uint64_t{1} << 32 | 1},
                                                                         {"move_rate", 1},
                                                                         {"repair_after_ms", 2'999},
                                                                         {"repair_after_ms", UINT64_MAX},
                                                                         {"move_rate", kMoveRateMin - 1},
                                                                         {"move_rate", kMoveRateMax + 1},
                                                                         {"k", 0},
                                                                         {"k", kWorkersMax + 1}}) {
    const auto refused = read_settings(setting(name, value));
    ASSERT_FALSE(refused) << name << " " << value;
    EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
    EXPECT_THAT(refused.error().message, HasSubstr(std::string(name) + " must be"));
  }
}

TEST(ClusterSettings, OneThatIsNotKnownIsAnsweredWithThoseThatAre) {
  EXPECT_THAT(read_settings(setting("colour", 1)).error().message,
              HasSubstr("known are k, moves, move_rate and repair_after_ms"));
}

TEST(ClusterSettings, ManyMayBeSetAtOnceAndNone) {
  std::string packed;
  PackedWriter(packed).array(1).map(2).str("moves").natural(3).str("k").natural(2);
  const auto change = read_settings(packed);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->moves, 3u);
  EXPECT_EQ(change->k, 2u);
  EXPECT_EQ(change->move_rate, std::nullopt);
  EXPECT_TRUE(read_settings("\x90"));
}

}  // namespace
}  // namespace trellis

#include "worker/turn_room.hpp"

#include <gtest/gtest.h>

#include <map>

namespace trellis {
namespace {

TEST(TurnRoom, WhoFindsNoneIsAmongThoseWhomTheNextTurnBeginsWith) {
  TurnRoom room;
  for (std::uint32_t i = 0; i < TurnRoom::kPiecesTakenIn; ++i) EXPECT_TRUE(room.take_in_piece({i}));
  EXPECT_FALSE(room.has_waiting());
  EXPECT_FALSE(room.take_in_piece({7}));
  EXPECT_FALSE(room.take_in_piece({7}));
  EXPECT_FALSE(room.take_in_piece({8}));
  EXPECT_TRUE(room.has_waiting());
  EXPECT_EQ(room.begin_turn(), (std::set<PartitionId>{{7}, {8}}));
  EXPECT_FALSE(room.has_waiting());
  EXPECT_TRUE(room.take_in_piece({7}));
}

TEST(TurnRoom, WhereAllHaveMorePiecesThanThereIsRoomEachIsFirstInItsTurn) {
  TurnRoom room;
  std::map<std::uint32_t, int> finished;
  for (int turn = 0; turn < 40; ++turn) {
    room.begin_turn();
    for (std::uint32_t i = 0; i < 8; ++i) {
      const std::uint32_t group = (room.first().value + i) % 8;
      if (group != 5 && room.finish_piece({group})) ++finished[group];
    }
  }
  for (const std::uint32_t group : {0u, 1u, 2u, 3u, 4u, 6u, 7u}) EXPECT_GE(finished[group], 5) << group;
}

TEST(TurnRoom, EachKindOfWorkHasItsOwn) {
  TurnRoom room;
  for (std::size_t i = 0; i < TurnRoom::kRemovals; ++i) EXPECT_TRUE(room.take_removal({1}));
  for (std::size_t i = 0; i < TurnRoom::kPiecesFinished; ++i) EXPECT_TRUE(room.finish_piece({1}));
  EXPECT_FALSE(room.finish_piece({1}));
  EXPECT_FALSE(room.take_removal({2}));
  EXPECT_TRUE(room.take_in_piece({3}));
}

}  // namespace
}  // namespace trellis

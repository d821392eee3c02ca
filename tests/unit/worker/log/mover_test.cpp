// How the oldest segment becomes free: what little is left is written anew, and where much is, a snapshot is asked for.
#include "worker/log/mover.hpp"

#include <gtest/gtest.h>

#include "tests/unit/worker/log/log_on_memory.hpp"

namespace trellis {
namespace {

class MoverTest : public ::testing::Test {
 protected:
  MoverTest() { EXPECT_TRUE(on_.open()); }

  void append(std::uint32_t group, std::size_t size) {
    on_.log->begin_turn();
    on_.log->append({group}, {++last_[group]}, {1, 1}, std::string(size, static_cast<char>('a' + group)));
    on_.write();
  }
  /// Time passes, and the log writes what it wants to write for its own sake.
  void pass() {
    for (int i = 0; i < 50; ++i) {
      now_ += std::chrono::milliseconds(15);
      on_.log->begin_turn();
      on_.log->on_tick(now_, 0);
      if (on_.log->has_collected()) on_.write();
    }
  }

  LogOnMemory on_{5};
  TimePoint now_{std::chrono::seconds(1000)};
  std::map<std::uint32_t, std::uint64_t> last_;
};

TEST_F(MoverTest, WhatLittleIsLeftInTheOldestSegmentIsWrittenAnewAndTheSegmentIsFree) {
  append(1, 100);
  for (int i = 0; i < 8; ++i) append(2, kBlockSize);
  on_.log->cut({2}, {last_[2]});
  on_.write();
  const auto before = *on_.read();
  const std::uint64_t segments = on_.log->room().segments;
  pass();
  EXPECT_LT(on_.log->room().segments, segments);
  EXPECT_EQ(*on_.read(), before);
  on_.restart();
  EXPECT_EQ(*on_.read(), before);
}

TEST_F(MoverTest, WhereRoomIsScarceTheGroupWithMostInTheOldestSegmentIsToldToMakeASnapshot) {
  append(1, 100);
  on_.log->append({3}, {1}, {1, 1}, std::string(1500, 'x'));
  on_.log->append({3}, {2}, {1, 1}, std::string(1500, 'x'));
  on_.write();
  EXPECT_EQ(on_.log->room().holder, std::nullopt);
  for (int i = 0; i < 1000 && !on_.log->room().holder; ++i) {
    append(2, kBlockSize);
    on_.log->on_tick(now_, 0);
  }
  EXPECT_FALSE(on_.log->room().is_full) << "long before it comes to that";
  EXPECT_EQ(on_.log->room().holder, PartitionId{3});
}

TEST_F(MoverTest, WhatIsTakenAwayWhileItWaitsToBeMovedDoesNotComeBack) {
  append(1, 100);
  append(1, 100);
  for (int i = 0; i < 8; ++i) append(2, kBlockSize);
  on_.log->cut({2}, {last_[2]});
  on_.write();
  now_ += std::chrono::milliseconds(15);
  on_.log->on_tick(now_, 0);  // From here on, what is left of group 1 waits.
  on_.log->truncate({1}, {2});
  on_.log->append({1}, {2}, {2, 1}, "another");
  on_.write();
  pass();
  const auto model = *on_.read();
  EXPECT_EQ(model.entries.at({1}).at({2}).second, "another");
  on_.restart();
  EXPECT_EQ(*on_.read(), model);
}

}  // namespace
}  // namespace trellis

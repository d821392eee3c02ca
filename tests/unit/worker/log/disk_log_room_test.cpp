// What a log says of its room: full at its bound and on a full disk, and not full again once it may go on.
#include "tests/unit/worker/log/log_on_memory.hpp"

namespace trellis {
namespace {

constexpr PartitionId kGroup{1};

class DiskLogRoom : public ::testing::Test {
 protected:
  DiskLogRoom() {
    const auto opened = on_.open();
    EXPECT_TRUE(opened);
  }
  /// Appends an entry of some blocks, which becomes durable.
  void append(std::size_t blocks = 1) {
    on_.log->begin_turn();
    on_.log->append(kGroup, {++last_}, {1, 1}, std::string(blocks * kBlockSize * 3 / 4, 'x'));
    on_.write();
  }
  /// Lets time pass, and writes whatever the log wants to write for its own sake.
  void pass(std::chrono::milliseconds span) {
    for (const TimePoint end = now_ + span; now_ < end; now_ += std::chrono::milliseconds(15)) {
      on_.log->begin_turn();
      on_.log->on_tick(now_, 0);
      if (on_.log->has_collected()) on_.write();
    }
  }
  LogRoom room() const { return on_.log->room(); }
  bool is_full() const { return room().is_full; }

  LogOnMemory on_{7};
  TimePoint now_{std::chrono::seconds(1000)};
  std::uint64_t last_ = 0;
};

TEST_F(DiskLogRoom, AtItsBoundItIsFullUntilASnapshotHasTakenTheEntriesPlaces) {
  while (!is_full() && last_ < 1000) append();
  ASSERT_TRUE(is_full());
  EXPECT_GE(room().bytes, on_.settings.bytes_max);
  pass(std::chrono::seconds(2));
  EXPECT_TRUE(is_full()) << "what is needed cannot be written anew into less";
  EXPECT_EQ(room().holder, kGroup);
  EXPECT_TRUE(room().is_pressing);
  on_.log->cut(kGroup, {last_});
  on_.write();
  EXPECT_FALSE(is_full());
}

TEST_F(DiskLogRoom, OneBatchAsLargeAsTheBoundDoesNotMakeItFullForEver) {
  append(2 * on_.settings.bytes_max / kBlockSize);
  EXPECT_FALSE(is_full()) << "the newest segment is there already, and only going on frees it";
  append(2 * on_.settings.bytes_max / kBlockSize);
  EXPECT_TRUE(is_full()) << "the one before it is needed";
  on_.log->cut(kGroup, {last_ + 1});
  on_.write();
  EXPECT_FALSE(is_full());
}

TEST_F(DiskLogRoom, AFullDiskIsMetBeforeAnythingIsPromisedAndForgottenOnceThereIsRoom) {
  append();
  on_.disk.is_full = true;
  while (!is_full() && last_ < 1000) append();
  ASSERT_TRUE(is_full()) << "a spare could not be made";
  append();  // Goes on with what is kept back.
  on_.disk.is_full = false;
  pass(std::chrono::seconds(2));
  EXPECT_FALSE(is_full());
}

TEST_F(DiskLogRoom, AFullDiskIsForgottenWhereSegmentsAreGivenBackThoughTheDiskStaysFull) {
  while (room().segments < 4) append();
  pass(std::chrono::milliseconds(100));
  on_.disk.is_full = true;
  while (!is_full() && last_ < 1000) append();
  ASSERT_TRUE(is_full());
  on_.log->cut(kGroup, {last_});
  on_.write();
  append();  // What was freed may be used again once this batch is durable.
  pass(std::chrono::seconds(2));
  EXPECT_FALSE(is_full());
}

}  // namespace
}  // namespace trellis

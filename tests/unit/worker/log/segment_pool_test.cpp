// Files for the segments to come: made before they are needed, used again, and given back to the disk.
#include "worker/log/segment_pool.hpp"

#include <gtest/gtest.h>

#include "tests/unit/worker/log/log_on_memory.hpp"

namespace trellis {
namespace {

class SegmentPoolTest : public ::testing::Test {
 protected:
  SegmentPoolTest() : disk_([] { return 7u; }), pool_(disk_, background_, settings_) {
    pool_.begin({}, 0, 0);
    prepare();
  }
  void prepare() {
    for (int i = 0; i < 4; ++i) {
      pool_.prepare();
      background_.run_finished();
    }
  }
  OpenSegment take(std::uint64_t size, std::size_t in_use) {
    auto taken = pool_.take(size, in_use);
    EXPECT_TRUE(taken);
    prepare();
    return taken ? std::move(*taken) : OpenSegment{};
  }
  std::size_t files() const { return disk_.image().size(); }

  DiskLogSettings settings_{4 * kBlockSize, 16 * kBlockSize, 2, 64 * kBlockSize, {}};
  sim::MemoryDisk disk_;
  ImmediateBackground background_;
  SegmentPool pool_;
};

TEST_F(SegmentPoolTest, SegmentsBeginSmallAndEachIsTwiceTheOneBeforeUpToABound) {
  std::vector<std::uint64_t> blocks;
  std::vector<OpenSegment> taken;
  for (std::size_t i = 0; i < 6; ++i) taken.push_back(take(kBlockSize, i));
  for (const OpenSegment& segment : taken) blocks.push_back(segment.file->size() / kBlockSize);
  EXPECT_EQ(blocks, (std::vector<std::uint64_t>{4, 8, 16, 16, 16, 16}));
}

TEST_F(SegmentPoolTest, WhatNoSpareHasRoomForIsMadeAndSaysNothingOfTheNext) {
  EXPECT_FALSE(pool_.take(40 * kBlockSize, 0));
  prepare();
  EXPECT_EQ(take(40 * kBlockSize, 0).file->size(), 40 * kBlockSize);
  EXPECT_LE(take(kBlockSize, 1).file->size(), settings_.segment_max);
}

TEST_F(SegmentPoolTest, AFullDiskIsMetWhileSparesAreLeftAndTriedAgainWhenToldTo) {
  disk_.is_full = true;
  take(kBlockSize, 0);
  ASSERT_TRUE(pool_.failure());
  EXPECT_EQ(pool_.failure()->code, Code::kResourceExhausted);
  EXPECT_TRUE(pool_.take(kBlockSize, 1)) << "one was kept back";
  disk_.is_full = false;
  prepare();
  EXPECT_TRUE(pool_.failure()) << "not tried again by itself";
  pool_.retry();
  prepare();
  EXPECT_FALSE(pool_.failure());
  EXPECT_TRUE(pool_.take(kBlockSize, 2));
}

TEST_F(SegmentPoolTest, WhatIsGivenBackIsUsedAgainAsLongAsNoMoreIsKeptThanWasInUseTogether) {
  std::vector<OpenSegment> taken;
  for (std::size_t i = 0; i < 6; ++i) taken.push_back(take(kBlockSize, i));
  const std::size_t most = files();
  const std::uint32_t number = taken.back().name.file;
  pool_.give_back(std::move(taken.back()), 5);
  taken.pop_back();
  EXPECT_EQ(files(), most);
  std::vector<std::uint32_t> numbers;
  for (std::size_t i = 0; i < 3; ++i) numbers.push_back(take(kBlockSize, 5 + i).name.file);
  EXPECT_NE(std::find(numbers.begin(), numbers.end(), number), numbers.end()) << "no file was made for it";
  while (!taken.empty()) {
    pool_.give_back(std::move(taken.back()), taken.size() - 1);
    taken.pop_back();
  }
  EXPECT_LE(files(), most + 1) << "the disk gets back what is beyond";
}

TEST_F(SegmentPoolTest, AtRestFilesGoBackToTheDiskButForThoseThatAreKeptReady) {
  std::vector<OpenSegment> taken;
  for (std::size_t i = 0; i < 6; ++i) taken.push_back(take(kBlockSize, i));
  while (!taken.empty()) {
    pool_.give_back(std::move(taken.back()), taken.size() - 1);
    taken.pop_back();
  }
  ASSERT_GT(files(), settings_.spares);
  for (std::size_t i = files(); i > 0; --i) pool_.let_go();
  prepare();
  EXPECT_EQ(files(), settings_.spares);
  EXPECT_TRUE(pool_.take(kBlockSize, 0));
}

TEST_F(SegmentPoolTest, AFileThatZerosAreWrittenToIsNotTakenBeforeTheyAreThere) {
  pool_.on_idle();
  EXPECT_FALSE(pool_.take(kBlockSize, 0)) << "zeros could be written over a batch";
  background_.run_finished();
  EXPECT_TRUE(pool_.take(kBlockSize, 0));
}

}  // namespace
}  // namespace trellis

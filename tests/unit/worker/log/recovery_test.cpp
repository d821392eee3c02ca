// What a log makes of its files at the start: each kind of damage is told with its place, and nothing else is damage.
#include "worker/log/recovery.hpp"

#include <gmock/gmock.h>

#include "protocol/cluster/bundle.hpp"
#include "tests/unit/worker/log/log_on_memory.hpp"
#include "worker/log/batch.hpp"

namespace trellis {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class RecoveryTest : public ::testing::Test {
 protected:
  RecoveryTest() { EXPECT_TRUE(on_.open()); }

  void append(std::uint32_t group, std::uint64_t index, std::size_t size = 100) {
    on_.log->append({group}, {index}, {1, 1}, std::string(size, 'x'));
    on_.write();
  }
  /// Entries of two groups, in some segments.
  void fill(std::uint64_t entries = 20) {
    for (std::uint64_t i = 1; i <= entries; ++i) append(1 + i % 2, (i + 1) / 2, kBlockSize);
  }
  /// The process ends; what it wrote stays.
  sim::MemoryDisk::Image stop() {
    on_.log.reset();
    on_.disk.crash(false);
    return on_.disk.image();
  }
  std::string fault_of(const sim::MemoryDisk::Image& files) {
    on_.disk.put_back(files);
    const auto opened = on_.open();
    return opened ? "" : opened.error().message;
  }
  /// The segments that hold batches, the oldest first.
  static std::vector<std::string> used(const sim::MemoryDisk::Image& files) {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files) {
      if (bytes.find_first_not_of('\0') != std::string::npos) names.push_back(name);
    }
    return names;
  }

  LogOnMemory on_{11};
};

TEST_F(RecoveryTest, ANewFolderAndOneThatWasClosedAreWhole) {
  EXPECT_EQ(fault_of(stop()), "");
  fill();
  const auto before = *on_.read();
  EXPECT_EQ(fault_of(stop()), "");
  EXPECT_EQ(*on_.read(), before);
}

TEST_F(RecoveryTest, AFlippedBitIsToldWithFilePlaceAndHowFarEachPartitionIsWhole) {
  fill();
  auto files = stop();
  const std::string second = used(files).at(1);
  files[second][kBlockSize + 77] ^= 1;
  EXPECT_THAT(fault_of(files), AllOf(HasSubstr("the log is damaged: " + second + ", at byte "),
                                     HasSubstr("(whole before it: partition "), HasSubstr(" up to entry "),
                                     HasSubstr("put the file back as it was last")));
}

TEST_F(RecoveryTest, EveryBitOfABatchThatALaterOneCallsDurableCounts) {
  fill(4);
  const auto files = stop();
  const std::string oldest = used(files).front();
  std::size_t told = 0;
  for (std::size_t at = 0; at < 2 * kBlockSize; at += 61) {
    auto damaged = files;
    damaged[oldest][at] ^= static_cast<char>(1 << (at % 8));
    told += fault_of(damaged).empty() ? 0 : 1;
  }
  EXPECT_EQ(told, (2 * kBlockSize + 60) / 61);
}

/// Found by the simulator (disks 62715, 63334): the disk had lost the batch that began the only segment in use.
TEST_F(RecoveryTest, AFirstBatchThatIsGoneWholeIsToldByThoseBehindIt) {
  append(1, 1);
  append(1, 2);
  auto files = stop();
  const std::string only = used(files).front();
  files[only].replace(0, kBlockSize, kBlockSize, '\0');
  EXPECT_THAT(fault_of(files), AllOf(HasSubstr(only), HasSubstr("its first batch is gone, which is not what was")));
}

/// The file was used before, what it held then is whole, and so are the segments that it names.
TEST_F(RecoveryTest, AFirstBatchInAFileOfAnEarlierUseThatIsGoneIsToldByThoseBehindIt) {
  std::map<std::string, sim::MemoryDisk::Image> begun;  // All files, when that one had its first batch.
  std::string reused;
  std::uint64_t index = 0;
  const auto first_block = [](const sim::MemoryDisk::Image& files, const std::string& name) {
    return files.at(name).substr(0, kBlockSize);
  };
  for (int i = 0; i < 2'000 && reused.empty(); ++i) {
    append(1, ++index, kBlockSize);
    on_.log->cut({1}, {index});
    on_.write();
    const auto files = on_.disk.image();
    for (const std::string& name : used(files)) {
      const auto earlier = begun.emplace(name, files).first;
      if (first_block(earlier->second, name) != first_block(files, name)) reused = name;
    }
  }
  ASSERT_FALSE(reused.empty());
  append(1, ++index);
  append(1, ++index);
  const auto files = stop();
  ASSERT_EQ(fault_of(files), "");
  stop();
  auto as_it_began = begun.at(reused);
  ASSERT_EQ(fault_of(as_it_began), "");
  stop();
  // Whatever else the earlier use wrote was written over.
  std::string now = files.at(reused);
  const auto incarnation = mark_of(now.data(), 0)->incarnation;
  for (std::size_t at = 0; at < now.size(); at += kSectorSize) {
    const auto mark = mark_of(now.data() + at, at);
    if (mark && mark->incarnation != incarnation) now.replace(at, kSectorSize, kSectorSize, '\0');
  }
  const std::size_t lost = read_batch_head(now.data())->blocks * kBlockSize;
  as_it_began[reused] = as_it_began.at(reused).substr(0, lost) + now.substr(lost);
  EXPECT_THAT(fault_of(as_it_began), AllOf(HasSubstr(reused), HasSubstr("knows of later ones than were found")));
}

/// Found by the simulator (leaders 500243): of a batch of an earlier use the first blocks had been written over, and at
/// the begin of the next one lay what a client had sent, as a batch's head would.
TEST_F(RecoveryTest, WhatClientsSentIsNoBatchWhereverItsBlockLies) {
  append(1, 1);
  const auto files = stop();
  std::string head;
  FieldWriter(head).u32(1).u32(0).u64(900).u64(899).u64(0);
  for (std::size_t shift = 0; shift < head.size(); ++shift) {
    std::string sent(shift, 'x');
    while (sent.size() < 4 * kBlockSize) sent += head;
    BatchBuffer earlier;
    earlier.add(sent);
    earlier.seal(5, 4, {77, 3}, 0);
    auto with_spare = files;
    std::string& spare = with_spare[segment_file_name(90)];
    spare = earlier.bytes();
    spare.replace(0, kBlockSize, kBlockSize, '\0');
    EXPECT_EQ(fault_of(with_spare), "") << shift;
    stop();
  }
}

TEST_F(RecoveryTest, ASegmentThatIsGoneIsNamed) {
  fill();
  auto files = stop();
  const std::string oldest = used(files).front();
  files.erase(oldest);
  EXPECT_THAT(fault_of(files), AllOf(HasSubstr(oldest), HasSubstr("the file is gone or another one")));
}

TEST_F(RecoveryTest, ASegmentThatWasFreedIsMissedByNobody) {
  fill();
  const std::string oldest = used(on_.disk.image()).front();
  on_.log->cut({1}, {10});
  on_.log->cut({2}, {10});
  on_.write();
  append(1, 11);  // Once this is durable, the segment may be used anew.
  const auto before = *on_.read();
  auto files = stop();
  files.erase(oldest);
  EXPECT_EQ(fault_of(files), "");
  EXPECT_EQ(*on_.read(), before);
}

TEST_F(RecoveryTest, ATornLastBatchIsCutOffAndOneThatIsNeitherOldNorNewIsDamage) {
  append(1, 1);
  append(1, 2, 2 * kBlockSize);
  const auto before = *on_.read();
  const auto old = on_.disk.image();
  append(1, 3, 2 * kBlockSize);
  const auto files = stop();
  std::string newest;
  for (const auto& [name, bytes] : files) {
    if (old.count(name) == 0 || old.at(name) != bytes) newest = name;
  }
  ASSERT_FALSE(newest.empty());
  std::size_t sector = 0;
  while (files.at(newest).compare(sector, kSectorSize, old.at(newest), sector, kSectorSize) == 0) sector += kSectorSize;
  auto torn = files;
  torn[newest].replace(sector, kSectorSize, old.at(newest), sector, kSectorSize);
  EXPECT_EQ(fault_of(torn), "");
  EXPECT_EQ(*on_.read(), before);
  stop();
  auto damaged = files;
  damaged[newest][sector + 5] ^= 1;
  EXPECT_THAT(fault_of(damaged), HasSubstr("its batch (whole before it: partition 1 up to entry 2) is not what was"));
}

TEST_F(RecoveryTest, AFileOfNoSizeOfOursIsDamageAndAnUnfinishedOneIsRemoved) {
  fill(2);
  const auto files = stop();
  auto cut = files;
  cut[used(files).front()].resize(kBlockSize + 100);
  EXPECT_THAT(fault_of(cut), HasSubstr("how it begins is not what was written"));
  auto unfinished = files;
  unfinished[segment_file_name(99) + std::string(kUnfinishedSegment)] = "half";
  EXPECT_EQ(fault_of(unfinished), "");
  EXPECT_EQ(on_.disk.image().count(segment_file_name(99) + std::string(kUnfinishedSegment)), 0u);
}

TEST_F(RecoveryTest, AFolderOfVersion01IsRefusedWithWhatCarriesItOver) {
  auto files = stop();
  files["CURRENT"] = "MANIFEST-000001\n";
  EXPECT_THAT(fault_of(files), AllOf(HasSubstr("written by version 0.1"), HasSubstr("trellis export")));
}

TEST(BatchBuffer, LetsGoOfTheMemoryOfALargeBatch) {
  BatchBuffer batch;
  batch.add(std::string(8 * BatchBuffer::kKeptMax, 'x'));
  EXPECT_GT(batch.memory(), 8 * BatchBuffer::kKeptMax);
  batch.clear();
  EXPECT_LE(batch.memory(), BatchBuffer::kKeptMax);
  EXPECT_TRUE(batch.empty());
  batch.add(std::string(BatchBuffer::kKeptMax / 2, 'x'));
  const std::size_t usual = batch.memory();
  batch.clear();
  EXPECT_EQ(batch.memory(), usual) << "what the next batch will want is kept";
}

TEST(SegmentFile, ANameHasEightDigitsOrMoreAndNoOtherNumberIsRead) {
  EXPECT_EQ(segment_file_name(7), "00000007.log");
  EXPECT_EQ(segment_file_number("00000007.log"), 7u);
  EXPECT_EQ(segment_file_number("4294967295.log"), 4294967295u);
  for (const char* name : {"7.log", "00000000.log", "00000007.log.new", "00000007", "0000000x.log", "4294967296.log"}) {
    EXPECT_EQ(segment_file_number(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace trellis

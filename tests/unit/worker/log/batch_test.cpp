// Batches that are collected in memory which held others before.
#include "worker/log/batch.hpp"

#include <gtest/gtest.h>

#include <random>

namespace trellis {
namespace {

constexpr SectorMark kMark{77, 3};

std::string sealed(BatchBuffer& buffer) {
  buffer.seal(5, 4, kMark, 8 * kBlockSize);
  return std::string(buffer.bytes());
}

TEST(Batch, IsWhatItWouldBeInNewMemory) {
  std::mt19937_64 random(1);
  BatchBuffer used;
  for (int i = 0; i < 300; ++i) {
    used.clear();
    BatchBuffer fresh;
    for (std::size_t records = random() % 4; records > 0; --records) {
      const std::string record(random() % (i % 2 == 0 ? 100 : 20'000), static_cast<char>('a' + i % 26));
      used.add(record);
      fresh.add(record);
    }
    EXPECT_EQ(used.empty(), fresh.empty());
    ASSERT_EQ(used.blocks(), fresh.blocks());
    ASSERT_EQ(sealed(used), sealed(fresh)) << i;
  }
}

TEST(Batch, EndsInZeros) {
  BatchBuffer buffer;
  buffer.add(std::string(10 * kBlockSize, 'x'));
  static_cast<void>(sealed(buffer));
  buffer.clear();
  buffer.add("short");
  const std::string bytes = sealed(buffer);
  ASSERT_EQ(bytes.size(), kBlockSize);
  std::string contents;
  append_contents(contents, bytes);
  EXPECT_EQ(contents.substr(BatchHead::kSize, 5), "short");
  EXPECT_EQ(contents.find_first_not_of('\0', BatchHead::kSize + 5), std::string::npos);
  for (std::size_t at = 0; at < bytes.size(); at += kSectorSize) {
    EXPECT_EQ(mark_of(bytes.data() + at, 8 * kBlockSize + at), kMark) << at;
  }
}

TEST(Batch, LetsGoOfMemoryBeyondItsBound) {
  BatchBuffer buffer;
  buffer.add(std::string(2 * BatchBuffer::kKeptMax, 'x'));
  buffer.clear();
  EXPECT_LE(buffer.memory(), 2 * kBlockSize);
  EXPECT_EQ(buffer.blocks(), 1u);
}

}  // namespace
}  // namespace trellis

#include "protocol/cluster/bundle.hpp"

#include <gtest/gtest.h>

#include "tests/unit/protocol/mutations.hpp"

namespace trellis {
namespace {

Frame frame_of(std::size_t size) { return Frame(std::string(size, 'b')); }

/// Reads all items; true where the bundle was whole.
bool read_all(const Frames& frames, std::vector<BundleItem>* items = nullptr) {
  BundleReader reader(frames);
  while (auto item = reader.next()) {
    if (items != nullptr) items->push_back(std::move(*item));
  }
  EXPECT_FALSE(reader.next());  // It stays at its end.
  return !reader.broken();
}

Frames sample() {
  BundleWriter writer;
  writer.add(1, "first header", frame_of(10));
  writer.add(255, "", {});
  writer.add(2, "attached", frame_of(BundleWriter::kInlineMax));
  writer.add(3, "again", frame_of(BundleWriter::kInlineMax + 1));
  return writer.take();
}

TEST(Bundle, CarriesItemsInOrder) {
  const Frames frames = sample();
  std::vector<BundleItem> items;
  ASSERT_TRUE(read_all(frames, &items));
  ASSERT_EQ(items.size(), 4u);
  EXPECT_EQ(items[0].type, 1);
  EXPECT_EQ(items[0].header, "first header");
  EXPECT_EQ(items[0].body.size(), 10u);
  EXPECT_EQ(items[1].type, 255);
  EXPECT_TRUE(items[1].header.empty());
  EXPECT_TRUE(items[1].body.empty());
  EXPECT_EQ(items[2].body.size(), BundleWriter::kInlineMax);
  EXPECT_EQ(items[3].body.size(), BundleWriter::kInlineMax + 1);
}

TEST(Bundle, CopiesSmallBodiesAndAttachesLargeOnes) {
  const Frame large = frame_of(BundleWriter::kInlineMax);
  BundleWriter writer;
  writer.add(1, "", frame_of(BundleWriter::kInlineMax - 1));
  writer.add(2, "", large);
  EXPECT_EQ(writer.items(), 2u);
  EXPECT_EQ(writer.size(), 2 * BundleWriter::kInlineMax - 1);
  const Frames frames = writer.take();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[1].data(), large.data()) << "copied";
  EXPECT_TRUE(writer.empty());
  EXPECT_EQ(writer.size(), 0u);
}

TEST(Bundle, KeepsItsBytesAliveThroughItsBodies) {
  BundleItem item;
  {
    const Frames frames = sample();
    item = *BundleReader(frames).next();
  }
  EXPECT_EQ(item.body.bytes(), std::string(10, 'b'));
}

TEST(Bundle, CanBeFilledAgainAfterItWasTaken) {
  BundleWriter writer;
  writer.add(1, "a");
  writer.take();
  writer.add(2, "b");
  const Frames frames = writer.take();
  std::vector<BundleItem> items;
  ASSERT_TRUE(read_all(frames, &items));
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].type, 2);
}

TEST(Bundle, IsBrokenWithoutAHeadOrOfAnotherFormatVersion) {
  EXPECT_FALSE(read_all({}));
  EXPECT_FALSE(read_all({Frame()}));
  EXPECT_FALSE(read_all({Frame(std::string("\x03"))}));
  EXPECT_TRUE(read_all({Frame(std::string("\x02"))}));  // No items.
}

TEST(Bundle, IsBrokenWhereAnItemIsCutOff) {
  const Frames whole = sample();
  for_each_truncation(whole[0].bytes(), [&](const std::string& head) {
    EXPECT_FALSE(read_all({Frame(head), whole[1], whole[2]})) << head.size();
  });
}

TEST(Bundle, IsBrokenWhereItsFramesDoNotFit) {
  const Frames whole = sample();
  EXPECT_FALSE(read_all({whole[0]}));
  EXPECT_FALSE(read_all({whole[0], whole[1]}));
  EXPECT_FALSE(read_all({whole[0], whole[2], whole[1]})) << "sizes swapped";
  EXPECT_FALSE(read_all({whole[0], whole[1], whole[2], frame_of(1)})) << "a frame of no item";
}

TEST(Bundle, IsWholeAmongAnyBytesOnlyWhereItsItemsMakeUpItsFrames) {
  constexpr std::size_t kItemHeadSize = 1 + 4 + 4;
  const Frames sent = sample();
  std::size_t whole = 0;
  for_each_mutation(sent[0].bytes(), 20'000, 3, [&](const std::string& head) {
    const Frames frames = {Frame(head), sent[1], sent[2]};
    std::vector<BundleItem> items;
    if (!read_all(frames, &items)) return;
    ++whole;
    std::size_t inline_size = 1;
    std::size_t attached = 0;
    for (const BundleItem& item : items) {
      const bool is_attached = attached < 2 && item.body.data() == sent[1 + attached].data();
      attached += is_attached ? 1 : 0;
      inline_size += kItemHeadSize + item.header.size() + (is_attached ? 0 : item.body.size());
    }
    EXPECT_EQ(inline_size, head.size());
    EXPECT_EQ(attached, 2u);
  });
  EXPECT_GT(whole, 0u);
}

TEST(Fields, ComeBackAsTheyWereWritten) {
  std::string bytes;
  FieldWriter(bytes).u8(0xfe).u16(0xfedc).u32(0xfedcba98).u64(0xfedcba9876543210).bytes("text").raw("rest");
  FieldReader reader(bytes);
  EXPECT_EQ(reader.u8(), 0xfe);
  EXPECT_EQ(reader.u16(), 0xfedc);
  EXPECT_EQ(reader.u32(), 0xfedcba98u);
  EXPECT_EQ(reader.u64(), 0xfedcba9876543210u);
  EXPECT_EQ(reader.bytes(), "text");
  EXPECT_FALSE(reader.at_end());
  EXPECT_EQ(reader.raw(4), "rest");
  EXPECT_TRUE(reader.at_end());
}

TEST(Fields, AreLittleEndian) {
  std::string bytes;
  FieldWriter(bytes).u32(1);
  EXPECT_EQ(bytes, std::string("\x01\0\0\0", 4));
}

TEST(Fields, AreZeroBeyondTheEndForGood) {
  FieldReader reader(std::string_view("\x01\x02\x03", 3));
  EXPECT_EQ(reader.u32(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.u8(), 0) << "what is left is not read under another name";
  EXPECT_FALSE(reader.at_end());
  FieldReader lengths(std::string_view("\xff\xff\xff\xff_", 5));
  EXPECT_EQ(lengths.bytes(), "");
  EXPECT_FALSE(lengths.ok());
}

}  // namespace
}  // namespace trellis

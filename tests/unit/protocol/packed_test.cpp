#include "protocol/packed.hpp"

#include <gtest/gtest.h>

#include <random>

namespace trellis {
namespace {

TEST(PackedReader, ReturnsNothingAndStaysWhereItWasOnTheWrongType) {
  std::string bytes;
  PackedWriter(bytes).str("text");
  PackedReader reader(bytes);
  EXPECT_FALSE(reader.read_int());
  EXPECT_FALSE(reader.read_array());
  EXPECT_EQ(reader.read_str(), "text");
  EXPECT_TRUE(reader.at_end());
}

TEST(PackedReader, CutsOutAWholeNestedValue) {
  std::string bytes;
  PackedWriter(bytes).map(1).str("a").array(2).integer(-7).nil().boolean(true);
  PackedReader reader(bytes);
  EXPECT_EQ(reader.read_value()->size(), bytes.size() - 1);
  EXPECT_EQ(reader.read_bool(), true);
}

TEST(PackedReader, RefusesEveryTruncation) {
  std::string bytes;
  PackedWriter(bytes).map(2).str("name").float64(1.5).str("list").array(3).natural(1ull << 40).bin("xyz").float32(2);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    PackedReader reader(std::string_view(bytes).substr(0, size));
    EXPECT_FALSE(reader.read_value()) << size;
    EXPECT_EQ(reader.position(), 0u);
  }
}

TEST(PackedReader, BelievesAForgedCountOnlyAsFarAsBytesFollow) {
  EXPECT_FALSE(PackedReader("\xdf\xff\xff\xff\xff\x01").read_value());
}

TEST(PackedReader, AWholeValueIsWhatItsTokensMakeUp) {
  const auto by_tokens = [](std::string_view bytes) -> std::optional<std::string_view> {
    PackedReader reader(bytes);
    for (std::uint64_t owed = 1; owed > 0; --owed) {
      const auto token = reader.next();
      if (!token) return std::nullopt;
      if (token->type == PackedType::kArray) owed += token->count;
      if (token->type == PackedType::kMap) owed += 2ull * token->count;
    }
    return bytes.substr(0, reader.position());
  };
  std::mt19937_64 random(3);
  for (int i = 0; i < 200'000; ++i) {
    std::string bytes;
    for (std::uint64_t left = random() % 40; left > 0; --left) {
      // Mostly heads, and numbers that are small where they are lengths.
      bytes.push_back(static_cast<char>(random() % 2 == 0 ? random() % 4 : 0x80 + random() % 0x80));
    }
    PackedReader reader(bytes);
    ASSERT_EQ(reader.read_value(), by_tokens(bytes)) << testing::PrintToString(bytes);
    ASSERT_EQ(reader.position(), by_tokens(bytes).value_or("").size());
  }
}

TEST(PackedWriter, KeepsFloatsFloats) {
  std::string bytes;
  PackedWriter(bytes).float64(2.0).float32(2.0f);
  PackedReader reader(bytes);
  EXPECT_EQ(reader.next()->type, PackedType::kFloat64);
  EXPECT_EQ(reader.next()->type, PackedType::kFloat32);
}

TEST(Utf8, TellsWellFormedTextFromTheRest) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("plain text of more than eight bytes"));
  EXPECT_TRUE(is_utf8("\xce\xb1\xe2\x82\xac\xf0\x9f\x98\x80"));
  EXPECT_FALSE(is_utf8("\xc0\xaf"));          // overlong
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(is_utf8("12345678\xe2\x82"));  // cut off
}

}  // namespace
}  // namespace trellis

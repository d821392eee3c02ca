// Compressed data, whole and damaged, however its bytes arrive.
#include "cli/load/decompressor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <optional>
#include <string>

namespace trellis {
namespace {

using testing::HasSubstr;

std::string gzipped(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstandard(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

/// What `compressed` holds, decompressed `step` bytes at a time; "damaged" or "cut off" where it is that.
std::string decompressed(std::string_view compressed, std::size_t step) {
  const auto decompressor = Decompressor::for_file_beginning_with(compressed.substr(0, Decompressor::kFirstBytes));
  std::string out;
  std::array<char, 100> buffer;
  std::size_t begin = 0;
  std::size_t end = 0;
  while (true) {
    const auto done = decompressor->step(compressed.substr(begin, end - begin), buffer.data(), buffer.size());
    if (!done) return "damaged";
    begin += done->taken;
    out.append(buffer.data(), done->written);
    if (done->written > 0 || begin < end) continue;
    if (end == compressed.size()) return decompressor->may_end() ? out : "cut off";
    end = std::min(end + step, compressed.size());
  }
}

std::string some_text() {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "key" + std::to_string(i * i) + " -> " + std::to_string(i) + "\n";
  return text;
}

TEST(Decompressor, GivesBackWhatWasCompressed) {
  const std::string text = some_text();
  for (const std::size_t step : {1u, 13u, 1'000'000u}) {
    EXPECT_EQ(decompressed(gzipped(text), step), text);
    EXPECT_EQ(decompressed(zstandard(text), step), text);
    EXPECT_EQ(decompressed(gzipped(""), step), "");
    EXPECT_EQ(decompressed(zstandard(""), step), "");
  }
}

TEST(Decompressor, TakesPartsOneBehindTheOther) {
  for (const std::size_t step : {1u, 1'000'000u}) {
    EXPECT_EQ(decompressed(gzipped("one\n") + gzipped("two\n"), step), "one\ntwo\n");
    EXPECT_EQ(decompressed(zstandard("one\n") + zstandard("two\n"), step), "one\ntwo\n");
  }
}

TEST(Decompressor, NoticesWhatIsMissingOrDamaged) {
  const std::string text = some_text();
  for (const std::string& whole : {gzipped(text), zstandard(text)}) {
    EXPECT_EQ(decompressed(whole.substr(0, whole.size() - 1), 1'000'000), "cut off");
    EXPECT_EQ(decompressed(whole.substr(0, whole.size() / 2), 1'000'000), "cut off");
    EXPECT_EQ(decompressed(whole + whole.substr(0, 9), 1'000'000), "cut off");
    EXPECT_EQ(decompressed(whole + "garbage!", 1'000'000), "damaged");
  }
  std::string flipped = gzipped(text);
  flipped[flipped.size() / 2] ^= 0x10;
  EXPECT_EQ(decompressed(flipped, 1'000'000), "damaged");
}

TEST(Decompressor, LeavesOtherFilesAlone) {
  for (const char* text : {"", "\x1f", "key -> 1", "[{}]", "PK\x03\x04"}) {
    EXPECT_EQ(Decompressor::for_file_beginning_with(text), nullptr);
  }
}

}  // namespace
}  // namespace trellis

#include "cli/load/decompressor.hpp"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <string>

#include "protocol/check.hpp"

namespace trellis {
namespace {

constexpr std::string_view kGzipMagic("\x1f\x8b", 2);
constexpr std::string_view kZstandardMagic("\x28\xb5\x2f\xfd", 4);

Error damaged(std::string_view format, const char* reason) {
  return invalid_argument("the " + std::string(format) + " data is damaged: " + (reason != nullptr ? reason : "?"));
}

class GzipDecompressor final : public Decompressor {
 public:
  GzipDecompressor() {
    constexpr int kGzipAlone = 16;  // Added to the window's bits: zlib.h, inflateInit2.
    CHECK(inflateInit2(&stream_, MAX_WBITS + kGzipAlone) == Z_OK);
  }
  ~GzipDecompressor() override { inflateEnd(&stream_); }
  GzipDecompressor(const GzipDecompressor&) = delete;
  GzipDecompressor& operator=(const GzipDecompressor&) = delete;

  Result<Step> step(std::string_view in, char* out, std::size_t room) override {
    if (may_end_ && !in.empty()) {
      may_end_ = false;
      CHECK(inflateReset(&stream_) == Z_OK);
    }
    constexpr std::size_t kStepMax = std::numeric_limits<uInt>::max();
    const auto in_size = static_cast<uInt>(std::min(in.size(), kStepMax));
    const auto out_size = static_cast<uInt>(std::min(room, kStepMax));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));  // zlib does not write there.
    stream_.avail_in = in_size;
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = out_size;
    const int status = may_end_ ? Z_BUF_ERROR : inflate(&stream_, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return damaged("gzip", stream_.msg);
    may_end_ = may_end_ || status == Z_STREAM_END;
    return Step{in_size - stream_.avail_in, out_size - stream_.avail_out};
  }
  bool may_end() const override { return may_end_; }

 private:
  z_stream stream_{};
  bool may_end_ = false;
};

class ZstandardDecompressor final : public Decompressor {
 public:
  ZstandardDecompressor() : stream_(ZSTD_createDStream()) { CHECK(stream_ != nullptr); }
  ~ZstandardDecompressor() override { ZSTD_freeDStream(stream_); }
  ZstandardDecompressor(const ZstandardDecompressor&) = delete;
  ZstandardDecompressor& operator=(const ZstandardDecompressor&) = delete;

  Result<Step> step(std::string_view in, char* out, std::size_t room) override {
    if (in.empty() && may_end_) return Step{};  // Asked on, the library would await another frame.
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out, room, 0};
    const std::size_t hint = ZSTD_decompressStream(stream_, &output, &input);
    if (ZSTD_isError(hint) != 0) return damaged("zstd", ZSTD_getErrorName(hint));
    may_end_ = hint == 0;
    return Step{input.pos, output.pos};
  }
  bool may_end() const override { return may_end_; }

 private:
  ZSTD_DStream* stream_;
  bool may_end_ = false;
};

}  // namespace

std::unique_ptr<Decompressor> Decompressor::for_file_beginning_with(std::string_view first_bytes) {
  if (first_bytes.starts_with(kGzipMagic)) return std::make_unique<GzipDecompressor>();
  if (first_bytes.starts_with(kZstandardMagic)) return std::make_unique<ZstandardDecompressor>();
  return nullptr;
}

}  // namespace trellis

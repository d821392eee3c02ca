#include "cli/backup/compressor.hpp"

#include <zstd.h>

#include "protocol/check.hpp"

namespace trellis {

struct Compressor::Library {
  Library() : stream(ZSTD_createCCtx()) {
    CHECK(stream != nullptr);
    CHECK(ZSTD_isError(ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, 1)) == 0);
    CHECK(ZSTD_isError(ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1)) == 0);
  }
  ~Library() { ZSTD_freeCCtx(stream); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  void run(std::string_view plain, std::string& out, ZSTD_EndDirective end) {
    ZSTD_inBuffer in{plain.data(), plain.size(), 0};
    bool is_done = false;
    while (!is_done) {
      const std::size_t had = out.size();
      out.resize(had + ZSTD_CStreamOutSize());
      ZSTD_outBuffer to{out.data() + had, out.size() - had, 0};
      const std::size_t left = ZSTD_compressStream2(stream, &to, &in, end);
      CHECK(ZSTD_isError(left) == 0);  // There is no other failure than one of memory.
      out.resize(had + to.pos);
      is_done = end == ZSTD_e_continue ? in.pos == in.size : left == 0;
    }
  }

  ZSTD_CCtx* stream;
};

Compressor::Compressor() : library_(std::make_unique<Library>()) {}
Compressor::~Compressor() = default;
Compressor::Compressor(Compressor&& other) noexcept = default;
Compressor& Compressor::operator=(Compressor&& other) noexcept = default;

void Compressor::add(std::string_view plain, std::string& out) { library_->run(plain, out, ZSTD_e_continue); }
void Compressor::finish(std::string& out) { library_->run({}, out, ZSTD_e_end); }

}  // namespace trellis

// Compression of a backup's streams: plain bytes in, one zstd frame out, with a checksum of its own.
//
// Memory does not depend on the stream's size.  zstd.h stays in compressor.cpp.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace trellis {

class Compressor {
 public:
  Compressor();
  ~Compressor();
  Compressor(Compressor&& other) noexcept;
  Compressor& operator=(Compressor&& other) noexcept;

  /// Appends to `out` what is ready.
  void add(std::string_view plain, std::string& out);
  /// Ends the frame.  Another one may begin.
  void finish(std::string& out);

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace trellis

// Decompression of data files, as a stream: compressed bytes in, plain bytes out.
//
// Pure: no file, no clock.  What a file holds is told by its first bytes, never by its name.  Several compressed parts
// one behind the other (as `cat a.gz b.gz` makes them) are one file.  Memory does not depend on the file's size.
// The libraries' headers stay in decompressor.cpp.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "protocol/result.hpp"

namespace trellis {

class Decompressor {
 public:
  /// So many bytes tell what a file is.
  static constexpr std::size_t kFirstBytes = 4;

  /// One for gzip or Zstandard, or nothing where the file begins otherwise.
  static std::unique_ptr<Decompressor> for_file_beginning_with(std::string_view first_bytes);

  virtual ~Decompressor() = default;

  struct Step {
    std::size_t taken = 0;    ///< Bytes of `in`.
    std::size_t written = 0;  ///< Bytes in `out`.
  };
  /// Goes on with the next bytes of the file.  Where nothing is taken or written, it needs more of them.
  /// Error (kInvalidArgument): the data is damaged.
  virtual Result<Step> step(std::string_view in, char* out, std::size_t room) = 0;
  /// Whether the file may end here: no compressed part is unfinished.
  virtual bool may_end() const = 0;
};

}  // namespace trellis

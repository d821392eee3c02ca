// Unpacker: the bytes of one packed stream in, its records out, with all that can be checked of it.
//
// Pure: no file.  Memory does not depend on the stream's size.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/backup/damage.hpp"
#include "cli/backup/stream.hpp"
#include "cli/load/decompressor.hpp"
#include "protocol/result.hpp"

namespace trellis {

class Unpacker {
 public:
  explicit Unpacker(StreamParser::OnRecord on_record);

  /// Takes the next bytes of the file.
  std::optional<Damage> feed(std::string_view packed);
  /// To be called once the file has ended.
  Result<StreamTotals, Damage> finish();

  const std::optional<StreamHeader>& header() const { return parser_.header(); }
  std::uint64_t packed_bytes() const { return packed_; }
  std::uint64_t packed_checksum() const { return hash_.value(); }

 private:
  StreamParser parser_;
  std::unique_ptr<Decompressor> decompressor_;
  std::string first_;  ///< Bytes that are not enough to tell what the file is.
  std::string plain_;
  RunningHash hash_;
  std::uint64_t packed_ = 0;
};

}  // namespace trellis

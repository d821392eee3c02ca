// Snapshot files with right checksums around wrong content: what a peer that means harm would send.
#pragma once

#include <xxhash.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/cluster/bundle.hpp"
#include "worker/snapshot/snapshot_file.hpp"

namespace trellis {

/// Puts right the checksums of all blocks and of the descriptor, as far as the file's blocks can be told.
inline void seal_again(std::string& file, SnapshotDescriptor& descriptor) {
  std::size_t at = 8;
  while (at + 13 <= file.size()) {
    FieldReader fields(std::string_view(file).substr(at));
    const std::uint8_t kind = fields.u8();
    const std::uint32_t size = fields.u32();
    if (size > file.size() - at - 13) break;
    const std::uint64_t place[2] = {at, std::uint64_t{size} << 8 | kind};
    std::string checksum;
    FieldWriter(checksum).u64(XXH3_64bits_withSeed(file.data() + at + 13, size, XXH3_64bits(place, sizeof place)));
    file.replace(at + 5, checksum.size(), checksum);
    at += 13 + size;
  }
  descriptor.size = file.size();
  descriptor.checksum = XXH3_64bits(file.data(), file.size());
}

}  // namespace trellis

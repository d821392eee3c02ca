// Sectors: what a disk writes as a whole, each of which says by itself what it belongs to.
//
//   0                      496           504       508        512
//   | content              | incarnation | ordinal | checksum |
//
// The incarnation is 64 random bits that a segment draws whenever it is begun anew, and never 0; the ordinal counts the
// batches of that incarnation.  The checksum, of all before it, is seeded with the incarnation and the sector's place
// in its file: no document can look like a sector, and one that was written to another place is not whole there.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "worker/log/omitted_log_rules.hpp"

namespace trellis {

constexpr std::size_t kSectorSize = 512;
constexpr std::size_t kSectorContent = 496;
/// Batches begin at multiples of this, so that no byte that was told durable is written again.
constexpr std::size_t kBlockSize = 4096;
constexpr std::size_t kBlockContent = kBlockSize / kSectorSize * kSectorContent;

/// What a sector belongs to.
struct SectorMark {
  std::uint64_t incarnation = 0;
  std::uint32_t ordinal = 0;
  bool operator==(const SectorMark&) const = default;
};

/// Marks a sector whose content is in place.  @param offset  where in its file it will lie
void seal_sector(char* sector, const SectorMark& mark, std::uint64_t offset);
/// The mark of a sector that is whole; nothing where it is not, or holds zeros.
std::optional<SectorMark> mark_of(const char* sector, std::uint64_t offset, const OmittedLogRules& omitted = {});
/// Whether nothing was ever written there.
bool is_zero(const char* sector);

}  // namespace trellis

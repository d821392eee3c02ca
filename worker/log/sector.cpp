#include "worker/log/sector.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "protocol/cluster/bundle.hpp"

namespace trellis {
namespace {

constexpr std::size_t kOrdinalAt = kSectorContent + sizeof(std::uint64_t);
constexpr std::size_t kChecksumAt = kOrdinalAt + sizeof(std::uint32_t);
static_assert(kChecksumAt + sizeof(std::uint32_t) == kSectorSize);

template <typename T>
void store(char* at, T number) {
  number = little_endian(number);
  std::memcpy(at, &number, sizeof number);
}

template <typename T>
T load(const char* at) {
  T number;
  std::memcpy(&number, at, sizeof number);
  return little_endian(number);
}

std::uint32_t checksum(const char* sector, std::uint64_t incarnation, std::uint64_t offset) {
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(sector, kChecksumAt, incarnation + offset / kSectorSize));
}

}  // namespace

void seal_sector(char* sector, const SectorMark& mark, std::uint64_t offset) {
  store(sector + kSectorContent, mark.incarnation);
  store(sector + kOrdinalAt, mark.ordinal);
  store(sector + kChecksumAt, checksum(sector, mark.incarnation, offset));
}

std::optional<SectorMark> mark_of(const char* sector, std::uint64_t offset, const OmittedLogRules& omitted) {
  const SectorMark mark{load<std::uint64_t>(sector + kSectorContent), load<std::uint32_t>(sector + kOrdinalAt)};
  if (mark.incarnation == 0) return std::nullopt;
  if (omitted.checksums) return mark;
  if (load<std::uint32_t>(sector + kChecksumAt) != checksum(sector, mark.incarnation, offset)) return std::nullopt;
  return mark;
}

bool is_zero(const char* sector) {
  return std::all_of(sector, sector + kSectorSize, [](char byte) { return byte == 0; });
}

}  // namespace trellis

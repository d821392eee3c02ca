// How far packed values extend, by their heads alone.  Only packed.cpp includes this.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace trellis {

/// What a value takes at its front: `size` bytes, behind which `owed` values belong to it.
struct Extent {
  std::size_t size = 0;
  std::uint64_t owed = 0;
};

/// How far the value at the front of `rest` extends. `rest` is not empty; the result is nothing where the value is cut
/// off within its head, or impossible.
inline std::optional<Extent> extent_of(std::string_view rest) {
  const auto head = static_cast<std::uint8_t>(rest.front());
  const auto sized = [rest](std::size_t length_size, std::size_t extra) -> std::optional<Extent> {
    if (rest.size() < 1 + length_size) return std::nullopt;
    std::size_t length = 0;
    for (std::size_t i = 1; i <= length_size; ++i) length = length << 8 | static_cast<unsigned char>(rest[i]);
    return Extent{1 + length_size + extra + length, 0};
  };
  const auto counted = [&sized](std::size_t count_size, std::uint64_t values) -> std::optional<Extent> {
    const auto count = sized(count_size, 0);
    if (!count) return std::nullopt;
    return Extent{1 + count_size, values * (count->size - 1 - count_size)};
  };
  if (head <= 0x7f || head >= 0xe0) return Extent{1, 0};
  if (head <= 0x8f) return Extent{1, std::uint64_t{2} * (head & 0x0fu)};
  if (head <= 0x9f) return Extent{1, head & 0x0fu};
  if (head <= 0xbf) return Extent{1u + (head & 0x1fu), 0};
  switch (head) {
    case 0xc0:
    case 0xc2:
    case 0xc3: return Extent{1, 0};
    case 0xc4:
    case 0xd9: return sized(1, 0);
    case 0xc5:
    case 0xda: return sized(2, 0);
    case 0xc6:
    case 0xdb: return sized(4, 0);
    case 0xc7: return sized(1, 1);
    case 0xc8: return sized(2, 1);
    case 0xc9: return sized(4, 1);
    case 0xcc:
    case 0xd0: return Extent{2, 0};
    case 0xcd:
    case 0xd1: return Extent{3, 0};
    case 0xca:
    case 0xce:
    case 0xd2: return Extent{5, 0};
    case 0xcb:
    case 0xcf:
    case 0xd3: return Extent{9, 0};
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8: return Extent{2 + (std::size_t{1} << (head - 0xd4)), 0};
    case 0xdc: return counted(2, 1);
    case 0xdd: return counted(4, 1);
    case 0xde: return counted(2, 2);
    case 0xdf: return counted(4, 2);
    default: return std::nullopt;
  }
}

/// The same for values whose head says all in its one byte; a size of 0 for the others.  Most values of a document are
/// such, and walking over one is a look into this table.
struct ShortExtent {
  std::uint8_t size = 0;
  std::uint8_t owed = 0;
};
inline constexpr std::array<ShortExtent, 256> kShortExtents = [] {
  std::array<ShortExtent, 256> all{};
  for (std::size_t head = 0; head < all.size(); ++head) {
    const auto low = static_cast<std::uint8_t>(head);
    if (head <= 0x7f || head >= 0xe0 || head == 0xc0 || head == 0xc2 || head == 0xc3) all[head] = {1, 0};
    if (head >= 0x80 && head <= 0x8f) all[head] = {1, static_cast<std::uint8_t>(2 * (low & 0x0f))};
    if (head >= 0x90 && head <= 0x9f) all[head] = {1, static_cast<std::uint8_t>(low & 0x0f)};
    if (head >= 0xa0 && head <= 0xbf) all[head] = {static_cast<std::uint8_t>(1 + (low & 0x1f)), 0};
    if (head == 0xcc || head == 0xd0) all[head] = {2, 0};
    if (head == 0xcd || head == 0xd1) all[head] = {3, 0};
    if (head == 0xca || head == 0xce || head == 0xd2) all[head] = {5, 0};
    if (head == 0xcb || head == 0xcf || head == 0xd3) all[head] = {9, 0};
  }
  return all;
}();

}  // namespace trellis

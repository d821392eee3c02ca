// What packers of other languages write where the protocol means an integer, a str or a map, and what is unambiguous.
//
//   an integer   JavaScript packs whole numbers beyond 32 bits as float64: taken up to 2^53, where each is exact.
//   a str        Perl and old packers pack text as bin: taken where it is UTF-8.
//   a map        PHP and Lua know one kind of table, and pack an empty one as an empty array.
//   arguments    Go packs a list that nobody made as nil: no arguments.
//
// A document is never read this way: it is stored as it came.  Each read_* returns what it names and moves on, or
// returns nothing and leaves the reader where it was, as PackedReader does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/packed.hpp"

namespace trellis {

/// The largest integer up to which float64 holds each one.
inline constexpr std::uint64_t kWholeFloatMax = std::uint64_t{1} << 53;

namespace lenient {

// What the read_* below take where it is not packed as the protocol has it.
std::optional<std::uint64_t> whole_float(PackedReader& reader);
std::optional<std::string_view> text_in_bin(PackedReader& reader);
std::optional<std::uint32_t> no_fields(PackedReader& reader);

}  // namespace lenient

/// From 0.
inline std::optional<std::uint64_t> read_whole(PackedReader& reader) {
  const auto value = reader.read_uint();
  return value ? value : lenient::whole_float(reader);
}
/// UTF-8 where it came as bin.
inline std::optional<std::string_view> read_text(PackedReader& reader) {
  const auto text = reader.read_str();
  return text ? text : lenient::text_in_bin(reader);
}
/// The number of pairs that follow.
inline std::optional<std::uint32_t> read_fields(PackedReader& reader) {
  const auto pairs = reader.read_map();
  return pairs ? pairs : lenient::no_fields(reader);
}

/// The packed array of no arguments where `packed` is nil, else `packed`.
std::string_view arguments_of(std::string_view packed);

/// Where `bytes` cease to be one MessagePack value, for a message: "ends early at byte 9".  Nothing where they are one,
/// or one with bytes behind it.
std::optional<std::string> broken_at(std::string_view bytes);

}  // namespace trellis

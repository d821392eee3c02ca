#include "protocol/lenient.hpp"

#include <cmath>

namespace trellis {
namespace {

bool is_float(const PackedToken& token) {
  return token.type == PackedType::kFloat64 || token.type == PackedType::kFloat32;
}

}  // namespace

std::optional<std::uint64_t> lenient::whole_float(PackedReader& reader) {
  const auto token = reader.peek();
  if (!token || !is_float(*token)) return std::nullopt;
  const double number = token->number;
  if (!(number >= 0) || number > static_cast<double>(kWholeFloatMax) || std::trunc(number) != number) {
    return std::nullopt;
  }
  reader.next();
  return static_cast<std::uint64_t>(number);
}

std::optional<std::string_view> lenient::text_in_bin(PackedReader& reader) {
  PackedReader ahead = reader;
  const auto bytes = ahead.read_bytes();
  if (!bytes || !is_utf8(*bytes)) return std::nullopt;
  reader = ahead;
  return bytes;
}

std::optional<std::uint32_t> lenient::no_fields(PackedReader& reader) {
  PackedReader ahead = reader;
  if (ahead.read_array() != 0u) return std::nullopt;
  reader = ahead;
  return 0;
}

std::string_view arguments_of(std::string_view packed) {
  constexpr std::string_view kNil = "\xc0";
  constexpr std::string_view kNone = "\x90";
  return packed == kNil ? kNone : packed;
}

std::optional<std::string> broken_at(std::string_view bytes) {
  PackedReader reader(bytes);
  // Every value that is awaited takes at least a byte, so a forged count ends with the bytes.
  for (std::uint64_t awaited = 1; awaited > 0; --awaited) {
    const auto token = reader.next();
    if (!token) {
      const std::size_t at = reader.position();
      if (at < bytes.size() && bytes[at] == '\xc1')
        return "has the byte 0xc1, which begins no value, at byte " + std::to_string(at);
      return "ends early at byte " + std::to_string(bytes.size());
    }
    if (token->type == PackedType::kArray) awaited += token->count;
    if (token->type == PackedType::kMap) awaited += std::uint64_t{2} * token->count;
  }
  return std::nullopt;
}

}  // namespace trellis

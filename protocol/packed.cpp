#include "protocol/packed.hpp"

#include <array>
#include <bit>
#include <msgpack/pack.hpp>

#include "protocol/packed_extent.hpp"

namespace trellis {
namespace {

/// msgpack-cxx writes to anything with write(const char*, size_t).
struct StringSink {
  std::string& out;
  void write(const char* bytes, std::size_t size) { out.append(bytes, size); }
};

/// Big-endian reads from a view whose length was checked by the caller.
template <typename T>
T load(const char* at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(value << 8 | static_cast<unsigned char>(at[i]));
  return value;
}

/// Decodes one token at the front of a view; `take` moves over its bytes and says whether there were enough.
class Decoder {
 public:
  explicit Decoder(std::string_view rest) : rest_(rest) {}

  std::optional<PackedToken> decode();
  std::size_t used() const { return used_; }

 private:
  const char* take(std::size_t count) {
    if (rest_.size() - used_ < count) return nullptr;
    const char* at = rest_.data() + used_;
    used_ += count;
    return at;
  }
  template <typename T>
  std::optional<T> number() {
    const char* at = take(sizeof(T));
    if (at == nullptr) return std::nullopt;
    return load<T>(at);
  }
  template <typename T>
  std::optional<PackedToken> natural() {
    const auto value = number<T>();
    if (!value) return std::nullopt;
    return uint_token(*value);
  }
  template <typename Unsigned>
  std::optional<PackedToken> integer() {
    const auto value = number<Unsigned>();
    if (!value) return std::nullopt;
    return int_token(static_cast<std::make_signed_t<Unsigned>>(*value));
  }
  template <typename Length>
  std::optional<PackedToken> sized(PackedType type, std::size_t extra = 0) {
    const auto length = number<Length>();
    if (!length) return std::nullopt;
    return bytes_token(type, *length, extra);
  }
  template <typename Count>
  std::optional<PackedToken> counted(PackedType type) {
    const auto count = number<Count>();
    if (!count) return std::nullopt;
    return count_token(type, *count);
  }
  std::optional<PackedToken> bytes_token(PackedType type, std::size_t length, std::size_t extra = 0) {
    if (take(extra) == nullptr) return std::nullopt;
    const char* at = take(length);
    if (at == nullptr) return std::nullopt;
    PackedToken token;
    token.type = type;
    token.bytes = {at, length};
    return token;
  }
  static PackedToken uint_token(std::uint64_t value) {
    PackedToken token;
    token.type = PackedType::kUint;
    token.natural = value;
    return token;
  }
  static PackedToken int_token(std::int64_t value) {
    if (value >= 0) return uint_token(static_cast<std::uint64_t>(value));
    PackedToken token;
    token.type = PackedType::kInt;
    token.integer = value;
    return token;
  }
  static PackedToken count_token(PackedType type, std::uint32_t count) {
    PackedToken token;
    token.type = type;
    token.count = count;
    return token;
  }
  static PackedToken bool_token(bool value) {
    PackedToken token;
    token.type = PackedType::kBool;
    token.boolean = value;
    return token;
  }
  std::optional<PackedToken> float32();
  std::optional<PackedToken> float64();

  std::string_view rest_;
  std::size_t used_ = 0;
};

std::optional<PackedToken> Decoder::float32() {
  const auto bits = number<std::uint32_t>();
  if (!bits) return std::nullopt;
  PackedToken token;
  token.type = PackedType::kFloat32;
  token.number = static_cast<double>(std::bit_cast<float>(*bits));
  return token;
}

std::optional<PackedToken> Decoder::float64() {
  const auto bits = number<std::uint64_t>();
  if (!bits) return std::nullopt;
  PackedToken token;
  token.type = PackedType::kFloat64;
  token.number = std::bit_cast<double>(*bits);
  return token;
}

/// The format's table, https://github.com/msgpack/msgpack/blob/master/spec.md#formats.
std::optional<PackedToken> Decoder::decode() {
  const char* head = take(1);
  if (head == nullptr) return std::nullopt;
  const auto byte = static_cast<std::uint8_t>(*head);
  if (byte <= 0x7f) return uint_token(byte);
  if (byte <= 0x8f) return count_token(PackedType::kMap, byte & 0x0f);
  if (byte <= 0x9f) return count_token(PackedType::kArray, byte & 0x0f);
  if (byte <= 0xbf) return bytes_token(PackedType::kStr, byte & 0x1f);
  if (byte >= 0xe0) return int_token(static_cast<std::int8_t>(byte));
  switch (byte) {
    case 0xc0: return PackedToken{};
    case 0xc2: return bool_token(false);
    case 0xc3: return bool_token(true);
    case 0xc4: return sized<std::uint8_t>(PackedType::kBin);
    case 0xc5: return sized<std::uint16_t>(PackedType::kBin);
    case 0xc6: return sized<std::uint32_t>(PackedType::kBin);
    case 0xc7: return sized<std::uint8_t>(PackedType::kExt, 1);
    case 0xc8: return sized<std::uint16_t>(PackedType::kExt, 1);
    case 0xc9: return sized<std::uint32_t>(PackedType::kExt, 1);
    case 0xca: return float32();
    case 0xcb: return float64();
    case 0xcc: return natural<std::uint8_t>();
    case 0xcd: return natural<std::uint16_t>();
    case 0xce: return natural<std::uint32_t>();
    case 0xcf: return natural<std::uint64_t>();
    case 0xd0: return integer<std::uint8_t>();
    case 0xd1: return integer<std::uint16_t>();
    case 0xd2: return integer<std::uint32_t>();
    case 0xd3: return integer<std::uint64_t>();
    case 0xd4: return bytes_token(PackedType::kExt, 1, 1);
    case 0xd5: return bytes_token(PackedType::kExt, 2, 1);
    case 0xd6: return bytes_token(PackedType::kExt, 4, 1);
    case 0xd7: return bytes_token(PackedType::kExt, 8, 1);
    case 0xd8: return bytes_token(PackedType::kExt, 16, 1);
    case 0xd9: return sized<std::uint8_t>(PackedType::kStr);
    case 0xda: return sized<std::uint16_t>(PackedType::kStr);
    case 0xdb: return sized<std::uint32_t>(PackedType::kStr);
    case 0xdc: return counted<std::uint16_t>(PackedType::kArray);
    case 0xdd: return counted<std::uint32_t>(PackedType::kArray);
    case 0xde: return counted<std::uint16_t>(PackedType::kMap);
    case 0xdf: return counted<std::uint32_t>(PackedType::kMap);
    default: return std::nullopt;  // 0xc1 is never used.
  }
}

}  // namespace

std::optional<PackedToken> PackedReader::next() {
  Decoder decoder(bytes_.substr(position_));
  auto token = decoder.decode();
  if (token) position_ += decoder.used();
  return token;
}

std::optional<PackedToken> PackedReader::peek() const { return Decoder(bytes_.substr(position_)).decode(); }

std::optional<std::int64_t> PackedReader::read_long_int() {
  const auto token = peek();
  if (!token) return std::nullopt;
  const bool fits = token->type == PackedType::kUint && token->natural <= static_cast<std::uint64_t>(INT64_MAX);
  if (!fits && token->type != PackedType::kInt) return std::nullopt;
  next();
  return fits ? static_cast<std::int64_t>(token->natural) : token->integer;
}

std::optional<std::uint64_t> PackedReader::read_long_uint() {
  const std::string_view rest = bytes_.substr(position_);
  if (rest.empty()) return std::nullopt;
  // As numbers are packed nearly always: 0xcc to 0xcf stand before 1, 2, 4 and 8 bytes.
  if (const auto head = static_cast<std::uint8_t>(rest.front()); (head & 0xfc) == 0xcc) {
    const std::size_t width = std::size_t{1} << (head & 0x03);
    if (rest.size() <= width) return std::nullopt;
    position_ += 1 + width;
    switch (width) {
      case 1: return load<std::uint8_t>(rest.data() + 1);
      case 2: return load<std::uint16_t>(rest.data() + 1);
      case 4: return load<std::uint32_t>(rest.data() + 1);
      default: return load<std::uint64_t>(rest.data() + 1);
    }
  }
  Decoder decoder(rest);
  const auto token = decoder.decode();
  if (!token || token->type != PackedType::kUint) return std::nullopt;
  position_ += decoder.used();
  return token->natural;
}

std::optional<std::string_view> PackedReader::read_long_bytes(bool may_be_bin) {
  Decoder decoder(bytes_.substr(position_));
  const auto token = decoder.decode();
  if (!token || (token->type != PackedType::kStr && !(may_be_bin && token->type == PackedType::kBin))) {
    return std::nullopt;
  }
  position_ += decoder.used();
  return token->bytes;
}

std::optional<std::uint32_t> PackedReader::read_long_count(PackedType type) {
  Decoder decoder(bytes_.substr(position_));
  const auto token = decoder.decode();
  if (!token || token->type != type) return std::nullopt;
  position_ += decoder.used();
  return token->count;
}

std::optional<std::string_view> PackedReader::read_value() {
  std::string_view rest = bytes_.substr(position_);
  // Values still owed.  A 32-bit count of pairs adds at most 2^33, and each needs a byte, so this cannot overflow
  // before the bytes run out.
  for (std::uint64_t owed = 1; owed > 0; --owed) {
    if (rest.empty()) return std::nullopt;
    const ShortExtent quick = kShortExtents[static_cast<std::uint8_t>(rest.front())];
    if (quick.size != 0) {
      if (quick.size > rest.size()) return std::nullopt;
      rest.remove_prefix(quick.size);
      owed += quick.owed;
      continue;
    }
    const auto extent = extent_of(rest);
    if (!extent || extent->size > rest.size()) return std::nullopt;
    rest.remove_prefix(extent->size);
    owed += extent->owed;
  }
  const std::string_view value = bytes_.substr(position_, bytes_.size() - position_ - rest.size());
  position_ += value.size();
  return value;
}

namespace {

msgpack::packer<StringSink> packer(StringSink& sink) { return msgpack::packer<StringSink>(sink); }

template <typename Bits>
void append_big_endian(std::string& out, unsigned char head, Bits bits) {
  std::array<char, 1 + sizeof(Bits)> packed;
  packed[0] = static_cast<char>(head);
  for (std::size_t i = sizeof(Bits); i > 0; --i, bits = static_cast<Bits>(std::uint64_t{bits} >> 8)) {
    packed[i] = static_cast<char>(bits);
  }
  out.append(packed.data(), packed.size());
}

}  // namespace

PackedWriter& PackedWriter::nil() {
  StringSink sink{out_};
  packer(sink).pack_nil();
  return *this;
}
PackedWriter& PackedWriter::boolean(bool value) {
  StringSink sink{out_};
  value ? packer(sink).pack_true() : packer(sink).pack_false();
  return *this;
}
PackedWriter& PackedWriter::integer(std::int64_t value) {
  StringSink sink{out_};
  packer(sink).pack_int64(value);
  return *this;
}
PackedWriter& PackedWriter::long_natural(std::uint64_t value) {
  if (value <= UINT8_MAX) {
    append_big_endian(out_, 0xcc, static_cast<std::uint8_t>(value));
  } else if (value <= UINT16_MAX) {
    append_big_endian(out_, 0xcd, static_cast<std::uint16_t>(value));
  } else if (value <= UINT32_MAX) {
    append_big_endian(out_, 0xce, static_cast<std::uint32_t>(value));
  } else {
    append_big_endian(out_, 0xcf, value);
  }
  return *this;
}
// Not pack_float() and pack_double(): they turn 2.0 into the integer 2, and the type is to be kept.
PackedWriter& PackedWriter::float32(float value) {
  append_big_endian(out_, 0xca, std::bit_cast<std::uint32_t>(value));
  return *this;
}
PackedWriter& PackedWriter::float64(double value) {
  append_big_endian(out_, 0xcb, std::bit_cast<std::uint64_t>(value));
  return *this;
}
PackedWriter& PackedWriter::long_str(std::string_view value) {
  StringSink sink{out_};
  auto to = packer(sink);
  to.pack_str(static_cast<std::uint32_t>(value.size()));
  to.pack_str_body(value.data(), static_cast<std::uint32_t>(value.size()));
  return *this;
}
PackedWriter& PackedWriter::bin(std::string_view value) {
  StringSink sink{out_};
  auto to = packer(sink);
  to.pack_bin(static_cast<std::uint32_t>(value.size()));
  to.pack_bin_body(value.data(), static_cast<std::uint32_t>(value.size()));
  return *this;
}
PackedWriter& PackedWriter::long_array(std::size_t count) {
  StringSink sink{out_};
  packer(sink).pack_array(static_cast<std::uint32_t>(count));
  return *this;
}
PackedWriter& PackedWriter::long_map(std::size_t count) {
  StringSink sink{out_};
  packer(sink).pack_map(static_cast<std::uint32_t>(count));
  return *this;
}
PackedWriter& PackedWriter::key(std::string_view value) { return is_utf8(value) ? str(value) : bin(value); }

}  // namespace trellis

// Packed values: reading MessagePack where it lies, and writing it.
//
// PackedReader is a bounds-checked cursor over bytes from outside: it never throws, never allocates and never recurses,
// so documents are checked, walked and cut into slices without being unpacked (msgpack-cxx can only unpack or visit a
// whole value).  PackedWriter is msgpack-cxx's packer behind a plain face, so that its headers stay in packed.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/utf8.hpp"

namespace trellis {

enum class PackedType : std::uint8_t { kNil, kBool, kInt, kUint, kFloat32, kFloat64, kStr, kBin, kArray, kMap, kExt };

/// One step of the encoding: a scalar with its value, or the head of an array or map with its count.
/// Non-negative integers are kUint, however they were packed; negative ones are kInt.
struct PackedToken {
  PackedType type = PackedType::kNil;
  bool boolean = false;
  std::int64_t integer = 0;   ///< kInt
  std::uint64_t natural = 0;  ///< kUint
  double number = 0;          ///< kFloat32 and kFloat64
  std::string_view bytes;     ///< kStr, kBin and kExt (payload)
  std::uint32_t count = 0;    ///< kArray: elements.  kMap: pairs.
};

/// Every read_* either returns what it names and moves on, or returns nothing and stays where it was.
class PackedReader {
 public:
  explicit PackedReader(std::string_view bytes) : bytes_(bytes) {}

  bool at_end() const { return position_ == bytes_.size(); }
  std::size_t position() const { return position_; }

  /// The next token; nothing at the end, at a truncated or at an impossible one (0xc1).
  std::optional<PackedToken> next();
  std::optional<PackedToken> peek() const;

  // Most of what is read, in requests above all, are values whose head is one byte: those are taken without a call.

  bool read_nil() { return take_byte(0xff, 0xc0).has_value(); }
  std::optional<bool> read_bool() {
    const auto byte = take_byte(0xfe, 0xc2);
    return byte ? std::optional(*byte == 0xc3) : std::nullopt;
  }
  /// Any integer that fits int64.
  std::optional<std::int64_t> read_int() {
    if (const auto value = take_byte(0x80, 0x00)) return *value;
    return read_long_int();
  }
  /// Any integer that is not negative.
  std::optional<std::uint64_t> read_uint() {
    if (const auto value = take_byte(0x80, 0x00)) return *value;
    return read_long_uint();
  }
  std::optional<std::string_view> read_str() {
    if (const auto value = read_short_str()) return value;
    return read_long_bytes(false);
  }
  /// str or bin.
  std::optional<std::string_view> read_bytes() {
    if (const auto value = read_short_str()) return value;
    return read_long_bytes(true);
  }
  /// The number of elements that follow.
  std::optional<std::uint32_t> read_array() {
    if (const auto head = take_byte(0xf0, 0x90)) return *head & 0x0f;
    return read_long_count(PackedType::kArray);
  }
  /// The number of pairs that follow.
  std::optional<std::uint32_t> read_map() {
    if (const auto head = take_byte(0xf0, 0x80)) return *head & 0x0f;
    return read_long_count(PackedType::kMap);
  }
  /// The next value whole, as the bytes it is packed in, whatever it holds.  Counts are believed only as far as bytes
  /// follow, so a forged count costs nothing.
  std::optional<std::string_view> read_value();

 private:
  /// Takes the next byte where its bits under `mask` are `wanted`.
  std::optional<std::uint8_t> take_byte(std::uint8_t mask, std::uint8_t wanted) {
    if (position_ == bytes_.size()) return std::nullopt;
    const auto byte = static_cast<std::uint8_t>(bytes_[position_]);
    if ((byte & mask) != wanted) return std::nullopt;
    ++position_;
    return byte;
  }
  /// A str of up to 31 bytes.
  std::optional<std::string_view> read_short_str() {
    if (position_ == bytes_.size()) return std::nullopt;
    const auto head = static_cast<std::uint8_t>(bytes_[position_]);
    const std::size_t size = head & 0x1f;
    if ((head & 0xe0) != 0xa0 || bytes_.size() - position_ - 1 < size) return std::nullopt;
    const std::string_view value(bytes_.data() + position_ + 1, size);
    position_ += 1 + size;
    return value;
  }
  std::optional<std::int64_t> read_long_int();
  std::optional<std::uint64_t> read_long_uint();
  std::optional<std::string_view> read_long_bytes(bool may_be_bin);
  std::optional<std::uint32_t> read_long_count(PackedType type);

  std::string_view bytes_;
  std::size_t position_ = 0;
};

/// Appends packed values to a string.  Integers take their shortest form.
class PackedWriter {
 public:
  explicit PackedWriter(std::string& out) : out_(out) {}

  PackedWriter& nil();
  PackedWriter& boolean(bool value);
  PackedWriter& integer(std::int64_t value);
  PackedWriter& natural(std::uint64_t value) { return value <= 0x7f ? byte(value) : long_natural(value); }
  PackedWriter& float32(float value);
  PackedWriter& float64(double value);
  PackedWriter& str(std::string_view value) {
    return value.size() <= 31 ? byte(0xa0 | value.size()).packed(value) : long_str(value);
  }
  PackedWriter& bin(std::string_view value);
  PackedWriter& array(std::size_t count) {  ///< `count` values follow.
    return count <= 15 ? byte(0x90 | count) : long_array(count);
  }
  PackedWriter& map(std::size_t count) {  ///< `count` pairs follow.
    return count <= 15 ? byte(0x80 | count) : long_map(count);
  }
  /// A value that is packed already.
  PackedWriter& packed(std::string_view value) {
    out_.append(value);
    return *this;
  }
  /// A key as results carry it: str where it is valid UTF-8, else bin.
  PackedWriter& key(std::string_view value);

 private:
  // Heads of one byte, which most are, need no call.
  PackedWriter& byte(std::uint64_t value) {
    out_.push_back(static_cast<char>(value));
    return *this;
  }
  PackedWriter& long_natural(std::uint64_t value);
  PackedWriter& long_str(std::string_view value);
  PackedWriter& long_array(std::size_t count);
  PackedWriter& long_map(std::size_t count);

  std::string& out_;
};

}  // namespace trellis

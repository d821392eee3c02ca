// Bundle: many messages for one partner in one ZeroMQ message, since ZeroMQ's own cost is per message.
//
// Between processes of the cluster (broker and worker, worker and worker) a ZeroMQ message is a head frame and any
// number of attached frames:
//
//   head  = format version (u8 = 2) | item*
//   item  = type (u8) | header size (u32) | body (u32, top bit: attached) | header bytes | body bytes, if inline
//
// Small bodies are copied into the head; those of kInlineMax bytes and more are attached as frames of their own, in the
// order of their items, and never copied.  All numbers are little-endian.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/check.hpp"
#include "protocol/frame.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// The frames of one ZeroMQ message, without addresses.
using Frames = std::vector<Frame>;

class BundleWriter {
 public:
  static constexpr std::size_t kInlineMax = 4096;  ///< Bytes; measured in bench/: below it a copy is cheaper.

  void add(std::uint8_t type, std::string_view header, const Frame& body = {});
  bool empty() const { return items_ == 0; }
  std::size_t items() const { return items_; }
  std::size_t size() const { return size_; }  ///< Bytes, attached ones included.

  /// The frames of everything added so far; the writer is empty again.
  Frames take();

 private:
  std::string head_;
  Frames attached_;
  std::size_t room_ = 0;  ///< For the next head: as much as the last one took.
  std::size_t items_ = 0;
  std::size_t size_ = 0;
};

struct BundleItem {
  std::uint8_t type = 0;
  std::string_view header;  ///< Points into the head frame, which `body` or the caller keeps alive.
  Frame body;
};

/// Reads the items one by one.  After the last, or at the first that is broken, next() returns nothing; `broken()`
/// tells the two apart.
class BundleReader {
 public:
  explicit BundleReader(const Frames& frames);
  std::optional<BundleItem> next();
  bool broken() const { return broken_; }

 private:
  std::optional<BundleItem> fail();

  const Frames& frames_;
  std::size_t position_ = 0;
  std::size_t next_attached_ = 1;
  bool broken_ = false;
};

/// Turns a number of this machine into one whose bytes are little-endian, or back.
template <typename T>
constexpr T little_endian(T value) {
  if constexpr (std::endian::native == std::endian::little || sizeof(T) == 1) return value;
  T turned = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) turned = static_cast<T>(turned << 8 | ((value >> (8 * i)) & 0xff));
  return turned;
}

/// Fixed-width little-endian fields, for headers that are written and read once a request.
class FieldWriter {
 public:
  explicit FieldWriter(std::string& out) : out_(out) {}
  FieldWriter& u8(std::uint8_t value) { return number(value); }
  FieldWriter& u16(std::uint16_t value) { return number(value); }
  FieldWriter& u32(std::uint32_t value) { return number(value); }
  FieldWriter& u64(std::uint64_t value) { return number(value); }
  /// u32 length, then the bytes.
  FieldWriter& bytes(std::string_view value) {
    u32(static_cast<std::uint32_t>(value.size()));
    out_.append(value);
    return *this;
  }
  FieldWriter& raw(std::string_view value) {
    out_.append(value);
    return *this;
  }

 private:
  template <typename T>
  FieldWriter& number(T value) {
    value = little_endian(value);
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  std::string& out_;
};

/// The first fields of a message, kSize bytes that are known to be there: read without a look at the end before each.
template <std::size_t kSize>
class FixedFields {
 public:
  explicit FixedFields(const char* at) : at_(at) {}
  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint16_t u16() { return number<std::uint16_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }

 private:
  template <typename T>
  T number() {
    CHECK(used_ + sizeof(T) <= kSize);  // The compiler knows that it holds.
    T value = 0;
    std::memcpy(&value, at_ + used_, sizeof value);
    used_ += sizeof value;
    return little_endian(value);
  }
  const char* at_;
  std::size_t used_ = 0;
};

/// Reads what FieldWriter wrote.  Beyond the end it returns zeros and ok() turns false, for good: check once, last.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : rest_(bytes) {}
  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint16_t u16() { return number<std::uint16_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  std::string_view bytes() { return raw(u32()); }
  /// The next kSize bytes as fields; all zeros where there are not so many.
  template <std::size_t kSize>
  FixedFields<kSize> fixed() {
    static constexpr char kZeros[kSize] = {};
    const std::string_view taken = raw(kSize);
    return FixedFields<kSize>(taken.empty() ? kZeros : taken.data());
  }
  std::string_view raw(std::size_t count) {
    if (rest_.size() < count) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::string_view rest() const { return rest_; }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }

 private:
  template <typename T>
  T number() {
    T value = 0;
    const std::string_view stored = raw(sizeof value);
    if (!stored.empty()) std::memcpy(&value, stored.data(), sizeof value);
    return little_endian(value);
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace trellis

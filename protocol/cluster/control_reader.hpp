// How control messages between brokers and workers are read and packed: MessagePack arrays in an item's header.
// Only cluster_messages.cpp and hello.cpp include this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/cluster/cluster_messages.hpp"
#include "protocol/packed.hpp"

namespace trellis::control {

inline Error bad(const char* message) {
  return invalid_argument(std::string("a broken ") + message + " message from a peer");
}

/// The item's header, if it is of that type.
inline std::optional<std::string_view> header_of(const BundleItem& item, MessageType type) {
  if (item.type != static_cast<std::uint8_t>(type)) return std::nullopt;
  return item.header;
}

inline void add_control(BundleWriter& bundle, MessageType type, std::string_view header) {
  bundle.add(static_cast<std::uint8_t>(type), header);
}

/// Reads a control message field by field.  The first that is not as it should be turns ok() false, for good; what is
/// read afterwards is zero or empty.
class ControlReader {
 public:
  ControlReader(std::optional<std::string_view> header, std::uint32_t fields) : reader_(header.value_or("")) {
    ok_ = header && reader_.read_array() == fields;
  }
  bool boolean() { return value(&PackedReader::read_bool).value_or(false); }
  std::uint64_t natural(std::uint64_t most = UINT64_MAX) {
    const auto read = value(&PackedReader::read_uint).value_or(0);
    if (read > most) ok_ = false;
    return ok_ ? read : 0;
  }
  std::uint32_t natural32(std::uint32_t most = UINT32_MAX) { return static_cast<std::uint32_t>(natural(most)); }
  std::string str(std::size_t size_max) {
    const auto read = value(&PackedReader::read_str).value_or("");
    if (read.size() > size_max) ok_ = false;
    return ok_ ? std::string(read) : std::string();
  }
  /// The number of elements that follow.
  std::uint32_t array(std::size_t most) {
    const auto read = value(&PackedReader::read_array).value_or(0);
    if (read > most) ok_ = false;
    return ok_ ? read : 0;
  }
  /// An array of exactly so many elements.
  void tuple(std::uint32_t elements) {
    if (value(&PackedReader::read_array).value_or(0) != elements) ok_ = false;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && reader_.at_end(); }

 private:
  template <typename T>
  std::optional<T> value(std::optional<T> (PackedReader::*read)()) {
    auto result = ok_ ? (reader_.*read)() : std::nullopt;
    if (!result) ok_ = false;
    return result;
  }
  PackedReader reader_;
  bool ok_ = false;
};

constexpr std::size_t kClusterIdSize = 32;

inline void pack(PackedWriter& writer, const Stamps& stamps) {
  writer.array(3).natural(stamps.sent).natural(stamps.echo).natural(stamps.held);
}

inline Stamps read_stamps(ControlReader& reader) {
  reader.tuple(3);
  Stamps stamps;
  stamps.sent = reader.natural();
  stamps.echo = reader.natural();
  stamps.held = reader.natural();
  return stamps;
}

}  // namespace trellis::control

// Packs a document whose counts are known only when its brackets close: text says how many pairs a map has at its end,
// MessagePack at its beginning.  Linear: the content is written once, and copied once when the heads are put in.
// Only the parsers of people's text include this.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/packed.hpp"

namespace trellis {

class PackedBuilder {
 public:
  /// @param size_hint  bytes of the text that will be packed
  explicit PackedBuilder(std::size_t size_hint) {
    content_.reserve(std::min(size_hint, kReserveMax));
    heads_.reserve(8);
  }

  /// For scalars and keys.  Valid as long as this is.
  PackedWriter& write() { return writer_; }

  /// Opens an array or a map.  Returns the mark that closes it.
  std::size_t open();
  void close_array(std::size_t mark, std::size_t count);
  void close_map(std::size_t mark, std::size_t count);

  /// A str whose text is not known yet: it is what settle() says.
  std::size_t write_later();
  void settle(std::size_t mark, std::string_view text);
  /// Forgets everything that was written since `mark` was opened, and the mark.
  void take_back(std::size_t mark);

  std::size_t size() const { return content_.size(); }
  /// The packed value; the builder is empty again.
  std::string finish();

 private:
  static constexpr std::size_t kReserveMax = 1 << 16;
  struct Head {
    std::size_t position = 0;  ///< In content_, where it belongs.
    std::string packed;        ///< At most 5 bytes for a count, so it lies in the string itself.
  };
  std::string content_;
  PackedWriter writer_{content_};
  std::vector<Head> heads_;  ///< In the order of their positions.
};

/// The keys of the maps that are open, to find one that stands twice.
class OpenKeys {
 public:
  OpenKeys() {
    keys_.reserve(16);
    bytes_.reserve(128);
  }

  /// A map begins.  Returns the mark that closes it; maps are closed in reverse order.
  std::size_t open() const { return keys_.size(); }
  void add(std::string_view key, std::size_t position);
  /// The map ends: where the first key stands that was there before, if any.
  std::optional<std::size_t> close(std::size_t mark);
  /// The first key of the map of `mark`, which must have one.
  std::string_view first_since(std::size_t mark) const { return bytes_of(keys_[mark]); }

 private:
  struct Key {
    std::size_t begin = 0;  ///< In bytes_.
    std::size_t size = 0;
    std::size_t position = 0;  ///< In the text.
  };
  std::string_view bytes_of(const Key& key) const { return std::string_view(bytes_).substr(key.begin, key.size); }
  std::optional<std::size_t> find_double(std::size_t mark) const;

  std::string bytes_;
  std::vector<Key> keys_;
};

}  // namespace trellis

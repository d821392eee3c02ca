// Packs a document whose counts are known only when its brackets close: text says how many pairs a map has at its end,
// MessagePack at its beginning.  A head is taken to need one byte, which nearly all do; where one turns out longer, the
// content behind it makes room at the end, once for all heads.  Linear.  Only the parsers of people's text include
// this.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/packed.hpp"

namespace trellis {

class PackedBuilder {
 public:
  PackedBuilder() { heads_.reserve(8); }

  /// Begins a value, which is appended to `out`; it must outlive the value.
  void begin(std::string& out) {
    out_ = &out;
    heads_.clear();
  }

  /// For scalars and keys.
  PackedWriter write() { return PackedWriter(*out_); }

  /// Opens an array or a map.  Returns the mark that closes it.
  std::size_t open() {
    heads_.push_back({out_->size(), {}});
    out_->push_back('\0');
    return heads_.size() - 1;
  }
  void close_array(std::size_t mark, std::size_t count) {
    count <= kFewMax ? close_small(mark, 0x90 | count) : close_large(mark, PackedType::kArray, count);
  }
  void close_map(std::size_t mark, std::size_t count) {
    count <= kFewMax ? close_small(mark, 0x80 | count) : close_large(mark, PackedType::kMap, count);
  }

  /// A str whose text is not known yet: it is what settle() says.
  std::size_t write_later() { return open(); }
  void settle(std::size_t mark, std::string_view text);
  /// Forgets everything that was written since `mark` was opened, and the mark.
  void take_back(std::size_t mark);

  /// The value is whole.
  void finish() {
    if (!heads_.empty()) make_room();
  }

 private:
  static constexpr std::size_t kFewMax = 15;  ///< So many pairs or elements a head of one byte can tell.
  struct Head {
    std::size_t position = 0;  ///< In *out_, of its first byte.
    std::string more;          ///< What follows the first byte and has no room yet.
  };
  void close_small(std::size_t mark, std::size_t byte) {
    (*out_)[heads_[mark].position] = static_cast<char>(byte);
    if (mark + 1 == heads_.size()) heads_.pop_back();
  }
  void close_large(std::size_t mark, PackedType type, std::size_t count);
  void put(std::size_t mark, std::string_view packed);
  void make_room();

  std::string* out_ = nullptr;
  std::vector<Head> heads_;  ///< In the order of their positions: open ones, and those that need more room.
};

/// The keys of the maps that are open, to find one that stands twice.
class OpenKeys {
 public:
  OpenKeys() { keys_.reserve(16); }

  /// Forgets all of them.
  void clear() {
    keys_.clear();
    copies_.clear();
  }
  /// A map begins.  Returns the mark that closes it; maps are closed in reverse order.
  std::size_t open() const { return keys_.size(); }
  /// @param key       must stay where it is until its map ends
  /// @param position  in the text
  void add(std::string_view key, std::size_t position) { keys_.push_back({key, position}); }
  /// The same for a key that does not stay.
  void add_copy(std::string_view key, std::size_t position) { add(copies_.emplace_back(key), position); }
  /// The map ends: where the first key stands that was there before, if any.
  std::optional<std::size_t> close(std::size_t mark) {
    const auto twice = keys_.size() - mark <= kFewMax ? find_double_of_few(mark) : find_double_of_many(mark);
    keys_.resize(mark);
    if (mark == 0 && !copies_.empty()) copies_.clear();
    return twice;
  }
  /// The first key of the map of `mark`, which must have one.
  std::string_view first_since(std::size_t mark) const { return keys_[mark].bytes; }

 private:
  static constexpr std::size_t kFewMax = 16;  ///< So many are compared one by one; more are hashed.
  struct Key {
    std::string_view bytes;
    std::size_t position = 0;
  };
  std::optional<std::size_t> find_double_of_few(std::size_t mark) const {
    for (std::size_t i = mark + 1; i < keys_.size(); ++i) {
      for (std::size_t j = mark; j < i; ++j) {
        if (keys_[i].bytes == keys_[j].bytes) return keys_[i].position;
      }
    }
    return std::nullopt;
  }
  std::optional<std::size_t> find_double_of_many(std::size_t mark) const;

  std::vector<Key> keys_;
  std::deque<std::string> copies_;
};

}  // namespace trellis

// Goes over a packed value in the order in which it is written, without recursion.  Only the printers include this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "protocol/packed.hpp"

namespace trellis {

/// Tells `printer` of every piece of the value at the front of `packed`:
///   open(token, rest) an array or map begins      close(is_map, count)   and ends
///   separator(is_map) between two elements        key(bytes)             in front of a map's value
///   scalar(token)     anything else               rest                   a reader at the first element
/// Where bytes are missing or wrong (replies come from outside), what is open is closed behind a nil.
template <typename Printer>
void walk_packed(std::string_view packed, Printer& printer) {
  struct Level {
    bool is_map;
    std::uint32_t count;
    std::uint32_t left;
  };
  std::vector<Level> open;
  PackedReader reader(packed);
  do {
    bool broken = false;
    if (!open.empty()) {
      Level& level = open.back();
      if (level.left-- < level.count) printer.separator(level.is_map);
      if (level.is_map) {
        const auto key = reader.read_bytes();
        broken = !key;
        printer.key(key.value_or(std::string_view()));
      }
    }
    const auto token = broken ? std::nullopt : reader.next();
    if (!token) {
      printer.scalar(PackedToken{});
      for (; !open.empty(); open.pop_back()) printer.close(open.back().is_map, open.back().count);
      return;
    }
    const bool is_map = token->type == PackedType::kMap;
    if (is_map || token->type == PackedType::kArray) {
      printer.open(*token, reader);
      open.push_back({is_map, token->count, token->count});
    } else {
      printer.scalar(*token);
    }
    for (; !open.empty() && open.back().left == 0; open.pop_back()) {
      printer.close(open.back().is_map, open.back().count);
    }
  } while (!open.empty());
}

}  // namespace trellis

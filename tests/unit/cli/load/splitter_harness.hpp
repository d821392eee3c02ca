// Shows a text to a splitter in pieces of any size, as a file or a pipe would, and gathers what it makes of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/load/splitter.hpp"

namespace trellis {

struct Split {
  std::vector<std::string> records;
  std::vector<std::string> places;  ///< Where the records stand: line:column.
  std::vector<std::string> wrong;   ///< line:column: reason
};

inline std::string text_of(const TextPlace& place) {
  return std::to_string(place.line) + ":" + std::to_string(place.column);
}

/// @param step  so many bytes more are shown each time
inline Split split(Splitter& splitter, std::string_view text, std::size_t step) {
  Split result;
  std::size_t begin = 0;
  std::size_t end = 0;
  while (true) {
    const Piece piece = splitter.next(text.substr(begin, end - begin), end == text.size());
    begin += piece.taken;
    if (piece.kind == Piece::Kind::kRecord) {
      result.records.emplace_back(piece.text);
      result.places.push_back(text_of(piece.place));
    }
    if (piece.kind == Piece::Kind::kWrong) result.wrong.push_back(text_of(piece.place) + ": " + piece.reason);
    if (piece.kind != Piece::Kind::kMore) continue;
    if (end == text.size()) return result;
    end = std::min(end + step, text.size());
  }
}

}  // namespace trellis

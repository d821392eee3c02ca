// Cutting the text of a data file into pieces, each of which is one record or one line of records.
//
// Splitters are pure: they are shown the text that has been read, as it slides by, and say what is whole at its front.
// They look at each byte once, or a bounded number of times where something is wrong.  Whatever bytes they are shown,
// what is wrong costs no record that can be told from it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace trellis {

/// A record of the largest document, written with escapes throughout, is shorter.
constexpr std::size_t kPieceSizeMax = 128 << 20;

/// A place in a text, for people.
struct TextPlace {
  std::uint64_t line = 1;
  std::size_t column = 1;  ///< In characters.

  /// Moves behind `text`.
  void advance(std::string_view text) {
    const std::size_t end_of_line = text.rfind('\n');
    if (end_of_line != std::string_view::npos) {
      line += static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
      column = 1;
      text.remove_prefix(end_of_line + 1);
    }
    const auto begins_character = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
    column += static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
  }
};

/// What stands at the front of the text.
struct Piece {
  enum class Kind : std::uint8_t {
    kMore,    ///< Nothing whole: read on; at the end of the text, that was all.
    kRecord,  ///< A record, or a line of them.
    kWrong,   ///< Something that is no record, and why.
    kNone,    ///< Nothing of interest: white space, a separator, what follows something wrong.
  };
  Kind kind = Kind::kMore;
  std::size_t taken = 0;       ///< So many bytes of the text are done with.
  std::string_view text = {};  ///< kRecord: within these.
  TextPlace place = {};        ///< kRecord, kWrong: where it begins.
  std::string reason = {};     ///< kWrong: what is wrong, and what would be right.
};

class Splitter {
 public:
  virtual ~Splitter() = default;
  /// @param text    what has been read of the file and not been taken.  After kMore: the same with more behind it
  /// @param at_end  nothing follows the text
  virtual Piece next(std::string_view text, bool at_end) = 0;
};

}  // namespace trellis

// JSON values that need not keep to one a line: those of arrays, and those that follow one another.
//
//   [ {...}, {...} ]   an array is gone into, whatever its size: its values are the pieces
//   {...} {...}        values with white space between, pretty-printed or not
//
// Only brackets and strings are looked at ('single quotes', too); what is in a value is its reader's business.  Where a
// bracket is missing, nobody can tell for certain where the next value begins; it is taken to be at the next line that
// begins as the wrong value's line did, with the same white space and a {.
#pragma once

#include <optional>
#include <string>

#include "cli/load/splitter.hpp"

namespace trellis {

class JsonSplitter final : public Splitter {
 public:
  /// So often it goes on behind a value that is not closed: each time much may have to be read again.
  static constexpr int kUnclosedMax = 20;

  /// @param size_max  a longer value is wrong
  explicit JsonSplitter(std::size_t size_max = kPieceSizeMax) : size_max_(size_max) {}
  Piece next(std::string_view text, bool at_end) override;

 private:
  Piece between_values(std::string_view text, bool at_end);
  Piece at_token(std::string_view text);
  Piece in_value(std::string_view text, bool at_end);
  Piece give_up(std::string reason);
  Piece search(std::string_view text, bool at_end);
  std::size_t count_space(std::string_view text);
  /// Scans on.  Nothing: the value is not whole yet, or `mismatch_` is set.
  std::optional<std::size_t> find_end(std::string_view text);
  std::size_t pass_string(std::string_view text, std::size_t at);
  Piece take(Piece::Kind kind, std::string_view taken, std::string reason = {});

  std::size_t size_max_;
  TextPlace place_;  ///< Where the front of the text stands.
  bool in_array_ = false;
  TextPlace array_place_;
  bool has_value_ = false;   ///< In an array: a value was the last thing.
  bool on_own_line_ = true;  ///< Nothing but `indentation_` stands in front on this line.
  std::string indentation_;  ///< White space.
  bool in_value_ = false;    ///< The text begins with a value, which has been scanned as far as this:
  std::size_t scanned_ = 0;
  std::string open_;        ///< What closes the brackets that are open.
  char quote_ = '\0';       ///< What closes the string that is open.
  bool escaped_ = false;    ///< The next character stands for itself.
  bool mismatch_ = false;   ///< At scanned_, a bracket closes another one than is open.
  bool searching_ = false;  ///< For the value that follows a wrong one.
  int unclosed_ = 0;
};

}  // namespace trellis

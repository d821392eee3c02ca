// Reads people's text from left to right: white space, words, strings in all kinds of quotes, numbers.
//
// The first failure is kept and says where and why; functions that can fail return false then.  Only the parsers of
// people's text include this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/notation.hpp"
#include "protocol/packed.hpp"

namespace trellis {

/// What a string in quotes stands for, which decides on the escapes it may hold.
enum class StringKind : std::uint8_t {
  kText,  ///< UTF-8.  JSON's escapes and Python's.
  kKey,   ///< Any bytes: \xhh is one byte.
  kJson,  ///< As RFC 8259 says, to the letter.
};

class Scanner {
 public:
  explicit Scanner(std::string_view text, std::size_t position = 0) : text_(text), position_(position) {}

  std::size_t position() const { return position_; }
  void move_to(std::size_t position) { position_ = position; }
  std::string_view rest() const { return text_.substr(position_); }
  std::string_view since(std::size_t start) const { return text_.substr(start, position_ - start); }
  bool at_end() const { return position_ == text_.size(); }
  /// The byte at hand, 0 at the end.
  char front() const { return at_end() ? '\0' : text_[position_]; }
  /// Moves behind white space: ASCII's, no-break spaces and byte order marks.
  void skip_space();
  /// Moves behind `token` if it stands here.
  bool accept(std::string_view token);

  /// Whether a quote of any kind stands here: " ' and the typographic ones.
  bool at_quote() const;
  /// Reads the string in quotes that begins here.  A typographic quote is closed by any of its kind, " and ' by
  /// themselves.
  bool read_string(StringKind kind, std::string& out);
  /// The characters up to white space, a quote, a bracket, one of | : ; , or ->.  May be empty.
  std::string_view read_word();

  /// Records what is wrong at byte `position`, and what would be right.  The first one counts.  Always false.
  bool fail(std::size_t position, std::string reason);
  /// The failure, with its column.
  ParseError error() const;
  /// What stands here, for messages: "the end of the line", or the next word or character in quotes.
  std::string found() const;

 private:
  bool read_escape(StringKind kind, std::string& out);
  bool read_unicode_escape(std::size_t digits, std::size_t start, std::string& out);
  bool read_hex(std::size_t digits, std::uint32_t& value);
  bool append_run(StringKind kind, std::size_t start, std::string& out);

  std::string_view text_;
  std::size_t position_;
  bool failed_ = false;
  std::size_t failed_at_ = 0;
  std::string reason_;
};

/// How a word that looks like a number was taken.
enum class NumberRead : std::uint8_t { kWritten, kNoNumber, kOutOfRange };
/// Writes the number that `word` is: digits alone are an integer, with a point or exponent a float64.
NumberRead write_number(std::string_view word, PackedWriter& writer);
/// What kOutOfRange means for `word`, for a message.
std::string describe_range(std::string_view word);

}  // namespace trellis

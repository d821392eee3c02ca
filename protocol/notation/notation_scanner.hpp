// Reads people's text from left to right: white space, words, strings in all kinds of quotes, numbers.
//
// The first failure is kept and says where and why; functions that can fail return false then.  Only the parsers of
// people's text include this.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/notation/notation.hpp"
#include "protocol/packed.hpp"

namespace trellis {

/// What a string in quotes stands for, which decides on the escapes it may hold.
enum class StringKind : std::uint8_t {
  kText,  ///< UTF-8.  JSON's escapes and Python's.
  kKey,   ///< Any bytes: \xhh is one byte.
  kJson,  ///< As RFC 8259 says, to the letter.
};

/// What a byte can begin.
enum class ByteClass : std::uint8_t {
  kKey,    ///< A-Z a-z 0-9 _, which bare keys are made of.
  kPlain,  ///< Any other that means nothing.
  kSpace,
  kBracketOrSeparator,  ///< [ ] ( ) { } | : ; ,
  kQuote,               ///< " or '
  kLead,                ///< Perhaps white space or a quote of several bytes.
  kMinus,               ///< It may stand in a bare key as well, and may begin an arrow.
};

inline constexpr std::array<ByteClass, 256> kByteClasses = [] {
  std::array<ByteClass, 256> classes{};
  classes.fill(ByteClass::kPlain);
  const auto set = [&classes](std::string_view bytes, ByteClass to) {
    for (const char c : bytes) classes[static_cast<unsigned char>(c)] = to;
  };
  set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_", ByteClass::kKey);
  set(" \t\n\v\f\r", ByteClass::kSpace);
  set("[](){}|:;,", ByteClass::kBracketOrSeparator);
  set("\"'", ByteClass::kQuote);
  set("\xc2\xe2\xef", ByteClass::kLead);
  set("-", ByteClass::kMinus);
  return classes;
}();

inline ByteClass class_of(char c) { return kByteClasses[static_cast<unsigned char>(c)]; }

/// A word without quotes.
struct BareWord {
  std::string_view text;
  bool is_key_text = false;  ///< As the function of that name says.
};

class Scanner {
 public:
  explicit Scanner(std::string_view text = {}, std::size_t position = 0) { restart(text, position); }
  /// Begins with another text, in the memory it has.
  void restart(std::string_view text, std::size_t position) {
    begin_ = text.data();
    at_ = begin_ + position;
    end_ = begin_ + text.size();
    failed_ = false;
  }

  std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
  void move_to(std::size_t position) { at_ = begin_ + position; }
  std::string_view text() const { return view(begin_, end_); }
  std::string_view rest() const { return view(at_, end_); }
  std::string_view since(std::size_t start) const { return view(begin_ + start, at_); }
  bool at_end() const { return at_ == end_; }
  /// The byte at hand, 0 at the end.
  char front() const { return at_end() ? '\0' : *at_; }
  /// Moves behind white space: ASCII's, no-break spaces and byte order marks.
  void skip_space() {
    const char* at = at_;
    while (at != end_ && class_of(*at) == ByteClass::kSpace) ++at;
    at_ = at;
    if (at != end_ && class_of(*at) == ByteClass::kLead) skip_wide_space();
  }
  /// Moves behind `token` if it stands here.
  bool accept(std::string_view token) {
    if (static_cast<std::size_t>(end_ - at_) < token.size()) return false;
    for (std::size_t i = 0; i < token.size(); ++i) {
      if (at_[i] != token[i]) return false;
    }
    at_ += token.size();
    return true;
  }

  /// Whether a quote of any kind stands here: " ' and the typographic ones.
  bool at_quote() const {
    if (at_end()) return false;
    const ByteClass first = class_of(*at_);
    return first == ByteClass::kQuote || (first == ByteClass::kLead && at_wide_quote());
  }
  /// Reads the string in quotes that begins here.  A typographic quote is closed by any of its kind, " and ' by
  /// themselves.
  /// @return  lies in the text, or, where there were escapes, in memory that the next string takes
  std::optional<std::string_view> read_string(StringKind kind) {
    const char* const end = end_of_plain_string();
    if (end == nullptr) return read_any_string(kind);
    const std::string_view inside = view(at_ + 1, end);
    at_ = end + 1;
    return inside;
  }
  bool lies_in_text(std::string_view part) const {
    constexpr std::less_equal<> kBefore;  // < is not defined for pointers into different memory.
    return kBefore(begin_, part.data()) && kBefore(part.data() + part.size(), end_);
  }
  /// The characters up to white space, a quote, a bracket, one of | : ; , or ->.  May be empty.
  BareWord read_word() {
    const char* const begin = at_;
    const char* at = begin;
    while (at != end_ && class_of(*at) == ByteClass::kKey) ++at;
    if (at == begin || at == end_ || class_of(*at) != ByteClass::kSpace) return read_word_on(begin, at);
    at_ = at;
    return {view(begin, at), true};
  }

  /// Records what is wrong at byte `position`, and what would be right.  The first one counts.  Always false.
  bool fail(std::size_t position, std::string reason);
  /// The failure, with its column.
  ParseError error() const;
  /// What stands here, for messages: "the end of the line", or the next word or character in quotes.
  std::string found() const;

 private:
  void skip_wide_space();
  bool at_wide_quote() const;
  BareWord read_word_on(const char* begin, const char* at);
  const char* end_of_plain_string() const;
  std::optional<std::string_view> read_any_string(StringKind kind);
  bool unescape(StringKind kind, std::string& out);
  bool read_escape(StringKind kind, std::string& out);
  bool read_unicode_escape(std::size_t digits, std::size_t start, std::string& out);
  bool read_hex(std::size_t digits, std::uint32_t& value);
  bool append_run(StringKind kind, std::size_t start, std::string& out);

  static std::string_view view(const char* begin, const char* end) {
    return {begin, static_cast<std::size_t>(end - begin)};
  }

  const char* begin_;  // The text's begin; then what is at hand, and the text's end.
  const char* at_;
  const char* end_;
  std::string unescaped_;  ///< The last string with escapes.
  bool failed_ = false;
  std::size_t failed_at_ = 0;
  std::string reason_;
};

/// How a word that looks like a number was taken.
enum class NumberRead : std::uint8_t { kWritten, kNoNumber, kOutOfRange };
/// Writes the number that `word` is: digits alone are an integer, with a point or exponent a float64.
NumberRead write_number(std::string_view word, PackedWriter writer);
/// Writes the value that `word` names (null, True, nan, ...).  False: it names none.
bool write_named(std::string_view word, PackedWriter writer);
/// What kOutOfRange means for `word`, for a message.
/// @param infinity  how the notation at hand writes it
std::string describe_range(std::string_view word, std::string_view infinity = "inf");

}  // namespace trellis

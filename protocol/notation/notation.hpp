// Notation: documents to and from people's text, as docs/commands.md says ("Data files").
//
// One parser reads every notation (arrow, brace, JSON, Python), since the brackets tell which one is meant:
//
//   [ key -> value | ... ]     a map of pairs; in it [ ] holds maps only, and [] is the empty map
//   { key : value ; ... }      a map of pairs, separated by ; or ,; in it [ ] is a list, and [] the empty one
//   ( value | ... )            a list, anywhere; , separates as well; what is in it reads as what is around it
//
// Time and memory are linear in the text, depth is bounded by kNestingMax, and any bytes get a value or an error.  What
// print_* write is one line that reads back equal in type and value (a float32 as the float64 of equal value).
// Pure functions; safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace trellis {

/// What is wrong with a text, and what would be right.
struct ParseError {
  std::size_t column = 1;  ///< Counted from 1, in characters (code points).
  std::string reason;
  bool too_large = false;  ///< Nothing is wrong but the size: the value packs to more than kDocumentSizeMax bytes.
};

struct Record {
  std::string key;       ///< 1 to kKeySizeMax bytes, any.
  std::string document;  ///< Packed; passes check_document.
};

/// Takes the records of data files as they are read.
class RecordTarget {
 public:
  virtual ~RecordTarget() = default;
  /// A record begins.  Returns the string that its packed document is to be appended to.  Where the line turns out to
  /// be wrong, nothing that was appended for it means anything.
  virtual std::string& on_key(std::string_view key) = 0;
};

/// Reads the lines of a data file one by one, in the same memory: once that has grown, nothing is allocated.
class RecordParser {
 public:
  RecordParser();
  ~RecordParser();
  RecordParser(const RecordParser&) = delete;
  RecordParser& operator=(const RecordParser&) = delete;

  /// Hands the records of a line to `target`.  Returns what is wrong with the line, if anything is.
  std::optional<ParseError> read(std::string_view line, RecordTarget& target);
  /// Appends the document that a text is, and nothing else, to `out`: as it is written in braces, or any other value.
  std::optional<ParseError> read_document(std::string_view text, std::string& out);

 private:
  class Memory;
  std::unique_ptr<Memory> memory_;
};

/// The records of one line of a data file: none where it is blank, several where it is a JSON object of several keys.
Result<std::vector<Record>, ParseError> parse_records(std::string_view line);

/// Reads the object of records { key : value, ... } at text[position], and moves `position` behind it.
Result<std::vector<Record>, ParseError> read_records(std::string_view text, std::size_t& position);

/// What square brackets mean where no map is around them.
enum class Notation : std::uint8_t {
  kArrow,  ///< A map: [ key -> value ].
  kBrace,  ///< A list: [1, 2].
  kShell,  ///< Whichever their content fits ([] is the map), and a bare word is a string.
};

/// Reads the value at text[position], behind white space, and moves `position` behind it; the rest is not looked at.
Result<std::string, ParseError> read_value(std::string_view text, std::size_t& position, Notation notation);
/// The same for a text that is one value and nothing else.
Result<std::string, ParseError> parse_value(std::string_view text, Notation notation = Notation::kShell);

struct Word {
  std::string bytes;
  bool quoted = false;
};
/// Reads the key or path segment at text[position], quoted or bare, and moves `position` behind it.  Any length.
Result<Word, ParseError> read_key(std::string_view text, std::size_t& position);

/// Moves behind the white space at text[position].
void skip_space(std::string_view text, std::size_t& position);
/// The column of the character at byte `position`.
std::size_t column_of(std::string_view text, std::size_t position);

/// Where a value cannot be printed whole since it is no document (an ext value, bytes cut off) its place is taken by
/// null: replies come from outside.
std::string print_value(std::string_view packed);  ///< [ name -> "John" | age -> 22 ]
std::string print_key(std::string_view key);       ///< person1, or "my key" where it has to be quoted.
std::string print_record(std::string_view key, std::string_view packed);  ///< key -> value

/// The shortest digits that read back to the same float64: 30, 0.024, 1e-7, nan, -inf; never -0.  Plain decimals from
/// 1e-6 up to 1e21, as in JavaScript.
std::string print_number(double value);

}  // namespace trellis

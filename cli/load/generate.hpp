// `trellis generate`: random records for the loader, and the files of keys they are made of.
//
// The same options and seed give the same bytes on every machine: the numbers are std::mt19937_64's, whose sequence the
// standard fixes, and what is made of them is ours.  Lines are written exactly as GET (or get --json) would print the
// records.  Pure: bytes go to a callback.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace trellis {

struct GeneratedKey {
  enum class Type : std::uint8_t { kString, kInt, kFloat };
  std::string name;  ///< UTF-8.
  Type type = Type::kString;
};

/// Reads a key file: `name type` a line (string, int or float); blank lines are skipped, and a # that begins a word
/// begins a comment.  A name with blanks stands in quotes.
/// @param text  what the file holds
/// @param name  what it is called in messages
/// Error: kInvalidArgument, `NAME:LINE: what is wrong, and what would be right`.
Result<std::vector<GeneratedKey>> read_key_file(std::string_view text, std::string_view name);

struct GenerateOptions {
  enum class Format : std::uint8_t {
    kArrow,  ///< key1 -> [ name -> "x7" | age -> 22 ]
    kJson,   ///< {"key1": {"name": "x7", "age": 22}}
  };
  std::vector<GeneratedKey> keys;
  std::uint64_t records = 1000;         ///< -n: key1 ... keyN
  std::uint32_t depth_max = 3;          ///< -d: maps inside a record's own; 0: none.
  std::uint32_t string_length_max = 4;  ///< -l: strings have 1 to so many letters and digits.
  std::uint32_t keys_max = 5;           ///< -m: of a map; a record's own has at least 1, unless this is 0.
  std::uint64_t seed = 1;
  Format format = Format::kArrow;
};

/// Error: kInvalidArgument, naming the flag and its range.
Result<void> check(const GenerateOptions& options);

/// Makes the records and hands them on, many lines at a time, until `write` returns false.
/// @param options  must have passed check()
/// @return whether all of them were taken
bool generate(const GenerateOptions& options, const std::function<bool(std::string_view lines)>& write);

}  // namespace trellis

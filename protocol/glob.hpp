// Glob: a pattern for keys, as people write them for files.
//
//   *       any bytes, also none          [a-z_]   one of these characters     \x   the character x itself
//   ?       any one character             [^a-z]   one that is none of these
//
// A character is one of UTF-8, or one byte where the bytes are no UTF-8.  A pattern stands for whole keys: user:* for
// those that begin with user:.
//
// Matching goes back to the last star alone: what an earlier one took in can stay as it is, since the last one may take
// in whatever follows.  So it takes at most as many steps as key and pattern have characters, multiplied; the steps are
// told, as work.  Pure; a Glob is immutable, and owns what it needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/result.hpp"

namespace trellis {

class Glob {
 public:
  static constexpr std::size_t kSizeMax = 1024;  ///< Bytes of a pattern.

  /// Error: kInvalidArgument, which names the place.
  static Result<Glob> parse(std::string_view pattern);

  /// What each key that matches begins with.
  const std::string& beginning() const { return beginning_; }
  /// @param steps  grows by the steps that this took
  bool matches(std::string_view key, std::uint64_t& steps) const;

 private:
  using Range = std::pair<char32_t, char32_t>;  ///< First and last.
  enum class Kind : std::uint8_t { kOne, kAny, kMany, kOneOf, kNoneOf };
  struct Element {
    Kind kind = Kind::kOne;
    char32_t character = 0;     ///< kOne
    std::vector<Range> ranges;  ///< kOneOf, kNoneOf
    bool takes(char32_t found) const;
  };

  Glob() = default;
  /// The set that begins at pattern[at]; `at` moves behind its end.
  static Result<std::vector<Range>> read_set(std::string_view pattern, std::size_t& at);

  std::vector<Element> elements_;
  std::string beginning_;
};

}  // namespace trellis

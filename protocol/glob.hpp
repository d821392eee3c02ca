// Glob: a pattern for keys, as people write them for files.
//
//   *       any bytes, also none          [a-z_]   one of these characters     \x   the character x itself
//   ?       any one character             [^a-z]   one that is none of these
//
// A character is one of UTF-8, or one byte where the bytes are no UTF-8.  A pattern stands for whole keys: user:* for
// those that begin with user:.
//
//   key       user: 7 :name: b :eu        What stands before the first star and behind the last one has one place in a
//   pattern   user: * :name: * :eu        key.  What stands between two stars is searched for, behind what was found
//                                         last: the first place will do, since the next star takes in what follows.
//
// So a step is taken for each character of the key and each byte between two stars, multiplied, at most; hence
// kBetweenStarsMax.  The steps are told, as work.  Pure; a Glob is immutable, and owns what it needs.
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
  static constexpr std::size_t kSizeMax = 1024;         ///< Bytes of a pattern,
  static constexpr std::size_t kBetweenStarsMax = 128;  ///< and of what stands between two stars.

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
    std::size_t steps() const { return 1 + ranges.size(); }
  };

  Glob() = default;
  /// What begins at pattern[at]; `at` moves behind its end.
  static Result<Element> read_element(std::string_view pattern, std::size_t& at);
  /// The same of a set, behind its [.
  static Result<Element> read_set(std::string_view pattern, std::size_t& at);
  bool has_end(std::string_view rest, std::uint64_t& steps) const;

  std::vector<Element> elements_;
  std::size_t end_ = 0;  ///< The element behind the last star; 0: there is none.
  std::string beginning_;
};

}  // namespace trellis

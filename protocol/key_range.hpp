// KeyRange: which of the keys with a prefix a listing shows, and from which end.
//
// Views point into the request.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/limits.hpp"

namespace trellis {

struct KeyRange {
  /// One byte more than a key: what follows a key directly can be named, the key and a zero byte.
  static constexpr std::size_t kBoundSizeMax = kKeySizeMax + 1;

  std::optional<std::string_view> at_least;  ///< The smallest key that may be in it.
  std::optional<std::string_view> below;     ///< All its keys are smaller.
  std::optional<std::string_view> match;     ///< A pattern (protocol/glob.hpp), checked.
  bool reverse = false;                      ///< From the largest key to the smallest.

  bool holds(std::string_view key) const { return (!at_least || key >= *at_least) && (!below || key < *below); }
  /// Whether one key comes before another in a listing.
  bool is_before(std::string_view one, std::string_view other) const { return reverse ? one > other : one < other; }
};

/// The same with the memory that it lies in.
struct OwnedKeyRange {
  std::optional<std::string> at_least;
  std::optional<std::string> below;
  std::optional<std::string> match;
  bool reverse = false;

  OwnedKeyRange() = default;
  explicit OwnedKeyRange(const KeyRange& range)
      : at_least(range.at_least), below(range.below), match(range.match), reverse(range.reverse) {}
  /// Points into this.
  KeyRange view() const { return {at_least, below, match, reverse}; }
  bool is_whole() const { return !at_least && !below && !match && !reverse; }
};

}  // namespace trellis

#include "protocol/glob.hpp"

#include <algorithm>

#include "protocol/notation/notation_text.hpp"

namespace trellis {
namespace {

/// What stands for a byte that is no UTF-8: beyond all characters.
constexpr char32_t kBrokenByte = 0x110000;

/// The character at text[at], behind which `at` moves; there is one.
char32_t next_character(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t begin = at;
  const std::size_t length = utf8_length(text.substr(at, 4));
  at += std::max<std::size_t>(length, 1);
  if (length == 0) return kBrokenByte + byte(begin);
  if (length == 1) return byte(begin);
  char32_t character = byte(begin) & (0x7fu >> length);
  for (std::size_t i = begin + 1; i < at; ++i) character = character << 6 | (byte(i) & 0x3fu);
  return character;
}

Error broken(std::string_view what, std::size_t at) {
  return invalid_argument("match: " + std::string(what) + " at byte " + std::to_string(at) +
                          " of the pattern; \\ in front of a character stands for the character itself");
}

/// The character at text[at], perhaps behind a backslash.  Nothing: there is none behind it.
std::optional<char32_t> next_literal(std::string_view text, std::size_t& at) {
  if (text[at] == '\\' && ++at == text.size()) return std::nullopt;
  return next_character(text, at);
}

}  // namespace

bool Glob::Element::takes(char32_t found) const {
  switch (kind) {
    case Kind::kOne: return found == character;
    case Kind::kAny: return true;
    case Kind::kMany: return false;
    case Kind::kOneOf:
    case Kind::kNoneOf: break;
  }
  const bool is_among = std::any_of(ranges.begin(), ranges.end(), [found](const Range& range) {
    return range.first <= found && found <= range.second;
  });
  return is_among == (kind == Kind::kOneOf);
}

Result<std::vector<Glob::Range>> Glob::read_set(std::string_view pattern, std::size_t& at) {
  const std::size_t begin = at - 1;
  std::vector<Range> ranges;
  while (at < pattern.size() && pattern[at] != ']') {
    const auto first = next_literal(pattern, at);
    if (!first) return broken("nothing stands behind a \\", at - 1);
    Range range{*first, *first};
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      const auto last = next_literal(pattern, ++at);
      if (!last) return broken("nothing stands behind a \\", at - 1);
      range.second = *last;
    }
    if (range.second < range.first) return broken("a range that ends before it begins", begin);
    ranges.push_back(range);
  }
  if (at == pattern.size()) return broken("a [ without its ]", begin);
  if (ranges.empty()) return broken("an empty []", begin);
  ++at;
  return ranges;
}

Result<Glob> Glob::parse(std::string_view pattern) {
  if (pattern.size() > kSizeMax) {
    return invalid_argument("match: the pattern has " + std::to_string(pattern.size()) + " bytes, and may have " +
                            std::to_string(kSizeMax));
  }
  Glob glob;
  for (std::size_t at = 0; at < pattern.size();) {
    Element element;
    const char front = pattern[at];
    if (front == '*' || front == '?') {
      ++at;
      element.kind = front == '*' ? Kind::kMany : Kind::kAny;
      if (front == '*' && !glob.elements_.empty() && glob.elements_.back().kind == Kind::kMany) continue;
    } else if (front == '[') {
      ++at;
      const bool is_negated = at < pattern.size() && pattern[at] == '^';
      if (is_negated) ++at;
      auto ranges = read_set(pattern, at);
      if (!ranges) return ranges.error();
      element.kind = is_negated ? Kind::kNoneOf : Kind::kOneOf;
      element.ranges = std::move(*ranges);
    } else {
      const std::size_t begin = at + (front == '\\' ? 1 : 0);
      const auto character = next_literal(pattern, at);
      if (!character) return broken("nothing stands behind a \\", at - 1);
      element.character = *character;
      const bool is_at_the_beginning = std::all_of(glob.elements_.begin(), glob.elements_.end(),
                                                   [](const Element& one) { return one.kind == Kind::kOne; });
      if (is_at_the_beginning) glob.beginning_.append(pattern.substr(begin, at - begin));
    }
    glob.elements_.push_back(std::move(element));
  }
  return glob;
}

bool Glob::matches(std::string_view key, std::uint64_t& steps) const {
  std::size_t at = 0;
  std::size_t element = 0;
  // Where to go on if it does not go on from here: the last star takes in one character more.
  std::optional<std::size_t> star;
  std::size_t star_at = 0;
  while (at < key.size()) {
    ++steps;
    if (element < elements_.size() && elements_[element].kind == Kind::kMany) {
      star = element++;
      star_at = at;
      continue;
    }
    std::size_t behind = at;
    const char32_t character = next_character(key, behind);
    if (element < elements_.size() && elements_[element].takes(character)) {
      at = behind;
      ++element;
    } else if (star) {
      next_character(key, star_at);
      at = star_at;
      element = *star + 1;
    } else {
      return false;
    }
  }
  while (element < elements_.size() && elements_[element].kind == Kind::kMany) ++element;
  return element == elements_.size();
}

}  // namespace trellis

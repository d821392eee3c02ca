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

Result<Glob::Element> Glob::read_set(std::string_view pattern, std::size_t& at) {
  const std::size_t begin = at - 1;
  Element element;
  const bool is_negated = at < pattern.size() && pattern[at] == '^';
  element.kind = is_negated ? Kind::kNoneOf : Kind::kOneOf;
  if (is_negated) ++at;
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
    element.ranges.push_back(range);
  }
  if (at == pattern.size()) return broken("a [ without its ]", begin);
  if (element.ranges.empty()) return broken("an empty []", begin);
  ++at;
  return element;
}

Result<Glob::Element> Glob::read_element(std::string_view pattern, std::size_t& at) {
  Element element;
  switch (pattern[at]) {
    case '*': element.kind = Kind::kMany; break;
    case '?': element.kind = Kind::kAny; break;
    case '[': return read_set(pattern, ++at);
    default: {
      const auto character = next_literal(pattern, at);
      if (!character) return broken("nothing stands behind a \\", at - 1);
      element.character = *character;
      return element;
    }
  }
  ++at;
  return element;
}

Result<Glob> Glob::parse(std::string_view pattern) {
  if (pattern.size() > kSizeMax) {
    return invalid_argument("match: the pattern has " + std::to_string(pattern.size()) + " bytes, and may have " +
                            std::to_string(kSizeMax));
  }
  Glob glob;
  std::optional<std::size_t> behind_star;
  bool is_at_the_beginning = true;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t begin = at;
    auto element = read_element(pattern, at);
    if (!element) return element.error();
    is_at_the_beginning = is_at_the_beginning && element->kind == Kind::kOne;
    if (is_at_the_beginning) glob.beginning_.append(pattern.substr(begin, at - begin), pattern[begin] == '\\' ? 1 : 0);
    if (element->kind == Kind::kMany) {
      if (behind_star && begin - *behind_star > kBetweenStarsMax) {
        return broken("more than " + std::to_string(kBetweenStarsMax) + " bytes between two *, which begin",
                      *behind_star);
      }
      const bool is_one_more = behind_star == begin;
      behind_star = at;
      if (is_one_more) continue;
      glob.end_ = glob.elements_.size() + 1;
    }
    glob.elements_.push_back(std::move(*element));
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
    steps += element < elements_.size() ? elements_[element].steps() : 1;
    if (element < elements_.size() && elements_[element].kind == Kind::kMany) {
      star = element++;
      star_at = at;
      if (element == end_) return has_end(key.substr(at), steps);
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

/// Whether it ends with what stands behind the last star, which takes in all that is before.
bool Glob::has_end(std::string_view rest, std::uint64_t& steps) const {
  const std::size_t wanted = elements_.size() - end_;
  if (wanted == 0) return true;
  std::size_t characters = 0;
  for (std::size_t at = 0; at < rest.size(); ++characters) next_character(rest, at);
  steps += 2 * characters;
  if (characters < wanted) return false;
  for (std::size_t at = 0; at < rest.size(); --characters) {
    const char32_t character = next_character(rest, at);
    if (characters > wanted) continue;
    const Element& element = elements_[elements_.size() - characters];
    steps += element.steps();
    if (!element.takes(character)) return false;
  }
  return true;
}

}  // namespace trellis

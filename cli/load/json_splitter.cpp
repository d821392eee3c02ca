#include "cli/load/json_splitter.hpp"

#include <array>
#include <utility>

namespace trellis {
namespace {

/// More white space in front of a value is no indentation that tells it from others.
constexpr std::size_t kIndentationMax = 256;

/// What a character means to a value's extent, outside of strings.
enum class Role : std::uint8_t { kNone, kQuote, kOpens, kCloses, kSeparates };

constexpr std::array<Role, 256> kRoles = [] {
  std::array<Role, 256> roles{};
  const auto set = [&roles](std::string_view characters, Role to) {
    for (const char c : characters) roles[static_cast<unsigned char>(c)] = to;
  };
  set("\"'", Role::kQuote);
  set("{[(", Role::kOpens);
  set("}])", Role::kCloses);
  set(", \t\r\n", Role::kSeparates);
  return roles;
}();

char closing(char opening) { return opening == '{' ? '}' : opening == '[' ? ']' : ')'; }

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

Piece JsonSplitter::next(std::string_view text, bool at_end) {
  if (searching_) return search(text, at_end);
  return in_value_ ? in_value(text, at_end) : between_values(text, at_end);
}

Piece JsonSplitter::take(Piece::Kind kind, std::string_view taken, std::string reason) {
  Piece piece{kind, taken.size(), taken, place_, std::move(reason)};
  place_.advance(taken);
  return piece;
}

Piece JsonSplitter::between_values(std::string_view text, bool at_end) {
  if (const std::size_t space = count_space(text); space > 0) {
    return take(Piece::Kind::kNone, text.substr(0, space));
  }
  if (!text.empty()) return at_token(text);
  if (!at_end || !std::exchange(in_array_, false)) return {};
  return {Piece::Kind::kWrong, 0, {}, array_place_, "the [ of this array is never closed: the file is not whole"};
}

/// The size of the white space at the front; notes what a line begins with.
std::size_t JsonSplitter::count_space(std::string_view text) {
  std::size_t count = 0;
  for (; count < text.size() && is_space(text[count]); ++count) {
    if (text[count] == '\n') {
      on_own_line_ = true;
      indentation_.clear();
    } else if (indentation_.size() < kIndentationMax) {
      indentation_.push_back(text[count]);
    }
  }
  return count;
}

/// Something begins at the front of the text, between two values.
Piece JsonSplitter::at_token(std::string_view text) {
  const char c = text.front();
  const std::string_view token = text.substr(0, 1);
  const bool had_value = has_value_;
  switch (c) {
    case '[':
      if (in_array_) break;
      in_array_ = true;
      array_place_ = place_;
      has_value_ = on_own_line_ = false;
      return take(Piece::Kind::kNone, token);
    case ']':
      if (!std::exchange(in_array_, false)) return take(Piece::Kind::kWrong, token, "this ] closes no array");
      on_own_line_ = false;
      return take(Piece::Kind::kNone, token);
    case ',':
      has_value_ = on_own_line_ = false;
      if (in_array_ && had_value) return take(Piece::Kind::kNone, token);
      return take(Piece::Kind::kWrong, token, "expected a value, found \",\"");
    case '}':
    case ')': return take(Piece::Kind::kWrong, token, "this " + std::string(token) + " closes nothing");
    default: break;
  }
  in_value_ = true;
  scanned_ = 0;
  if (!in_array_ || !std::exchange(has_value_, false)) return {Piece::Kind::kNone, 0};
  return take(Piece::Kind::kWrong, {}, "a , is missing in front of this value");
}

Piece JsonSplitter::in_value(std::string_view text, bool at_end) {
  std::optional<std::size_t> size = find_end(text);
  if (mismatch_) {
    const std::string found(1, text[scanned_]);
    return give_up("a bracket is missing in the value that begins here: " + found + " stands where " + open_.back() +
                   " was expected");
  }
  if (!size && at_end && open_.empty() && quote_ == '\0') size = text.size();
  if (!size && text.size() > size_max_) {
    return give_up("the value that begins here has more than " + std::to_string(size_max_) +
                   " bytes, or is never closed");
  }
  if (!size && at_end) return give_up("the value that begins here is never closed");
  if (!size) return {};
  in_value_ = false;
  has_value_ = true;
  on_own_line_ = false;
  return take(Piece::Kind::kRecord, text.substr(0, *size));
}

std::optional<std::size_t> JsonSplitter::find_end(std::string_view text) {
  std::size_t at = std::exchange(scanned_, text.size());
  for (; at < text.size(); ++at) {
    if (quote_ != '\0') {
      at = pass_string(text, at);
      if (at == text.size()) break;
      if (open_.empty()) return at + 1;
      continue;
    }
    const char c = text[at];
    switch (kRoles[static_cast<unsigned char>(c)]) {
      case Role::kNone: break;
      case Role::kQuote: quote_ = c; break;
      case Role::kOpens: open_.push_back(closing(c)); break;
      case Role::kCloses:
        if (open_.empty()) return at;
        if (open_.back() != c) {
          mismatch_ = true;
          scanned_ = at;
          return std::nullopt;
        }
        open_.pop_back();
        if (open_.empty()) return at + 1;
        break;
      case Role::kSeparates:
        if (open_.empty()) return at;
        break;
    }
  }
  return std::nullopt;
}

/// From inside a string to the quote that closes it, or to the end of the text.
std::size_t JsonSplitter::pass_string(std::string_view text, std::size_t at) {
  for (; at < text.size(); ++at) {
    if (std::exchange(escaped_, false)) continue;
    while (at < text.size() && text[at] != quote_ && text[at] != '\\') ++at;
    if (at == text.size()) break;
    escaped_ = text[at] == '\\';
    if (escaped_) continue;
    quote_ = '\0';
    break;
  }
  return at;
}

/// The value at the front is wrong in a way that hides its end.
Piece JsonSplitter::give_up(std::string reason) {
  in_value_ = mismatch_ = escaped_ = false;
  quote_ = '\0';
  open_.clear();
  searching_ = true;
  ++unclosed_;
  if (unclosed_ > kUnclosedMax) on_own_line_ = false;
  if (!on_own_line_) reason += "; what follows it cannot be told apart and is not read";
  return take(Piece::Kind::kWrong, {}, std::move(reason));
}

Piece JsonSplitter::search(std::string_view text, bool at_end) {
  const std::string mark = "\n" + indentation_ + "{";
  const std::size_t found = on_own_line_ ? text.find(mark) : std::string_view::npos;
  if (found != std::string_view::npos) {
    searching_ = has_value_ = false;
    on_own_line_ = true;
    indentation_.clear();
    return take(Piece::Kind::kNone, text.substr(0, found + 1));
  }
  const std::size_t kept = at_end ? 0 : std::min(text.size(), mark.size() - 1);
  if (at_end) in_array_ = false;
  if (kept == text.size()) return {};
  return take(Piece::Kind::kNone, text.substr(0, text.size() - kept));
}

}  // namespace trellis

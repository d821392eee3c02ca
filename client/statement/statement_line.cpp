#include "client/statement/statement_line.hpp"

#include <span>
#include <utility>
#include <vector>

#include "protocol/packed.hpp"

namespace trellis {

Error at_column(const ParseError& error) {
  return invalid_argument("column " + std::to_string(error.column) + ": " + error.reason);
}

Result<void> Line::options(GivenOptions& given) {
  while (!ends() && rest().starts_with("--")) {
    const std::string_view word = blank_word();
    Line ahead = *this;
    const auto took_next = take_option(word, ahead.blank_word(), given);
    if (!took_next) return took_next.error();
    if (*took_next) *this = ahead;
  }
  return {};
}

/// The name without quotes that stands here; empty where none does.
std::string_view Line::bare_name(Behind behind) {
  const std::size_t start = position_;
  while (is_plain(front()) && !rest().starts_with("->")) ++position_;
  // `k : 1`, `k: 1` and `k:{}` are a key and its value; `k:1` is a key.
  while (behind == Behind::kValue && position_ > start && text_[position_ - 1] == ':') --position_;
  return text_.substr(start, position_ - start);
}

/// The name that begins at `start` goes on with a character that bare names do not have.
Error Line::has_to_be_quoted(std::size_t start) const {
  Line behind(text_.substr(start));
  const std::string_view name = behind.blank_word();
  const std::string reason = name.find('.') != std::string_view::npos
                                 ? "a dot separates the steps of a path, which QUERY takes"
                                 : "bare keys are made of A-Z a-z 0-9 and " + std::string(kPlainSigns);
  return invalid_argument("column " + std::to_string(column_of(text_, start)) + ": the key " + shown(name) +
                          " has to stand in quotes: " + reason);
}

Result<std::string> Line::key(Behind behind) {
  ends();
  const std::size_t start = position_;
  if (!begins_with_quote(rest())) {
    const std::string_view name = bare_name(behind);
    const bool ends_here = front() == '\0' || is_space(front());
    const bool value_follows =
        behind == Behind::kValue &&
        (std::string_view("[{(:").find(front()) != std::string_view::npos || rest().starts_with("->"));
    if (!name.empty() && (ends_here || value_follows)) return std::string(name);
    if (!name.empty() || (front() != '\0' && !is_space(front()))) {
      position_ = start;
      return has_to_be_quoted(start);
    }
  }
  auto word = read_key(text_, position_);
  if (!word) return at_column(word.error());
  return std::move(word->bytes);
}

Result<Record> Line::record(std::string_view usage) {
  if (ends()) return invalid_argument("expected a key and a value: " + std::string(usage));
  if (front() == '{') {
    auto records = read_records(text_, position_);
    if (!records) return at_column(records.error());
    if (records->size() == 1) return std::move(records->front());
    return invalid_argument("expected one record in { }, found " + std::to_string(records->size()) +
                            "; trellis load takes many");
  }
  auto read = key(Behind::kValue);
  if (!read) return read.error();
  if (Line ahead = *this; ahead.ends()) {
    return invalid_argument("expected a value behind the key " + shown(*read) + ": " + std::string(usage));
  }
  auto document = value_behind(usage);
  if (!document) return document.error();
  return Record{std::move(*read), std::move(*document)};
}

Result<Word> Line::segment(Names names, Behind behind) {
  const std::size_t start = position_;
  if (!begins_with_quote(rest())) {
    if (names == Names::kShell) {
      bare_name(behind);
    } else {
      while (position_ < text_.size() && front() != '.') ++position_;
    }
    if (position_ > start) return Word{std::string(text_.substr(start, position_ - start)), false};
  }
  auto word = read_key(text_, position_);
  if (!word) return at_column(word.error());
  return std::move(*word);
}

std::optional<TypedPath> Line::deep_path(Names names, Behind behind) {
  Line ahead = *this;
  auto path = ahead.path(names, behind);
  if (!path || path->steps == 0) return std::nullopt;
  *this = ahead;
  return std::move(*path);
}

Result<std::string> Line::value_behind(std::string_view usage) {
  const bool blank_follows = is_space(front());
  Notation notation = Notation::kShell;
  if (accept("->")) {
    notation = Notation::kArrow;
  } else if (accept(":")) {
    notation = Notation::kBrace;
  } else if (ends()) {
    return invalid_argument("expected a value: " + std::string(usage));
  } else if (!blank_follows && std::string_view("[{(").find(front()) == std::string_view::npos) {
    return unexpected();
  }
  return value(notation);
}

Result<TypedPath> Line::path(Names names, Behind behind) {
  ends();
  std::vector<Word> segments;
  for (bool more = true; more;) {
    auto read = segment(names, behind);
    if (!read) return read.error();
    segments.push_back(std::move(*read));
    more = front() == '.';
    if (more) ++position_;
    if (more && front() == '.') {
      return invalid_argument("column " + std::to_string(column_of(text_, position_)) +
                              ": a path has no empty step; a name that is empty, or holds a dot, stands in quotes");
    }
  }
  if (auto checked = check_key(segments.front().bytes); !checked) return checked.error();
  Path path;
  TypedPath typed;
  typed.steps = segments.size() - 1;
  PackedWriter writer(typed.packed);
  writer.array(segments.size()).key(segments.front().bytes);
  for (const Word& segment : std::span(segments).subspan(1)) {
    // Bare digits are a position, as long as the key with those digits is meant by it as well (007 is not 7).
    const auto position = segment.quoted ? std::nullopt : natural(segment.bytes);
    if (position && std::to_string(*position) == segment.bytes) {
      writer.natural(*position);
      path.emplace_back(*position);
    } else {
      if (!is_utf8(segment.bytes))
        return invalid_argument("a name in a path is UTF-8 text; only the key may hold other bytes");
      writer.str(segment.bytes);
      path.emplace_back(std::string_view(segment.bytes));
    }
  }
  typed.text = to_text(segments.front().bytes, path);
  return typed;
}

}  // namespace trellis

#include "client/statement_line.hpp"

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

Result<Record> Line::record(std::string_view usage) {
  if (ends()) return invalid_argument("expected a key and a value: " + std::string(usage));
  if (front() == '{') {
    auto records = read_records(text_, position_);
    if (!records) return at_column(records.error());
    if (records->size() == 1) return std::move(records->front());
    return invalid_argument("expected one record in { }, found " + std::to_string(records->size()) +
                            "; trellis load takes many");
  }
  auto read = key();
  if (!read) return read.error();
  const bool blank_follows = is_space(front());
  Notation notation = Notation::kShell;
  if (accept("->")) {
    notation = Notation::kArrow;
  } else if (accept(":")) {
    notation = Notation::kBrace;
  } else if (ends()) {
    return invalid_argument("expected a value behind the key: " + std::string(usage));
  } else if (!blank_follows && std::string_view("[{(").find(front()) == std::string_view::npos) {
    return unexpected();
  }
  auto document = value(notation);
  if (!document) return document.error();
  return Record{std::move(*read), std::move(*document)};
}

Result<Word> Line::segment(Names names) {
  const std::size_t start = position_;
  if (!begins_with_quote(rest())) {
    const auto belongs = [names](char c) {
      return names == Names::kWord ? c != '.' : is_letter(c) || is_digit(c) || c == '_' || c == '-';
    };
    while (position_ < text_.size() && belongs(text_[position_])) ++position_;
    if (position_ > start) return Word{std::string(text_.substr(start, position_ - start)), false};
  }
  auto word = read_key(text_, position_);
  if (!word) return at_column(word.error());
  return std::move(*word);
}

Result<TypedPath> Line::path(Names names) {
  ends();
  std::vector<Word> segments;
  for (bool more = true; more;) {
    auto read = segment(names);
    if (!read) return read.error();
    segments.push_back(std::move(*read));
    more = front() == '.';
    if (more) ++position_;
  }
  if (auto checked = check_key(segments.front().bytes); !checked) return checked.error();
  Path path;
  TypedPath typed;
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

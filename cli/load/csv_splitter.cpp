#include "cli/load/csv_splitter.hpp"

#include <utility>

namespace trellis {

Piece CsvSplitter::next(std::string_view text, bool at_end) {
  if (passing_over_) return pass_over_line(text);
  const bool ends_here = at_end && !text.empty();
  std::optional<std::size_t> size = find_end(text);
  if (wrong_ != nullptr) return give_up(text, scanned_, wrong_);
  if (!size && ends_here && state_ != State::kQuoted) size = text.size();
  if (!size && (ends_here || text.size() > size_max_)) {
    if (state_ == State::kQuoted) return give_up(text, quote_at_, "the quote that opens here is never closed");
    return give_up(text, 0, "a row of more than " + std::to_string(size_max_) + " bytes");
  }
  if (!size) return {};

  std::string_view row = text.substr(0, *size);
  const TextPlace place = place_;
  const bool has_end = *size < text.size();
  place_.advance(text.substr(0, *size + has_end));
  begin_row();
  if (row.ends_with('\r')) row.remove_suffix(1);
  return {row.empty() ? Piece::Kind::kNone : Piece::Kind::kRecord, *size + has_end, row, place};
}

void CsvSplitter::begin_row() {
  state_ = State::kCellBegins;
  scanned_ = 0;
  line_end_.reset();
  wrong_ = nullptr;
}

std::optional<std::size_t> CsvSplitter::find_end(std::string_view text) {
  for (; scanned_ < text.size(); ++scanned_) {
    const char c = text[scanned_];
    switch (state_) {
      case State::kCellBegins:
        quote_at_ = scanned_;
        if (c == '\n') return scanned_;
        if (c != separator_) state_ = c == '"' ? State::kQuoted : State::kPlain;
        break;
      case State::kPlain:
        if (c == '\n') return scanned_;
        if (c == separator_) state_ = State::kCellBegins;
        if (c != '"') break;
        wrong_ = "a quote inside a cell that does not begin with one; put the cell in quotes, and double this one";
        return std::nullopt;
      case State::kQuoted:
        if (c == '"') state_ = State::kQuote;
        if (c == '\n' && !line_end_) line_end_ = scanned_;
        break;
      case State::kQuote:
        if (c == '\n') return scanned_;
        if (c == separator_) state_ = State::kCellBegins;
        if (c == '"') state_ = State::kQuoted;
        if (c == separator_ || c == '"' || c == '\r') break;
        wrong_ = "this follows the quote that ends its cell; a quote inside a cell is doubled";
        return std::nullopt;
    }
  }
  return std::nullopt;
}

/// The row at the front is wrong at `at`.
Piece CsvSplitter::give_up(std::string_view text, std::size_t at, std::string reason) {
  Piece piece{Piece::Kind::kWrong, 0, {}, place_, std::move(reason)};
  piece.place.advance(text.substr(0, at));
  if (line_end_) {
    piece.taken = *line_end_ + 1;
    place_.advance(text.substr(0, piece.taken));
  } else {
    passing_over_ = true;
  }
  begin_row();
  return piece;
}

Piece CsvSplitter::pass_over_line(std::string_view text) {
  const std::size_t end = text.find('\n');
  passing_over_ = end == std::string_view::npos;
  const std::string_view line = text.substr(0, passing_over_ ? text.size() : end + 1);
  if (line.empty()) return {};
  place_.advance(line);
  return {Piece::Kind::kNone, line.size()};
}

}  // namespace trellis

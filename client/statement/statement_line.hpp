// A line of the shell, read from left to right.  Only statement*.cpp include this.
#pragma once

#include <string>
#include <string_view>

#include "client/statement/statement_form.hpp"
#include "protocol/notation/notation.hpp"

namespace trellis {

/// Errors of the notations, for a line.
Error at_column(const ParseError& error);

/// Whether names without quotes keep to is_plain(), as in the shell, or may hold anything but dots, as in a word that
/// the system's shell has split off.
enum class Names : std::uint8_t { kShell, kWord };

/// What stands behind a key decides about a colon at its end: in front of a value it is the record's `:`, elsewhere it
/// belongs to the key (KEYS user:).
enum class Behind : std::uint8_t { kNothing, kValue };

/// A position in a line, and the parts of a statement that can stand there.
class Line {
 public:
  explicit Line(std::string_view text) : text_(text) {}

  /// Moves behind white space: whether that was all.
  bool ends() {
    skip_space(text_, position_);
    return position_ == text_.size();
  }
  std::string_view rest() const { return text_.substr(position_); }
  char front() const { return position_ < text_.size() ? text_[position_] : '\0'; }
  std::size_t position() const { return position_; }
  void move_to(std::size_t position) { position_ = position; }

  /// The characters up to the next white space, behind white space.
  std::string_view blank_word() {
    ends();
    const std::size_t start = position_;
    while (position_ < text_.size() && !is_space(text_[position_])) ++position_;
    return text_.substr(start, position_ - start);
  }
  /// The letters, digits and _ here, behind white space.
  std::string_view name() {
    ends();
    const std::size_t start = position_;
    while (is_letter(front()) || is_digit(front()) || front() == '_') ++position_;
    return text_.substr(start, position_ - start);
  }
  bool accept(std::string_view token) {
    ends();
    if (!rest().starts_with(token)) return false;
    position_ += token.size();
    return true;
  }
  /// A word in any case, which ends there.
  bool accept_keyword(std::string_view word) {
    Line ahead = *this;
    if (!same_word(ahead.name(), word)) return false;
    *this = ahead;
    return true;
  }

  /// A key, quoted or bare.
  Result<std::string> key(Behind behind);
  Result<std::string> value(Notation notation) {
    Line ahead = *this;
    if (auto good = check_no_leading_zeros(ahead.blank_word()); !good) return good.error();
    auto document = read_value(text_, position_, notation);
    if (!document) return at_column(document.error());
    return std::move(*document);
  }
  /// KEY -> VALUE, KEY : VALUE, KEY VALUE or {KEY : VALUE}.
  /// @param usage  what the error says where something is missing
  Result<Record> record(std::string_view usage);
  Result<TypedPath> path(Names names, Behind behind = Behind::kNothing);
  /// A path of one step at least; where none stands here, nothing, and the line is where it was.
  std::optional<TypedPath> deep_path(Names names, Behind behind);
  /// What stands behind a path that is given a value: -> VALUE, : VALUE or VALUE.
  Result<std::string> value_behind(std::string_view usage);
  /// All options that stand here.
  Result<void> options(GivenOptions& given);
  Error unexpected() {
    ends();
    return invalid_argument("column " + std::to_string(column_of(text_, position_)) +
                            ": expected nothing more, found " + shown(Line(rest()).blank_word()) +
                            "; what has blanks or special characters stands in quotes");
  }

 private:
  Result<Word> segment(Names names, Behind behind);
  std::string_view bare_name(Behind behind);
  Error has_to_be_quoted(std::size_t start) const;
  std::string_view text_;
  std::size_t position_ = 0;
};

/// Reads what stands behind a change: a path, and its value.
Result<Statement> parse_change(const Form& form, Line& line);

/// Reads what stands behind COMPUTE.
Result<Statement> parse_compute(const Form& form, Line& line);

}  // namespace trellis

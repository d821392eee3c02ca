#include "cli/shell/open_brackets.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "client/statement/statement_form.hpp"
#include "protocol/limits.hpp"

namespace trellis {
namespace {

std::string_view without_space_in_front(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

/// Whether the command at the front takes what can have brackets.
bool takes_brackets(std::string_view line) {
  line = without_space_in_front(line);
  std::size_t end = 0;
  while (end < line.size() && is_letter(line[end])) ++end;
  const std::string_view command = line.substr(0, end);
  const auto is_command = [command](std::string_view name) { return same_word(command, name); };
  constexpr std::string_view kCommands[] = {"PUT", "SET", "COMPUTE", "APPEND", "MERGE", "PATCH"};
  return std::any_of(std::begin(kCommands), std::end(kCommands), is_command);
}

}  // namespace

void OpenBrackets::add(std::string_view line) {
  if (text_.empty()) {
    may_go_on_ = takes_brackets(line);
  } else if (without_space_in_front(line).starts_with('#')) {
    return;
  } else {
    text_.push_back(' ');
  }
  text_.append(line);
  if (may_go_on_) count(line);
}

/// Strings do not go over lines, so each line is looked at by itself.  A quote inside a word is no quote (don't).
void OpenBrackets::count(std::string_view line) {
  char quote = '\0';
  bool in_word = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != '\0') {
      if (c == '\\') ++i;
      if (c == quote) quote = '\0';
      continue;
    }
    if ((c == '"' || c == '\'') && !in_word) {
      quote = c;
    } else if (c == '[' || c == '{' || c == '(') {
      ++depth_;
    } else if (c == ']' || c == '}' || c == ')') {
      if (depth_ == 0) broken_ = true;
      if (depth_ > 0) --depth_;
    }
    in_word = is_letter(c) || is_digit(c);
  }
  if (quote != '\0') broken_ = true;
}

bool OpenBrackets::are_open() const { return depth_ > 0 && !broken_ && text_.size() < kRequestSizeMax; }

std::string OpenBrackets::take() {
  std::string statement = std::exchange(text_, {});
  *this = OpenBrackets();
  return statement;
}

}  // namespace trellis

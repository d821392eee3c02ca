// COMPUTE: the expression, and where its variables stand.
#include <algorithm>
#include <utility>
#include <vector>

#include "client/statement/statement_line.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// Where the expression of a COMPUTE ends: at WHERE, or at an option (of known name: 1 --x is a difference).
std::size_t expression_end(std::string_view text) {
  const auto is_name = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins = i == 0 || !is_name(text[i - 1]);
    if (begins && same_word(text.substr(i, 5), "WHERE") && (i + 5 >= text.size() || !is_name(text[i + 5]))) return i;
    if (text[i] == '-' && (i == 0 || is_space(text[i - 1]))) {
      const std::string_view behind = text.substr(i);
      const auto end = std::find_if(behind.begin(), behind.end(), is_space);
      if (is_known_option(behind.substr(0, static_cast<std::size_t>(end - behind.begin())))) return i;
    }
  }
  return text.size();
}

std::string_view without_space_behind(std::string_view text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// Behind WHERE: x = QUERY PATH AND y = QUERY PATH ...
struct Variables {
  std::vector<std::string> names;
  std::string packed;  ///< Pairs of name and path.
};

Error variable_error(const std::string& what) {
  return invalid_argument("expected WHERE x = QUERY PATH AND y = QUERY PATH; " + what);
}

Result<void> read_variable(Line& line, Variables& variables) {
  std::string name(line.name());
  if (name.empty() || is_digit(name.front())) return variable_error("a name is missing");
  if (!line.accept("=") || !line.accept_keyword("QUERY")) return variable_error("= QUERY is missing behind " + name);
  if (line.ends()) return variable_error("the path of " + name + " is missing");
  const auto path = line.path(Names::kShell);
  if (!path) return path.error();
  auto& names = variables.names;
  if (std::find(names.begin(), names.end(), name) != names.end()) {
    return invalid_argument("the variable " + name + " stands twice");
  }
  // An expression can name no more than it has bytes; so long a list would only cost time.
  if (names.size() == kExpressionSizeMax) return invalid_argument("more variables than an expression can hold");
  PackedWriter(variables.packed).str(name).packed(path->packed);
  names.push_back(std::move(name));
  return {};
}

}  // namespace

Result<Statement> parse_compute(const Form& form, Line& line) {
  line.ends();
  const std::size_t end = expression_end(line.rest());
  const std::string_view expression = without_space_behind(line.rest().substr(0, end));
  line.move_to(line.position() + end);
  if (expression.empty()) return compute_statement(form, "", 0, "");
  Variables variables;
  if (line.accept_keyword("WHERE")) {
    do {
      if (auto read = read_variable(line, variables); !read) return read.error();
    } while (line.accept_keyword("AND"));
  }
  return compute_statement(form, expression, variables.names.size(), variables.packed);
}

}  // namespace trellis

// Lines of the shell.  Words of a one-shot command: statement_words.cpp.
#include "client/statement.hpp"

#include <utility>

#include "client/statement_line.hpp"

namespace trellis {
namespace {

Result<Statement> read_operands(const Form& form, Line& line) {
  switch (form.shape) {
    case Shape::kNothing:
    case Shape::kExit: return nothing_statement(form);
    case Shape::kHelp: {
      std::string subject(line.name());
      if (same_word(subject, "LIST")) subject.append(" ").append(line.name());
      return help_statement(subject);
    }
    case Shape::kKey:
    case Shape::kPrefix: {
      const bool missing = line.ends() || line.rest().starts_with("--");
      if (missing && form.shape == Shape::kPrefix) return prefix_statement(form, "");
      if (missing) return invalid_argument("expected a key: " + usage_of(form));
      auto key = line.key(Behind::kNothing);
      if (!key) return key.error();
      return form.shape == Shape::kKey ? key_statement(form, std::move(*key)) : prefix_statement(form, std::move(*key));
    }
    case Shape::kPath: {
      if (line.ends()) return invalid_argument("expected a path: " + usage_of(form));
      auto path = line.path(Names::kShell);
      if (!path) return path.error();
      return path_statement(form, path->packed, std::move(path->text));
    }
    case Shape::kRecord: {
      auto record = line.record(usage_of(form));
      if (!record) return record.error();
      return record_statement(form, std::move(*record));
    }
    case Shape::kCompute: return parse_compute(form, line);
  }
  return nothing_statement(form);
}

}  // namespace

Result<Statement> parse_statement(std::string_view line, const StatementDefaults& defaults) {
  while (!line.empty() && (is_space(line.back()) || line.back() == ';')) line.remove_suffix(1);
  Line text(line);
  if (text.ends() || text.front() == '#') return Statement{};
  const std::string_view first = text.blank_word();
  Line ahead = text;
  const auto found = find_form(first, ahead.name());
  if (!found) return found.error();
  if (found->took_second) text = ahead;
  const Form& form = *found->form;
  GivenOptions given;
  if (form.shape != Shape::kCompute) {  // Whose operand may begin with --.
    if (auto taken = text.options(given); !taken) return taken.error();
  }
  auto statement = read_operands(form, text);
  if (!statement) return statement.error();
  if (auto taken = text.options(given); !taken) return taken.error();
  if (!text.ends()) return text.unexpected();
  if (auto put = put_options(given, defaults, form, *statement); !put) return put.error();
  return statement;
}

}  // namespace trellis

// Lines of the shell.  Words of a one-shot command: statement_words.cpp.
#include "client/statement/statement.hpp"

#include <utility>
#include <vector>

#include "client/statement/statement_line.hpp"

namespace trellis {
namespace {

Result<std::vector<Word>> read_listing_words(Line& line) {
  std::vector<Word> words;
  while (!line.ends() && !line.rest().starts_with("--")) {
    const bool is_quoted = begins_with_quote(line.rest());
    Line ahead = line;
    if (const std::string_view bare = ahead.blank_word(); !is_quoted && is_pattern(bare)) {
      words.push_back({std::string(bare), false});
      line = ahead;
      continue;
    }
    auto key = line.key(Behind::kNothing);
    if (!key) return key.error();
    words.push_back({std::move(*key), is_quoted});
  }
  return words;
}

Result<Statement> read_operands(const Form& form, Line& line) {
  if (form.kind == Statement::Kind::kHelp) {
    std::string subject(line.name());
    if (same_word(subject, "LIST")) subject.append(" ").append(line.name());
    return help_statement(subject);
  }
  switch (form.signature()) {
    case Signature::kChanges: return parse_change(form, line);
    case Signature::kKey: {
      if (line.ends() || line.rest().starts_with("--")) return invalid_argument("expected a key: " + usage_of(form));
      if (takes_path_too(form)) {
        if (const auto path = line.deep_path(Names::kShell, Behind::kNothing)) return change_statement(form, *path, {});
      }
      auto key = line.key(Behind::kNothing);
      if (!key) return key.error();
      return key_statement(form, std::move(*key));
    }
    case Signature::kPage:
    case Signature::kPrefix: {
      const auto words = read_listing_words(line);
      if (!words) return words.error();
      return listing_statement(form, *words);
    }
    case Signature::kPath: {
      if (line.ends()) return invalid_argument("expected a path: " + usage_of(form));
      auto path = line.path(Names::kShell);
      if (!path) return path.error();
      return path_statement(form, path->packed, std::move(path->text));
    }
    case Signature::kRecord: {
      if (const auto path = line.deep_path(Names::kShell, Behind::kValue)) {
        const auto value = line.value_behind(usage_of(form));
        return value ? change_statement(form, *path, *value) : value.error();
      }
      auto record = line.record(usage_of(form));
      if (!record) return record.error();
      return record_statement(form, std::move(*record));
    }
    case Signature::kFormula: return parse_compute(form, line);
    case Signature::kMember: return member_statement(form, line.ends() ? "" : line.blank_word());
    case Signature::kSettings: {
      std::vector<std::string> words;
      while (!line.ends() && !line.rest().starts_with("--")) words.emplace_back(line.blank_word());
      return settings_statement(form, words);
    }
    case Signature::kLifetime: {
      if (line.ends() || line.rest().starts_with("--")) return invalid_argument("expected a key: " + usage_of(form));
      const auto key = line.key(Behind::kNothing);
      if (!key) return key.error();
      return lifetime_statement(form, *key, form.is_for_good() ? std::string_view() : line.blank_word());
    }
    case Signature::kRecovery:
    case Signature::kUserKey:
    case Signature::kUserRole:
    case Signature::kToken:
    case Signature::kName:
    case Signature::kRole:
    case Signature::kFence:
    case Signature::kFenceName:
    case Signature::kFencePage:
    case Signature::kItems:  // These are not of the shell.
    case Signature::kNothing: break;
  }
  return nothing_statement(form);
}

/// Whether a line is one of a data file.
bool looks_like_record(std::string_view first, Line behind) {
  return !behind.ends() && (behind.rest().starts_with("->") || behind.front() == ':' || first.ends_with(':'));
}

}  // namespace

Result<Statement> parse_statement(std::string_view line, const StatementDefaults& defaults) {
  while (!line.empty() && (is_space(line.back()) || line.back() == ';')) line.remove_suffix(1);
  Line text(line);
  if (text.ends() || text.front() == '#') return Statement{};
  const std::string_view first = text.blank_word();
  Line ahead = text;
  const auto found = find_form(first, ahead.name());
  if (!found && looks_like_record(first, text)) {
    return invalid_argument("unknown command " + shown(first) + "; to store a record, put PUT in front of it");
  }
  if (!found) return found.error();
  if (found->took_second) text = ahead;
  const Form& form = found->form;
  GivenOptions given;
  if (!form.is_compute()) {  // Whose operand may begin with --.
    if (auto taken = text.options(given); !taken) return taken.error();
  }
  auto statement = read_operands(form, text);
  if (!statement) return statement.error();
  if (auto taken = text.options(given); !taken) return taken.error();
  if (!text.ends()) return text.unexpected();
  if (auto put = put_options(given, defaults, *statement); !put) return put.error();
  return statement;
}

}  // namespace trellis

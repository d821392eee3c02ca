// The words of a one-shot command.  Lines of the shell: statement.cpp.
#include <algorithm>
#include <utility>
#include <vector>

#include "client/statement/statement.hpp"
#include "client/statement/statement_line.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

constexpr std::string_view kOne = "\x01";  ///< Packed.

std::string join(std::span<const std::string> words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out.push_back(' ');
    out.append(word);
  }
  return out;
}

/// A key as a word is taken as it is, unless it begins with a quote; a dot stands in quotes, as in the shell.
Result<std::string> key_of(const std::string& word) {
  if (!begins_with_quote(word)) {
    if (word.find('.') == std::string::npos) return word;
    return invalid_argument("the key " + shown(word) + " has to stand in quotes of its own, '\"" + word.substr(0, 64) +
                            "\"', since a dot separates the steps of a path, which QUERY takes");
  }
  Line line(word);
  auto key = line.key(Behind::kNothing);
  if (key && !line.ends()) return line.unexpected();
  return key;
}

/// A value as a word: any notation, and a string where it begins like none.
Result<std::string> value_of(const std::string& text, bool one_word) {
  if (auto good = check_no_leading_zeros(text); !good) return good.error();
  auto document = parse_value(text);
  if (document) return std::move(*document);
  const bool begins_like_a_value =
      begins_with_quote(text) || text.find_first_of("[{(") == 0 || text.starts_with("bytes(");
  const bool is_number = text.find_first_not_of("+-0123456789.eE") == std::string::npos && !text.empty();
  if (begins_like_a_value || is_number || !is_utf8(text)) return at_column(document.error());
  if (!one_word) return invalid_argument("the value is several words; put it in quotes");
  std::string packed;
  PackedWriter(packed).str(text);
  return packed;
}

/// A path of one step at least, which is the whole word.
std::optional<TypedPath> deep_path_of(const std::string& word) {
  Line line(word);
  auto path = line.deep_path(Names::kWord, Behind::kNothing);
  return path && line.ends() ? std::move(path) : std::nullopt;
}

/// Where `words` are a path and its value.  Where the path is all in one word with its value it is a line.
Result<Statement> change_of(const Form& form, const TypedPath& path, std::span<const std::string> words) {
  const std::string text = join(words);
  Line line(text);
  if (line.accept("->") || (line.accept(":") && words.size() > 1)) {
    auto document = line.value(text.starts_with(':') ? Notation::kBrace : Notation::kArrow);
    if (!document) return document.error();
    if (!line.ends()) return line.unexpected();
    return change_statement(form, path, *document);
  }
  auto document = value_of(text, words.size() == 1);
  if (!document) return document.error();
  return change_statement(form, path, *document);
}

Result<Statement> record_of(const Form& form, std::span<const std::string> words) {
  if (words.empty()) return invalid_argument("expected a key and a value: " + usage_of(form));
  if (words.size() == 1) {
    Line line(words.front());
    auto record = line.record(usage_of(form));
    if (!record) return record.error();
    if (!line.ends()) return line.unexpected();
    return record_statement(form, std::move(*record));
  }
  if (const auto path = deep_path_of(words.front())) return change_of(form, *path, words.subspan(1));
  auto key = key_of(words.front());
  if (!key) return key.error();
  words = words.subspan(1);
  const std::string text = join(words);
  Line line(text);
  if (line.accept("->") || (line.accept(":") && words.size() > 1)) {
    auto document = line.value(text.starts_with(':') ? Notation::kBrace : Notation::kArrow);
    if (!document) return document.error();
    if (!line.ends()) return line.unexpected();
    return record_statement(form, {std::move(*key), std::move(*document)});
  }
  auto document = value_of(text, words.size() == 1);
  if (!document) return document.error();
  return record_statement(form, {std::move(*key), std::move(*document)});
}

Result<Statement> path_of(const Form& form, const std::string& word) {
  Line line(word);
  auto path = line.path(Names::kWord);
  if (!path) return path.error();
  if (!line.ends()) return line.unexpected();
  return path_statement(form, path->packed, std::move(path->text));
}

Result<Statement> listing_of(const Form& form, std::span<const std::string> words) {
  std::vector<Word> read;
  for (const std::string& word : words) {
    const bool is_quoted = begins_with_quote(word);
    auto key = !is_quoted && is_pattern(word) ? Result<std::string>(word) : key_of(word);
    if (!key) return key.error();
    read.push_back({std::move(*key), is_quoted});
  }
  return listing_statement(form, read);
}

/// INCREMENT PATH [BY N], APPEND PATH VALUE, MERGE PATH VALUE, PATCH KEY OPERATIONS.
Result<Statement> changes_of(const Form& form, std::span<const std::string> words) {
  if (words.empty()) return invalid_argument("expected more: " + usage_of(form));
  if (!form.change) {
    auto key = key_of(words.front());
    if (!key) return key.error();
    const auto operations = value_of(join(words.subspan(1)), true);
    return operations ? patch_statement(form, std::move(*key), *operations) : operations.error();
  }
  Line line(words.front());
  const auto path = line.path(Names::kWord);
  if (!path) return path.error();
  if (!line.ends()) return line.unexpected();
  words = words.subspan(1);
  if (form.change == PatchKind::kIncrement) {
    if (words.empty()) return change_statement(form, *path, kOne);
    if (!same_word(words.front(), "BY")) return invalid_argument("expected BY, found " + shown(words.front()));
    words = words.subspan(1);
  }
  if (words.empty()) return invalid_argument("expected a value: " + usage_of(form));
  return change_of(form, *path, words);
}

/// EXPIRE KEY TIME, PERSIST KEY.
Result<Statement> lifetime_words(const Form& form, std::span<const std::string> words) {
  const std::size_t most = form.is_for_good() ? 1 : 2;
  if (words.empty()) return invalid_argument("expected a key: " + usage_of(form));
  if (words.size() > most) {
    return invalid_argument("expected nothing more, found " + shown(words[most]) + ": " + usage_of(form));
  }
  const auto key = key_of(words.front());
  if (!key) return key.error();
  return lifetime_statement(form, *key, words.size() == 2 ? std::string_view(words[1]) : std::string_view());
}

Result<Statement> words_statement(const Form& form, std::span<const std::string> words) {
  if (form.kind == Statement::Kind::kHelp) return help_statement(join(words));
  const Signature signature = form.signature();
  if (signature == Signature::kRecord) return record_of(form, words);
  if (signature == Signature::kFormula) {
    const std::string text = join(words);
    Line line(text);
    auto statement = parse_compute(form, line);
    if (statement && !line.ends()) return line.unexpected();
    return statement;
  }
  if (signature == Signature::kChanges) return changes_of(form, words);
  if (signature == Signature::kLifetime) return lifetime_words(form, words);
  if (signature == Signature::kPage || signature == Signature::kPrefix) return listing_of(form, words);
  if (signature == Signature::kSettings) return settings_statement(form, words);
  const bool takes_one =
      signature == Signature::kKey || signature == Signature::kMember || signature == Signature::kPath;
  const std::size_t most = takes_one ? 1 : 0;
  if (words.size() > most) {
    return invalid_argument("expected nothing more, found " + shown(words[most]) + ": " + usage_of(form));
  }
  if (most == 0) return nothing_statement(form);
  if (words.empty()) return invalid_argument("expected more: " + usage_of(form));
  if (signature == Signature::kPath) return path_of(form, words.front());
  if (signature == Signature::kMember) return member_statement(form, words.front());
  if (takes_path_too(form)) {
    if (const auto path = deep_path_of(words.front())) return change_statement(form, *path, {});
  }
  auto key = key_of(words.front());
  if (!key) return key.error();
  return key_statement(form, std::move(*key));
}

/// Splits options from the other words.  In a COMPUTE only known ones are options: 1 --x is a difference.
Result<std::vector<std::string>> split_options(std::span<const std::string> words, GivenOptions& given) {
  std::vector<std::string> others;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      others.insert(others.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    const bool computes = !others.empty() && same_word(others.front(), "COMPUTE");
    if (!word.starts_with("--") || (computes && !is_known_option(word))) {
      others.push_back(word);
      continue;
    }
    const auto took_next = take_option(word, i + 1 < words.size() ? std::string_view(words[i + 1]) : "", given);
    if (!took_next) return took_next.error();
    if (*took_next) ++i;
  }
  return others;
}

}  // namespace

Result<Statement> parse_words(std::span<const std::string> words, const StatementDefaults& defaults) {
  GivenOptions given;
  const auto others = split_options(words, given);
  if (!others) return others.error();
  if (others->empty()) return Statement{};
  const std::string& first = others->front();
  if (others->size() == 1 && std::find_if(first.begin(), first.end(), is_space) != first.end()) {
    StatementDefaults outer = defaults;
    outer.options.timeout = given.timeout.value_or(defaults.options.timeout);
    outer.options.stale = outer.options.stale || given.stale;
    outer.json = outer.json || given.json;
    if (given.if_absent || given.if_present || given.strict || given.return_document || given.if_version ||
        given.ttl_ms || given.info || given.limit)
      return invalid_argument(
          "put --if-absent, --if-version, --info, --limit and the like into the line, behind the command");
    return parse_statement(first, outer);
  }
  const auto found = find_form(first, others->size() > 1 ? std::string_view((*others)[1]) : "");
  if (!found) return found.error();
  auto statement = words_statement(found->form, std::span(*others).subspan(found->took_second ? 2 : 1));
  if (!statement) return statement.error();
  if (auto put = put_options(given, defaults, *statement); !put) return put.error();
  return statement;
}

}  // namespace trellis

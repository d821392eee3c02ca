#include "client/statement/statement_form.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "client/statement/foreign_words.hpp"
#include "client/statement/help.hpp"
#include "protocol/glob.hpp"
#include "protocol/json.hpp"
#include "protocol/lifetime.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

constexpr std::array kOwnWords = {
    Form{Statement::Kind::kRequest, "INCREMENT", Command::kPatch, PatchKind::kIncrement},
    Form{Statement::Kind::kRequest, "INCR", Command::kPatch, PatchKind::kIncrement},
    Form{Statement::Kind::kRequest, "APPEND", Command::kPatch, PatchKind::kAppend},
    Form{Statement::Kind::kRequest, "MERGE", Command::kPatch, PatchKind::kMerge},
    Form{Statement::Kind::kRequest, "PERSIST", Command::kExpire, std::nullopt},
    Form{Statement::Kind::kHelp, "HELP", Command::kPing, std::nullopt},
    Form{Statement::Kind::kExit, "EXIT", Command::kPing, std::nullopt},
    Form{Statement::Kind::kExit, "QUIT", Command::kPing, std::nullopt},
};

Form form_of(const CommandRow& row) { return {Statement::Kind::kRequest, row.name, row.command, std::nullopt}; }

std::optional<Form> form_named(std::string_view word) {
  for (const CommandRow& row : command_rows()) {
    if (row.shell.usage.empty()) continue;
    if (same_word(row.name, word)) return form_of(row);
    if (row.shell.takes_list && same_word("LIST_" + std::string(row.name), word)) return form_of(row);
  }
  for (const Form& own : kOwnWords) {
    if (same_word(own.name, word)) return own;
  }
  return std::nullopt;
}

/// What stands behind LIST.
Result<Form> form_listed(std::string_view word) {
  std::string names;
  std::string lines;
  for (const CommandRow& row : command_rows()) {
    if (!row.shell.takes_list) continue;
    if (same_word(row.name, word)) return form_of(row);
    names.append(names.empty() ? "" : " or ").append(row.name);
    lines.append(lines.empty() ? "LIST " : ", LIST ").append(row.name);
  }
  return invalid_argument("LIST takes " + names + ": " + lines);
}

Statement request(const Form& form) {
  Statement statement;
  statement.kind = form.kind;
  statement.command = form.command;
  return statement;
}

}  // namespace

Result<FoundForm> find_form(std::string_view first, std::string_view second) {
  if (same_word(first, "LIST")) {
    const auto listed = form_listed(second);
    if (!listed) return listed.error();
    return FoundForm{*listed, true};
  }
  if (same_word(first, "MEMBER")) {
    if (const auto form = form_named("MEMBER_" + std::string(second))) return FoundForm{*form, true};
    return invalid_argument("MEMBER takes REMOVE or KEEP: MEMBER REMOVE 127.0.0.1:9003; MEMBERS lists the workers");
  }
  if (const auto form = form_named(first)) return FoundForm{*form, false};
  return invalid_argument("unknown command " + shown(first) + "; " + advice_on(first));
}

std::string usage_of(const Form& form) {
  for (const CommandHelp& help : command_helps()) {
    if (help.name == (form.name == "INCR" ? "INCREMENT" : form.name)) return std::string(help.form.usage);
  }
  return std::string(form.name);
}

Result<void> check_key(std::string_view key) {
  if (!key.empty() && key.size() <= kKeySizeMax) return {};
  return invalid_argument("a key has 1 to " + std::to_string(kKeySizeMax) + " bytes, this one has " +
                          std::to_string(key.size()));
}

Result<void> check_no_leading_zeros(std::string_view value) {
  const std::string_view digits = value.substr(value.starts_with('-') || value.starts_with('+') ? 1 : 0);
  const bool all_digits = !digits.empty() && std::all_of(digits.begin(), digits.end(), is_digit);
  const std::size_t first = digits.find_first_not_of('0');
  if (!all_digits || digits.size() == 1 || first == 0) return {};
  const std::string number = first == std::string_view::npos ? "0" : std::string(digits.substr(first, 32));
  return invalid_argument(std::string(value.substr(0, 64)) + " is the number " + number +
                          ", which keeps no zeros in front: type " + number + ", or the text in quotes, \"" +
                          std::string(value.substr(0, 64)) + "\" (in the system's shell '\"" +
                          std::string(value.substr(0, 64)) + "\"')");
}

Result<Statement> nothing_statement(const Form& form) {
  Statement statement = request(form);
  PackedWriter(statement.arguments).array(0);
  return statement;
}

Result<Statement> member_statement(const Form& form, std::string_view member) {
  if (member.empty()) return invalid_argument("expected a worker's address or id: " + usage_of(form));
  Statement statement = request(form);
  PackedWriter(statement.arguments).array(1).str(member);
  statement.subject = member;
  return statement;
}

namespace {

/// 500, 64KiB, 64MiB, 2GiB, off.
std::optional<std::uint64_t> amount_of(std::string_view text) {
  if (same_word(text, "off")) return 0;
  constexpr std::array<std::string_view, 3> kUnits = {"KiB", "MiB", "GiB"};
  for (std::size_t i = 0; i < kUnits.size(); ++i) {
    if (text.size() <= kUnits[i].size() || !same_word(text.substr(text.size() - kUnits[i].size()), kUnits[i])) continue;
    const auto number = natural(text.substr(0, text.size() - kUnits[i].size()));
    const unsigned bits = 10 * (static_cast<unsigned>(i) + 1);
    const bool fits = number && *number <= UINT64_MAX >> bits;
    return fits ? std::optional(*number << bits) : std::nullopt;
  }
  return natural(text);
}

/// As people type it, and as the protocol has it: move-rate=64MiB is move_rate.
std::optional<std::pair<std::string, std::uint64_t>> setting_of(std::string name, std::string_view value) {
  std::replace(name.begin(), name.end(), '-', '_');
  if (name == "repair_after") {
    const auto time = same_word(value, "off") ? std::optional<std::uint64_t>(0) : lifetime_of(value);
    return time ? std::optional(std::pair("repair_after_ms", *time)) : std::nullopt;
  }
  const auto amount = amount_of(value);
  return amount ? std::optional(std::pair(std::move(name), *amount)) : std::nullopt;
}

}  // namespace

Result<Statement> settings_statement(const Form& form, std::span<const std::string> words) {
  Statement statement = request(form);
  PackedWriter writer(statement.arguments);
  if (words.empty()) {
    writer.array(0);
    return statement;
  }
  writer.array(1).map(words.size());
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    const auto setting =
        equals == std::string::npos ? std::nullopt : setting_of(word.substr(0, equals), word.substr(equals + 1));
    if (!setting) {
      return invalid_argument("expected NAME=NUMBER, a size as 64MiB, or off, found " + shown(word) + ": " +
                              usage_of(form));
    }
    writer.str(setting->first).natural(setting->second);
  }
  return statement;
}

Result<Statement> key_statement(const Form& form, std::string key) {
  if (auto checked = check_key(key); !checked) return checked.error();
  Statement statement = request(form);
  PackedWriter(statement.arguments).array(1).key(key);
  statement.text = print_key(key);
  statement.subject = std::move(key);
  return statement;
}

Result<Statement> prefix_statement(const Form& form, std::string prefix) {
  Statement statement = request(form);
  PackedWriter writer(statement.arguments);
  if (prefix.empty()) {
    writer.array(0);
  } else {
    writer.array(1).key(prefix);
  }
  statement.subject = std::move(prefix);
  return statement;
}

namespace {

/// The words behind a listing's prefix or pattern, and what stands behind them.
enum class Clause : std::uint8_t { kFrom, kTo, kReverse, kLimit };

std::optional<Clause> clause_of(const Word& word) {
  if (word.quoted) return std::nullopt;
  if (same_word(word.bytes, "FROM")) return Clause::kFrom;
  if (same_word(word.bytes, "TO")) return Clause::kTo;
  if (same_word(word.bytes, "REVERSE")) return Clause::kReverse;
  if (same_word(word.bytes, "LIMIT")) return Clause::kLimit;
  return std::nullopt;
}

/// Puts a prefix or a pattern into the statement.
Result<Statement> begin_listing(const Form& form, const Word& first) {
  if (first.quoted || !is_pattern(first.bytes)) return prefix_statement(form, first.bytes);
  if (const auto glob = Glob::parse(first.bytes); !glob) return glob.error();
  auto statement = prefix_statement(form, "");
  if (statement) statement->range.match = first.bytes;
  return statement;
}

/// Puts a clause into the statement, whose value is `next`; null: none follows.
Result<void> take_clause(Clause clause, const Word* next, Statement& out) {
  if (clause == Clause::kReverse) {
    out.range.reverse = true;
    return {};
  }
  if (clause == Clause::kLimit) {
    const auto limit = next == nullptr ? std::nullopt : natural(next->bytes);
    if (limit.value_or(0) < 1) return invalid_argument("LIMIT takes how many to print, from 1 on: KEYS LIMIT 100");
    if (row_of(out.command).signature != Signature::kPage) return invalid_argument("LIMIT belongs to KEYS and SCAN");
    out.limit = limit;
    return {};
  }
  const bool is_from = clause == Clause::kFrom;
  if (next == nullptr) {
    return invalid_argument(std::string(is_from ? "FROM takes the first key" : "TO takes the key to end in front of") +
                            ": KEYS FROM a TO b; a prefix that is such a word stands in quotes");
  }
  (is_from ? out.range.at_least : out.range.below) = next->bytes;
  return {};
}

}  // namespace

Result<Statement> listing_statement(const Form& form, std::span<const Word> words) {
  const bool has_first = !words.empty() && !clause_of(words.front());
  auto statement = has_first ? begin_listing(form, words.front()) : prefix_statement(form, "");
  if (!statement) return statement;
  for (std::size_t i = has_first ? 1 : 0; i < words.size(); ++i) {
    const auto clause = clause_of(words[i]);
    if (!clause) {
      return invalid_argument("expected FROM, TO, REVERSE or LIMIT, found " + shown(words[i].bytes) + ": " +
                              usage_of(form));
    }
    const Word* const next = i + 1 < words.size() ? &words[i + 1] : nullptr;
    if (auto taken = take_clause(*clause, next, *statement); !taken) return taken.error();
    if (*clause != Clause::kReverse) ++i;
  }
  if (statement->limit) {
    statement->arguments =
        pack_page(statement->subject, std::min<std::uint64_t>(*statement->limit, kPageKeysDefault), std::nullopt);
  }
  return statement;
}

Result<Statement> record_statement(const Form& form, Record record) {
  if (auto checked = check_key(record.key); !checked) return checked.error();
  Statement statement = request(form);
  PackedWriter(statement.arguments).array(2).key(record.key).packed(record.document);
  statement.text = print_key(record.key);
  statement.subject = std::move(record.key);
  return statement;
}

Result<Statement> lifetime_statement(const Form& form, const std::string& key, std::string_view time) {
  if (auto checked = check_key(key); !checked) return checked.error();
  const auto ttl_ms = form.is_for_good() ? std::nullopt : lifetime_of(time);
  if (!form.is_for_good() && !ttl_ms) return invalid_argument("EXPIRE takes a time behind the key: EXPIRE k 60s");
  Statement statement = request(form);
  PackedWriter writer(statement.arguments);
  writer.array(2).key(key);
  ttl_ms ? writer.natural(*ttl_ms) : writer.nil();
  statement.text = print_key(key);
  statement.subject = key;
  return statement;
}

Statement help_statement(std::string_view subject) {
  Statement statement;
  statement.kind = Statement::Kind::kHelp;
  statement.subject = subject;
  return statement;
}

Result<Statement> path_statement(const Form& form, std::string_view packed_path, std::string text) {
  Statement statement = request(form);
  PackedWriter(statement.arguments).array(1).packed(packed_path);
  statement.text = std::move(text);
  return statement;
}

Result<Statement> compute_statement(const Form& form, std::string_view expression, std::size_t variable_count,
                                    std::string_view variables) {
  if (expression.empty()) return invalid_argument("expected an expression: " + usage_of(form));
  if (expression.size() > kExpressionSizeMax) {
    return invalid_argument("an expression has at most " + std::to_string(kExpressionSizeMax) +
                            " bytes, this one has " + std::to_string(expression.size()));
  }
  if (!is_utf8(expression)) return invalid_argument("the expression is no UTF-8 text");
  Statement statement = request(form);
  PackedWriter writer(statement.arguments);
  writer.array(variable_count == 0 ? 1 : 2).str(expression);
  if (variable_count > 0) writer.map(variable_count).packed(variables);
  return statement;
}

std::string pack_page(std::string_view prefix, std::size_t limit, std::optional<std::string_view> after) {
  std::string packed;
  PackedWriter writer(packed);
  writer.array(3).key(prefix).natural(limit);
  if (after) {
    writer.key(*after);
  } else {
    writer.nil();
  }
  return packed;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (is_letter(x) ? x | 0x20 : x) == (is_letter(y) ? y | 0x20 : y); });
}

std::string shown(std::string_view text) { return json_string(text.substr(0, 64)); }

bool begins_with_quote(std::string_view text) {
  for (const std::string_view quote : {"\"", "'", "“", "”", "„", "‟", "‘", "’", "‚", "‛", "«", "»", "‹", "›"}) {
    if (text.starts_with(quote)) return true;
  }
  return false;
}

std::optional<std::uint64_t> natural(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

}  // namespace trellis

#include "client/statement.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "client/help.hpp"
#include "protocol/json.hpp"
#include "protocol/notation.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

/// What stands behind a command's name.
enum class Shape : std::uint8_t { kNothing, kKey, kPrefix, kPath, kRecord, kCompute, kHelp, kExit };

struct Form {
  std::string_view name;
  Shape shape;
  Command command;
};

constexpr std::array kForms = {
    Form{"PUT", Shape::kRecord, Command::kPut},
    Form{"SET", Shape::kRecord, Command::kSet},
    Form{"GET", Shape::kKey, Command::kGet},
    Form{"HAS", Shape::kKey, Command::kHas},
    Form{"DELETE", Shape::kKey, Command::kDelete},
    Form{"POP", Shape::kKey, Command::kPop},
    Form{"QUERY", Shape::kPath, Command::kQuery},
    Form{"COMPUTE", Shape::kCompute, Command::kCompute},
    Form{"KEYS", Shape::kPrefix, Command::kKeys},
    Form{"LIST_KEYS", Shape::kPrefix, Command::kKeys},
    Form{"SCAN", Shape::kPrefix, Command::kScan},
    Form{"COUNT", Shape::kPrefix, Command::kCount},
    Form{"MEMBERS", Shape::kNothing, Command::kMembers},
    Form{"LIST_MEMBERS", Shape::kNothing, Command::kMembers},
    Form{"LOCATE", Shape::kKey, Command::kLocate},
    Form{"STATUS", Shape::kNothing, Command::kStatus},
    Form{"PING", Shape::kNothing, Command::kPing},
    Form{"HELP", Shape::kHelp, Command::kPing},
    Form{"EXIT", Shape::kExit, Command::kPing},
    Form{"QUIT", Shape::kExit, Command::kPing},
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (is_letter(x) ? x | 0x20 : x) == (is_letter(y) ? y | 0x20 : y); });
}

/// For messages: in quotes, and not endless.
std::string shown(std::string_view text) { return json_string(text.substr(0, 64)); }

bool begins_with_quote(std::string_view text) {
  for (const std::string_view quote : {"\"", "'", "“", "”", "„", "‟", "‘", "’", "‚", "‛", "«", "»", "‹", "›"}) {
    if (text.starts_with(quote)) return true;
  }
  return false;
}

std::string usage_of(const Form& form) {
  for (const CommandHelp& help : command_helps()) {
    if (help.name == form.name ||
        (form.shape != Shape::kHelp && form.shape != Shape::kExit && help.name == name_of(form.command))) {
      return std::string(help.usage);
    }
  }
  return std::string(form.name);
}

Error unknown_command(std::string_view word) {
  return invalid_argument("unknown command " + shown(word) + "; the nearest is " + std::string(nearest_command(word)) +
                          ", and HELP lists them all");
}

const Form* find_form(std::string_view word) {
  const auto found = std::find_if(kForms.begin(), kForms.end(), [&](const Form& f) { return same_word(f.name, word); });
  return found == kForms.end() ? nullptr : &*found;
}

/// The form of `first`, or of LIST `second`, which `takes_second` then says.
Result<const Form*> find_form(std::string_view first, std::string_view second, bool& takes_second) {
  takes_second = same_word(first, "LIST");
  if (takes_second) {
    if (same_word(second, "KEYS") || same_word(second, "MEMBERS")) return find_form(second);
    return invalid_argument("LIST takes KEYS or MEMBERS: LIST KEYS, LIST MEMBERS");
  }
  if (const Form* form = find_form(first)) return form;
  return unknown_command(first);
}

// ---- options ----------------------------------------------------------------------------------------------------

/// The options that stood in a line, to be put into the statement once its command is known.
struct GivenOptions {
  bool stale = false;
  bool if_absent = false;
  bool json = false;
  std::optional<std::uint64_t> if_version;
  std::optional<std::chrono::milliseconds> timeout;
};

constexpr std::array<std::string_view, 5> kOptionNames = {"--stale", "--if-absent", "--json", "--if-version",
                                                          "--timeout"};

/// Whether `word` is one of ours, alone or with =VALUE.
bool is_known_option(std::string_view word) {
  const std::string_view name = word.substr(0, word.find('='));
  return std::find(kOptionNames.begin(), kOptionNames.end(), name) != kOptionNames.end();
}

std::optional<std::uint64_t> natural(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

/// Takes the option `word`.  `next` is the word behind it, which `takes_next` says was its value.
Result<void> take_option(std::string_view word, std::string_view next, bool& takes_next, GivenOptions& given) {
  takes_next = false;
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  if (equals == std::string_view::npos) {
    if (name == "--stale") return given.stale = true, Result<void>();
    if (name == "--if-absent") return given.if_absent = true, Result<void>();
    if (name == "--json") return given.json = true, Result<void>();
  }
  if (name != "--if-version" && name != "--timeout") {
    return invalid_argument("unknown option " + shown(word) +
                            "; known are --if-absent, --if-version N, --stale, --timeout MS and --json" +
                            " (a key that begins with -- stands in quotes)");
  }
  takes_next = equals == std::string_view::npos;
  const auto value = natural(takes_next ? next : word.substr(equals + 1));
  if (name == "--if-version") {
    if (!value) return invalid_argument("--if-version takes the version that is expected: --if-version 17");
    given.if_version = value;
    return {};
  }
  if (!value || *value < 1 || *value > static_cast<std::uint64_t>(kTimeoutMax.count())) {
    return invalid_argument("--timeout takes milliseconds from 1 to " + std::to_string(kTimeoutMax.count()) +
                            ": --timeout 5000");
  }
  given.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(*value));
  return {};
}

bool reads_data(Command command) {
  switch (command) {
    case Command::kGet:
    case Command::kHas:
    case Command::kQuery:
    case Command::kCompute:
    case Command::kKeys:
    case Command::kScan:
    case Command::kCount: return true;
    default: return false;
  }
}

Result<void> put_options(const GivenOptions& given, const StatementDefaults& defaults, const Form& form,
                         Statement& out) {
  out.json = given.json || defaults.json;
  out.options.timeout = given.timeout.value_or(defaults.options.timeout);
  if (out.kind != Statement::Kind::kRequest) return {};
  const bool puts = form.shape == Shape::kRecord;
  if (given.stale && !reads_data(form.command)) {
    return invalid_argument("--stale belongs to reads: GET, HAS, QUERY, COMPUTE, KEYS, SCAN and COUNT");
  }
  if (given.if_absent && !puts) return invalid_argument("--if-absent belongs to PUT and SET");
  if (given.if_version && !puts && form.command != Command::kDelete) {
    return invalid_argument("--if-version belongs to PUT, SET and DELETE");
  }
  if (given.if_absent && given.if_version) {
    return invalid_argument("--if-absent and --if-version exclude each other: a key that is absent has no version");
  }
  out.options.stale = given.stale || (defaults.options.stale && reads_data(form.command));
  out.options.if_absent = given.if_absent;
  out.options.if_version = given.if_version;
  return {};
}

// ---- statements from their parts --------------------------------------------------------------------------------

Statement request(const Form& form) {
  Statement statement;
  statement.kind = Statement::Kind::kRequest;
  statement.command = form.command;
  return statement;
}

Result<void> check_key(std::string_view key) {
  if (!key.empty() && key.size() <= kKeySizeMax) return {};
  return invalid_argument("a key has 1 to " + std::to_string(kKeySizeMax) + " bytes, this one has " +
                          std::to_string(key.size()));
}

Result<Statement> nothing_statement(const Form& form) {
  Statement statement = request(form);
  if (form.shape == Shape::kExit) statement.kind = Statement::Kind::kExit;
  PackedWriter(statement.arguments).array(0);
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

Result<Statement> record_statement(const Form& form, Record record) {
  if (auto checked = check_key(record.key); !checked) return checked.error();
  Statement statement = request(form);
  PackedWriter(statement.arguments).array(2).key(record.key).packed(record.document);
  statement.text = print_key(record.key);
  statement.subject = std::move(record.key);
  return statement;
}

Statement help_statement(std::string_view subject) {
  Statement statement;
  statement.kind = Statement::Kind::kHelp;
  statement.subject = subject;
  return statement;
}

// ---- reading text -----------------------------------------------------------------------------------------------

Error at_column(const ParseError& error) {
  return invalid_argument("column " + std::to_string(error.column) + ": " + error.reason);
}

/// Whether names without quotes keep to A-Z a-z 0-9 _ -, as in the shell, or may hold anything but dots and blanks,
/// as in a word that the system's shell has split off.
enum class Names : std::uint8_t { kShell, kWord };

/// A position in a line, and the parts of a statement that can stand there.
class Line {
 public:
  explicit Line(std::string_view text) : text_(text) {}

  bool at_end() {
    skip_space(text_, position_);
    return position_ == text_.size();
  }
  std::string_view rest() const { return text_.substr(position_); }
  char front() const { return position_ < text_.size() ? text_[position_] : '\0'; }
  std::size_t position() const { return position_; }
  void move_to(std::size_t position) { position_ = position; }

  /// The characters up to the next white space, behind white space.
  std::string_view blank_word() {
    at_end();
    const std::size_t start = position_;
    while (position_ < text_.size() && !is_space(text_[position_])) ++position_;
    return text_.substr(start, position_ - start);
  }
  /// The letters, digits and _ here, behind white space.
  std::string_view name() {
    at_end();
    const std::size_t start = position_;
    while (is_letter(front()) || is_digit(front()) || front() == '_') ++position_;
    return text_.substr(start, position_ - start);
  }
  bool accept(std::string_view token) {
    at_end();
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

  Result<std::string> key() {
    at_end();
    auto word = read_key(text_, position_);
    if (!word) return at_column(word.error());
    return std::move(word->bytes);
  }
  Result<std::string> value(Notation notation) {
    auto document = read_value(text_, position_, notation);
    if (!document) return at_column(document.error());
    return std::move(*document);
  }
  Result<Record> record(std::string_view usage);
  Result<Word> segment(Names names);
  /// Packs a path as the protocol takes it, and adds its text.
  Result<std::string> path(Names names, std::string& text);
  /// All options that stand here.
  Result<void> options(GivenOptions& given);
  Error unexpected() {
    at_end();
    return invalid_argument("column " + std::to_string(column_of(text_, position_)) +
                            ": expected nothing more, found " + shown(Line(rest()).blank_word()) +
                            "; keys with special characters stand in quotes");
  }

 private:
  std::string_view text_;
  std::size_t position_ = 0;
};

Result<void> Line::options(GivenOptions& given) {
  while (!at_end() && rest().starts_with("--")) {
    const std::string_view word = blank_word();
    Line ahead = *this;
    bool takes_next = false;
    if (auto taken = take_option(word, ahead.blank_word(), takes_next, given); !taken) return taken;
    if (takes_next) *this = ahead;
  }
  return {};
}

/// KEY -> VALUE, KEY : VALUE, KEY VALUE or {KEY : VALUE}.
Result<Record> Line::record(std::string_view usage) {
  if (at_end()) return invalid_argument("expected a key and a value: " + std::string(usage));
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
  } else if (at_end()) {
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

Result<std::string> Line::path(Names names, std::string& text) {
  at_end();
  std::vector<Word> segments;
  for (bool more = true; more;) {
    auto read = segment(names);
    if (!read) return read.error();
    segments.push_back(std::move(*read));
    more = front() == '.';
    if (more) ++position_;
  }
  if (auto checked = trellis::check_key(segments.front().bytes); !checked) return checked.error();
  Path path;
  std::string packed;
  PackedWriter writer(packed);
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
  text += to_text(segments.front().bytes, path);
  return packed;
}

// ---- COMPUTE ----------------------------------------------------------------------------------------------------

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

constexpr std::string_view kVariableForm = "expected WHERE x = QUERY PATH AND y = QUERY PATH";

Result<Statement> compute_statement(const Form& form, Line& line, Names names) {
  line.at_end();
  const std::size_t end = expression_end(line.rest());
  const std::string_view expression = without_space_behind(line.rest().substr(0, end));
  line.move_to(line.position() + end);
  if (expression.empty()) return invalid_argument("expected an expression: " + usage_of(form));
  if (expression.size() > kExpressionSizeMax) {
    return invalid_argument("an expression has at most " + std::to_string(kExpressionSizeMax) +
                            " bytes, this one has " + std::to_string(expression.size()));
  }
  std::vector<std::string> variables;
  std::string packed;
  if (line.accept_keyword("WHERE")) {
    do {
      std::string name(line.name());
      if (name.empty() || is_digit(name.front()))
        return invalid_argument(std::string(kVariableForm) + "; a name is missing");
      if (!line.accept("=") || !line.accept_keyword("QUERY")) {
        return invalid_argument(std::string(kVariableForm) + "; = QUERY is missing behind " + name);
      }
      if (line.at_end()) return invalid_argument(std::string(kVariableForm) + "; the path of " + name + " is missing");
      std::string ignored;
      auto path = line.path(names, ignored);
      if (!path) return path.error();
      if (std::find(variables.begin(), variables.end(), name) != variables.end()) {
        return invalid_argument("the variable " + name + " stands twice");
      }
      // An expression can name no more than it has bytes; so long a list would only cost time.
      if (variables.size() == kExpressionSizeMax) return invalid_argument("more variables than an expression can hold");
      PackedWriter(packed).str(name).packed(*path);
      variables.push_back(std::move(name));
    } while (line.accept_keyword("AND"));
  }
  if (!is_utf8(expression)) return invalid_argument("the expression is no UTF-8 text");
  Statement statement = request(form);
  PackedWriter writer(statement.arguments);
  writer.array(variables.empty() ? 1 : 2).str(expression);
  if (!variables.empty()) writer.map(variables.size()).packed(packed);
  return statement;
}

// ---- lines ------------------------------------------------------------------------------------------------------

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
      const bool missing = line.at_end() || line.rest().starts_with("--");
      if (missing && form.shape == Shape::kPrefix) return prefix_statement(form, "");
      if (missing) return invalid_argument("expected a key: " + usage_of(form));
      auto key = line.key();
      if (!key) return key.error();
      return form.shape == Shape::kKey ? key_statement(form, std::move(*key)) : prefix_statement(form, std::move(*key));
    }
    case Shape::kPath: {
      if (line.at_end()) return invalid_argument("expected a path: " + usage_of(form));
      std::string text;
      auto path = line.path(Names::kShell, text);
      if (!path) return path.error();
      Statement statement = request(form);
      PackedWriter(statement.arguments).array(1).packed(*path);
      statement.text = std::move(text);
      return statement;
    }
    case Shape::kRecord: {
      auto record = line.record(usage_of(form));
      if (!record) return record.error();
      return record_statement(form, std::move(*record));
    }
    case Shape::kCompute: return compute_statement(form, line, Names::kShell);
  }
  return unknown_command(form.name);
}

}  // namespace

Result<Statement> parse_statement(std::string_view line, const StatementDefaults& defaults) {
  while (!line.empty() && (is_space(line.back()) || line.back() == ';')) line.remove_suffix(1);
  Line text(line);
  if (text.at_end()) return Statement{};
  const std::string_view first = text.blank_word();
  Line ahead = text;
  bool takes_second = false;
  const auto form = find_form(first, ahead.name(), takes_second);
  if (!form) return form.error();
  if (takes_second) text = ahead;
  GivenOptions given;
  const bool computes = (*form)->shape == Shape::kCompute;
  if (!computes) {
    if (auto taken = text.options(given); !taken) return taken.error();
  }
  auto statement = read_operands(**form, text);
  if (!statement) return statement.error();
  if (auto taken = text.options(given); !taken) return taken.error();
  if (!text.at_end()) return text.unexpected();
  if (auto put = put_options(given, defaults, **form, *statement); !put) return put.error();
  return statement;
}

// ---- words ------------------------------------------------------------------------------------------------------

namespace {

std::string join(std::span<const std::string> words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out.push_back(' ');
    out.append(word);
  }
  return out;
}

/// A key as a word is taken as it is, unless it begins with a quote.
Result<std::string> key_of(const std::string& word) {
  if (!begins_with_quote(word)) return word;
  Line line(word);
  auto key = line.key();
  if (key && !line.at_end()) return line.unexpected();
  return key;
}

/// A value as a word: any notation, and a string where it begins like none.
Result<std::string> value_of(const std::string& text, bool one_word) {
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

Result<Statement> record_of(const Form& form, std::span<const std::string> words) {
  if (words.empty()) return invalid_argument("expected a key and a value: " + usage_of(form));
  if (words.size() == 1) {
    Line line(words.front());
    auto record = line.record(usage_of(form));
    if (!record) return record.error();
    if (!line.at_end()) return line.unexpected();
    return record_statement(form, std::move(*record));
  }
  auto key = key_of(words.front());
  if (!key) return key.error();
  words = words.subspan(1);
  const std::string text = join(words);
  Line line(text);
  if (line.accept("->") || (line.accept(":") && words.size() > 1)) {
    auto document = line.value(text.starts_with(':') ? Notation::kBrace : Notation::kArrow);
    if (!document) return document.error();
    if (!line.at_end()) return line.unexpected();
    return record_statement(form, {std::move(*key), std::move(*document)});
  }
  auto document = value_of(text, words.size() == 1);
  if (!document) return document.error();
  return record_statement(form, {std::move(*key), std::move(*document)});
}

Result<Statement> path_of(const Form& form, const std::string& word) {
  Line line(word);
  std::string text;
  auto path = line.path(Names::kWord, text);
  if (!path) return path.error();
  if (!line.at_end()) return line.unexpected();
  Statement statement = request(form);
  PackedWriter(statement.arguments).array(1).packed(*path);
  statement.text = std::move(text);
  return statement;
}

Result<Statement> words_statement(const Form& form, std::span<const std::string> words) {
  if (form.shape == Shape::kRecord) return record_of(form, words);
  if (form.shape == Shape::kHelp) return help_statement(join(words));
  if (form.shape == Shape::kCompute) {
    const std::string text = join(words);
    Line line(text);
    auto statement = compute_statement(form, line, Names::kShell);
    if (statement && !line.at_end()) return line.unexpected();
    return statement;
  }
  const bool takes_one = form.shape == Shape::kKey || form.shape == Shape::kPath;
  const std::size_t most = takes_one || form.shape == Shape::kPrefix ? 1 : 0;
  if (words.size() > most) {
    return invalid_argument("expected nothing more, found " + shown(words[most]) + ": " + usage_of(form));
  }
  if (most == 0) return nothing_statement(form);
  if (words.empty()) {
    if (takes_one) return invalid_argument("expected more: " + usage_of(form));
    return prefix_statement(form, "");
  }
  if (form.shape == Shape::kPath) return path_of(form, words.front());
  auto key = key_of(words.front());
  if (!key) return key.error();
  return form.shape == Shape::kKey ? key_statement(form, std::move(*key)) : prefix_statement(form, std::move(*key));
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
    bool takes_next = false;
    const std::string_view next = i + 1 < words.size() ? std::string_view(words[i + 1]) : std::string_view();
    if (auto taken = take_option(word, next, takes_next, given); !taken) return taken.error();
    if (takes_next) ++i;
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
    if (given.if_absent || given.if_version)
      return invalid_argument("put --if-absent or --if-version into the line, behind the command");
    return parse_statement(first, outer);
  }
  bool takes_second = false;
  const auto form = find_form(first, others->size() > 1 ? std::string_view((*others)[1]) : "", takes_second);
  if (!form) return form.error();
  auto statement = words_statement(**form, std::span(*others).subspan(takes_second ? 2 : 1));
  if (!statement) return statement.error();
  if (auto put = put_options(given, defaults, **form, *statement); !put) return put.error();
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

}  // namespace trellis

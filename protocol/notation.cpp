// The grammar: records and values.  Recursion goes as deep as a document may nest, and no deeper.
#include "protocol/notation.hpp"

#include <limits>
#include <utility>

#include "protocol/limits.hpp"
#include "protocol/notation_builder.hpp"
#include "protocol/notation_scanner.hpp"
#include "protocol/notation_text.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text, std::size_t position = 0)
      : text_(text), scanner_(text, position), builder_(text.size() - position) {}

  Scanner& scanner() { return scanner_; }

  bool records(std::vector<Record>& out);
  bool object_of_records(std::vector<Record>& out);
  /// A whole value, packed; within the limits of a document.
  bool document(Notation notation, std::string& out);
  bool key(std::string& out, bool& was_quoted);
  bool end();

 private:
  /// What may stand between two elements: one of two characters.
  struct Separators {
    char usual;
    char other;
  };
  /// How a map is written.
  struct MapForm {
    char close;
    Separators separators;
    std::string_view arrow;  ///< Between key and value.
    Notation inside;
    std::string_view help;
  };
  static constexpr MapForm kArrowMap = {
      ']', {'|', '|'}, "->", Notation::kArrow, "pairs in [ ] are written key -> value, and a list ( 1 | 2 )"};
  static constexpr MapForm kBraceMap = {'}', {';', ','}, ":", Notation::kBrace, "pairs in { } are written key : value"};

  bool record(std::string key, Notation notation, std::vector<Record>& out);
  bool record_key(std::string& out);
  bool word_or_string(std::string& out, bool& was_quoted);
  bool check_key(std::string_view key, bool was_quoted, std::size_t start);
  bool value(Notation notation);
  bool map(const MapForm& form);
  bool pair(const MapForm& form);
  bool list(char close, Separators separators, Notation inside);
  bool holds_pairs() const;
  bool deeper(std::size_t opened);
  bool next_element(char close, Separators separators, std::size_t opened, bool& more);
  bool word(Notation notation);
  bool parenthesis_follows() const;
  bool bare_word_ends() const;
  bool shell_word(std::size_t start);
  bool base64(std::size_t start);

  std::string_view text_;
  Scanner scanner_;
  PackedBuilder builder_;
  OpenKeys keys_;
  int depth_ = 0;
  std::string string_;  // The last string read, kept for its memory.
};

/// For messages: enough to recognise it by.
std::string_view shortened(std::string_view text) {
  constexpr std::size_t kShownMax = 40;
  return text.size() <= kShownMax ? text : text.substr(0, utf8_prefix(text.substr(0, kShownMax)));
}

std::string quoted(std::string_view text) {
  std::string out;
  append_quoted(out, text, true);
  return out;
}

bool Parser::records(std::vector<Record>& out) {
  scanner_.skip_space();
  if (scanner_.at_end()) return true;
  if (scanner_.front() == '{') return object_of_records(out) && end();
  std::string key;
  if (!record_key(key)) return false;
  scanner_.skip_space();
  Notation notation = Notation::kArrow;
  if (scanner_.accept(":")) {
    notation = Notation::kBrace;
  } else if (!scanner_.accept("->")) {
    return scanner_.fail(scanner_.position(), "expected -> or : after the key, found " + scanner_.found());
  }
  return record(std::move(key), notation, out) && end();
}

bool Parser::object_of_records(std::vector<Record>& out) {
  scanner_.skip_space();
  const std::size_t opened = scanner_.position();
  if (!scanner_.accept("{")) return scanner_.fail(opened, "expected {, found " + scanner_.found());
  scanner_.skip_space();
  if (scanner_.accept("}")) return true;
  const std::size_t mark = keys_.open();
  for (bool more = true; more;) {
    scanner_.skip_space();
    const std::size_t start = scanner_.position();
    std::string key;
    if (!record_key(key)) return false;
    keys_.add(key, start);
    scanner_.skip_space();
    if (!scanner_.accept(":")) {
      return scanner_.fail(scanner_.position(), "expected : after the key, found " + scanner_.found() +
                                                    "; pairs in { } are written key : value");
    }
    if (!record(std::move(key), Notation::kBrace, out)) return false;
    if (!next_element('}', kBraceMap.separators, opened, more)) return false;
  }
  if (const auto twice = keys_.close(mark)) return scanner_.fail(*twice, "the same key twice on one line");
  return true;
}

bool Parser::record_key(std::string& out) {
  const std::size_t start = scanner_.position();
  bool quoted_key = false;
  if (!key(out, quoted_key)) return false;
  if (out.empty() || out.size() > kKeySizeMax) {
    return scanner_.fail(
        start, "a key has 1 to " + std::to_string(kKeySizeMax) + " bytes, this one has " + std::to_string(out.size()));
  }
  return true;
}

bool Parser::record(std::string key, Notation notation, std::vector<Record>& out) {
  Record read{std::move(key), {}};
  if (!document(notation, read.document)) return false;
  out.push_back(std::move(read));
  return true;
}

bool Parser::document(Notation notation, std::string& out) {
  scanner_.skip_space();
  const std::size_t start = scanner_.position();
  if (!value(notation)) return false;
  out = builder_.finish();
  if (out.size() <= kDocumentSizeMax) return true;
  return scanner_.fail(start, "a document has at most " + std::to_string(kDocumentSizeMax) +
                                  " bytes packed, this one has " + std::to_string(out.size()));
}

bool Parser::end() {
  scanner_.skip_space();
  if (scanner_.at_end()) return true;
  return scanner_.fail(scanner_.position(), "expected nothing more after the value, found " + scanner_.found());
}

bool Parser::key(std::string& out, bool& was_quoted) {
  const std::size_t start = scanner_.position();
  return word_or_string(out, was_quoted) && check_key(out, was_quoted, start);
}

bool Parser::word_or_string(std::string& out, bool& was_quoted) {
  was_quoted = scanner_.at_quote();
  if (was_quoted) return scanner_.read_string(StringKind::kKey, out);
  const std::size_t start = scanner_.position();
  out.assign(scanner_.read_word());
  return !out.empty() || scanner_.fail(start, "expected a key, found " + scanner_.found());
}

bool Parser::check_key(std::string_view key, bool was_quoted, std::size_t start) {
  if (was_quoted || is_key_text(key)) return true;
  return scanner_.fail(
      start, "the key " + quoted(shortened(key)) + " has to stand in quotes: bare keys are made of A-Z a-z 0-9 _ -");
}

bool Parser::value(Notation notation) {
  scanner_.skip_space();
  switch (scanner_.front()) {
    case '[':
      if (notation == Notation::kArrow || (notation == Notation::kShell && holds_pairs())) return map(kArrowMap);
      return list(']', {',', ';'}, Notation::kBrace);
    case '{': return map(kBraceMap);
    case '(': return list(')', {'|', ','}, notation == Notation::kBrace ? Notation::kBrace : Notation::kArrow);
    default: break;
  }
  if (!scanner_.at_quote()) return word(notation);
  if (!scanner_.read_string(StringKind::kText, string_)) return false;
  builder_.write().str(string_);
  return true;
}

/// What square brackets with nothing around them hold, told by what begins in them: pairs, or elements of a list.
bool Parser::holds_pairs() const {
  Scanner ahead(text_, scanner_.position() + 1);
  ahead.skip_space();
  if (ahead.at_end() || ahead.front() == ']') return true;
  if (ahead.at_quote()) {
    std::string ignored;
    if (!ahead.read_string(StringKind::kKey, ignored)) return false;
  } else {
    ahead.read_word();
  }
  ahead.skip_space();
  return ahead.accept("->");
}

bool Parser::deeper(std::size_t opened) {
  if (++depth_ <= kNestingMax) return true;
  return scanner_.fail(opened, "nested deeper than " + std::to_string(kNestingMax));
}

bool Parser::next_element(char close, Separators separators, std::size_t opened, bool& more) {
  scanner_.skip_space();
  const char c = scanner_.front();
  more = c != close;
  if (!scanner_.at_end() && (!more || c == separators.usual || c == separators.other)) {
    scanner_.move_to(scanner_.position() + 1);
    return true;
  }
  const std::string expected = std::string(1, separators.usual) + " or " + close;
  const std::string open(1, text_[opened]);
  if (scanner_.at_end()) {
    return scanner_.fail(scanner_.position(), "a bracket is missing: the " + open + " at column " +
                                                  std::to_string(column_of(text_, opened)) +
                                                  " is never closed; expected " + expected);
  }
  return scanner_.fail(scanner_.position(),
                       "expected " + expected + " in " + open + " " + close + ", found " + scanner_.found());
}

bool Parser::map(const MapForm& form) {
  const std::size_t opened = scanner_.position();
  scanner_.move_to(opened + 1);
  if (!deeper(opened)) return false;
  const std::size_t head = builder_.open();
  const std::size_t mark = keys_.open();
  std::size_t pairs = 0;
  scanner_.skip_space();
  for (bool more = !scanner_.accept(std::string_view(&form.close, 1)); more; ++pairs) {
    if (!pair(form) || !next_element(form.close, form.separators, opened, more)) return false;
  }
  if (const auto twice = keys_.close(mark)) return scanner_.fail(*twice, "the same key twice in one map");
  builder_.close_map(head, pairs);
  --depth_;
  return true;
}

bool Parser::pair(const MapForm& form) {
  scanner_.skip_space();
  const std::size_t start = scanner_.position();
  const char first = scanner_.front();
  if (first == '[' || first == '{' || first == '(') {
    return scanner_.fail(start, "a value in brackets that is no pair; " + std::string(form.help));
  }
  bool was_quoted = false;
  if (!word_or_string(string_, was_quoted)) return false;
  scanner_.skip_space();
  if (!scanner_.accept(form.arrow)) {
    const std::string what = quoted(shortened(string_)) + " is no pair: expected " + std::string(form.arrow) +
                             " after the key, found " + scanner_.found();
    return scanner_.fail(scanner_.at_end() ? scanner_.position() : start, what + "; " + std::string(form.help));
  }
  if (!check_key(string_, was_quoted, start)) return false;
  if (!is_utf8(string_)) {
    return scanner_.fail(start, "a key in a map is UTF-8 text; only a record's own key may hold other bytes");
  }
  keys_.add(string_, start);
  builder_.write().str(string_);
  return value(form.inside);
}

bool Parser::list(char close, Separators separators, Notation inside) {
  const std::size_t opened = scanner_.position();
  scanner_.move_to(opened + 1);
  if (!deeper(opened)) return false;
  const std::size_t head = builder_.open();
  std::size_t elements = 0;
  scanner_.skip_space();
  for (bool more = !scanner_.accept(std::string_view(&close, 1)); more; ++elements) {
    if (!value(inside) || !next_element(close, separators, opened, more)) return false;
  }
  builder_.close_array(head, elements);
  --depth_;
  return true;
}

/// Writes the value that `word` names; false where it names none.
bool write_named(std::string_view word, PackedWriter& writer) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (word == "null" || word == "None") {
    writer.nil();
  } else if (word == "true" || word == "True") {
    writer.boolean(true);
  } else if (word == "false" || word == "False") {
    writer.boolean(false);
  } else if (word == "nan" || word == "NaN") {
    writer.float64(std::numeric_limits<double>::quiet_NaN());
  } else if (word == "inf" || word == "Infinity") {
    writer.float64(kInfinity);
  } else if (word == "-inf" || word == "-Infinity") {
    writer.float64(-kInfinity);
  } else {
    return false;
  }
  return true;
}

/// A value without quotes or brackets.
bool Parser::word(Notation notation) {
  const std::size_t start = scanner_.position();
  const std::string_view bare = scanner_.read_word();
  if (bare == "bytes" && parenthesis_follows()) return base64(start);
  if (notation == Notation::kShell && !bare_word_ends()) return shell_word(start);
  if (bare.empty()) return scanner_.fail(start, "expected a value, found " + scanner_.found());
  if (write_named(bare, builder_.write())) return true;
  switch (write_number(bare, builder_.write())) {
    case NumberRead::kWritten: return true;
    case NumberRead::kOutOfRange: return scanner_.fail(start, "the number is out of range: " + describe_range(bare));
    case NumberRead::kNoNumber: break;
  }
  if (notation == Notation::kShell) return shell_word(start);
  return scanner_.fail(start, "the bare word " + quoted(shortened(bare)) + " is no value; put a string in quotes");
}

bool Parser::parenthesis_follows() const {
  Scanner ahead(text_, scanner_.position());
  ahead.skip_space();
  return ahead.front() == '(';
}

bool Parser::bare_word_ends() const {
  Scanner ahead(text_, scanner_.position());
  ahead.skip_space();
  return ahead.at_end() || ahead.position() != scanner_.position();
}

/// A string without quotes, which goes on to the next white space and may hold the colon of an address, say.
bool Parser::shell_word(std::size_t start) {
  scanner_.move_to(start);
  while (!bare_word_ends()) {
    if (scanner_.at_quote() || std::string_view("[](){}|").find(scanner_.front()) != std::string_view::npos) {
      return scanner_.fail(start, "a string that holds quotes, brackets or | has to stand in quotes");
    }
    scanner_.move_to(scanner_.position() + 1);
  }
  const std::string_view bare = scanner_.since(start);
  if (!is_utf8(bare)) {
    return scanner_.fail(start + utf8_prefix(bare), "this is no UTF-8; write other bytes as bytes(\"base64\")");
  }
  builder_.write().str(bare);
  return true;
}

bool Parser::base64(std::size_t start) {
  scanner_.skip_space();
  scanner_.accept("(");
  scanner_.skip_space();
  const std::size_t quote = scanner_.position();
  if (!scanner_.at_quote()) return scanner_.fail(start, "bytes are written bytes(\"base64\")");
  if (!scanner_.read_string(StringKind::kText, string_)) return false;
  const auto bytes = from_base64(string_);
  if (!bytes) return scanner_.fail(quote, "this is no base64 (A-Z a-z 0-9 + /, padded with = to a multiple of 4)");
  scanner_.skip_space();
  if (!scanner_.accept(")"))
    return scanner_.fail(scanner_.position(), "expected ) after bytes(\"base64\", found " + scanner_.found());
  builder_.write().bin(*bytes);
  return true;
}

}  // namespace

Result<std::vector<Record>, ParseError> parse_records(std::string_view line) {
  Parser parser(line);
  std::vector<Record> records;
  if (!parser.records(records)) return parser.scanner().error();
  return records;
}

Result<std::vector<Record>, ParseError> read_records(std::string_view text, std::size_t& position) {
  Parser parser(text, position);
  std::vector<Record> records;
  if (!parser.object_of_records(records)) return parser.scanner().error();
  position = parser.scanner().position();
  return records;
}

Result<std::string, ParseError> read_value(std::string_view text, std::size_t& position, Notation notation) {
  Parser parser(text, position);
  std::string document;
  if (!parser.document(notation, document)) return parser.scanner().error();
  position = parser.scanner().position();
  return document;
}

Result<std::string, ParseError> parse_value(std::string_view text, Notation notation) {
  Parser parser(text);
  std::string document;
  if (!parser.document(notation, document) || !parser.end()) return parser.scanner().error();
  return document;
}

Result<Word, ParseError> read_key(std::string_view text, std::size_t& position) {
  Parser parser(text, position);
  Word word;
  if (!parser.key(word.bytes, word.quoted)) return parser.scanner().error();
  position = parser.scanner().position();
  return word;
}

}  // namespace trellis

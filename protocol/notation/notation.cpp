// The grammar: records and values.  Recursion goes as deep as a document may nest, and no deeper.
#include "protocol/notation/notation.hpp"

#include <utility>

#include "protocol/limits.hpp"
#include "protocol/notation/notation_builder.hpp"
#include "protocol/notation/notation_scanner.hpp"
#include "protocol/notation/notation_text.hpp"
#include "protocol/packed.hpp"

namespace trellis {
namespace {

class Parser {
 public:
  /// Begins with another text, in the memory it has.
  void restart(std::string_view text, std::size_t position = 0) {
    text_ = text;
    scanner_.restart(text, position);
    keys_.clear();
    depth_ = 0;
  }

  Scanner& scanner() { return scanner_; }

  bool records(RecordTarget& target);
  bool object_of_records(RecordTarget& target);
  /// A whole value, packed and appended; within the limits of a document.
  bool document(Notation notation, std::string& out);
  /// A key or path segment, which lies where Scanner::read_string says.
  struct Name {
    std::string_view bytes;
    bool is_quoted = false;
    bool is_key_text = false;  ///< And may go without quotes.
    bool lies_in_text = true;
  };
  std::optional<Name> key();
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

  std::optional<Name> record_key();
  std::optional<Name> word_or_string();
  bool check_key(const Name& name, std::size_t start) {
    return name.is_quoted || name.is_key_text || is_no_key(name, start);
  }
  bool is_no_key(const Name& name, std::size_t start);
  void add_key(const Name& key, std::size_t start) {
    key.lies_in_text ? keys_.add(key.bytes, start) : keys_.add_copy(key.bytes, start);
  }
  bool value(Notation notation);
  template <const MapForm& form>
  bool map();
  template <const MapForm& form>
  bool pair();
  bool list(char close, Separators separators, Notation inside);
  bool holds_pairs() const;
  bool deeper(std::size_t opened);
  /// Moves behind what stands after an element: a separator, so that there is one more, or the closing bracket.
  bool next_element(char close, Separators separators, std::size_t opened, bool& more) {
    scanner_.skip_space();
    const char c = scanner_.front();
    more = c != close;
    if (more && c != separators.usual && c != separators.other) return no_next_element(close, separators, opened);
    scanner_.move_to(scanner_.position() + 1);
    return true;
  }
  bool no_next_element(char close, Separators separators, std::size_t opened);
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

bool Parser::records(RecordTarget& target) {
  scanner_.skip_space();
  if (scanner_.at_end()) return true;
  if (scanner_.front() == '{') return object_of_records(target) && end();
  const auto key = record_key();
  if (!key) return false;
  scanner_.skip_space();
  Notation notation = Notation::kArrow;
  if (scanner_.accept(":")) {
    notation = Notation::kBrace;
  } else if (!scanner_.accept("->")) {
    return scanner_.fail(scanner_.position(), "expected -> or : after the key, found " + scanner_.found());
  }
  return document(notation, target.on_key(key->bytes)) && end();
}

bool Parser::object_of_records(RecordTarget& target) {
  scanner_.skip_space();
  const std::size_t opened = scanner_.position();
  if (!scanner_.accept("{")) return scanner_.fail(opened, "expected {, found " + scanner_.found());
  scanner_.skip_space();
  if (scanner_.accept("}")) return true;
  const std::size_t mark = keys_.open();
  for (bool more = true; more;) {
    scanner_.skip_space();
    const std::size_t start = scanner_.position();
    const auto key = record_key();
    if (!key) return false;
    add_key(*key, start);
    scanner_.skip_space();
    if (!scanner_.accept(":")) {
      return scanner_.fail(scanner_.position(), "expected : after the key, found " + scanner_.found() +
                                                    "; pairs in { } are written key : value");
    }
    if (!document(Notation::kBrace, target.on_key(key->bytes))) return false;
    if (!next_element('}', kBraceMap.separators, opened, more)) return false;
  }
  if (const auto twice = keys_.close(mark)) return scanner_.fail(*twice, "the same key twice on one line");
  return true;
}

std::optional<Parser::Name> Parser::record_key() {
  const std::size_t start = scanner_.position();
  const auto read = key();
  if (!read) return std::nullopt;
  if (!read->bytes.empty() && read->bytes.size() <= kKeySizeMax) return read;
  scanner_.fail(start, "a key has 1 to " + std::to_string(kKeySizeMax) + " bytes, this one has " +
                           std::to_string(read->bytes.size()));
  return std::nullopt;
}

bool Parser::document(Notation notation, std::string& out) {
  scanner_.skip_space();
  const std::size_t start = scanner_.position();
  const std::size_t begin = out.size();
  builder_.begin(out);
  if (!value(notation)) return false;
  builder_.finish();
  const std::size_t size = out.size() - begin;
  if (size <= kDocumentSizeMax) return true;
  return scanner_.fail(start, "a document has at most " + std::to_string(kDocumentSizeMax) +
                                  " bytes packed, this one has " + std::to_string(size));
}

bool Parser::end() {
  scanner_.skip_space();
  if (scanner_.at_end()) return true;
  return scanner_.fail(scanner_.position(), "expected nothing more after the value, found " + scanner_.found());
}

std::optional<Parser::Name> Parser::key() {
  const std::size_t start = scanner_.position();
  const auto name = word_or_string();
  return name && check_key(*name, start) ? name : std::nullopt;
}

std::optional<Parser::Name> Parser::word_or_string() {
  if (scanner_.at_quote()) {
    const auto string = scanner_.read_string(StringKind::kKey);
    if (!string) return std::nullopt;
    return Name{*string, true, false, scanner_.lies_in_text(*string)};
  }
  const BareWord word = scanner_.read_word();
  if (!word.text.empty()) return Name{word.text, false, word.is_key_text};
  scanner_.fail(scanner_.position(), "expected a key, found " + scanner_.found());
  return std::nullopt;
}

bool Parser::is_no_key(const Name& name, std::size_t start) {
  return scanner_.fail(start, "the key " + quoted(shortened(name.bytes)) +
                                  " has to stand in quotes: bare keys are made of A-Z a-z 0-9 _ -");
}

bool Parser::value(Notation notation) {
  scanner_.skip_space();
  switch (scanner_.front()) {
    case '[':
      if (notation == Notation::kArrow || (notation == Notation::kShell && holds_pairs())) return map<kArrowMap>();
      return list(']', {',', ';'}, Notation::kBrace);
    case '{': return map<kBraceMap>();
    case '(': return list(')', {'|', ','}, notation == Notation::kBrace ? Notation::kBrace : Notation::kArrow);
    default: break;
  }
  if (!scanner_.at_quote()) return word(notation);
  const auto string = scanner_.read_string(StringKind::kText);
  if (!string) return false;
  builder_.write().str(*string);
  return true;
}

/// What square brackets with nothing around them hold, told by what begins in them: pairs, or elements of a list.
bool Parser::holds_pairs() const {
  Scanner ahead(text_, scanner_.position() + 1);
  ahead.skip_space();
  if (ahead.at_end() || ahead.front() == ']') return true;
  if (ahead.at_quote()) {
    if (!ahead.read_string(StringKind::kKey)) return false;
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

bool Parser::no_next_element(char close, Separators separators, std::size_t opened) {
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

template <const Parser::MapForm& form>
bool Parser::map() {
  const std::size_t opened = scanner_.position();
  scanner_.move_to(opened + 1);
  if (!deeper(opened)) return false;
  const std::size_t head = builder_.open();
  const std::size_t mark = keys_.open();
  std::size_t pairs = 0;
  scanner_.skip_space();
  for (bool more = !scanner_.accept(std::string_view(&form.close, 1)); more; ++pairs) {
    if (!pair<form>() || !next_element(form.close, form.separators, opened, more)) return false;
  }
  if (const auto twice = keys_.close(mark)) return scanner_.fail(*twice, "the same key twice in one map");
  builder_.close_map(head, pairs);
  --depth_;
  return true;
}

template <const Parser::MapForm& form>
bool Parser::pair() {
  scanner_.skip_space();
  const std::size_t start = scanner_.position();
  const char first = scanner_.front();
  if (first == '[' || first == '{' || first == '(') {
    return scanner_.fail(start, "a value in brackets that is no pair; " + std::string(form.help));
  }
  const auto name = word_or_string();
  if (!name) return false;
  const std::string_view key = name->bytes;
  scanner_.skip_space();
  if (!scanner_.accept(form.arrow)) {
    const std::string what = quoted(shortened(key)) + " is no pair: expected " + std::string(form.arrow) +
                             " after the key, found " + scanner_.found();
    return scanner_.fail(scanner_.at_end() ? scanner_.position() : start, what + "; " + std::string(form.help));
  }
  if (!check_key(*name, start)) return false;
  // What lies in the text is UTF-8: the scanner has seen to it.
  if (!name->lies_in_text && !is_utf8(key)) {
    return scanner_.fail(start, "a key in a map is UTF-8 text; only a record's own key may hold other bytes");
  }
  add_key(*name, start);
  builder_.write().str(key);
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

/// A value without quotes or brackets.
bool Parser::word(Notation notation) {
  const std::size_t start = scanner_.position();
  const std::string_view bare = scanner_.read_word().text;
  if (bare == "bytes" && parenthesis_follows()) return base64(start);
  if (notation == Notation::kShell && !bare_word_ends()) return shell_word(start);
  if (bare.empty()) return scanner_.fail(start, "expected a value, found " + scanner_.found());
  switch (write_number(bare, builder_.write())) {
    case NumberRead::kWritten: return true;
    case NumberRead::kOutOfRange: return scanner_.fail(start, "the number is out of range: " + describe_range(bare));
    case NumberRead::kNoNumber: break;
  }
  if (write_named(bare, builder_.write())) return true;
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
  const auto string = scanner_.read_string(StringKind::kText);
  if (!string) return false;
  const auto bytes = from_base64(*string);
  if (!bytes) return scanner_.fail(quote, "this is no base64 (A-Z a-z 0-9 + /, padded with = to a multiple of 4)");
  scanner_.skip_space();
  if (!scanner_.accept(")"))
    return scanner_.fail(scanner_.position(), "expected ) after bytes(\"base64\", found " + scanner_.found());
  builder_.write().bin(*bytes);
  return true;
}

/// Keeps each record in strings of its own.
class RecordList final : public RecordTarget {
 public:
  std::string& on_key(std::string_view key) override {
    return records.emplace_back(Record{std::string(key), {}}).document;
  }
  std::vector<Record> records;
};

}  // namespace

class RecordParser::Memory : public Parser {};
RecordParser::RecordParser() : memory_(std::make_unique<Memory>()) {}
RecordParser::~RecordParser() = default;

std::optional<ParseError> RecordParser::read(std::string_view line, RecordTarget& target) {
  memory_->restart(line);
  if (memory_->records(target)) return std::nullopt;
  return memory_->scanner().error();
}

std::optional<ParseError> RecordParser::read_document(std::string_view text, std::string& out) {
  memory_->restart(text);
  if (memory_->document(Notation::kBrace, out) && memory_->end()) return std::nullopt;
  return memory_->scanner().error();
}

Result<std::vector<Record>, ParseError> parse_records(std::string_view line) {
  Parser parser;
  parser.restart(line);
  RecordList list;
  if (!parser.records(list)) return parser.scanner().error();
  return std::move(list.records);
}

Result<std::vector<Record>, ParseError> read_records(std::string_view text, std::size_t& position) {
  Parser parser;
  parser.restart(text, position);
  RecordList list;
  if (!parser.object_of_records(list)) return parser.scanner().error();
  position = parser.scanner().position();
  return std::move(list.records);
}

Result<std::string, ParseError> read_value(std::string_view text, std::size_t& position, Notation notation) {
  Parser parser;
  parser.restart(text, position);
  std::string document;
  if (!parser.document(notation, document)) return parser.scanner().error();
  position = parser.scanner().position();
  return document;
}

Result<std::string, ParseError> parse_value(std::string_view text, Notation notation) {
  Parser parser;
  parser.restart(text);
  std::string document;
  if (!parser.document(notation, document) || !parser.end()) return parser.scanner().error();
  return document;
}

Result<Word, ParseError> read_key(std::string_view text, std::size_t& position) {
  Parser parser;
  parser.restart(text, position);
  const auto name = parser.key();
  if (!name) return parser.scanner().error();
  position = parser.scanner().position();
  return Word{std::string(name->bytes), name->is_quoted};
}

}  // namespace trellis

#include "protocol/json.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "protocol/limits.hpp"
#include "protocol/notation/notation_builder.hpp"
#include "protocol/notation/notation_scanner.hpp"
#include "protocol/notation/notation_text.hpp"
#include "protocol/notation/notation_walk.hpp"

namespace trellis {
namespace {

constexpr std::string_view kBinaryMarker = "$binary";
constexpr std::string_view kFloatMarker = "$float";

class JsonPrinter {
 public:
  enum class Markers : std::uint8_t { kWritten, kNone };
  explicit JsonPrinter(std::string& out, Markers markers = Markers::kWritten)
      : out_(out), has_markers_(markers == Markers::kWritten) {}

  /// Whether something would have taken a marker and had none.
  bool has_lost() const { return has_lost_; }

  void open(const PackedToken& token, PackedReader rest) {
    out_.push_back(token.type == PackedType::kMap ? '{' : '[');
    if (!has_markers_ || token.type != PackedType::kMap || token.count != 1) return;
    const auto key = rest.read_bytes();
    escape_key_ = key && key->starts_with('$');
  }
  void close(bool is_map, std::uint32_t) { out_.push_back(is_map ? '}' : ']'); }
  void separator(bool) { out_.append(", "); }
  void key(std::string_view bytes) {
    if (escape_key_) {
      append_quoted(out_, "$" + std::string(bytes));
    } else {
      append_quoted(out_, bytes);
    }
    escape_key_ = false;
    out_.append(": ");
  }
  void scalar(const PackedToken& token) {
    switch (token.type) {
      case PackedType::kBool: out_.append(token.boolean ? "true" : "false"); break;
      case PackedType::kInt: out_.append(std::to_string(token.integer)); break;
      case PackedType::kUint: out_.append(std::to_string(token.natural)); break;
      case PackedType::kFloat32:
      case PackedType::kFloat64: number(token.number); break;
      case PackedType::kStr: append_quoted(out_, token.bytes); break;
      case PackedType::kBin: marked(kBinaryMarker, to_base64(token.bytes)); break;
      default: out_.append("null"); break;
    }
  }

 private:
  void number(double value) {
    if (std::isfinite(value)) {
      append_float(out_, value);
    } else {
      marked(kFloatMarker, print_number(value));
    }
  }
  void marked(std::string_view marker, std::string_view text) {
    has_lost_ = has_lost_ || !has_markers_;
    out_.append("{\"").append(marker).append("\": \"").append(text).append("\"}");
  }

  std::string& out_;
  bool has_markers_;
  bool has_lost_ = false;
  bool escape_key_ = false;  ///< The next key is the only one of its map and begins with $.
};

/// Recursion goes one deeper than documents may nest, since a marker is a map in JSON alone.
class JsonParser {
 public:
  explicit JsonParser(std::string_view text) : scanner_(text), text_(text) {}

  bool document(std::string& out);
  ParseError error() const {
    ParseError error = scanner_.error();
    error.too_large = too_large_;
    return error;
  }

 private:
  void skip_space();
  bool value();
  bool array();
  bool map();
  /// Reads a pair's key and colon.  One that may turn out to be a marker is written later.
  bool key(bool first, std::optional<std::size_t>& later);
  bool next_element(char close, std::size_t opened, bool& more);
  /// Ends a map whose only key begins with $: a marker, or a key that was given one more $.
  bool marked(std::size_t head, std::size_t later, std::string_view key, std::size_t opened);
  bool write_marked(std::string_view marker, std::size_t opened);
  bool too_deep(std::size_t opened);
  bool word();
  bool read_string() {
    const auto string = scanner_.read_string(StringKind::kJson);
    if (string) string_ = *string;
    return string.has_value();
  }

  Scanner scanner_;
  std::string_view text_;
  PackedBuilder builder_;
  OpenKeys keys_;
  int depth_ = 0;
  std::string_view string_;       ///< The last string read.
  bool value_is_string_ = false;  ///< Whether the last value read was it.
  bool too_large_ = false;
};

bool JsonParser::document(std::string& out) {
  builder_.begin(out);
  if (!value()) return false;
  skip_space();
  if (!scanner_.at_end()) {
    return scanner_.fail(scanner_.position(), "expected nothing more after the value, found " + scanner_.found());
  }
  builder_.finish();
  too_large_ = out.size() > kDocumentSizeMax;
  if (!too_large_) return true;
  return scanner_.fail(0, "a document has at most " + std::to_string(kDocumentSizeMax) +
                              " bytes packed, this one has " + std::to_string(out.size()));
}

void JsonParser::skip_space() {
  constexpr std::string_view kSpace = " \t\r\n";
  while (!scanner_.at_end() && kSpace.find(scanner_.front()) != std::string_view::npos) {
    scanner_.move_to(scanner_.position() + 1);
  }
}

bool JsonParser::value() {
  skip_space();
  value_is_string_ = false;
  switch (scanner_.front()) {
    case '{': return map();
    case '[': return array();
    case '"':
      if (!read_string()) return false;
      builder_.write().str(string_);
      value_is_string_ = true;
      return true;
    default: return word();
  }
}

bool JsonParser::too_deep(std::size_t opened) {
  return scanner_.fail(opened, "nested deeper than " + std::to_string(kNestingMax));
}

bool JsonParser::next_element(char close, std::size_t opened, bool& more) {
  skip_space();
  if (scanner_.accept(",")) return more = true;
  more = false;
  if (scanner_.accept(std::string_view(&close, 1))) return true;
  const std::string expected = std::string("expected , or ") + close + ", found " + scanner_.found();
  if (!scanner_.at_end()) return scanner_.fail(scanner_.position(), expected);
  return scanner_.fail(scanner_.position(), "a bracket is missing: the " + std::string(1, text_[opened]) +
                                                " at column " + std::to_string(column_of(text_, opened)) +
                                                " is never closed");
}

bool JsonParser::array() {
  const std::size_t opened = scanner_.position();
  scanner_.accept("[");
  if (++depth_ > kNestingMax) return too_deep(opened);
  const std::size_t head = builder_.open();
  std::size_t elements = 0;
  skip_space();
  for (bool more = !scanner_.accept("]"); more; ++elements) {
    if (!value() || !next_element(']', opened, more)) return false;
  }
  builder_.close_array(head, elements);
  --depth_;
  value_is_string_ = false;
  return true;
}

bool JsonParser::map() {
  const std::size_t opened = scanner_.position();
  scanner_.accept("{");
  if (++depth_ > kNestingMax + 1) return too_deep(opened);
  const std::size_t head = builder_.open();
  const std::size_t mark = keys_.open();
  std::optional<std::size_t> later;
  std::size_t pairs = 0;
  skip_space();
  for (bool more = !scanner_.accept("}"); more; ++pairs) {
    if (!key(pairs == 0, later) || !value() || !next_element('}', opened, more)) return false;
  }
  const std::string first(later ? keys_.first_since(mark) : std::string_view());
  if (const auto twice = keys_.close(mark)) return scanner_.fail(*twice, "the same key twice in one map");
  if (later && pairs == 1) return marked(head, *later, first, opened);
  if (depth_-- > kNestingMax) return too_deep(opened);
  if (later) builder_.settle(*later, first);
  builder_.close_map(head, pairs);
  value_is_string_ = false;
  return true;
}

bool JsonParser::key(bool first, std::optional<std::size_t>& later) {
  skip_space();
  const std::size_t start = scanner_.position();
  if (scanner_.front() != '"') {
    return scanner_.fail(start, "expected a key in double quotes, found " + scanner_.found());
  }
  if (!read_string()) return false;
  scanner_.lies_in_text(string_) ? keys_.add(string_, start) : keys_.add_copy(string_, start);
  if (first && string_.starts_with('$')) {
    later = builder_.write_later();
  } else {
    builder_.write().str(string_);
  }
  skip_space();
  if (scanner_.accept(":")) return true;
  return scanner_.fail(scanner_.position(), "expected : after the key, found " + scanner_.found());
}

bool JsonParser::marked(std::size_t head, std::size_t later, std::string_view key, std::size_t opened) {
  if (!key.starts_with("$$")) {
    --depth_;
    builder_.take_back(head);
    return write_marked(key, opened);
  }
  if (depth_-- > kNestingMax) return too_deep(opened);
  builder_.settle(later, key.substr(1));
  builder_.close_map(head, 1);
  value_is_string_ = false;
  return true;
}

bool JsonParser::write_marked(std::string_view marker, std::size_t opened) {
  const bool has_string = std::exchange(value_is_string_, false);
  if (marker == kBinaryMarker) {
    const auto bytes = has_string ? from_base64(string_) : std::nullopt;
    if (!bytes) return scanner_.fail(opened, "$binary takes a string of base64, padded with = to a multiple of 4");
    builder_.write().bin(*bytes);
    return true;
  }
  if (marker == kFloatMarker) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (has_string && string_ == "nan") return builder_.write().float64(std::nan("")), true;
    if (has_string && string_ == "inf") return builder_.write().float64(kInfinity), true;
    if (has_string && string_ == "-inf") return builder_.write().float64(-kInfinity), true;
    return scanner_.fail(opened, "$float takes \"nan\", \"inf\" or \"-inf\"");
  }
  return scanner_.fail(opened,
                       "the only key of a map begins with $ and is neither $binary nor $float; write one more $");
}

bool is_json_number(std::string_view word) {
  if (word.starts_with('-')) word.remove_prefix(1);
  const auto digits = [](std::string_view text) { return std::min(text.find_first_not_of("0123456789"), text.size()); };
  const std::size_t whole = digits(word);
  if (whole == 0 || (whole > 1 && word.front() == '0')) return false;
  word.remove_prefix(whole);
  return !word.starts_with('.') || digits(word.substr(1)) > 0;  // write_number checks what follows.
}

bool JsonParser::word() {
  const std::size_t start = scanner_.position();
  const std::string_view word = scanner_.read_word().text;
  if (word.empty()) return scanner_.fail(start, "expected a value, found " + scanner_.found());
  PackedWriter writer = builder_.write();
  if (word == "null") return writer.nil(), true;
  if (word == "true") return writer.boolean(true), true;
  if (word == "false") return writer.boolean(false), true;
  switch (is_json_number(word) ? write_number(word, writer) : NumberRead::kNoNumber) {
    case NumberRead::kWritten: return true;
    case NumberRead::kOutOfRange:
      return scanner_.fail(start, "the number is out of range: " + describe_range(word, R"({"$float": "inf"})"));
    case NumberRead::kNoNumber: break;
  }
  scanner_.move_to(start);
  return scanner_.fail(start, "expected a JSON value, found " + scanner_.found() +
                                  "; strings stand in double quotes, nan is {\"$float\": \"nan\"}");
}

}  // namespace

std::string to_json(std::string_view packed) {
  std::string out;
  JsonPrinter printer(out);
  walk_packed(packed, printer);
  return out;
}

std::optional<std::string> to_plain_json(std::string_view document) {
  std::string out;
  JsonPrinter printer(out, JsonPrinter::Markers::kNone);
  walk_packed(document, printer);
  return printer.has_lost() ? std::nullopt : std::optional(std::move(out));
}

std::string json_string(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

Result<std::string, ParseError> parse_json(std::string_view text) {
  JsonParser parser(text);
  std::string document;
  if (!parser.document(document)) return parser.error();
  return document;
}

}  // namespace trellis

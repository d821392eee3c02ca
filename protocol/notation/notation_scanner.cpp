#include "protocol/notation/notation_scanner.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "protocol/notation/notation_text.hpp"

namespace trellis {
namespace {

/// The bytes of the white space character at the front; 0 where there is none.
std::size_t space_length(std::string_view text) {
  if (text.empty()) return 0;
  const ByteClass first = class_of(text.front());
  if (first == ByteClass::kSpace) return 1;
  if (first != ByteClass::kLead) return 0;
  if (text.starts_with("\xc2\xa0")) return 2;      // No-break space.
  if (text.starts_with("\xef\xbb\xbf")) return 3;  // Byte order mark.
  return 0;
}

/// Quotes of one family close one another.
enum class Family : std::uint8_t { kNone, kPlainDouble, kPlainSingle, kDouble, kSingle, kGuillemet, kSingleGuillemet };

struct Quote {
  Family family = Family::kNone;
  std::size_t length = 0;
};

Quote quote_at(std::string_view text) {
  if (text.empty()) return {};
  switch (text.front()) {
    case '"': return {Family::kPlainDouble, 1};
    case '\'': return {Family::kPlainSingle, 1};
    case '\xc2':
      if (text.starts_with("\xc2\xab") || text.starts_with("\xc2\xbb")) return {Family::kGuillemet, 2};
      return {};
    case '\xe2': break;
    default: return {};
  }
  if (text.size() < 3 || text[1] != '\x80') return {};
  const auto last = static_cast<unsigned char>(text[2]);
  if (last >= 0x98 && last <= 0x9b) return {Family::kSingle, 3};  // U+2018 to U+201B
  if (last >= 0x9c && last <= 0x9f) return {Family::kDouble, 3};  // U+201C to U+201F
  if (last == 0xb9 || last == 0xba) return {Family::kSingleGuillemet, 3};
  return {};
}

/// Whether `quote` ends a string that a quote of family `opened` began.
bool closes(Family opened, Family quote) {
  if (opened == quote) return true;
  return (opened == Family::kDouble && quote == Family::kPlainDouble) ||
         (opened == Family::kSingle && quote == Family::kPlainSingle);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void Scanner::skip_wide_space() {
  while (const std::size_t length = space_length(rest())) at_ += length;
}

bool Scanner::at_wide_quote() const { return quote_at(rest()).length != 0; }

namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101u;
constexpr std::uint64_t kHighs = 0x8080808080808080u;

/// The high bit of each byte that is 0; above the first such byte there may be more.
constexpr std::uint64_t zero_bytes(std::uint64_t word) { return (word - kOnes) & ~word & kHighs; }
/// The high bit of each byte below 0x20; above the first such byte there may be more.
constexpr std::uint64_t control_bytes(std::uint64_t word) { return (word - 0x20 * kOnes) & ~word & kHighs; }

}  // namespace

/// Where the string between two " or two ' ends that begins here and that stands for itself: UTF-8 without escapes or
/// control characters.  Null where it is none.  Eight bytes at a stride.
const char* Scanner::end_of_plain_string() const {
  const char quote = *at_;
  if (class_of(quote) != ByteClass::kQuote) return nullptr;
  const char* const begin = at_ + 1;
  const char* at = begin;
  std::uint64_t seen = 0;  // Its high bits tell whether all was ASCII.
  if constexpr (std::endian::native == std::endian::little) {
    const std::uint64_t quotes = kOnes * static_cast<unsigned char>(quote);
    for (std::uint64_t word = 0; end_ - at >= static_cast<std::ptrdiff_t>(sizeof word); at += sizeof word) {
      std::memcpy(&word, at, sizeof word);
      const std::uint64_t stops = zero_bytes(word ^ quotes) | zero_bytes(word ^ (kOnes * '\\')) | control_bytes(word);
      if (stops != 0) {
        const int before = std::countr_zero(stops) & ~7;  // Bits.
        seen |= word & ((std::uint64_t{1} << before) - 1);
        at += before / 8;
        break;
      }
      seen |= word;
    }
  }
  for (; at != end_ && *at != quote; ++at) {
    const auto c = static_cast<unsigned char>(*at);
    if (c == '\\' || c < 0x20) return nullptr;
    seen |= c;
  }
  if (at == end_) return nullptr;
  return (seen & kHighs) == 0 || is_utf8(view(begin, at)) ? at : nullptr;
}

/// Any string in quotes that begins here, also one that is wrong.
std::optional<std::string_view> Scanner::read_any_string(StringKind kind) {
  unescaped_.clear();
  if (!unescape(kind, unescaped_)) return std::nullopt;
  return unescaped_;
}

bool Scanner::unescape(StringKind kind, std::string& out) {
  const std::size_t start = position();
  const Quote opening = quote_at(rest());
  at_ += opening.length;
  std::size_t run = position();
  while (!at_end()) {
    const char c = *at_;
    const ByteClass kind_of_byte = class_of(c);
    if (kind_of_byte != ByteClass::kQuote && kind_of_byte != ByteClass::kLead && c != '\\' &&
        static_cast<unsigned char>(c) >= 0x20) {
      ++at_;
      continue;
    }
    if (c == '\\') {
      if (!append_run(kind, run, out) || !read_escape(kind, out)) return false;
      run = position();
      continue;
    }
    const Quote quote = quote_at(rest());
    if (quote.length != 0 && closes(opening.family, quote.family)) {
      if (!append_run(kind, run, out)) return false;
      at_ += quote.length;
      return true;
    }
    if (kind == StringKind::kJson && static_cast<unsigned char>(c) < 0x20) {
      return fail(position(), "a control character in a string has to be escaped, as \\u00" +
                                  std::string(1, "01"[c >> 4]) + "0123456789abcdef"[c & 0x0f]);
    }
    ++at_;
  }
  const std::string quote(text().substr(start, opening.length));
  return fail(start, "the quote is never closed; write " + quote + " as \\" + quote + " where it is part of the text");
}

bool Scanner::append_run(StringKind kind, std::size_t start, std::string& out) {
  const std::string_view run = since(start);
  const std::size_t good = utf8_prefix(run);
  if (good != run.size()) {
    return fail(start + good, kind == StringKind::kKey ? "this is no UTF-8; in a key write other bytes as \\xhh"
                              : kind == StringKind::kText
                                  ? "this is no UTF-8; write other bytes as bytes(\"base64\")"
                                  : "this is no UTF-8; other bytes go as {\"$binary\": \"base64\"}");
  }
  out.append(run);
  return true;
}

bool Scanner::read_hex(std::size_t digits, std::uint32_t& value) {
  value = 0;
  if (rest().size() < digits) return false;
  for (const char c : rest().substr(0, digits)) {
    const int digit = hex_digit(c);
    if (digit < 0) return false;
    value = value << 4 | static_cast<std::uint32_t>(digit);
  }
  at_ += digits;
  return true;
}

bool Scanner::read_unicode_escape(std::size_t digits, std::size_t start, std::string& out) {
  std::uint32_t code = 0;
  if (!read_hex(digits, code)) {
    return fail(start, "\\" + std::string(1, begin_[start + 1]) + " takes " + std::to_string(digits) + " hex digits");
  }
  const bool high = code >= 0xd800 && code < 0xdc00;
  if (high && digits == 4) {
    std::uint32_t low = 0;
    if (!accept("\\u") || !read_hex(4, low) || low < 0xdc00 || low > 0xdfff) {
      return fail(start, "half of a surrogate pair; the other half \\udc00 to \\udfff has to follow");
    }
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  } else if ((code >= 0xd800 && code < 0xe000) || code > 0x10ffff) {
    return fail(start, "there is no such character; \\u takes 0000 to d7ff and e000 to ffff, or a surrogate pair");
  }
  append_utf8(out, code);
  return true;
}

bool Scanner::read_escape(StringKind kind, std::string& out) {
  const std::size_t start = position();
  ++at_;
  const char letter = front();
  const Quote quote = quote_at(rest());
  if (quote.length != 0 && (kind != StringKind::kJson || letter == '"')) {
    out.append(rest().substr(0, quote.length));
    at_ += quote.length;
    return true;
  }
  if (!at_end()) ++at_;
  switch (letter) {
    case '\\':
    case '/': out.push_back(letter); return true;
    case 'b': out.push_back('\b'); return true;
    case 'f': out.push_back('\f'); return true;
    case 'n': out.push_back('\n'); return true;
    case 'r': out.push_back('\r'); return true;
    case 't': out.push_back('\t'); return true;
    case 'u': return read_unicode_escape(4, start, out);
    default: break;
  }
  if (kind == StringKind::kJson) {
    return fail(start, "there is no such escape; JSON has \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uhhhh");
  }
  if (letter == 'U') return read_unicode_escape(8, start, out);
  if (letter == 'x') {
    std::uint32_t byte = 0;
    if (!read_hex(2, byte)) return fail(start, "\\x takes 2 hex digits");
    if (kind == StringKind::kText && byte >= 0x80) {
      return fail(start, "a byte above \\x7f is no text; write the character as \\uhhhh, bytes as bytes(\"base64\")");
    }
    out.push_back(static_cast<char>(byte));
    return true;
  }
  return fail(start, kind == StringKind::kKey
                         ? "there is no such escape; keys take \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uhhhh and \\xhh"
                         : "there is no such escape; strings take \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uhhhh");
}

/// What read_word() does from the first byte on that is no letter, digit or underscore.
BareWord Scanner::read_word_on(const char* begin, const char* at) {
  bool is_key_text = true;
  for (; at != end_; ++at) {
    const ByteClass next = class_of(*at);
    if (next == ByteClass::kKey) continue;
    if (next == ByteClass::kMinus) {
      if (end_ - at > 1 && at[1] == '>') break;
      continue;
    }
    if (next != ByteClass::kPlain) {
      if (next != ByteClass::kLead || space_length(view(at, end_)) != 0 || quote_at(view(at, end_)).length != 0) break;
    }
    is_key_text = false;
  }
  at_ = at;
  return {view(begin, at), is_key_text && at != begin};
}

bool Scanner::fail(std::size_t position, std::string reason) {
  if (!failed_) {
    failed_ = true;
    failed_at_ = position;
    reason_ = std::move(reason);
  }
  return false;
}

ParseError Scanner::error() const { return {column_of(text(), failed_at_), reason_}; }

std::string Scanner::found() const {
  constexpr std::size_t kShownMax = 32;
  if (at_end()) return "the end of the line";
  Scanner ahead(text(), position());
  std::string_view shown = ahead.read_word().text;
  if (shown.empty())
    shown = rest().starts_with("->") ? "->" : rest().substr(0, std::max<std::size_t>(1, utf8_length(rest())));
  std::string out;
  if (shown.size() <= kShownMax) {
    append_quoted(out, shown, true);
    return out == "\"\\\"\"" ? "'\"'" : out;
  }
  std::size_t cut = kShownMax;
  while (cut > 0 && (static_cast<unsigned char>(shown[cut]) & 0xc0) == 0x80) --cut;
  append_quoted(out, shown.substr(0, cut), true);
  out.insert(out.size() - 1, "...");
  return out;
}

std::size_t column_of(std::string_view text, std::size_t position) {
  const std::string_view before = text.substr(0, position);
  return 1 + static_cast<std::size_t>(std::count_if(
                 before.begin(), before.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void skip_space(std::string_view text, std::size_t& position) {
  Scanner scanner(text, position);
  scanner.skip_space();
  position = scanner.position();
}

namespace {

std::size_t count_digits(std::string_view text) { return std::min(text.find_first_not_of("0123456789"), text.size()); }

enum class NumberForm : std::uint8_t { kNone, kInteger, kFloat };

NumberForm form_of(std::string_view word) {
  if (word.starts_with('-')) word.remove_prefix(1);
  std::size_t digits = count_digits(word);
  word.remove_prefix(digits);
  if (word.empty()) return digits > 0 ? NumberForm::kInteger : NumberForm::kNone;
  if (word.front() == '.') {
    const std::size_t more = count_digits(word.substr(1));
    digits += more;
    word.remove_prefix(1 + more);
  }
  if (digits == 0) return NumberForm::kNone;
  if (word.empty()) return NumberForm::kFloat;
  if (word.front() != 'e' && word.front() != 'E') return NumberForm::kNone;
  word.remove_prefix(1);
  if (word.starts_with('+') || word.starts_with('-')) word.remove_prefix(1);
  return !word.empty() && count_digits(word) == word.size() ? NumberForm::kFloat : NumberForm::kNone;
}

NumberRead write_integer(std::string_view word, PackedWriter writer) {
  const char* const end = word.data() + word.size();
  if (word.front() == '-') {
    std::int64_t value = 0;
    if (std::from_chars(word.data(), end, value).ec != std::errc()) return NumberRead::kOutOfRange;
    writer.integer(value);
    return NumberRead::kWritten;
  }
  std::uint64_t value = 0;
  if (std::from_chars(word.data(), end, value).ec != std::errc()) return NumberRead::kOutOfRange;
  writer.natural(value);
  return NumberRead::kWritten;
}

}  // namespace

namespace {

/// Writes a number of few digits, without an exponent: what nearly all are.  False where `word` is none such.
bool write_short_number(std::string_view word, PackedWriter writer) {
  // Up to 10^15 an integer is a float64 exactly, and so are these powers: their quotient is rounded once, correctly.
  constexpr std::size_t kDigitsMax = 15;
  constexpr std::array<double, kDigitsMax + 1> kPowers = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                          1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const bool negative = word.starts_with('-');
  if (negative) word.remove_prefix(1);
  if (word.empty() || word.size() > kDigitsMax + 1) return false;
  std::int64_t digits = 0;
  const auto take_digits = [&digits](const char* at, const char* end) {
    for (; at != end; ++at) {
      const auto digit = static_cast<unsigned char>(*at - '0');
      if (digit > 9) break;
      digits = 10 * digits + digit;
    }
    return at;
  };
  const char* const end = word.data() + word.size();
  const char* const point = take_digits(word.data(), end);
  if (point == end) {
    if (word.size() > kDigitsMax) return false;
    negative ? writer.integer(-digits) : writer.natural(static_cast<std::uint64_t>(digits));
    return true;
  }
  if (*point != '.' || take_digits(point + 1, end) != end || word.size() == 1) return false;
  const double value = static_cast<double>(digits) / kPowers[static_cast<std::size_t>(end - point - 1)];
  writer.float64(negative ? -value : value);
  return true;
}

}  // namespace

bool write_named(std::string_view word, PackedWriter writer) {
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

NumberRead write_number(std::string_view word, PackedWriter writer) {
  if (write_short_number(word, writer)) return NumberRead::kWritten;
  switch (form_of(word)) {
    case NumberForm::kNone: return NumberRead::kNoNumber;
    case NumberForm::kInteger: return write_integer(word, writer);
    case NumberForm::kFloat: break;
  }
  const double value = decimal_value(word);
  if (std::isinf(value)) return NumberRead::kOutOfRange;
  writer.float64(value);
  return NumberRead::kWritten;
}

std::string describe_range(std::string_view word, std::string_view infinity) {
  if (form_of(word) == NumberForm::kInteger) {
    return "an integer goes from -9223372036854775808 to 18446744073709551615; write a float (with .0) beyond";
  }
  return "a float64 goes up to 1.7976931348623157e+308; infinity is written " + std::string(infinity);
}

}  // namespace trellis

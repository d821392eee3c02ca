#include "protocol/notation/notation_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "protocol/notation/notation.hpp"
#include "protocol/packed.hpp"

namespace trellis {

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto head = static_cast<unsigned char>(text.front());
  if (head < 0x80) return 1;
  const std::size_t length = head < 0xe0 ? 2 : head < 0xf0 ? 3 : 4;
  return text.size() >= length && is_utf8(text.substr(0, length)) ? length : 0;
}

void append_utf8(std::string& out, char32_t character) {
  const auto tail = [&](int shift) { out.push_back(static_cast<char>(0x80 | ((character >> shift) & 0x3f))); };
  if (character < 0x80) {
    out.push_back(static_cast<char>(character));
  } else if (character < 0x800) {
    out.push_back(static_cast<char>(0xc0 | (character >> 6)));
    tail(0);
  } else if (character < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | (character >> 12)));
    tail(6);
    tail(0);
  } else {
    out.push_back(static_cast<char>(0xf0 | (character >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::size_t utf8_prefix(std::string_view text) {
  if (is_utf8(text)) return text.size();
  std::size_t good = 0;
  while (const std::size_t length = utf8_length(text.substr(good))) good += length;
  return good;
}

namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> kBase64Values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kBase64.size(); ++i) {
    values[static_cast<unsigned char>(kBase64[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}();

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out.push_back(j <= count ? kBase64[(group >> (18 - 6 * j)) & 0x3f] : '=');
    }
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text.substr(0, text.size() - padding)) {
    const std::int8_t value = kBase64Values[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<char>(group >> bits));
      group &= (1u << bits) - 1;
    }
  }
  // Bits that belong to no byte are 0, so that equal bytes have one text.
  if (group != 0) return std::nullopt;
  return out;
}

namespace {

/// Writes a finite number in JavaScript's layout (ECMA-262, Number::toString) from its shortest digits.
void append_shortest(std::string& out, double value) {
  std::array<char, 32> buffer;
  const auto written =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<std::size_t>(written.ptr - buffer.data()));
  if (text.front() == '-') {
    out.push_back('-');
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits.append(text.substr(2, e - 2));
  int exponent = 0;
  const std::string_view exponent_text = text.substr(text[e + 1] == '+' ? e + 2 : e + 1);
  std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);

  const int count = static_cast<int>(digits.size());
  if (exponent >= 21 || exponent < -6) {
    out.push_back(digits.front());
    if (count > 1) out.append(".").append(digits, 1);
    out.append(exponent < 0 ? "e" : "e+").append(std::to_string(exponent));
  } else if (exponent < 0) {
    out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
  } else if (exponent >= count - 1) {
    const int zeros = exponent - count + 1;
    out.append(digits).append(static_cast<std::size_t>(zeros), '0');
  } else {
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    out.append(digits, 0, whole).append(".").append(digits, whole);
  }
}

}  // namespace

void append_float(std::string& out, double value) {
  const std::size_t start = out.size();
  append_shortest(out, value);
  if (out.find_first_of(".e", start) == std::string::npos) out.append(".0");
}

std::string print_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) return "0";
  std::string out;
  append_shortest(out, value);
  return out;
}

namespace {

constexpr std::array<bool, 256> kKeyCharacters = [] {
  std::array<bool, 256> is_one{};
  for (int c = 0; c < 128; ++c) {
    is_one[static_cast<std::size_t>(c)] =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  }
  return is_one;
}();

}  // namespace

bool is_key_text(std::string_view key) {
  return !key.empty() &&
         std::all_of(key.begin(), key.end(), [](char c) { return kKeyCharacters[static_cast<unsigned char>(c)]; });
}

namespace {

constexpr std::string_view kHex = "0123456789abcdef";

/// Characters that would end or hide a line: C0, DEL, C1 and Unicode's line and paragraph separators.
bool has_to_be_escaped(std::string_view character) {
  const auto head = static_cast<unsigned char>(character.front());
  if (head < 0x20 || head == 0x7f || head == '"' || head == '\\') return true;
  if (head == 0xc2) return static_cast<unsigned char>(character[1]) < 0xa0;
  return character == "\xe2\x80\xa8" || character == "\xe2\x80\xa9";
}

void append_escape(std::string& out, std::string_view character) {
  switch (character.front()) {
    case '"': out.append("\\\""); return;
    case '\\': out.append("\\\\"); return;
    case '\b': out.append("\\b"); return;
    case '\f': out.append("\\f"); return;
    case '\n': out.append("\\n"); return;
    case '\r': out.append("\\r"); return;
    case '\t': out.append("\\t"); return;
    default: break;
  }
  if (character.size() == 3) {
    out.append(character.back() == '\xa8' ? "\\u2028" : "\\u2029");
    return;
  }
  const auto code = static_cast<unsigned char>(character.back());  // C1: the second byte is the code point.
  out.append("\\u00");
  out.push_back(kHex[code >> 4]);
  out.push_back(kHex[code & 0x0f]);
}

}  // namespace

void append_quoted(std::string& out, std::string_view text, bool bytes) {
  out.push_back('"');
  std::size_t start = 0;  // Where the run begins that is copied as it is.
  std::size_t at = 0;
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\') {
      ++at;
      continue;
    }
    const std::size_t length = utf8_length(text.substr(at));
    if (length != 0 && !has_to_be_escaped(text.substr(at, length))) {
      at += length;
      continue;
    }
    out.append(text, start, at - start);
    if (length != 0) {
      append_escape(out, text.substr(at, length));
    } else if (bytes) {
      out.append("\\x");
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 0x0f]);
    } else {
      out.append("\xef\xbf\xbd");
    }
    at += length != 0 ? length : 1;
    start = at;
  }
  out.append(text, start, at - start);
  out.push_back('"');
}

std::string quoted_excerpt(std::string_view text) {
  constexpr std::size_t kShown = 64;
  // A character that the cut would split is left out whole; one that is broken anyway is shown as bytes.
  std::size_t size = std::min(text.size(), kShown);
  while (size < text.size() && size > kShown - 4 && (text[size] & 0xc0) == 0x80) --size;
  std::string out;
  append_quoted(out, text.substr(0, size), true);
  return size < text.size() ? out + "..." : out;
}

double decimal_value(std::string_view digits) {
  double value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (read.ec != std::errc::result_out_of_range) return value;
  // Too large or too small: where its first digit that is not 0 stands tells.
  const bool negative = digits.front() == '-';
  const std::size_t e = std::min(digits.find_first_of("eE"), digits.size());
  const std::string_view mantissa = digits.substr(0, e);
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const std::size_t first = mantissa.find_first_of("123456789");
  if (first == std::string_view::npos) return negative ? -0.0 : 0.0;
  long long magnitude = static_cast<long long>(point) - static_cast<long long>(first);
  if (e < digits.size()) {
    std::string_view exponent_text = digits.substr(e + 1);
    if (exponent_text.starts_with('+')) exponent_text.remove_prefix(1);
    long long exponent = 0;
    const auto parsed = std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
    if (parsed.ec == std::errc::result_out_of_range)
      exponent = exponent_text.starts_with('-') ? -(1ll << 40) : 1ll << 40;
    magnitude += exponent;
  }
  if (magnitude > 0)
    return negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  return negative ? -0.0 : 0.0;
}

}  // namespace trellis

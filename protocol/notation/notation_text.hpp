// What the notations, JSON and messages have in common: characters, base64, floats and quotes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace trellis {

/// The bytes of the well-formed UTF-8 character at the front; 0 where there is none.
std::size_t utf8_length(std::string_view text);
void append_utf8(std::string& out, char32_t character);
/// How many bytes at the front are well-formed UTF-8.
std::size_t utf8_prefix(std::string_view text);

std::string to_base64(std::string_view bytes);
/// Standard alphabet, padded; nothing where it is not exactly that.
std::optional<std::string> from_base64(std::string_view text);

/// Appends a finite float so that it stays one: with a point or an exponent.
void append_float(std::string& out, double value);

/// Whether a key is made of what bare keys are made of: A-Z a-z 0-9 _ -
bool is_key_text(std::string_view key);

/// Appends text in double quotes with JSON's escapes, on one line: control characters and line separators are escaped.
/// A byte that is no UTF-8 becomes \xhh where `bytes` is set, else U+FFFD.
void append_quoted(std::string& out, std::string_view text, bool bytes = false);
/// Outside bytes in quotes as a message names them: UTF-8 on one line whatever they are, cut after some 64 bytes.
std::string quoted_excerpt(std::string_view text);

/// The value of a decimal number of digits, point and exponent: from_chars, but too small is 0 and too large infinite.
double decimal_value(std::string_view digits);

}  // namespace trellis

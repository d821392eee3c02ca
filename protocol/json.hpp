// Packed values to and from JSON (RFC 8259, to the letter), for --json and the HTTP gateway.  Nothing is lost:
//
//   integers       digits alone, all of int64 and uint64        floats   with a point or exponent: 2.0, 1e+22
//   nan, inf       {"$float": "nan"}, "inf", "-inf"             bytes    {"$binary": "base64"}
//   a map whose only key begins with $ gets one more $: {"$binary": 1} is written {"$$binary": 1}
//
// So reading back gives what was written (a float32 as the float64 of equal value); the order of keys is kept.  A map
// whose only key begins with one $ and is none of these markers is refused.  Pure functions; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/notation/notation.hpp"
#include "protocol/result.hpp"

namespace trellis {

/// The value as JSON on one line.  Takes any packed value, also what may not be stored: what is
/// no UTF-8 becomes U+FFFD, an ext value or one that is cut off null.
std::string to_json(std::string_view packed);
/// A document as JSON on one line without any markers, so that a map whose only key begins with $ is written as it is.
/// Nothing where that would not read back equal: it holds bytes, nan or inf.
std::optional<std::string> to_plain_json(std::string_view document);
/// Text as a JSON string, in quotes.  Bytes that are no UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

/// A text that is one JSON value and nothing else, packed.  Refused: a key twice in one map, nesting deeper than
/// kNestingMax, integers beyond int64 and uint64, floats beyond float64, more than kDocumentSizeMax bytes packed.
Result<std::string, ParseError> parse_json(std::string_view text);

}  // namespace trellis

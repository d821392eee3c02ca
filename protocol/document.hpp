// Documents: packed MessagePack values, checked once at the edge and walked where they lie.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/result.hpp"

namespace trellis {

/// One step into a document: a map key, or a position.  On an array a position counts from 0; on a map it stands for
/// the key with those digits.
using PathSegment = std::variant<std::string_view, std::uint64_t>;
using Path = std::vector<PathSegment>;

/// Whether `bytes` are exactly one value that may be stored: at most kDocumentSizeMax bytes and kNestingMax levels,
/// str is UTF-8, map keys are str and differ, no ext.  The message says what is wrong, where (by path, or by byte
/// where it is no MessagePack), and what would be right.
Result<void> check_document(std::string_view bytes);

/// The part of a checked document at `path` (an empty path: all of it), or nothing where the path leads nowhere.
/// Reads each byte at most once; unpacks nothing.
std::optional<std::string_view> walk(std::string_view document, const Path& path);

/// Where a path leads nowhere: its step, counted from 0, and the packed value that the step meets.
struct DeadEnd {
  std::size_t step = 0;
  std::string_view value;
};
/// As `walk`, but tells where the path ends.
std::variant<std::string_view, DeadEnd> follow(std::string_view document, const Path& path);
/// A dead end in words, for people.
std::string to_text(const DeadEnd& end, const Path& path);

/// What stands in a packed value, for people: "a map", "a string", "an integer", ...
std::string_view describe_type(std::string_view packed);

}  // namespace trellis

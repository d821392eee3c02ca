#include "protocol/path.hpp"

#include <charconv>
#include <string>

#include "protocol/lenient.hpp"
#include "protocol/limits.hpp"

namespace trellis {

Result<Path> read_steps(PackedReader& reader, std::uint32_t count, std::uint32_t first) {
  Path path;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto name = read_text(reader);
    const auto position = name ? std::nullopt : read_whole(reader);
    if (!name && !position) {
      return invalid_argument("step " + std::to_string(first + i) + " of the path must be a str or an int from 0");
    }
    if (path.size() > static_cast<std::size_t>(kNestingMax)) continue;
    path.push_back(name ? PathSegment(*name) : PathSegment(*position));
  }
  return path;
}

std::optional<std::uint64_t> position_of(std::string_view digits) {
  if (digits.empty() || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  std::uint64_t position = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), position);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return position;
}

void pack_steps(PackedWriter& writer, const Path& path) {
  writer.array(path.size());
  for (const PathSegment& segment : path) {
    if (const auto* const position = std::get_if<std::uint64_t>(&segment)) {
      writer.natural(*position);
    } else {
      writer.str(std::get<std::string_view>(segment));
    }
  }
}

}  // namespace trellis

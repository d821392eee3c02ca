#include "cli/load/line_splitter.hpp"

#include <cstring>
#include <utility>

namespace trellis {

Piece LineSplitter::next(std::string_view text, bool at_end) {
  const void* const found =
      scanned_ < text.size() ? std::memchr(text.data() + scanned_, '\n', text.size() - scanned_) : nullptr;
  const bool has_end = found != nullptr;
  scanned_ = has_end ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) : text.size();
  const bool is_too_long = scanned_ > size_max_;
  if (!has_end && !is_too_long && !(at_end && scanned_ > 0)) return {};

  const TextPlace place = place_;
  const std::size_t size = std::exchange(scanned_, 0);
  const bool was_too_long = std::exchange(too_long_, (too_long_ || is_too_long) && !has_end);
  if (has_end) ++place_.line;
  if (was_too_long) return {Piece::Kind::kNone, size + has_end};
  if (is_too_long) {
    const std::string reason = "a line of more than " + std::to_string(size_max_) + " bytes";
    return {Piece::Kind::kWrong, size + has_end, {}, place, reason};
  }
  return {Piece::Kind::kRecord, size + has_end, text.substr(0, size), place};
}

}  // namespace trellis

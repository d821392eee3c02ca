#include "cli/shell/line_reader.hpp"

namespace trellis {

std::optional<std::string_view> LineReader::next() {
  while (!failure()) {
    const Piece piece = splitter_.next(window_.text(), window_.at_end());
    window_.take(piece.taken);
    if (piece.kind == Piece::Kind::kRecord) return piece.text;
    if (piece.kind == Piece::Kind::kWrong) failure_ = invalid_argument(piece.reason);
    if (piece.kind != Piece::Kind::kMore) continue;
    if (window_.at_end()) break;
    window_.fill();
  }
  return std::nullopt;
}

}  // namespace trellis

#include "cli/load/record_reader.hpp"

#include <utility>

namespace trellis {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// The place of a column of a text that begins at `begin` and may have several lines.
TextPlace place_in(TextPlace begin, std::string_view text, std::size_t column) {
  std::size_t size = 0;
  for (; column > 1 && size < text.size(); --column) {
    do ++size;
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80);
  }
  begin.advance(text.substr(0, size));
  if (column > 1) begin.column += column - 1;
  return begin;
}

}  // namespace

RecordReader::RecordReader(std::unique_ptr<InputSource> source, std::string file, const RecordRules& rules, bool strict)
    : window_(std::make_unique<PlainSource>(std::move(source))),
      file_(std::move(file)),
      rules_(rules),
      strict_(strict),
      batcher_(rules.key_prefix) {}

std::optional<RecordBatch> RecordReader::next() {
  while (!is_over() && !batcher_.has_full_batch()) {
    const Piece piece = next_piece();
    if (piece.kind != Piece::Kind::kMore) {
      take(piece);
    } else if (window_.at_end()) {
      ended_ = true;
    } else {
      if (batcher_.holds_some() && !window_.is_ready_within(kSilenceMax)) break;
      window_.fill();
    }
  }
  if (is_refused()) return std::nullopt;
  const bool is_empty = !batcher_.has_full_batch() && !batcher_.holds_some() && window_.position() == position_;
  if (is_over() && is_empty) return std::nullopt;
  RecordBatch batch = batcher_.take_batch();
  batch.bytes = window_.position() - std::exchange(position_, window_.position());
  return batch;
}

/// Where reading failed, what was read last may be cut off, so it is no piece.
Piece RecordReader::next_piece() {
  if (!begin()) return {};
  return splitter_->next(window_.text(), window_.at_end() && !window_.failure());
}

bool RecordReader::begin() {
  if (splitter_ != nullptr) return true;
  const std::string_view text = window_.text();
  const bool has_line = text.find('\n') != std::string_view::npos;  // A pipe may be silent behind a short one.
  if (!window_.at_end() && !has_line && text.size() < kForeignBytes) return false;
  const std::size_t mark = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  const auto shape = tell_shape(rules_.format, file_, text.substr(mark), window_.at_end());
  if (!shape) return false;
  window_.take(mark);
  splitter_ = make_splitter(*shape);
  maker_ = make_record_maker(*shape, rules_);
  may_be_table_ = !rules_.format && shape->format == FileFormat::kLines && looks_like_header(window_.text());
  if (const auto advice = tell_foreign(window_.text())) maker_->refuse(std::string(*advice));
  return true;
}

void RecordReader::take(const Piece& piece) {
  window_.take(piece.taken);
  if (piece.kind == Piece::Kind::kWrong) {
    maker_->on_wrong(piece.reason);
    add_mistake(piece.place, piece.reason);
  }
  if (piece.kind != Piece::Kind::kRecord) return;
  batcher_.begin_piece(piece.place.line);
  auto wrong = maker_->read(piece.text, batcher_);
  if (!wrong && batcher_.objection()) wrong = ParseError{1, *batcher_.objection()};
  if (!wrong) return;
  batcher_.drop_piece();
  add_mistake(place_in(piece.place, piece.text, wrong->column), wrong->reason);
}

void RecordReader::add_mistake(const TextPlace& place, const std::string& reason) {
  batcher_.add_mistake(file_ + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": " + reason);
  stopped_ = strict_;
}

}  // namespace trellis

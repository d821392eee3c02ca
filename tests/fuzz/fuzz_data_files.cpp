// Data files of every format, as bytes from anywhere: what is read are records that may be stored, each piece is found
// the same however the bytes arrive, and what export writes of a record reads back equal.
#include <array>

#include "cli/load/decompressor.hpp"
#include "cli/load/export_line.hpp"
#include "cli/load/file_format.hpp"
#include "cli/load/record_batcher.hpp"
#include "protocol/check.hpp"
#include "protocol/command.hpp"
#include "protocol/document.hpp"
#include "protocol/limits.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace trellis {
namespace {

void check_export(std::string_view key, std::string_view document) {
  for (const ExportFormat format : {ExportFormat::kJson, ExportFormat::kArrow}) {
    std::string line;
    append_export_line(line, key, document, format);
    CHECK(line.find('\n') == line.size() - 1);
    const auto again = parse_records(line.substr(0, line.size() - 1));
    CHECK(again && again->size() == 1 && again->front().key == key && again->front().document == document);
  }
}

void check_batch(const RecordBatch& batch) {
  CHECK(batch.keys.size() == batch.lines.size() && batch.records() <= RecordBatcher::kBatchRecordsMax);
  if (batch.records() == 0) return;
  const auto items = read_batch(batch.arguments);
  CHECK(items && items->size() == batch.records());
  for (const BatchItem& item : *items) {
    const auto put = read_put(item.arguments);
    CHECK(put && !item.error);
    check_export(put->key, put->document);
  }
}

/// Reads the text `step` bytes at a time; returns all batches, packed.
std::string read_all(std::string_view text, const RecordRules& rules, std::size_t step) {
  const auto shape = tell_shape(rules.format, "file", text, true);
  CHECK(shape);
  const auto splitter = make_splitter(*shape);
  const auto maker = make_record_maker(*shape, rules);
  RecordBatcher batcher(rules.key_prefix);
  std::string all;
  std::size_t begin = 0;
  std::size_t end = 0;
  while (!maker->refusal()) {
    const Piece piece = splitter->next(text.substr(begin, end - begin), end == text.size());
    CHECK(piece.taken <= end - begin && piece.place.line >= 1 && piece.place.column >= 1);
    begin += piece.taken;
    if (piece.kind == Piece::Kind::kMore && end == text.size()) break;
    if (piece.kind == Piece::Kind::kMore) end = std::min(end + step, text.size());
    if (piece.kind == Piece::Kind::kWrong) maker->on_wrong(piece.reason);
    if (piece.kind == Piece::Kind::kWrong) all += piece.reason;
    if (piece.kind != Piece::Kind::kRecord) continue;
    batcher.begin_piece(piece.place.line);
    const auto wrong = maker->read(piece.text, batcher);
    if (wrong || batcher.objection()) batcher.drop_piece();
    if (wrong) all += wrong->reason;
  }
  CHECK(maker->refusal() || begin == text.size());
  while (batcher.has_full_batch() || batcher.holds_some()) {
    const RecordBatch batch = batcher.take_batch();
    check_batch(batch);
    all += batch.arguments;
  }
  return all;
}

void check_decompression(std::string_view bytes) {
  const auto decompressor = Decompressor::for_file_beginning_with(bytes.substr(0, Decompressor::kFirstBytes));
  if (decompressor == nullptr) return;
  constexpr std::size_t kPlainMax = 1 << 20;
  std::array<char, 4096> buffer;
  for (std::size_t plain = 0; plain < kPlainMax;) {
    const auto step = decompressor->step(bytes, buffer.data(), buffer.size());
    if (!step || (step->taken == 0 && step->written == 0)) return;
    CHECK(step->taken <= bytes.size() && step->written <= buffer.size());
    bytes.remove_prefix(step->taken);
    plain += step->written;
  }
}

}  // namespace
}  // namespace trellis

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  if (size < 2) return 0;
  const std::string_view text = text_of(data + 2, size - 2);
  RecordRules rules;
  constexpr std::array kFormats = {FileFormat::kLines, FileFormat::kJson, FileFormat::kCsv, FileFormat::kTsv};
  if ((data[0] & 4) != 0) rules.format = kFormats[data[0] & 3];
  if ((data[0] & 8) != 0) rules.key = *KeyRule::from_fields("a");
  if ((data[0] & 16) != 0) rules.key = KeyRule::from_positions();
  if ((data[0] & 32) != 0) rules.key_prefix = "p:";
  if ((data[0] & 64) != 0) rules.types = *ValueTypes::read("auto");
  rules.many_records_a_line = (data[0] & 128) != 0;
  CHECK(read_all(text, rules, size) == read_all(text, rules, 1 + data[1] % 16));
  check_decompression(text);
  if (const auto rule = KeyRule::from_fields(text)) {
    std::string key;
    (void)rule->append_key(
        "\x81\xa1"
        "a\xa1"
        "b",
        1, key);
  }
  (void)ValueTypes::read(text);
  return 0;
}

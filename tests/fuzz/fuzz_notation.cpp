// Data files and values in every notation: what is read is a document, and reads back equal from what is printed.
#include "protocol/check.hpp"
#include "protocol/document.hpp"
#include "protocol/limits.hpp"
#include "protocol/notation/notation.hpp"
#include "protocol/packed.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace trellis {
namespace {

void check_error(const ParseError& error, std::string_view text) {
  CHECK(error.column >= 1 && error.column <= text.size() + 1);
  CHECK(!error.reason.empty() && is_utf8(error.reason));
}

void check_value(std::string_view text, Notation notation) {
  const auto document = parse_value(text, notation);
  if (!document) return check_error(document.error(), text);
  CHECK(check_document(*document));
  const auto again = parse_value(print_value(*document), Notation::kArrow);
  CHECK(again && *again == *document);
}

void check_line(std::string_view line) {
  const auto records = parse_records(line);
  if (!records) return check_error(records.error(), line);
  for (const Record& record : *records) {
    CHECK(!record.key.empty() && record.key.size() <= kKeySizeMax && check_document(record.document));
    const std::string printed = print_record(record.key, record.document);
    CHECK(is_utf8(printed) && printed.find('\n') == std::string::npos);
    const auto again = parse_records(printed);
    CHECK(again && again->size() == 1);
    CHECK(again->front().key == record.key && again->front().document == record.document);
  }
}

}  // namespace
}  // namespace trellis

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = trellis::text_of(data, size);
  trellis::check_line(text);
  trellis::check_value(text, trellis::Notation::kArrow);
  trellis::check_value(text, trellis::Notation::kBrace);
  trellis::check_value(text, trellis::Notation::kShell);
  std::size_t position = 0;
  if (trellis::read_key(text, position)) CHECK(position <= text.size());
  return 0;
}

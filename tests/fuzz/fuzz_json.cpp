// JSON: what is read is a document, and reads back equal from what is printed.
#include "protocol/check.hpp"
#include "protocol/document.hpp"
#include "protocol/json.hpp"
#include "protocol/packed.hpp"
#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  const std::string_view text = text_of(data, size);
  const auto document = parse_json(text);
  if (!document) {
    CHECK(document.error().column >= 1 && document.error().column <= text.size() + 1);
    CHECK(is_utf8(document.error().reason));
    return 0;
  }
  CHECK(check_document(*document));
  const std::string printed = to_json(*document);
  CHECK(is_utf8(printed) && printed.find('\n') == std::string::npos);
  const auto again = parse_json(printed);
  CHECK(again && *again == *document);
  return 0;
}

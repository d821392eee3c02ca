// Patches: whatever the operations and the document (none of which need be whole), a patch fails or gives a document.
//
//   input = mode (1 byte) | the packed operations | the packed document, or nothing
#include "protocol/check.hpp"
#include "protocol/document.hpp"
#include "protocol/limits.hpp"
#include "protocol/packed.hpp"
#include "protocol/patch/patcher.hpp"
#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  if (size == 0) return 0;
  const bool is_strict = (data[0] & 1) != 0;
  const Dialect dialect = (data[0] & 2) != 0 ? Dialect::kPointer : Dialect::kOwn;
  PackedReader reader(text_of(data + 1, size - 1));
  const auto packed = reader.read_value();
  if (!packed) return 0;
  const std::string_view document = text_of(data + 1, size - 1).substr(reader.position());
  const auto operations = read_operations(*packed, dialect);
  if (!operations) return 0;
  const bool is_good = static_cast<bool>(check_operations(*operations)) &&
                       (document.empty() || static_cast<bool>(check_document(document)));
  const auto before = document.empty() ? std::nullopt : std::optional(document);
  Patcher patcher({"k", before, *operations, dialect, is_strict});
  if (const auto done = patcher.run(); !done) {
    CHECK(done.error().code == Code::kFailedPrecondition && is_utf8(done.error().message));
    return 0;
  }
  std::string after;
  for (const std::string_view part : patcher.document()) after += part;
  CHECK(after.size() == patcher.document_size());
  if (is_good && patcher.has_document()) CHECK(check_document(after));
  if (is_good) CHECK(check_document(patcher.results()));
  return 0;
}

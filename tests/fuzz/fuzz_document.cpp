// Documents: any bytes can be checked, printed and walked; one that passes reads back equal from both texts.
#include "protocol/check.hpp"
#include "protocol/document.hpp"
#include "protocol/json.hpp"
#include "protocol/notation/notation.hpp"
#include "protocol/packed.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace trellis {
namespace {

/// Walks to everything that the value holds on its first levels.
void walk_all(std::string_view document, Path path, int depth) {
  const auto value = walk(document, path);
  CHECK(value);
  PackedReader reader(*value);
  const auto head = reader.next();
  CHECK(head && describe_type(*value) != "nothing");
  if (depth == 0 || head->count > 8 || (head->type != PackedType::kArray && head->type != PackedType::kMap)) return;
  for (std::uint32_t i = 0; i < head->count; ++i) {
    Path inner = path;
    if (head->type == PackedType::kMap) {
      const auto key = reader.read_str();
      CHECK(key);
      inner.emplace_back(*key);
    } else {
      inner.emplace_back(std::uint64_t{i});
    }
    const auto element = reader.read_value();
    CHECK(element && walk(document, inner) == element);
    walk_all(document, inner, depth - 1);
  }
}

}  // namespace
}  // namespace trellis

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trellis;
  const std::string_view bytes = text_of(data, size);
  const std::string text = print_value(bytes);
  const std::string json = to_json(bytes);
  const bool good = static_cast<bool>(check_document(bytes));
  walk(bytes, {"key", std::uint64_t{1}, "12"});
  describe_type(bytes);
  CHECK(is_utf8(text) && is_utf8(json));
  if (!good) return 0;
  walk_all(bytes, {}, 3);
  // Not the same bytes, since integers and heads may be packed longer than they need, and float32 becomes float64.
  const auto typed = parse_value(text, Notation::kArrow);
  CHECK(typed && check_document(*typed) && print_value(*typed) == text && to_json(*typed) == json);
  const auto parsed = parse_json(json);
  CHECK(parsed && *parsed == *typed);
  return 0;
}

#include "protocol/patch/in_place.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include "protocol/packed.hpp"
#include "protocol/patch/number.hpp"

namespace trellis {
namespace {

bool is_single(std::string_view packed) {
  const auto token = PackedReader(packed).peek();
  return token && token->type != PackedType::kMap && token->type != PackedType::kArray;
}

std::optional<std::string> sum(std::string_view before, std::string_view added) {
  const auto token = PackedReader(before).peek();
  if (!token || !is_number(*token)) return std::nullopt;
  return packed_sum(*token, *PackedReader(added).peek());
}

/// The values that are changed, by where they lie.
using Changes = std::map<const char*, std::string_view, std::less<>>;

std::vector<std::string_view> pieces_of(std::string_view document, const Changes& changes) {
  std::vector<std::string_view> pieces;
  const char* at = document.data();
  for (const auto& [place, value] : changes) {
    if (place != at) pieces.emplace_back(at, static_cast<std::size_t>(place - at));
    pieces.push_back(value);
    at = place + value.size();
  }
  const char* const end = document.data() + document.size();
  if (at != end) pieces.emplace_back(at, static_cast<std::size_t>(end - at));
  return pieces;
}

}  // namespace

bool puts_single_values(const std::vector<PatchOperation>& operations) {
  return std::all_of(operations.begin(), operations.end(), [](const PatchOperation& each) {
    const bool puts = each.kind == PatchKind::kSet || each.kind == PatchKind::kReplace;
    return (puts && is_single(each.value)) || each.kind == PatchKind::kIncrement;
  });
}

std::optional<InPlacePatch> patch_in_place(std::string_view document, const std::vector<PatchOperation>& operations,
                                           const std::function<std::optional<std::string_view>(const Path&)>& find) {
  InPlacePatch patch;
  patch.values.reserve(operations.size());  // Views into them stay.
  PackedWriter results(patch.results);
  results.array(operations.size());
  Changes changes;
  for (const PatchOperation& operation : operations) {
    const auto found = find(operation.path);
    if (!found || !is_single(*found)) return std::nullopt;
    const auto changed = changes.find(found->data());
    const std::string_view before = changed != changes.end() ? changed->second : *found;
    std::string_view after = operation.value;
    if (operation.kind == PatchKind::kIncrement) {
      auto number = sum(before, operation.value);
      if (!number) return std::nullopt;
      after = patch.values.emplace_back(std::move(*number));
    }
    if (after.size() != before.size()) return std::nullopt;
    changes[found->data()] = after;
    switch (operation.kind) {
      case PatchKind::kSet: results.boolean(false); break;  // Something was there.
      case PatchKind::kReplace: results.boolean(true); break;
      default: results.packed(after);
    }
  }
  patch.document = pieces_of(document, changes);
  return patch;
}

}  // namespace trellis

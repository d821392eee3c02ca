// What a PATCH does to a document where it changes nothing but single values, each into one of the same size.
//
// All else of the document then stays where it is, so whoever knows where the values lie (FieldIndex) need not walk the
// document.  What comes out is what Patcher makes of it, byte for byte; whatever is more than that (a value that
// grows, a container, something missing, an error) is left to it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/patch/operation.hpp"

namespace trellis {

struct InPlacePatch {
  /// The document in pieces that follow each other, for as long as this lives; all but the changed values are slices of
  /// the one before.
  std::vector<std::string_view> document;
  /// A packed array: the result of each operation.
  std::string results;
  std::vector<std::string> values;  ///< What was added up.
};

/// Whether they only ever put single values in the place of others.
bool puts_single_values(const std::vector<PatchOperation>& operations);

/// Nothing where it is not that easy, and nothing is said of why.
/// @param operations  of Dialect::kOwn, for which puts_single_values() is true
/// @param find  the part of `document` at a path, as trellis::walk finds it
std::optional<InPlacePatch> patch_in_place(std::string_view document, const std::vector<PatchOperation>& operations,
                                           const std::function<std::optional<std::string_view>(const Path&)>& find);

}  // namespace trellis

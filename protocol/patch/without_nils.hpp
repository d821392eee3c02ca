// What RFC 7396 puts where nothing was: the patch, without the pairs that remove.
#pragma once

#include <string>
#include <string_view>

namespace trellis {

/// Whether a map in it, or it being one, has a pair whose value is nil.
bool has_nils_to_drop(std::string_view packed);
/// Without these pairs, in any depth of maps within maps.
std::string without_nils(std::string_view packed);

}  // namespace trellis

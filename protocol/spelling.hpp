// How words are spelt, and how far one is from another: for completion, and for what somebody probably meant.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace trellis {

// Both change ASCII letters; all else stays.
std::string upper(std::string_view text);
std::string lower(std::string_view text);

/// Edits that make one of the other: a letter more, less, or another one, or two neighbours swapped (Levenshtein's
/// distance with Damerau's swap).  Takes the product of both sizes.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace trellis

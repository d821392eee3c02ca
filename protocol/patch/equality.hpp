// Equality of packed values, by what they say.
#pragma once

#include <string_view>

#include "protocol/patch/walk_limit.hpp"

namespace trellis {

/// Numbers are compared by value (protocol/patch/number), maps whatever the order of their pairs, lists element by
/// element; str and bin differ.  False, too, where the limit is exceeded, or one of them is no packed value.
bool are_equal(std::string_view a, std::string_view b, WalkLimit& walk);

}  // namespace trellis
